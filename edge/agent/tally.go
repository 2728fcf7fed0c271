package agent

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

// tally counts what happened since the process began. It outlives reloads.
type tally struct {
	counts counters

	mu    sync.Mutex
	boxes map[string]BoxStatus
}

// BoxStatus is how the polls of one box went.
type BoxStatus struct {
	Box     string    `json:"box"`
	Polled  time.Time `json:"polled,omitzero"` // the last answer
	TookS   float64   `json:"took_s"`          // the last poll, answered or not
	Fault   string    `json:"fault,omitempty"` // of the last poll
	Polls   uint64    `json:"polls"`
	Faults  uint64    `json:"faults"`
	Silence int       `json:"silence"` // polls in a row without an answer
}

func newTally() *tally { return &tally{boxes: map[string]BoxStatus{}} }

// count adds one to a counter with labels, name and value in turns. Labels come from configuration and from fixed
// lists: they are few.
func (t *tally) count(name string, labels ...string) {
	if t == nil {
		return
	}
	t.counts.add(name, labels...)
}

func (t *tally) reading(r wire.Reading) {
	quality := "good"
	if r.Bad {
		quality = "bad"
	}
	t.count("readings_total", "room", r.Room, "sensor", strconv.Itoa(r.Sensor), "quality", quality)
}

func (t *tally) ack(a wire.Ack) {
	t.count("acks_total", "room", a.Room, "ac", a.AC, "source", a.Source, "state", a.State)
}

func (t *tally) alert(a wire.Alert) {
	if a.EndedMillis == 0 {
		t.count("alerts_total", "kind", a.Kind)
	}
}

// counted is a transmitter whose frames are counted.
func (t *tally) counted(room, ac string, inner device.Transmitter) device.Transmitter {
	return countedTransmitter{Transmitter: inner, tally: t, room: room, ac: ac}
}

type countedTransmitter struct {
	device.Transmitter
	tally    *tally
	room, ac string
}

// Send sends and counts.
func (c countedTransmitter) Send(ctx context.Context, f infrared.Frame) error {
	err := c.Transmitter.Send(ctx, f)
	result := "sent"
	if err != nil {
		result = "failed"
	}
	c.tally.count("infrared_frames_total", "room", c.room, "ac", c.ac, "result", result)
	return err
}

// Close closes the transmitter, when it can be.
func (c countedTransmitter) Close() error {
	if closer, ok := c.Transmitter.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}

// Describe says what stands behind the transmitter.
func (c countedTransmitter) Describe() string { return describe(c.Transmitter) }

func describe(d any) string {
	if one, ok := d.(device.Describer); ok {
		return one.Describe()
	}
	return ""
}

// polled is a look at a box that is counted, with the time it takes.
func (t *tally) polled(box string, sample func(context.Context) (resource.Sample, error)) func(context.Context) (resource.Sample, error) {
	return func(ctx context.Context) (resource.Sample, error) {
		began := time.Now()
		s, err := sample(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		b := t.boxes[box]
		b.Box, b.TookS = box, time.Since(began).Seconds()
		b.Polls++
		if err != nil {
			b.Faults, b.Silence, b.Fault = b.Faults+1, b.Silence+1, err.Error()
		} else {
			b.Polled, b.Silence, b.Fault = time.Now(), 0, ""
		}
		t.boxes[box] = b
		return s, err
	}
}

// box is how the polls of a box went so far.
func (t *tally) box(name string) BoxStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.boxes[name]
	b.Box = name
	return b
}
