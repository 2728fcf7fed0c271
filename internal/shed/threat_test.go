package shed

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func noon() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) }

// play judges a room each 10 s and returns the threats.
func play(minutes int, inlet func(minute float64) float64, asked func(minute float64) []Machine) []Threat {
	var w Watch
	var all []Threat
	for i := range minutes * 6 {
		at := float64(i) / 6
		all = append(all, w.Judge(Sight{
			Now: noon().Add(time.Duration(i) * 10 * time.Second), Inlet: inlet(at), Fresh: 4, Inlets: 4, Critical: 32, Machines: asked(at),
		}))
	}
	return all
}

func always(machines ...Machine) func(float64) []Machine {
	return func(float64) []Machine { return machines }
}

// first is the minute of the first threat that presses; -1 when none does.
func first(threats []Threat, within time.Duration) float64 {
	for _, t := range threats {
		if t.Lost && !t.Blind && t.ToGo.D() <= within {
			return t.At.Sub(noon()).Minutes()
		}
	}
	return -1
}

// The medium room of the reference (3.4) loses all cooling at minute 10: 0.94 K/min at first, 0.30, then 0.10. The rules
// send every machine to its coldest when the inlet has risen; the judgement follows within some minutes, before 32 °C.
func TestLostCoolingIsSeenInTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1)) // repeatable noise
	inlet := func(m float64) float64 {
		v := 26.0
		if m -= 10; m > 0 {
			v += 0.94*min(m, 5) + 0.30*max(0, min(m, 15)-5) + 0.10*max(0, m-15)
		}
		return v + 0.05*random.NormFloat64()
	}
	asked := func(m float64) []Machine { return []Machine{{Coldest: m > 12}, {Coldest: m > 12}} }
	threats := play(40, inlet, asked)
	at := first(threats, 10*time.Minute)
	require.Greater(t, at, 12.0, "not before everything was asked for")
	require.Less(t, at, 15.0, "at minute 15 the room has 30.7 °C")
	for _, threat := range threats[:12*6] {
		require.False(t, threat.Lost, threat.Reason)
	}
}

func TestNoThreatWhereCoolingIsNotLost(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	noise := func() float64 { return 0.1 * random.NormFloat64() }
	for name, c := range map[string]struct {
		inlet func(float64) float64
		asked func(float64) []Machine
	}{
		"an ordinary day, with noise":       {func(float64) float64 { return 26 + noise() }, always(Machine{}, Machine{})},
		"coldest, and it holds":             {func(float64) float64 { return 29 + noise()/3 }, always(Machine{Coldest: true})},
		"coldest, and it falls":             {func(m float64) float64 { return 31 - m/10 + noise()/3 }, always(Machine{Coldest: true})},
		"it rises, but more could be asked": {func(m float64) float64 { return 26 + m/10 }, always(Machine{Coldest: true}, Machine{})},
		"no machines are known":             {func(m float64) float64 { return 26 + m/10 }, always()},
	} {
		t.Run(name, func(t *testing.T) {
			require.InDelta(t, -1, first(play(50, c.inlet, c.asked), 10*time.Minute), 0)
		})
	}
}

// What one broken sensor says switches nothing off, however hot.
func TestTooFewSensorsAreBlind(t *testing.T) {
	for _, c := range []struct {
		fresh, inlets int
		blind         bool
	}{{1, 1, true}, {1, 4, true}, {2, 5, true}, {2, 4, false}, {2, 2, false}, {4, 4, false}} {
		var w Watch
		var last Threat
		for i := range 60 {
			last = w.Judge(Sight{
				Now: noon().Add(time.Duration(i) * 10 * time.Second), Inlet: 26 + float64(i)/10, Fresh: c.fresh, Inlets: c.inlets, Critical: 32,
				Machines: []Machine{{Lost: true}},
			})
		}
		require.True(t, last.Lost)
		require.Equal(t, c.blind, last.Blind, "%d of %d", c.fresh, c.inlets)
	}
	var w Watch
	none := w.Judge(Sight{Now: noon(), Inlets: 4, Critical: 32, Machines: []Machine{{Lost: true}}})
	require.False(t, none.Lost)
	require.Contains(t, none.Reason, "nobody sees")
}

// The threat is over when the room stops warming, and begins anew when it warms again.
func TestAThreatEnds(t *testing.T) {
	inlet := func(m float64) float64 {
		switch {
		case m < 10:
			return 26 + m*0.4
		case m < 25:
			return 30 - (m-10)*0.2
		}
		return 27 + (m-25)*0.4
	}
	threats := play(40, inlet, always(Machine{Lost: true}))
	lost := func(minute int) bool { return threats[minute*6].Lost }
	require.True(t, lost(8))
	require.False(t, lost(20))
	require.True(t, lost(32))
}

func TestReasons(t *testing.T) {
	threats := play(8, func(m float64) float64 { return 27 + m*0.3 }, always(Machine{Coldest: true}, Machine{Lost: true}))
	require.Equal(t, "inlet 27.0 °C, its pace is not known yet: cooling is not lost", threats[0].Reason)
	require.Equal(t, "inlet 29.1 °C, +0.30 K/min, although every machine is at its coldest (1 of 2 do not answer): 32.0 °C in 10 min", threats[42].Reason)
}

// By their meters no compressor runs: the rules have not asked for the coldest yet, and the room is lost all the same.
func TestNoCompressorRuns(t *testing.T) {
	judge := func(idle bool) []Threat {
		var w Watch
		var all []Threat
		for i := range 8 * 6 {
			all = append(all, w.Judge(Sight{
				Now: noon().Add(time.Duration(i) * 10 * time.Second), Inlet: 26 + 0.8*float64(i)/6, Fresh: 4, Inlets: 4, Critical: 32,
				Machines: []Machine{{}, {}}, Idle: idle && i >= 9,
			}))
		}
		return all
	}
	require.InDelta(t, 3.5, first(judge(true), 10*time.Minute), 0.4, "seen idle at 90 s, and two minutes later")
	require.InDelta(t, -1, first(judge(false), 10*time.Minute), 0)
	require.Equal(t, "inlet 29.2 °C, +0.80 K/min, and no compressor runs: 32.0 °C in 4 min", judge(true)[24].Reason)
}

// Above critical nothing more is given up once the room clearly falls.
func TestAHotRoomThatFallsIsNotLost(t *testing.T) {
	threats := play(20, func(m float64) float64 { return 38 - 0.4*max(0, m-6) }, always(Machine{Coldest: true}))
	require.True(t, threats[6*6].Lost, "it stands above critical")
	require.False(t, threats[12*6].Lost, "35.6 °C and falling")
}
