package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/wire"
)

// metering reads one power meter, of an air conditioner or of a room's boxes, and publishes means of what it shows.
type metering struct {
	room, ac  string // ac is empty for the room's load
	meter     device.Meter
	simulated bool
	publish   func(wire.Power)

	mu    sync.Mutex
	watts float64
	at    time.Time
	fault string // empty while it answers
	sum   float64
	count int
	since time.Time // of sum
}

// How often a meter is read and told of, and how long it may take.
const (
	meterMost  = 5 * time.Second
	meterFresh = 30 * time.Second
	// meterMean: a compressor's cycle takes ten minutes or more, so means of 30 s lose nothing of it and cost a card
	// one small record.
	meterMean = 30 * time.Second
)

// run reads the meter until ctx ends. One that hangs costs its machine the evidence of its power: nothing that a
// watchdog should end the daemon for.
func (m *metering) run(ctx context.Context, every time.Duration) error {
	beat(ctx, forever)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, meterMost)
		watts, err := m.meter.Watts(once)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		m.took(ctx, time.Now(), watts, err)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// took notes what the meter says; its faults are logged when they begin and end.
func (m *metering) took(ctx context.Context, now time.Time, watts float64, err error) {
	record := wire.Power{Room: m.room, AC: m.ac, Watts: watts, TimeMillis: now.UnixMilli(), Simulated: m.simulated}
	if err == nil {
		err = record.Validate() // no number, or none that a room draws
	}
	m.mu.Lock()
	was := m.fault
	due := false
	if m.fault = ""; err != nil {
		m.fault = err.Error()
	} else {
		m.watts, m.at = watts, now
		record.Watts, due = m.mean(now)
	}
	m.mu.Unlock()
	switch {
	case err != nil && was == "":
		slog.WarnContext(ctx, "a power meter does not answer", "room", m.room, "ac", m.ac, "error", err)
	case err == nil && was != "":
		slog.InfoContext(ctx, "a power meter answers again", "room", m.room, "ac", m.ac)
	}
	if due && m.publish != nil {
		m.publish(record)
	}
}

// mean adds what the meter shows to the mean, and says when one is due. What was added before a gap is forgotten.
func (m *metering) mean(now time.Time) (watts float64, due bool) {
	if m.count == 0 || now.Sub(m.since) > 2*meterMean {
		m.sum, m.count, m.since = 0, 0, now
	}
	m.sum += m.watts
	m.count++
	watts = m.sum / float64(m.count)
	if now.Sub(m.since) < meterMean {
		return watts, false
	}
	m.count = 0
	return watts, true
}

// value is what the meter showed last, unless that is long ago. It holds for a nil metering: there is no meter.
func (m *metering) value(now time.Time) aircon.Value {
	if m == nil {
		return aircon.Value{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.IsZero() || now.Sub(m.at) > meterFresh {
		return aircon.Value{}
	}
	return aircon.Known(m.watts)
}
