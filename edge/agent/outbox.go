package agent

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// outbox is the way of every record from this edge to the broker: one spool for each topic, so that a flood
// of one never drops another.
type outbox struct {
	spools map[string]*spool.Spool // by topic
	box    string
	every  time.Duration // of the syncs
	linger time.Duration // of readings and boxes' resources

	lasting *lasting
	tally   *tally // of what is queued; nil for nobody

	mu       sync.Mutex
	troubles map[string]*trouble // by topic; what keep knows of each queue
	failing  map[string]bool     // topics whose queue could not be written last time
	refused  map[string]uint64   // records that the broker does not take, by topic
	unsaid   []spool.Record      // alerts that the full disk did not take, oldest first
}

func openOutbox(c Config) (*outbox, error) {
	o := &outbox{
		spools: map[string]*spool.Spool{}, box: c.Box, every: c.Spool.SyncEvery, linger: c.Spool.Linger,
		lasting:  loadLasting(filepath.Join(c.Dir, "alerts.json")),
		troubles: map[string]*trouble{}, failing: map[string]bool{}, refused: map[string]uint64{},
	}
	for topic, size := range map[string]int64{
		wire.TopicTemp: c.Spool.Bytes, wire.TopicResource: c.Spool.Bytes / 4,
		wire.TopicAck: c.Spool.Bytes / 4, wire.TopicAlert: c.Spool.Bytes / 4, wire.TopicPower: c.Spool.Bytes / 4,
	} {
		s, err := spool.Open(c.spoolDir(topic), spool.Options{MaxBytes: size})
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.spools[topic], o.troubles[topic] = s, &trouble{}
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

// put queues one record. A queue that cannot be written is logged once, and told when there is room again; sampling
// goes on.
func (o *outbox) put(topic string, r spool.Record) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	err := o.spools[topic].Append(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil && o.failing[topic]:
		slog.Info("the queue can be written again", "topic", topic)
	case err != nil && !o.failing[topic]:
		slog.Error("records are lost: the queue cannot be written", "topic", topic, "error", err)
	}
	o.failing[topic] = err != nil
	// An alert is what tells of the others: a few of them wait in memory for the disk.
	const unsaidMost = 100
	if err != nil && topic == wire.TopicAlert && len(o.unsaid) < unsaidMost {
		o.unsaid = append(o.unsaid, r)
	}
}

// sayAgain queues the alerts that a full disk did not take.
func (o *outbox) sayAgain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.unsaid) > 0 && o.spools[wire.TopicAlert].Append(o.unsaid[0]) == nil {
		o.unsaid = o.unsaid[1:]
		o.failing[wire.TopicAlert] = false
	}
}

func (o *outbox) reading(r wire.Reading) {
	o.tally.reading(r)
	o.put(wire.TopicTemp, spool.Record{
		Key: []byte(r.Room), Value: wire.AppendReading(nil, r), Headers: r.Headers(), Time: r.At,
	})
}

func (o *outbox) resource(r wire.Resource) {
	o.put(wire.TopicResource, spool.Record{Key: []byte(r.Box), Value: wire.Encode(brief(r))})
}

// power queues a mean of what a meter showed, to a tenth of a watt.
func (o *outbox) power(p wire.Power) {
	key := p.Room
	if p.AC != "" {
		key = string(wire.ControlKey(p.Room, p.AC))
	}
	p.Watts = math.Round(p.Watts*10) / 10
	o.put(wire.TopicPower, spool.Record{Key: []byte(key), Value: wire.Encode(p)})
}

// brief rounds what was divided to hundredths: ten more digits of a rate mean nothing, and nobody can compress them.
func brief(r wire.Resource) wire.Resource {
	fields := []**float64{&r.UptimeS, &r.Load1, &r.CPUPercent, &r.UserPct, &r.SystemPct, &r.IdlePct}
	r.Interfaces = slices.Clone(r.Interfaces)
	for i := range r.Interfaces {
		nic := &r.Interfaces[i]
		fields = append(fields, &nic.InBytes, &nic.OutBytes, &nic.InErrors, &nic.OutErrors, &nic.InDiscards, &nic.OutDiscards)
	}
	for _, field := range fields {
		if *field != nil {
			rounded := math.Round(**field*100) / 100
			*field = &rounded
		}
	}
	return r
}

func (o *outbox) ack(a wire.Ack) {
	o.tally.ack(a)
	o.put(wire.TopicAck, spool.Record{Key: wire.ControlKey(a.Room, a.AC), Value: wire.Encode(a)})
}

// keep syncs the spools and tells of damage, and of queues that fill up, grow old or lose records. A disk that takes
// long for one sync delays nobody else: appends do not wait for it.
func (o *outbox) keep(ctx context.Context, rooms []string) error {
	every := o.every
	if every <= 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		beat(ctx, every+time.Minute)
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for topic, s := range o.spools {
				if err := s.Sync(); err != nil {
					slog.Error("a spool cannot be synced", "topic", topic, "error", err)
				}
				o.tellDamages(topic)
				o.look(now, topic, rooms)
			}
			o.sayAgain()
		}
	}
}

func (o *outbox) tellDamages(topic string) {
	for _, d := range o.spools[topic].Damages() {
		slog.Warn("a spool was damaged", "topic", topic, "reason", d.Reason, "set aside", d.Segment)
	}
}

// refuse counts a record that the broker will never take.
func (o *outbox) refuse(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused[topic]++
}
