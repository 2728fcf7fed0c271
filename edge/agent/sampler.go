package agent

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// latest is what a sensor said last.
type latest struct {
	Room    string    `json:"room"`
	Sensor  int       `json:"sensor"`
	Celsius float64   `json:"celsius"`
	At      time.Time `json:"at,omitzero"` // of the last good reading
	Bad     string    `json:"bad,omitempty"`
	Failed  int       `json:"failed"` // samples in a row without any reading
	Looked  time.Time `json:"looked,omitzero"`
	every   time.Duration
}

// board is where the samplers write what they saw last, for fail-safe decisions and health.
type board struct {
	mu      sync.Mutex
	sensors map[string]latest
}

func (b *board) write(l latest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sensors[fmt.Sprintf("%s/%d", l.Room, l.Sensor)] = l
}

func (b *board) all() []latest {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []latest
	for _, l := range b.sensors {
		out = append(out, l)
	}
	return out
}

// warmest is the highest good reading of a room that is no older than age.
func (b *board) warmest(now time.Time, room string, age time.Duration) (float64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	warmest, found := 0.0, false
	for _, l := range b.sensors {
		if l.Room == room && !l.At.IsZero() && now.Sub(l.At) <= age && (!found || l.Celsius > warmest) {
			warmest, found = l.Celsius, true
		}
	}
	return warmest, found
}

// sampler reads one sensor on monotonic ticks and never waits for the network beyond it.
type sampler struct {
	room        spec.Room
	sensor      spec.Sensor
	thermometer device.Thermometer
	book        *rulebook
	outbox      *outbox
	board       *board
	clock       *clock
	judge       judge
	state       latest
	began       time.Time // of the alert that lasts; zero for none
}

// Tries within one sample; a DHT22 wants 2 s between them.
const (
	triesMost = 3
	triesGap  = 2 * time.Second
)

func (s *sampler) run(ctx context.Context) error {
	s.state = latest{Room: s.room.Name, Sensor: s.sensor.ID, every: s.book.policy().SampleEvery.D()}
	tick := time.NewTicker(s.state.every)
	defer tick.Stop()
	for {
		if every := s.book.policy().SampleEvery.D(); every != s.state.every {
			s.state.every = every
			tick.Reset(every)
		}
		s.sample(ctx)
		if !awaitTick(ctx, tick.C, s.state.every) {
			return nil
		}
	}
}

// awaitTick waits for the next tick that is at least half an interval away. A tick that came while a slow
// sensor was read lies ready at once; two readings within one millisecond would be one to every reader.
func awaitTick(ctx context.Context, tick <-chan time.Time, every time.Duration) bool {
	ended := time.Now()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			if time.Since(ended) >= every/2 {
				return true
			}
		}
	}
}

// sample makes one reading out of up to three tries.
func (s *sampler) sample(ctx context.Context) {
	gap := min(triesGap, s.state.every/(triesMost+1))
	var m device.Measurement
	var err error
	for try := range triesMost {
		if m, err = s.thermometer.Read(ctx); err == nil {
			err = measurable(m)
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		if try < triesMost-1 {
			select {
			case <-ctx.Done():
			case <-time.After(gap):
			}
		}
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.state.Looked = now
	if err != nil {
		s.failed(now, err)
	} else {
		s.took(now, m)
	}
	s.board.write(s.state)
}

// measurable refuses what no record can say: no number, or far outside of what sensors can measure.
func measurable(m device.Measurement) error {
	if math.IsNaN(m.Celsius) || m.Celsius < wire.MinCelsius || m.Celsius > wire.MaxCelsius {
		return fmt.Errorf("the sensor says %g °C", m.Celsius)
	}
	return nil
}

func (s *sampler) took(now time.Time, m device.Measurement) {
	r := wire.Reading{
		Room: s.room.Name, Sensor: s.sensor.ID, At: now, Celsius: m.Celsius,
		HasHumidity: m.HasHumidity && m.Humidity >= 0 && m.Humidity <= 100,
		Reason:      s.judge.doubt(now, m.Celsius), Unsynchronised: !s.clock.trusted(),
	}
	if r.HasHumidity {
		r.Humidity = m.Humidity
	}
	r.Bad = r.Reason != ""
	s.outbox.reading(r)
	s.state.Bad, s.state.Failed = r.Reason, 0
	if !r.Bad {
		s.state.Celsius, s.state.At = m.Celsius, now
	}
	if !s.began.IsZero() {
		s.outbox.alert(s.alert(now, "it answers again"))
		s.began = time.Time{}
	}
}

// failed begins an alert at the third sample in a row without a reading.
func (s *sampler) failed(now time.Time, err error) {
	s.state.Failed++
	if s.state.Failed != 3 {
		return
	}
	slog.Warn("a sensor does not answer", "room", s.room.Name, "sensor", s.sensor.ID, "error", err)
	s.began = now
	s.outbox.alert(s.alert(time.Time{}, err.Error()))
}

func (s *sampler) alert(ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		// Not the control loop's ID for the sensor: the end of one must not end the other.
		ID: fmt.Sprintf("%s/sensor/%d/edge", s.room.Name, s.sensor.ID), Room: s.room.Name, Kind: "sensor",
		Severity: wire.SeverityWarning, Source: "edge", BeganMillis: s.began.UnixMilli(),
		Evidence: fmt.Sprintf("sensor %d: %s", s.sensor.ID, evidence),
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}
