package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// sampler reads one sensor on monotonic ticks, on a goroutine of its own, so that a slow one delays no other.
type sampler struct {
	room        spec.Room
	sensor      spec.Sensor
	thermometer device.Thermometer
	book        *rulebook
	outbox      *outbox
	board       *board
	clock       *clock
	doubts      doubts
	state       latest
	rest        time.Time // the device is left alone until then
}

func newSampler(a *agent, r spec.Room, s spec.Sensor, thermometer device.Thermometer, book *rulebook) *sampler {
	return &sampler{
		room: r, sensor: s, thermometer: thermometer, book: book, outbox: a.outbox, board: a.board, clock: a.clock,
		doubts: newDoubts(a.config.Plausible),
	}
}

// How a sample is made of tries when the device does not say.
const (
	triesMost  = 3
	triesPause = 2 * time.Second
)

// Bounds of one sample: it ends before the next is due, but has the time that a slow driver takes.
const (
	sampleLeast = 2 * time.Second
	sampleMost  = 15 * time.Second
)

// policyEvery is how soon another interval holds, also while a long one has not passed.
const policyEvery = 15 * time.Second

func (s *sampler) run(ctx context.Context) error {
	every := s.book.policy().SampleEvery.D()
	s.state = latest{Room: s.room.Name, Sensor: s.sensor.ID, role: airOf(s.sensor)}
	origin := time.Now()
	next := origin
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		beat(ctx, 2*policyEvery+sampleMost)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if now := s.book.policy().SampleEvery.D(); now != every {
			every, origin = now, time.Now()
			next = origin
		}
		if wait := time.Until(next); wait > 0 {
			timer.Reset(min(wait, policyEvery))
			continue
		}
		s.state.every = every
		s.sample(ctx, time.Now().Add(min(max(every, sampleLeast), sampleMost)))
		next = nextTick(origin, time.Now(), every)
		timer.Reset(min(time.Until(next), policyEvery))
	}
}

// nextTick is the first multiple of the interval that is at least a quarter of it away. Ticks that passed while a slow
// sensor was read are left out: two readings within one millisecond would be one to every reader.
func nextTick(origin, now time.Time, every time.Duration) time.Time {
	passed := now.Add(every / 4).Sub(origin)
	return origin.Add((passed/every + 1) * every)
}

// sample makes one reading out of as many tries as the device wants and the time allows.
func (s *sampler) sample(ctx context.Context, deadline time.Time) {
	m, tried, err := s.read(ctx, deadline)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.state.Looked = now
	var said *device.NotMeasuredError
	switch {
	case !tried: // the device rests after a fault that was told
	case err == nil:
		s.took(now, m, "")
	case errors.As(err, &said) && measurable(said.Said) == nil:
		s.took(now, said.Said, said.Reason)
	default:
		s.failed(now, err)
	}
	if d, ok := s.thermometer.(device.Describer); ok {
		s.state.Device = d.Describe()
	}
	s.board.write(s.state)
}

func (s *sampler) read(ctx context.Context, deadline time.Time) (m device.Measurement, tried bool, err error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	most, pause, patient := s.tries()
	for range most {
		if !rested(ctx, s.rest, deadline) {
			break
		}
		tried = true
		if m, err = s.thermometer.Read(ctx); err == nil {
			err = measurable(m)
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		s.rest = time.Now().Add(pause)
	}
	if !patient {
		s.rest = time.Time{}
	}
	return m, tried, err
}

// tries is how often the device is tried, and how long it is left alone after a fault; a patient one between samples too.
func (s *sampler) tries() (most int, pause time.Duration, patient bool) {
	if p, ok := s.thermometer.(device.Patient); ok {
		most, pause = p.Tries()
		return most, pause, true
	}
	return triesMost, min(triesPause, s.state.every/(triesMost+1)), false
}

// rested waits until the device may be tried again; false when that is not before the deadline.
func rested(ctx context.Context, rest, deadline time.Time) bool {
	if !rest.Before(deadline) {
		return false
	}
	wait := time.Until(rest)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

// measurable refuses what no record can say: no number, or far outside of what sensors can measure.
func measurable(m device.Measurement) error {
	if math.IsNaN(m.Celsius) || m.Celsius < wire.MinCelsius || m.Celsius > wire.MaxCelsius {
		return fmt.Errorf("the sensor says %g °C", m.Celsius)
	}
	return nil
}

// took tells a reading; reason is the hardware's own against it, if any.
func (s *sampler) took(now time.Time, m device.Measurement, reason string) {
	said := plausible.Said(m)
	if reason == "" {
		reason = s.doubts.judge.Doubt(now, said, s.board.beside(now, s.state, s.book.policy().StaleAfter.D()))
	}
	leftOut := plausible.Humidity(said)
	r := wire.Reading{
		Room: s.room.Name, Sensor: s.sensor.ID, At: now, Celsius: m.Celsius, HasHumidity: m.HasHumidity && leftOut == "",
		Bad: reason != "", Reason: reason, Unsynchronised: !s.clock.trusted(),
	}
	if r.HasHumidity {
		r.Humidity = m.Humidity
	}
	s.outbox.reading(r)
	s.state.Bad, s.state.LeftOut, s.state.Fault, s.state.Failed = reason, leftOut, "", 0
	if !r.Bad {
		s.state.Celsius, s.state.At, s.state.Humidity = m.Celsius, now, nil
		if r.HasHumidity {
			s.state.Humidity = &r.Humidity
		}
	}
	s.tell(now, reason, badPatience)
	s.tellHumidity(now, leftOut)
}

func (s *sampler) failed(now time.Time, err error) {
	s.state.Failed++
	s.state.Fault = err.Error()
	s.tell(now, err.Error(), 0)
}

// tell begins an alert when there is no reading to believe, and ends it when there is one again.
func (s *sampler) tell(now time.Time, reason string, patience time.Duration) {
	s.turn(now, &s.doubts.sensor, "edge", reason, patience)
}

// tellHumidity does so for the humidity alone. It cools nothing, so it has time.
func (s *sampler) tellHumidity(now time.Time, reason string) {
	s.turn(now, &s.doubts.humidity, "humidity", reason, humidityPatience)
}

func (s *sampler) turn(now time.Time, t *plausible.Trouble, what, reason string, patience time.Duration) {
	var turn plausible.Turn
	evidence := "it is believed again"
	if reason == "" {
		turn = t.Good(now)
	} else {
		turn = t.Bad(now, reason, patience)
		evidence = t.Reason()
	}
	a := wire.Alert{
		// Not the control loop's ID for the sensor: the end of one must not end the other.
		ID: fmt.Sprintf("%s/sensor/%d/%s", s.room.Name, s.sensor.ID, what), Room: s.room.Name, Kind: "sensor",
		Severity: wire.SeverityWarning, Source: "edge", BeganMillis: t.Began().UnixMilli(),
		Evidence: fmt.Sprintf("sensor %d: %s", s.sensor.ID, evidence),
	}
	switch turn {
	case plausible.Begins:
		slog.Warn("a sensor is not believed", "room", s.room.Name, "sensor", s.sensor.ID, "reason", evidence)
		s.outbox.alert(a)
	case plausible.Ends:
		slog.Info("a sensor is believed again", "room", s.room.Name, "sensor", s.sensor.ID)
		a.EndedMillis = max(now.UnixMilli(), a.BeganMillis)
		s.outbox.alert(a)
	case plausible.Nothing:
	}
}
