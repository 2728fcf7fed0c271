// Package notify tells people of alerts, by mail and webhook: without duplicates, again until somebody answers, many
// at once as one, and what flutters only as fluttering.
//
// What people know is rebuilt at each start from the topics alert, answer and notice, of which the last is this
// package's own journal: a notice is noted there before it is first sent and after its channel took it. After a stop
// between the two the same notice, with the same ID, is sent once more. Each channel has its own pace: one that is
// away delays no other, and tells what is so when it is back, not all that happened meanwhile.
//
// One notifier serves a service. A second one would tell some notices twice, with the same IDs.
package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// Config says where alerts come from and where they go.
type Config struct {
	Kafka    kafka.Config
	Service  string // named in every notice
	Channels []Outlet
	Log      *slog.Logger
	// Heartbeat, when set, tells somebody outside that the notifier is alive.
	Heartbeat *Heartbeat
	// RetryFirst is the first pause after a channel failed, doubled up to RetryMost; zero means 1 s and 1 min.
	RetryFirst, RetryMost time.Duration
	Now                   func() time.Time // nil means time.Now
}

// Outlet is a channel with its rules.
type Outlet struct {
	Channel
	Rules Rules
}

// Notifier tells people of alerts.
type Notifier struct {
	config Config
	health health
	ways   []*way
	born   time.Time
}

// readBack is how much of the streams is read at the start: Kafka's own default of what it keeps.
const readBack = 7 * 24 * time.Hour

// New makes a notifier; Run starts it.
func New(cfg Config) *Notifier {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.RetryFirst <= 0 {
		cfg.RetryFirst = time.Second
	}
	if cfg.RetryMost <= 0 {
		cfg.RetryMost = time.Minute
	}
	cfg.Kafka.Pulse = cmp.Or(cfg.Kafka.Pulse, &kafka.Pulse{})
	n := &Notifier{config: cfg, born: cfg.Now()}
	for _, outlet := range cfg.Channels {
		n.health.add(outlet.Name())
		n.ways = append(n.ways, newWay(n, outlet))
	}
	return n
}

// Run works until ctx ends (nil). Without a channel it says so once and waits. Errors are those that waiting
// cannot cure: ErrInvalid configuration, ErrUnauthorised by Kafka.
func (n *Notifier) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if n.config.Heartbeat != nil {
		group.Go(func() error { n.beat(ctx); return nil })
	}
	if len(n.config.Kafka.Brokers) > 0 {
		group.Go(func() error { return n.answerTests(ctx) })
	}
	group.Go(func() error {
		if len(n.ways) == 0 {
			n.config.Log.Warn("nobody is told of alerts: neither SMTP_ADDRESS nor WEBHOOK_URL is set")
			<-ctx.Done()
			return nil
		}
		err := n.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
	return group.Wait()
}

func (n *Notifier) run(ctx context.Context) error {
	if err := kafka.EnsureTopics(ctx, n.config.Kafka, wire.Topics()); err != nil {
		return err
	}
	producer, err := kafka.NewProducer(n.config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	began := n.config.Now()
	past, err := n.past(ctx, began.Add(-readBack))
	if err != nil {
		return err
	}
	tail, err := kafka.NewTail(n.config.Kafka, began.Add(-overlap), wire.TopicAlert, wire.TopicAnswer, wire.TopicNotice)
	if err != nil {
		return err
	}
	defer tail.Close()
	seen := sightings{}
	past = seen.fresh(past)
	n.config.Log.Info("the streams are read back", "records", len(past))
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range n.ways {
		w.producer = producer
		w.post(past...)
		group.Go(func() error { return w.serve(ctx) })
	}
	group.Go(func() error {
		for {
			records, err := tail.Poll(ctx)
			if err != nil {
				return err
			}
			records = seen.fresh(records)
			for _, w := range n.ways {
				w.post(records...)
			}
		}
	})
	return group.Wait()
}

// overlap is how far the tail begins before what was read back ends, for clocks that differ.
const overlap = time.Hour

// mostPast bounds what is read back of one topic, records.
const mostPast = 5_000_000

// past is what was said since a time, in the order in which it was said.
func (n *Notifier) past(ctx context.Context, since time.Time) ([]kafka.Record, error) {
	var past []kafka.Record
	for _, topic := range []string{wire.TopicAlert, wire.TopicAnswer, wire.TopicNotice} {
		err := n.insist(ctx, topic, func(once context.Context) error {
			ends, err := kafka.Ends(once, n.config.Kafka, topic)
			if err != nil {
				return err
			}
			var found []kafka.Record
			all, err := kafka.Between(once, n.config.Kafka, topic, nil, ends, mostPast, func(r kafka.Record) {
				if !r.Time.Before(since) {
					found = append(found, r)
				}
			})
			if err == nil && !all {
				n.config.Log.Warn("not all that was said is read back", "topic", topic, "records", mostPast)
			}
			if err == nil {
				past = append(past, found...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(past, func(a, b kafka.Record) int { return a.Time.Compare(b.Time) })
	return past, nil
}

// insist does something until it is done or ctx ends.
func (n *Notifier) insist(ctx context.Context, topic string, do func(context.Context) error) error {
	const once = 2 * time.Minute
	for {
		ctx1, cancel := context.WithTimeout(ctx, once)
		err := do(ctx1)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fault.ErrUnauthorised):
			return err
		}
		n.config.Log.Warn("waiting for Kafka", "topic", topic, "cause", err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(n.config.RetryFirst):
		}
	}
}

// sightings are the newest record of each partition: the tail brings some again.
type sightings map[place]kafka.Record

type place struct {
	topic     string
	partition int32
}

// fresh is what has not been seen. A topic that was made anew counts its records from zero, with later times.
func (s sightings) fresh(records []kafka.Record) []kafka.Record {
	out := make([]kafka.Record, 0, len(records))
	for _, r := range records {
		p := place{r.Topic, r.Partition}
		if last, known := s[p]; known && r.Offset <= last.Offset && !r.Time.After(last.Time) {
			continue
		}
		s[p] = kafka.Record{Offset: r.Offset, Time: r.Time}
		out = append(out, r)
	}
	return out
}
