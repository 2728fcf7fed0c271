package control

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// house is all rooms, and what the streams say goes to which.
type house struct {
	rooms   []*room
	sensors map[int]string // the room of each sensor, for 2017 records without a key
	log     *slog.Logger
}

func newHouse(cfg Config, started time.Time) *house {
	h := &house{sensors: wire.SensorRooms(cfg.Rooms), log: cfg.Log}
	for _, room := range cfg.Rooms {
		h.rooms = append(h.rooms, newRoom(room, cfg.Holder, started))
	}
	return h
}

// room is nil for one that is none of ours.
func (h *house) room(name string) *room {
	for _, r := range h.rooms {
		if r.spec.Name == name {
			return r
		}
	}
	return nil
}

func (r *room) machine(name string) *machine {
	for _, m := range r.machines {
		if m.spec.Name == name {
			return m
		}
	}
	return nil
}

// reading takes a temp record. What cannot be read is the sink's to quarantine.
func (h *house) reading(record kafka.Record, now time.Time) {
	reading, err := wire.ParseReading(string(record.Key), record.Value, record.Time, record.Headers)
	if err != nil {
		h.log.Debug("a reading that cannot be read", "cause", err.Error())
		return
	}
	if reading.Room == "" {
		reading.Room = h.sensors[reading.Sensor]
	}
	if r := h.room(reading.Room); r != nil {
		r.take(reading, record.Time, now)
	}
}

// take keeps the newest reading of each sensor. A clock that is ahead or not set must not make a reading look
// fresh, nor dead: the broker's time bounds it.
func (r *room) take(reading wire.Reading, arrived, now time.Time) {
	at := reading.At
	if !arrived.IsZero() && (reading.Unsynchronised || at.After(arrived)) {
		at = arrived
	}
	if known, heard := r.readings[reading.Sensor]; heard && at.Before(known.At) {
		return
	}
	r.readings[reading.Sensor] = rules.Reading{Sensor: reading.Sensor, At: at, Celsius: reading.Celsius, Bad: reading.Bad}
	if now.Sub(at) <= r.policy.StaleAfter.D() {
		r.heard = now
		r.hot = r.hot || !reading.Bad && reading.Celsius >= r.policy.Critical
	}
}

// learn takes a record of the other streams.
func (h *house) learn(record kafka.Record) {
	var err error
	switch record.Topic {
	case wire.TopicIntent:
		err = learn(record, func(i wire.Intent) { h.intent(i) })
	case wire.TopicControl:
		err = learn(record, func(c wire.Command) { h.command(c) })
	case wire.TopicAck:
		err = learn(record, func(a wire.Ack) { h.ack(a) })
	case wire.TopicLease:
		err = learn(record, func(l wire.Lease) { h.lease(l, record.Time) })
	case wire.TopicAlert:
		err = learn(record, func(a wire.Alert) { h.alert(a) })
	}
	if err != nil {
		h.log.Warn("a record that cannot be read", "topic", record.Topic, "cause", err.Error())
	}
}

func learn[T wire.Validator](record kafka.Record, take func(T)) error {
	value, err := wire.Decode[T](record.Value)
	if err != nil {
		return fmt.Errorf("%s/%d at %d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	take(value)
	return nil
}

func (h *house) intent(intent wire.Intent) {
	r := h.room(intent.Room)
	if r == nil || r.intent != nil && intent.Revision < r.intent.Revision {
		return
	}
	r.intent = &intent
	var policy spec.Policy
	if len(intent.Policy) == 0 {
		return
	}
	err := json.Unmarshal(intent.Policy, &policy)
	if err == nil {
		err = policy.Validate()
	}
	if err != nil {
		h.log.Warn("an intent with a policy that cannot be; the former one holds", "room", intent.Room, "cause", err.Error())
		return
	}
	r.policy = policy
}

func (h *house) command(c wire.Command) {
	r := h.room(c.Room)
	if r == nil {
		return
	}
	if m := r.machine(c.AC); m != nil && c.Revision > m.seen.Revision {
		m.seen = c
	}
}

func (h *house) ack(a wire.Ack) {
	r := h.room(a.Room)
	if r == nil || a.State != wire.AckConfirmed {
		return
	}
	if m := r.machine(a.AC); m != nil {
		m.confirmed = max(m.confirmed, a.Revision)
	}
}

func (h *house) lease(l wire.Lease, at time.Time) {
	r := h.room(l.Room)
	if r == nil || l.Holder == r.holder {
		return
	}
	if until := at.Add(time.Duration(l.TTLMillis) * time.Millisecond); until.After(r.otherUntil) {
		r.otherUntil = until
	}
}

// alert keeps what control loops have raised. What another process raised (this one's forerunner, say) is recalled,
// so that it can end; what comes back of this one's own is known.
func (h *house) alert(a wire.Alert) {
	r := h.room(a.Room)
	if r == nil || a.Source != rules.Source {
		return
	}
	if a.EndedMillis == 0 {
		r.lasting[a.ID] = a
		if a.BeganMillis > r.said[a.ID] {
			r.state.Recall([]wire.Alert{a})
		}
		return
	}
	delete(r.lasting, a.ID)
	r.state.Alerts = slices.DeleteFunc(r.state.Alerts, func(w rules.Watch) bool {
		return w.ID == a.ID && !w.Began.IsZero() && w.Began.UnixMilli() <= a.BeganMillis
	})
}
