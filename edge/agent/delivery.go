package agent

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// delivery brings one topic's records to the broker, in order, each once, and takes them off the queue when the
// broker has them. It has connections of its own: no other topic waits for it. docs/decisions/0011 says why no record
// comes twice, and when one may.
type delivery struct {
	topic      string
	queue      *spool.Spool
	outbox     *outbox
	broker     kafka.Config
	linger     time.Duration
	stuckAfter time.Duration

	seed   maphash.Seed
	there  map[uint64]bool // records of the queue that the broker has already, by hash
	places kafka.Places    // how far the topic reaches behind what is off the queue
	ends   kafka.Places    // how far it reached when this session began
	single int             // records that are to be sent one by one, to find the one that is refused
	quiet  time.Time       // when places were last brought up to date
}

// The bounds of what is on its way, in records and bytes, for one topic. Two batches of that size keep a broker busy.
const (
	loadsMost     = 2
	loadRecords   = 1000
	loadBytes     = 128 << 10
	uncertainMost = 8 * loadsMost * loadRecords // records of the queue that an earlier session may have sent
	lookMost      = 500_000                     // records of the topic that are looked at for them
)

// resourceLinger is how many times longer than readings the boxes' records wait for each other.
const resourceLinger = 15

// How long things may take.
const (
	settle     = 300 * time.Millisecond // for what a killed process had handed to the network
	stuckAfter = time.Minute            // without an acknowledgement from a broker that answers
	farewell   = 2 * time.Second        // for what is on its way at a stop
	retryMost  = 30 * time.Second
	placesOld  = 15 * time.Minute
)

// load is one batch on its way.
type load struct {
	batch   spool.Batch
	flight  kafka.Flight
	records []kafka.Record
	sentAt  time.Time
}

// deliver brings one topic's records to the broker until ctx ends. It waits for a broker that is away for as long as
// it takes.
func (o *outbox) deliver(ctx context.Context, broker kafka.Config, topic string) error {
	d := o.delivery(broker, topic)
	return d.run(ctx)
}

func (o *outbox) delivery(broker kafka.Config, topic string) *delivery {
	d := &delivery{topic: topic, queue: o.spools[topic], outbox: o, broker: broker, seed: maphash.MakeSeed(), stuckAfter: stuckAfter}
	switch topic { // people wait for the others
	case wire.TopicTemp:
		d.linger = o.linger
	case wire.TopicResource: // polled each 30 s, one box after the other
		d.linger = resourceLinger * o.linger
	}
	return d
}

func (d *delivery) run(ctx context.Context) error {
	wait, away := time.Second, false
	for ctx.Err() == nil {
		beat(ctx, 2*time.Minute)
		began := time.Now()
		err := d.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, fault.ErrInvalid) {
			return err
		}
		if time.Since(began) > time.Minute {
			wait, away = time.Second, false
		}
		if !away {
			slog.Warn("records wait in the queue", "topic", d.topic, "error", err)
		}
		away = true
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// session delivers by one client, until ctx ends or the client gets nowhere.
func (d *delivery) session(ctx context.Context) error {
	if err := d.reconcile(ctx); err != nil {
		return err
	}
	sender, err := kafka.NewSender(d.broker, d.topic)
	if err != nil {
		return err
	}
	defer sender.Close()
	s := &session{delivery: d, sender: sender, free: []*load{{}, {}}}
	return s.run(ctx)
}
