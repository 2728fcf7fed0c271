package control

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/wire"
)

// world is a room without a broker: what would stand on the topics, and a workflow that takes every recommendation.
type world struct {
	t        *testing.T
	f        *fixture
	log      []word // all that was published
	ac       wire.IntentAC
	revision int64
	alerts   []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, f: newFixture(t), ac: wire.IntentAC{AC: "ac1", Auto: 24, Desired: 24, CommandRevision: noon.Unix()}}
	w.publishIntent()
	return w
}

func (w *world) publishIntent() {
	w.revision++
	in := intent{Intent: wire.Intent{Room: "hall", Revision: w.revision, TimeMillis: w.f.now.UnixMilli(), ACs: []wire.IntentAC{w.ac}}}
	w.log = append(w.log, word{in, w.f.now})
	w.f.learn(in)
}

// restart begins anew with what is on the topics, as a process that was killed, or that another takes over from.
func (w *world) restart(clean bool) {
	if clean {
		w.publish(w.f.room.release(w.f.now))
	}
	fresh := newFixture(w.t)
	fresh.now = w.f.now
	fresh.room.mine, fresh.room.started = false, w.f.now
	for _, said := range w.log {
		age := w.f.now.Sub(said.at)
		switch said.value.(type) {
		case wire.Decision, wire.Lease:
			if age > readBackOfMemory {
				continue
			}
		}
		fresh.house.learn(said, w.f.now)
	}
	for _, p := range w.f.room.probes { // the readings are read back too
		if p.heard && w.f.now.Sub(p.last.At) <= w.f.room.policy.StaleAfter.D() {
			fresh.hears(wire.Reading{Room: "hall", Sensor: p.id, At: p.last.At, Celsius: p.last.Celsius})
		}
	}
	fresh.room.gain(w.f.now, fresh.house.log)
	w.f = fresh
}

func (w *world) publish(e effects) {
	add := func(value any) { w.log = append(w.log, word{value, w.f.now}) }
	for _, a := range e.alerts {
		if a.EndedMillis == 0 {
			w.alerts = append(w.alerts, "+"+a.ID)
		} else {
			w.alerts = append(w.alerts, "-"+a.ID)
		}
		add(a)
		w.f.learn(a)
	}
	if e.lease != nil {
		add(*e.lease)
		w.f.learn(*e.lease)
	}
	if e.decision != nil {
		add(*e.decision)
	}
	for _, c := range e.commands {
		add(c)
		w.f.learn(c)
	}
	for _, s := range e.signals {
		now := w.f.now.UnixMilli()
		switch {
		case s.Setpoint > w.ac.Auto:
			w.ac.RaisedMillis = now
		case s.Setpoint < w.ac.Auto:
			w.ac.LoweredMillis = now
		}
		w.ac.Auto, w.ac.Desired, w.ac.Emergency = s.Setpoint, s.Setpoint, s.Emergency
		w.ac.CommandRevision = max(w.ac.CommandRevision+1, s.Revision)
		w.publishIntent()
	}
}

// tick decides once, with this inlet; NaN is no reading.
func (w *world) tick(inlet float64) {
	for id := 1; id <= 2 && !math.IsNaN(inlet); id++ {
		w.f.hears(wire.Reading{Room: "hall", Sensor: id, At: w.f.now, Celsius: inlet})
	}
	w.publish(w.f.room.decide(w.f.now))
	w.f.now = w.f.now.Add(10 * time.Second)
}

// day is the inlet at each 10 s of some hours in which everything happens: cold, warm, hot and blind stretches of 2 to 40
// minutes, with ramps between and the noise of sensors.
func day(random *rand.Rand, hours int) []float64 {
	var out []float64
	at := 25.8
	for len(out) < hours*360 {
		goal := []float64{23.5, 24.6, 25.8, 26.9, 28.2, 30.8, 33, math.NaN()}[random.IntN(8)]
		for range 12 + random.IntN(228) {
			if math.IsNaN(goal) {
				out = append(out, goal)
				continue
			}
			at += max(-0.15, min(0.15, goal-at))
			out = append(out, at+0.1*float64(random.IntN(3)-1))
		}
	}
	return out
}

// What a process decides that was killed and started again many times is what one decides that never stopped: the same
// setpoints in the same order at nearly the same times, the same alerts each once. A process that ends by itself leaves
// no difference at all.
func TestARestartDecidesAsIfItHadNeverStopped(t *testing.T) {
	for seed := range uint64(6) {
		for _, clean := range []bool{true, false} {
			t.Run(fmt.Sprintf("seed %d, clean %t", seed, clean), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 7))
				steady, restarted := newWorld(t), newWorld(t)
				next, apart := 30, 0
				inlets := day(random, 10)
				for i, inlet := range inlets {
					if i == next {
						restarted.restart(clean)
						next += 6 + random.IntN(240)
					}
					steady.tick(inlet)
					restarted.tick(inlet)
					if steady.ac.Auto != restarted.ac.Auto || steady.ac.Emergency != restarted.ac.Emergency {
						apart++
					}
				}
				if clean {
					require.Zero(t, apart)
					require.Equal(t, steady.alerts, restarted.alerts)
					return
				}
				require.LessOrEqual(t, float64(apart)/float64(len(inlets)), 0.05, "of the time another setpoint")
				require.ElementsMatch(t, steady.alerts, restarted.alerts)
			})
		}
	}
}

// An emergency that is going on when the process is killed goes on in the next one, although the room is below the
// limit that would begin it: also when nothing is left of what the rules remembered.
func TestAnEmergencySurvivesAKill(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		w := newWorld(t)
		for range 6 {
			w.tick(33)
		}
		w.tick(29.6) // below High, and not yet for two minutes by the hysteresis
		require.True(t, w.ac.Emergency)
		if forgotten {
			for i := range w.log {
				if _, is := w.log[i].value.(wire.Decision); is {
					w.log[i].value = nil
				}
			}
		}
		w.restart(false)
		w.tick(29.6)
		require.Equal(t, rules.Emergency, w.f.room.last.Action)
		require.True(t, w.ac.Emergency)
		require.Equal(t, 18, w.ac.Auto)
	}
}

// A takeover in a room whose sensors speak rarely sends it nowhere.
func TestATakeoverIsNoReasonToFailCold(t *testing.T) {
	w := newWorld(t)
	for range 60 {
		w.tick(26)
	}
	for range 5 { // 50 s without a reading, less than the 90 s that count
		w.tick(math.NaN())
	}
	w.restart(false)
	for range 3 {
		w.tick(math.NaN())
		require.Equal(t, rules.Hold, w.f.room.last.Action, w.f.room.last.Reason)
	}
	for range 4 {
		w.tick(math.NaN())
	}
	require.Equal(t, rules.FailCold, w.f.room.last.Action, "90 s from the last reading, not from the takeover")
	w.restart(false)
	w.tick(math.NaN())
	require.Equal(t, rules.FailCold, w.f.room.last.Action, "and a blind room stays cold")
}

func TestAMemoryThatCannotBeReadIsForgotten(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.tick(26)
	}
	for _, text := range []string{`{"Mean":"warm"}`, `{}`} {
		for i := range w.log {
			if d, is := w.log[i].value.(wire.Decision); is {
				d.Memory = json.RawMessage(text)
				w.log[i].value = d
			}
		}
		w.restart(false)
		w.tick(26)
		require.Equal(t, rules.Hold, w.f.room.last.Action)
		require.InDelta(t, 26, w.f.room.state.Mean, 0.2)
	}
}

// A decision is published when it changes, and else rarely.
func TestAQuietRoomPublishesLittle(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 1))
	for range 6 * 60 * 3 {
		w.tick(25.8 + 0.1*float64(random.IntN(3)-1))
	}
	decisions := 0
	for _, said := range w.log {
		if _, is := said.value.(wire.Decision); is {
			decisions++
		}
	}
	t.Logf("%d decisions published in 3 hours of 1080", decisions)
	require.LessOrEqual(t, decisions, 3*60)
	require.GreaterOrEqual(t, decisions, 3*60/4-1)
}
