package optimise

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
)

// fixedSpeed is the small room with a machine that switches.
func fixedSpeed(optimistic bool) room.Parameters {
	p := room.Small()
	p.AirConditioners[0].Inverter, p.Optimistic = false, optimistic
	return p
}

// taught is a controlled room after some days.
func taught(t *testing.T, p room.Parameters, m meters, span time.Duration) *controlled {
	t.Helper()
	w := newWorld(p, 3)
	w.meters = m
	c := newControlled(w)
	c.run(span)
	return c
}

func TestWithoutAMeterNothingIsAdvised(t *testing.T) {
	c := taught(t, room.Small(), meters{load: true, outdoor: true}, 12*time.Hour)
	require.Nil(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now))
}

func TestNothingIsAdvisedBeforeSomethingIsKnown(t *testing.T) {
	var m Model
	require.Nil(t, m.Advise(spec.DefaultPolicy(), []control.AC{{Auto: 24, Limits: control.Limits{Min: 18, Max: 27}}}, begin))
	require.Nil(t, m.Advise(spec.DefaultPolicy(), nil, begin))
	c := taught(t, room.Small(), allMeters(), time.Hour)
	require.Nil(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now))
}

func TestNonsenseTeachesNothing(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 6*time.Hour)
	before, err := json.Marshal(c.brain)
	require.NoError(t, err)
	good := c.observe(control.Decision{Inlet: 25, Fresh: 3}, c.in.ACs)
	for name, spoil := range map[string]func(*Observation){
		"no inlet":         func(o *Observation) { o.Fresh = 0 },
		"inlet is NaN":     func(o *Observation) { o.Inlet = math.NaN() },
		"inlet is Inf":     func(o *Observation) { o.Inlet = math.Inf(1) },
		"inlet impossible": func(o *Observation) { o.Inlet = 85 },
		"no time":          func(o *Observation) { o.At = time.Time{} },
		"older":            func(o *Observation) { o.At = o.At.Add(-time.Minute) },
		"no machines":      func(o *Observation) { o.Machines = nil },
		"no setpoint known": func(o *Observation) {
			o.Machines = []Machine{{Watts: 500, SupplyC: math.NaN()}, {Setpoint: -3, Watts: math.Inf(1)}}
		},
	} {
		o := good
		o.At = c.now.Add(10 * time.Second)
		spoil(&o)
		for range 400 { // more than a block
			c.brain.Observe(c.in.Policy, o)
			if !o.At.Before(c.now) && name != "older" {
				o.At = o.At.Add(10 * time.Second)
			}
		}
		after, err := json.Marshal(c.brain)
		require.NoError(t, err)
		require.JSONEq(t, string(before), string(after), name)
	}
}

// Values that are partly nonsense are left out, and never enter.
func TestNaNAndInfinityNeverEnter(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 6*time.Hour)
	bad := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300, 0}
	for i := range 20000 {
		o := c.observe(control.Decision{Inlet: 25, Fresh: 3}, c.in.ACs)
		o.At = c.now.Add(time.Duration(i+1) * 10 * time.Second)
		o.LoadW, o.OutdoorC, o.Hottest = bad[i%6], bad[i/7%6], bad[i/3%6]
		o.Machines[i%2].Watts, o.Machines[(i/5)%2].SupplyC = bad[i/2%6], bad[i%6]
		c.brain.Observe(c.in.Policy, o)
	}
	require.True(t, c.brain.sound())
	_, err := json.Marshal(c.brain)
	require.NoError(t, err)
}

func TestGoesOnAfterARestart(t *testing.T) {
	c := taught(t, fixedSpeed(false), allMeters(), 36*time.Hour)
	text, err := json.Marshal(c.brain)
	require.NoError(t, err)
	require.Less(t, len(text), 4096)
	var again Model
	require.NoError(t, json.Unmarshal(text, &again))
	second, err := json.Marshal(again)
	require.NoError(t, err)
	// covariances are widened by a hundred-thousandth for the digits that were lost; everything else is the same
	require.Equal(t, strings.Split(string(text), `"filters"`)[0], strings.Split(string(second), `"filters"`)[0])
	m0, d0 := c.brain.power.slope()
	m1, d1 := again.power.slope()
	require.InDelta(t, m0, m1, 1e-5)
	require.InDelta(t, d0, d1, 1e-5)

	c.twin = &again
	c.run(time.Minute)
	require.NotNil(t, again.Advise(c.in.Policy, c.in.ACs, c.now), "a restart does not wait for a new block")
	c.run(3 * time.Hour)
	m0, d0 = c.brain.power.slope()
	m1, d1 = again.power.slope()
	require.InDelta(t, m0, m1, 0.002, "but for the block under way")
	require.InDelta(t, d0, d1, 0.001)
}

func TestWhatCannotBeReadBeginsAnew(t *testing.T) {
	c := taught(t, room.Small(), allMeters(), 6*time.Hour)
	text, err := json.Marshal(c.brain)
	require.NoError(t, err)
	for name, stored := range map[string]string{
		"another version":  strings.Replace(string(text), `"v":1`, `"v":99`, 1),
		"no version":       `{}`,
		"filters cut":      strings.Replace(string(text), `"filters":"`, `"filters":"AAAA`, 1),
		"filters no text":  strings.Replace(string(text), `"filters":"`, `"filters":"*`, 1),
		"impossible gain":  strings.Replace(string(text), `"gain":0.`, `"gain":-7.`, 1),
		"mean has a word":  strings.Replace(string(text), `"mean":`, `"mean":"x","was":`, 1),
		"filters with NaN": nanFilters(t, text),
	} {
		m := *c.brain
		require.NoError(t, json.Unmarshal([]byte(stored), &m), name)
		require.Equal(t, Model{}, m, name)
	}
	var m Model
	require.Error(t, json.Unmarshal([]byte(`{"v":`), &m))
}

func nanFilters(t *testing.T, text []byte) string {
	t.Helper()
	var s map[string]any
	require.NoError(t, json.Unmarshal(text, &s))
	q := s["power"].(map[string]any)
	q["filters"] = "AADAfw" + q["filters"].(string)[6:] // NaN, and two digits of the next number
	out, err := json.Marshal(s)
	require.NoError(t, err)
	return string(out)
}

func TestTheSameIsLearnedFromTheSame(t *testing.T) {
	var texts []string
	for range 2 {
		c := taught(t, room.Medium(), allMeters(), 20*time.Hour)
		text, err := json.Marshal(c.brain)
		require.NoError(t, err)
		texts = append(texts, string(text))
	}
	require.Equal(t, texts[0], texts[1])
}

func TestObservingAllocatesNothing(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 6*time.Hour)
	o := c.observe(control.Decision{Inlet: 25.3, Fresh: 3}, c.in.ACs)
	require.Zero(t, testing.AllocsPerRun(2000, func() { // ten blocks among them
		o.At = o.At.Add(10 * time.Second)
		c.brain.Observe(c.in.Policy, o)
	}))
}

func TestALostMachineEndsTheAdvice(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 12*time.Hour)
	before := c.brain.Advise(c.in.Policy, c.in.ACs, c.now)
	require.NotNil(t, before)
	require.Greater(t, before.Sure, 0.6)
	c.in.ACs[0].Lost = true
	c.run(time.Minute)
	require.Nil(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now))
	c.in.ACs[0].Lost = false
	c.run(10 * time.Minute)
	after := c.brain.Advise(c.in.Policy, c.in.ACs, c.now)
	require.NotNil(t, after)
	require.Less(t, after.Sure, 0.5, "what it knew may no longer hold")
	c.run(6 * time.Hour)
	require.Greater(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now).Sure, 0.6, "it comes back")
}

// A machine fails and nobody has noticed yet: the room is warmer than its setpoints explain.
func TestARoomThatBehavesOtherwiseIsNotAdvised(t *testing.T) {
	c := taught(t, room.Small(), allMeters(), 24*time.Hour)
	c.follow = false
	require.NoError(t, c.model.Fail("ac1", true))
	told := c.in.ACs[0].Auto
	doubted := time.Duration(0)
	for range 60 { // the setpoints stay: a person holds them
		for i := range c.in.ACs {
			c.in.ACs[i].Auto, c.in.ACs[i].Overridden = told, true
		}
		c.run(time.Minute)
		if c.brain.Advise(c.in.Policy, c.in.ACs, c.now).Sure < 0.5 {
			break
		}
		doubted += time.Minute
	}
	require.Less(t, doubted, 20*time.Minute)
}

func TestAdviceOfAnOldSightIsNone(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 12*time.Hour)
	require.NotNil(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now))
	require.Nil(t, c.brain.Advise(c.in.Policy, c.in.ACs, c.now.Add(10*time.Minute)))
}

func TestAdviceStaysInsideTheLimits(t *testing.T) {
	c := taught(t, room.Medium(), allMeters(), 12*time.Hour)
	for _, limits := range []control.Limits{{Min: 18, Max: 20}, {Min: 27, Max: 27}, {Min: 22, Max: 24}, {Min: 24, Max: 20}} {
		for i := range c.in.ACs {
			c.in.ACs[i].Limits = limits
		}
		a := c.brain.Advise(c.in.Policy, c.in.ACs, c.now)
		if limits.Min > limits.Max {
			require.Nil(t, a)
			continue
		}
		for _, sp := range a.Setpoints {
			require.True(t, sp == 0 || limits.Holds(sp), "%d in %s", sp, limits) // zero: no opinion
		}
	}
}

// The law of efficiency is told apart within a day where machines switch, with meters of the coolers alone.
func TestTellsTheLawOfEfficiency(t *testing.T) {
	for _, m := range []meters{allMeters(), {machines: true}} {
		steep, d := taught(t, fixedSpeed(true), m, 30*time.Hour).brain.power.slope()
		require.Less(t, d, 0.013)
		flat, _ := taught(t, fixedSpeed(false), m, 30*time.Hour).brain.power.slope()
		t.Logf("optimistic %.4f, pessimistic %.4f for each K, deviation %.4f", steep, flat, d)
		require.Less(t, steep, flat-0.012)
		require.Less(t, steep, -0.028)
		require.Greater(t, flat, -0.024)
	}
}

func TestTheOutlookIsTheReferencesRoomUntilTheRoomWasSeen(t *testing.T) {
	var m Model
	p := spec.DefaultPolicy()
	o := m.Outlook(p, 26)
	require.NotNil(t, o)
	require.False(t, o.Sure)
	require.InDelta(t, 9.3, o.ToCritical.Minutes(), 0.5)
	require.Greater(t, m.Outlook(p, 20).ToCritical, 30*time.Minute)
	require.Zero(t, m.Outlook(p, 33).ToCritical)
	require.InDelta(t, 3.3, o.PerKelvin.Minutes(), 0.5)
	require.Nil(t, m.Outlook(p, math.NaN()))
}

// A machine that switches rests some minutes in each cycle; what it shows is an envelope of what a loss would do.
func TestTheOutlookIsLearnedFromRests(t *testing.T) {
	c := taught(t, fixedSpeed(false), allMeters(), 24*time.Hour)
	o := c.brain.Outlook(c.in.Policy, c.in.State.Mean)
	require.True(t, o.Sure)
	lost := c.clone()
	require.NoError(t, lost.model.Fail("ac1", true))
	before, rise := lost.model.State().AirC, 0.0
	for range 5 * 6 {
		lost.advance()
	}
	rise = (lost.model.State().AirC - before) / 5
	t.Logf("said %.2f K/min, was %.2f; %s to critical", c.brain.heat.rate*firstPart, rise, o.ToCritical.Round(time.Second))
	require.Greater(t, c.brain.heat.rate*firstPart, 0.85*rise, "it must not promise more time than there is")
	require.Less(t, c.brain.heat.rate*firstPart, 3*rise)
}

func BenchmarkObserve(b *testing.B) {
	w := newControlled(newWorld(room.Medium(), 3))
	w.run(6 * time.Hour)
	o := w.observe(control.Decision{Inlet: 25.3, Fresh: 3}, w.in.ACs)
	b.ReportAllocs()
	for b.Loop() {
		o.At = o.At.Add(10 * time.Second)
		w.brain.Observe(w.in.Policy, o)
	}
}

func BenchmarkAdvise(b *testing.B) {
	w := newControlled(newWorld(room.Medium(), 3))
	w.run(6 * time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		w.brain.plan.cache.of.blocks = -1 // work it out anew
		w.brain.Advise(w.in.Policy, w.in.ACs, w.now)
	}
}
