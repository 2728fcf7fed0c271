package control

import (
	"log/slog"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// house is all rooms, and what the streams say goes to which. One goroutine owns it.
type house struct {
	rooms   []*room
	named   map[string]*room
	sensors map[int]*room    // for 2017 records without a key
	boxes   map[string]*room // where each box stands
	hot     []*room          // a critical reading has come to them since they decided last
	teach   func(lesson)     // to the advisor
	log     *slog.Logger
}

func newHouse(cfg Config, started time.Time) *house {
	h := &house{named: map[string]*room{}, sensors: map[int]*room{}, boxes: map[string]*room{}, teach: func(lesson) {}, log: cfg.Log}
	bench := &bench{}
	for i, s := range cfg.Rooms {
		r := newRoom(s, cfg.Holder, started)
		r.index, r.bench = i, bench
		h.rooms = append(h.rooms, r)
		h.named[s.Name] = r
		for _, box := range s.Boxes {
			h.boxes[box] = r
		}
	}
	for sensor, name := range wire.SensorRooms(cfg.Rooms) {
		h.sensors[sensor] = h.named[name]
	}
	return h
}

// bench is where inputs of the rules are laid out: they keep nothing of them.
type bench struct {
	readings []rules.Reading
	acs      []rules.AC
}

// arrival is a reading with its broker's time.
type arrival struct {
	wire.Reading
	at time.Time
}

// heard is what one poll brought, decoded.
type heard struct {
	readings []arrival
	words    []word
}

// word is a record of the other streams.
type word struct {
	value any
	at    time.Time // the broker's
}

// chunk bounds what is taken in at once: an emergency waits for no more than that.
const chunk = 500

// decode reads records on the goroutine that polled them. A reading that cannot be read is the sink's to quarantine.
func decode(records []kafka.Record, log *slog.Logger) (out heard) {
	for _, record := range records {
		if record.Topic == wire.TopicTemp {
			reading, err := wire.ParseReading(string(record.Key), record.Value, record.Time, record.Headers)
			if err != nil {
				log.Debug("a reading that cannot be read", "cause", err.Error())
				continue
			}
			out.readings = append(out.readings, arrival{reading, record.Time})
			continue
		}
		value, err := decodeWord(record)
		if err != nil {
			log.Warn("a record that cannot be read", "topic", record.Topic, "partition", record.Partition,
				"offset", record.Offset, "cause", err.Error())
			continue
		}
		out.words = append(out.words, word{value, record.Time})
	}
	return out
}

func decodeWord(record kafka.Record) (any, error) {
	switch record.Topic {
	case wire.TopicIntent:
		return decodeIntent(record.Value)
	case wire.TopicControl:
		return wire.Decode[wire.Command](record.Value)
	case wire.TopicAck:
		return wire.Decode[wire.Ack](record.Value)
	case wire.TopicLease:
		return wire.Decode[wire.Lease](record.Value)
	case wire.TopicAlert:
		return wire.Decode[wire.Alert](record.Value)
	case wire.TopicDecision:
		return wire.Decode[wire.Decision](record.Value)
	case wire.TopicPower:
		return wire.Decode[wire.Power](record.Value)
	case wire.TopicLearned:
		return wire.Decode[wire.Learned](record.Value)
	case wire.TopicResource:
		return wire.DecodeResource(string(record.Key), record.Value, record.Time)
	}
	return nil, nil
}

// take takes in what was heard at now.
func (h *house) take(in heard, now time.Time) {
	for i := range in.readings {
		h.reading(&in.readings[i], now)
	}
	for _, w := range in.words {
		h.learn(w, now)
	}
}

// reading gives a reading to its room.
func (h *house) reading(a *arrival, now time.Time) {
	r := h.named[a.Room]
	if a.Room == "" {
		r = h.sensors[a.Sensor]
	}
	if r != nil && r.take(&a.Reading, a.at, now) && !r.hot {
		r.hot = true
		h.hot = append(h.hot, r)
	}
}

// learn takes a word of the other streams.
func (h *house) learn(w word, now time.Time) {
	switch v := w.value.(type) {
	case intent:
		h.with(v.Room, func(r *room) { r.tell(v, h.log) })
	case wire.Command:
		h.with(v.Room, func(r *room) { r.see(v, w.at) })
	case wire.Ack:
		h.with(v.Room, func(r *room) { r.confirm(v) })
	case wire.Lease:
		h.with(v.Room, func(r *room) { r.upheld = later(r.upheld, w.at) })
	case wire.Alert:
		h.with(v.Room, func(r *room) { r.alert(v) })
	case wire.Decision:
		h.with(v.Room, func(r *room) { r.recollect(v, now, h.log) })
	case wire.Power:
		h.with(v.Room, func(r *room) { r.meter(v, w.at) })
	case wire.Learned:
		h.with(v.Room, func(r *room) { h.teach(lesson{room: r.index, learned: &v}) })
	case wire.Resource:
		if r := h.boxes[v.Box]; r != nil {
			r.boxes.Take(v, w.at)
		}
	}
}

func (h *house) with(room string, do func(*room)) {
	if r := h.named[room]; r != nil {
		do(r)
	}
}

// homes says which partition each room belongs to.
func (h *house) homes(partitions int32) {
	for _, r := range h.rooms {
		r.home = kafka.Home(wire.TopicTemp, r.spec.Name, partitions)
	}
}

// intent is a workflow's word with its policy read.
type intent struct {
	wire.Intent
	policy *spec.Policy // nil: it states none, or one that cannot be
	fault  error
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
