package agent

import (
	"context"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
)

// reconcile finds out which records at the head of the queue the broker has already: those that an earlier process or
// client sent and never heard of again. The queue's note says how far each partition reached when it was last
// certain; from there to the topic's end it looks for them. It asks the broker once; an error means that it is away.
func (d *delivery) reconcile(ctx context.Context) error {
	noted, err := kafka.DecodePlaces(d.queue.Note())
	known := err == nil
	var head spool.Batch
	candidates, err := d.candidates(&head)
	if err != nil {
		return err
	}
	if known && len(candidates) > 0 {
		pause(ctx, settle)
	}
	once, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ends, err := kafka.Ends(once, d.broker, d.topic)
	if err != nil {
		return err
	}
	d.there, d.ends, d.quiet = nil, ends, time.Now()
	if !known || len(candidates) == 0 {
		d.note(ends)
		return nil
	}
	d.places = noted
	return d.lookFor(ctx, candidates)
}

// candidates are the records that an earlier session may have sent, by hash.
func (d *delivery) candidates(head *spool.Batch) (map[uint64]bool, error) {
	out := map[uint64]bool{}
	for after := (*spool.Batch)(nil); len(out) < uncertainMost; after = head {
		if err := d.queue.Next(head, after, loadRecords, loadBytes); err != nil {
			return nil, err
		}
		if len(head.Records) == 0 {
			break
		}
		for _, r := range head.Records {
			out[d.hash(r.Key, r.Value)] = true
		}
	}
	return out, nil
}

func (d *delivery) lookFor(ctx context.Context, candidates map[uint64]bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	there := map[uint64]bool{}
	all, err := kafka.Between(ctx, d.broker, d.topic, d.places, d.ends, lookMost, func(r kafka.Record) {
		if h := d.hash(r.Key, r.Value); candidates[h] {
			there[h] = true
		}
	})
	if err != nil {
		return err
	}
	if !all {
		slog.Warn("too much was written to a topic to look for what an earlier run sent: some records may come twice", "topic", d.topic)
	}
	if len(there) > 0 {
		slog.Info("the broker has records of an earlier run", "topic", d.topic, "records", len(there))
		d.there = there
		return nil
	}
	d.note(d.places.Reach(d.ends))
	return nil
}

// note remembers how far the topic reaches while nothing is on its way. A disk that does not take it delays nothing.
func (d *delivery) note(places kafka.Places) {
	d.places = places
	if err := d.queue.SetNote(places.Encode()); err != nil {
		slog.Warn("how far a topic reaches cannot be noted", "topic", d.topic, "error", err)
	}
}

func (d *delivery) remember(r kafka.Record) {
	if d.there == nil {
		d.there = map[uint64]bool{}
	}
	d.there[d.hash(r.Key, r.Value)] = true
}

// hash tells records apart: the value of each says when it was made, so no two of one source are the same.
func (d *delivery) hash(key, value []byte) uint64 {
	return maphash.Bytes(d.seed, key)*31 + maphash.Bytes(d.seed, value)
}
