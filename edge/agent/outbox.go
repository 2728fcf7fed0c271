package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// outbox is the way of every record from this edge to the broker: one spool for each topic, so that a flood
// of one never drops another.
type outbox struct {
	spools map[string]*spool.Spool // by topic
	full   map[string]bool         // topics whose spool alert lasts
	box    string

	lasting *lasting
}

func openOutbox(c Config) (*outbox, error) {
	o := &outbox{
		spools: map[string]*spool.Spool{}, full: map[string]bool{}, box: c.Box,
		lasting: loadLasting(filepath.Join(c.Dir, "alerts.json")),
	}
	for topic, size := range map[string]int64{
		wire.TopicTemp: c.SpoolBytes, wire.TopicResource: c.SpoolBytes / 4,
		wire.TopicAck: c.SpoolBytes / 4, wire.TopicAlert: c.SpoolBytes / 4,
	} {
		s, err := spool.Open(c.spoolDir(topic), spool.Options{MaxBytes: size})
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.spools[topic] = s
		o.tellDamages(topic)
	}
	o.endEarlier(time.Now())
	return o, nil
}

// close syncs and closes every spool.
func (o *outbox) close() error {
	var faults []error
	for _, s := range o.spools {
		faults = append(faults, s.Close())
	}
	return errors.Join(faults...)
}

// put queues one record. A queue that cannot be written is logged: there is nobody else to tell.
func (o *outbox) put(topic string, r spool.Record) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if err := o.spools[topic].Append(r); err != nil {
		slog.Error("a record is lost", "topic", topic, "error", err)
	}
}

func (o *outbox) reading(r wire.Reading) {
	o.put(wire.TopicTemp, spool.Record{
		Key: []byte(r.Room), Value: wire.AppendReading(nil, r), Headers: r.Headers(), Time: r.At,
	})
}

func (o *outbox) resource(r wire.Resource) {
	o.put(wire.TopicResource, spool.Record{Key: []byte(r.Box), Value: wire.Encode(r)})
}

func (o *outbox) ack(a wire.Ack) {
	o.put(wire.TopicAck, spool.Record{Key: wire.ControlKey(a.Room, a.AC), Value: wire.Encode(a)})
}

// keep syncs the spools each second and tells of damage and of queues that fill up.
func (o *outbox) keep(ctx context.Context, rooms []string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for topic, s := range o.spools {
				if err := s.Sync(); err != nil {
					slog.Error("a spool cannot be synced", "topic", topic, "error", err)
				}
				o.tellDamages(topic)
				o.tellFull(now, topic, s.Stats(), rooms)
			}
		}
	}
}

func (o *outbox) tellDamages(topic string) {
	for _, d := range o.spools[topic].Damages() {
		slog.Warn("a spool was damaged", "topic", topic, "reason", d.Reason, "set aside", d.Segment)
	}
}

// tellFull begins an alert at 80 % of a spool's bytes and ends it at 70 %.
func (o *outbox) tellFull(now time.Time, topic string, s spool.Stats, rooms []string) {
	share := float64(s.Bytes) / float64(s.Max)
	full := share > 0.8 || o.full[topic] && share > 0.7
	if full == o.full[topic] {
		return
	}
	o.full[topic] = full
	for _, room := range rooms {
		a := wire.Alert{
			ID: room + "/spool/" + o.box + "/" + topic, Room: room, Kind: "spool", Severity: wire.SeverityHigh, Source: "edge",
			BeganMillis: now.UnixMilli(),
			Evidence:    fmt.Sprintf("the queue of %s is %.0f %% full with %d records, %d dropped", topic, 100*share, s.Depth, s.Dropped),
		}
		if !full {
			a.EndedMillis = now.UnixMilli()
		}
		o.alert(a)
	}
}

// deliver brings one topic's records to the broker, in order, and takes them off the queue when the broker
// has them. It waits for a broker that is away for as long as it takes.
func (o *outbox) deliver(ctx context.Context, producer *kafka.Producer, topic string) error {
	s, wait, away := o.spools[topic], time.Second, false
	const batch = 500
	for size := batch; ; {
		records, err := s.Read(size)
		if err == nil && len(records.Records) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-s.Appended():
			}
			continue
		}
		if err == nil {
			err = producer.Produce(ctx, outgoing(topic, records.Records)...)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if away {
				slog.Info("delivering again", "topic", topic)
			}
			if err := s.Ack(records); err != nil {
				slog.Error("delivered records stay in the queue and will come again", "topic", topic, "error", err)
			}
			wait, away, size = time.Second, false, batch
			continue
		case errors.Is(err, fault.ErrRejected) && len(records.Records) > 1:
			size = 1 // find the one that the broker does not take
			continue
		case errors.Is(err, fault.ErrRejected):
			slog.Error("the broker refuses a record for good; it is dropped", "topic", topic, "error", err)
			if err := s.Ack(records); err != nil {
				return err
			}
			continue
		}
		if !away {
			slog.Warn("records wait in the queue", "topic", topic, "error", err)
		}
		away = true
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, 30*time.Second)
	}
}

func outgoing(topic string, records []spool.Record) []kafka.Record {
	out := make([]kafka.Record, len(records))
	for i, r := range records {
		out[i] = kafka.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	return out
}
