package aircon

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
)

func state(setpoint int) infrared.State {
	return normal(infrared.State{Power: setpoint > 0, Setpoint: setpoint})
}

// series is an observation each 10 s from before it was told until it is judged; each gives supply, return and watts at
// that many seconds after it was told. NaN is none.
func series(told time.Time, from, to time.Duration, at func(s float64) (supply, returned, watts float64)) []Observation {
	var seen []Observation
	for d := from; d <= to; d += 10 * time.Second {
		s, r, w := at(d.Seconds())
		seen = append(seen, Observation{At: told.Add(d), Supply: Known(s), Return: Known(r), Watts: Known(w)})
	}
	return seen
}

func TestJudge(t *testing.T) {
	none := math.NaN()
	told := time.UnixMilli(1_790_000_000_000)
	steady := func(supply, returned, watts float64) func(float64) (float64, float64, float64) {
		return func(float64) (float64, float64, float64) { return supply, returned, watts }
	}
	then := func(before, after func(float64) (float64, float64, float64)) func(float64) (float64, float64, float64) {
		return func(s float64) (float64, float64, float64) {
			if s <= 0 {
				return before(s)
			}
			return after(s)
		}
	}
	off, idle := new(state(0)), steady(24.0, 24.1, 3)
	for name, c := range map[string]struct {
		state  infrared.State
		before *infrared.State
		after  time.Duration
		seen   func(float64) (float64, float64, float64)
		want   Finding
	}{
		"cold air after it was switched on": {
			state(20), off, 130 * time.Second, then(idle, steady(12.1, 21.9, none)), Finding{Confirmed, "supply 12.1 °C is 9.8 K under return after 2m10s"},
		},
		"power after it was switched on": {
			state(20), off, 20 * time.Second, then(steady(none, 24, 3), steady(none, 24, 820)), Finding{Confirmed, "power 820 W above 150 W after 20s"},
		},
		"told off and still drawing power": {
			state(0), new(state(22)), 5 * time.Minute, steady(none, 25, 640), Finding{Contradicted, "told off, still 640 W after 5m0s"},
		},
		"told off and still drawing power, but not for long": {
			state(0), new(state(22)), 4 * time.Minute, steady(none, 25, 640), Finding{Waiting, "it still cools: power 640 W above 150 W"},
		},
		"told on and only blowing": {
			state(22), off, 5 * time.Minute, steady(26.1, 26.3, none),
			Finding{Contradicted, "told 22 °C at 26.3 °C of return air, but supply 26.1 °C is 0.2 K under return after 5m0s"},
		},
		"told on and its compressor rests": {
			state(22), off, 3 * time.Minute, steady(26.1, 26.3, none), Finding{Waiting, "it does not cool yet: supply 26.1 °C is 0.2 K under return"},
		},
		"a room at its setpoint": {
			state(25), off, 20 * time.Minute, steady(24.8, 24.9, none), Finding{Open, "it need not cool: 24.9 °C of return air, told 25 °C"},
		},
		"a warmer setpoint and it cools on": {
			state(27), new(state(22)), 6 * time.Minute, steady(12.5, 22.4, none),
			Finding{Contradicted, "told 27 °C, it still cools at 22.4 °C of return air: supply 12.5 °C is 9.9 K under return after 6m0s"},
		},
		"one degree, and the room has not moved": {
			state(25), new(state(24)), 6 * time.Minute, steady(16.1, 24.4, none),
			Finding{Open, "supply 16.1 °C is 8.3 K under return, as it would for cool 24 °C, fan auto, and the room has not moved"},
		},
		"one degree, and the room follows": {
			state(25), new(state(24)), 4 * time.Minute, then(steady(16.1, 24.4, none), steady(17.3, 25.3, none)),
			Finding{Confirmed, "the air that it draws went from 24.4 to 25.3 °C in 4m0s"},
		},
		"too little cold for so much need": {
			state(20), off, 6 * time.Minute, steady(21.7, 25, none),
			Finding{Missing, "told cool 20 °C, fan auto at 25.0 °C of return air, and supply 21.7 °C is 3.3 K under return"},
		},
		"power and air that disagree": {
			state(20), off, 2 * time.Minute, steady(24.9, 25, 900),
			Finding{Waiting, "power 900 W above 150 W, supply 24.9 °C is 0.1 K under return"},
		},
		"it was off before": {
			state(0), off, time.Minute, steady(24.9, 25, 3), Finding{Confirmed, "power 3 W is not above 150 W, supply 24.9 °C is 0.1 K under return after 1m0s"},
		},
		"off where it rested anyway": {
			state(0), new(state(25)), 10 * time.Minute, steady(24.4, 24.5, 60),
			Finding{Open, "power 60 W is not above 150 W, supply 24.4 °C is 0.1 K under return, as it would if it were on: that tells nothing"},
		},
		"nothing is measured": {
			state(22), off, 10 * time.Minute, steady(none, none, none), Finding{Open, "no sensor in its air, no power meter and no reading of its room"},
		},
		"what it did before is not known": {
			state(20), nil, 10 * time.Minute, steady(12.1, 24.9, none), Finding{Open, "supply 12.1 °C is 12.8 K under return: that tells nothing about cool 20 °C, fan auto"},
		},
		"it holds what it was told": {
			state(24), nil, 10 * time.Minute, steady(17.1, 24.6, none), Finding{Confirmed, "it cools and holds 24.6 °C of return air after 10m0s, told 24 °C"},
		},
		"the room alone, rising and then falling": {
			state(22), off, 3 * time.Minute, func(s float64) (float64, float64, float64) { return none, 28 - math.Abs(s)/60*0.5, none },
			Finding{Confirmed, "26.5 °C of return air falls by 0.5 K a minute after 3m0s, having risen by 0.5"},
		},
		"the room alone, rising on": {
			state(22), off, 6 * time.Minute, func(s float64) (float64, float64, float64) { return none, 25 + s/60*0.3, none },
			Finding{Contradicted, "told 22 °C, but 26.8 °C of return air rises by 0.3 K a minute after 6m0s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			claim := Claim{State: c.state, Before: c.before, At: told, Last: told}
			require.Equal(t, c.want, Judge(told.Add(c.after), claim, series(told, -10*time.Minute, c.after, c.seen)))
		})
	}
}

func TestOldObservationsSayNothing(t *testing.T) {
	told := time.UnixMilli(1_790_000_000_000)
	seen := series(told, -time.Minute, time.Minute, func(float64) (float64, float64, float64) { return 12, 25, 900 })
	claim := Claim{State: state(20), Before: new(state(0)), At: told, Last: told}
	require.Equal(t, Waiting, Judge(told.Add(3*time.Minute), claim, seen).Verdict, "they are two minutes old")
	require.Equal(t, Waiting, Judge(told, claim, seen[:6]).Verdict, "they are of before")
	require.Equal(t, Waiting, Judge(told, claim, nil).Verdict)
}

// Inlets come and go: a mean of other sensors is no movement of the room.
func TestAnInletThatDiesMovesNothing(t *testing.T) {
	told := time.UnixMilli(1_790_000_000_000)
	var seen []Observation
	for d := -10 * time.Minute; d <= 5*time.Minute; d += 10 * time.Second {
		o := Observation{At: told.Add(d), Inlet: Known(24), Inlets: 2}
		if d > 0 {
			o.Inlet, o.Inlets = Known(25.5), 1
		}
		seen = append(seen, o)
	}
	claim := Claim{State: state(26), Before: new(state(24)), At: told, Last: told}
	require.Equal(t, Open, Judge(told.Add(5*time.Minute), claim, seen).Verdict)
}

// Whatever is measured, a judgement is a sentence and no panic, and silence contradicts nobody.
func TestJudgeTakesAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	told := time.UnixMilli(1_790_000_000_000)
	value := func() Value {
		switch random.IntN(6) {
		case 0:
			return Value{}
		case 1:
			return Known([]float64{math.NaN(), math.Inf(1), -273, 1e9}[random.IntN(4)])
		}
		return Known(10 + 25*random.Float64())
	}
	for range 3000 {
		var seen []Observation
		at := told.Add(-time.Duration(random.IntN(900)) * time.Second)
		for range random.IntN(100) {
			at = at.Add(time.Duration(random.IntN(30)) * time.Second)
			seen = append(seen, Observation{At: at, Supply: value(), Return: value(), Inlet: value(), Inlets: random.IntN(2), Watts: value()})
		}
		claim := Claim{State: state(random.IntN(3) * 11), At: told, Last: told.Add(time.Duration(random.IntN(300)) * time.Second)}
		if random.IntN(3) > 0 {
			claim.Before = new(state(random.IntN(2) * 24))
		}
		f := Judge(at.Add(time.Duration(random.IntN(90))*time.Second), claim, seen)
		require.NotEmpty(t, f.Why)
		require.NotEmpty(t, f.Verdict.String())
		require.NotContains(t, f.Why, "NaN")
		if at.Sub(claim.Last) < answerMost-90*time.Second {
			require.NotEqual(t, Contradicted, f.Verdict)
		}
	}
}
