package control

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// TestRandomRooms plays random temperatures, silences, lies and overrides against what must always hold.
func TestRandomRooms(t *testing.T) {
	for seed := range uint64(20) {
		playRandom(t, seed)
	}
}

func playRandom(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	p := spec.DefaultPolicy()
	in := Input{
		Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Room: "r", Policy: p, Sensors: []int{1, 2, 3},
		ACs: []AC{{Name: "a", Limits: Limits{18, 27}, Auto: 24}, {Name: "b", Limits: Limits{20, 25}, Auto: 24}},
	}
	in.Started = in.Now
	celsius, spell := 26.0, 0
	last := make(map[int]Reading)
	silentSensors, lying := map[int]bool{}, map[int]bool{}
	for range 1500 {
		in.Now = in.Now.Add(10 * time.Second)
		celsius = math.Max(15, math.Min(36, celsius+random.NormFloat64()*0.3))
		if spell--; spell < 0 { // a new spell of weather, now and then with a jump
			spell = random.IntN(120)
			celsius = 18 + 16*random.Float64()
			for id := 1; id <= 3; id++ {
				silentSensors[id], lying[id] = random.IntN(3) == 0, random.IntN(5) == 0
			}
			in.ACs[0].Overridden = random.IntN(4) == 0
		}
		in.Readings = in.Readings[:0]
		for id := 1; id <= 3; id++ {
			if !silentSensors[id] {
				last[id] = Reading{Sensor: id, At: in.Now, Celsius: celsius + random.NormFloat64()*0.1, Bad: lying[id]}
			}
			if r, heard := last[id]; heard {
				in.Readings = append(in.Readings, r)
			}
		}
		d := Decide(in)
		checkDecision(t, seed, in, d)
		for i, r := range d.ACs {
			switch {
			case r.Setpoint > in.ACs[i].Auto:
				in.ACs[i].Raised = in.Now
			case r.Setpoint < in.ACs[i].Auto:
				in.ACs[i].Lowered = in.Now
			}
			in.ACs[i].Auto = r.Setpoint
		}
		in.State = d.Next
	}
}

func checkDecision(t *testing.T, seed uint64, in Input, d Decision) {
	t.Helper()
	p := in.Policy
	for i, r := range d.ACs {
		ac := in.ACs[i]
		step := r.Setpoint - ac.Auto
		require.True(t, ac.Limits.Holds(r.Setpoint), "seed %d: %+v is outside %s", seed, r, ac.Limits)
		require.NotEmpty(t, r.Reason)
		if step > 0 {
			require.Positive(t, d.Fresh, "seed %d raised blindly: %+v", seed, r)
			require.Less(t, d.Inlet, p.BandHigh+0.5, "seed %d raised when hot: %+v", seed, r)
			require.LessOrEqual(t, step, p.UpStep)
			require.GreaterOrEqual(t, in.Now.Sub(latest(ac.Raised, ac.Lowered)), p.UpEvery.D(), "seed %d: %+v", seed, r)
		}
		if d.Action.Urgent() {
			require.LessOrEqual(t, step, 0, "seed %d: urgent only goes colder: %+v", seed, r)
		} else if step < 0 {
			require.LessOrEqual(t, -step, p.FastDownStep)
			require.GreaterOrEqual(t, in.Now.Sub(ac.Lowered), p.FastDownEvery.D(), "seed %d: %+v", seed, r)
		}
		if ac.Overridden && !d.Action.Urgent() {
			require.Zero(t, step, "seed %d moved what a person holds: %+v", seed, r)
		}
		// What Decide recommends, Check lets pass: the workflow must not refuse the rules.
		require.NoError(t, Check(p, ac.Limits, Standing{Auto: ac.Auto, Raised: ac.Raised, Lowered: ac.Lowered},
			Wanted{Setpoint: r.Setpoint, Inlet: d.Inlet, Urgent: d.Action.Urgent()}, in.Now), "seed %d: %+v", seed, r)
	}
	if d.Fresh > 0 && d.Inlet >= p.Critical {
		require.Equal(t, Emergency, d.Action)
		for i, r := range d.ACs {
			require.Equal(t, in.ACs[i].Limits.Min, r.Setpoint)
		}
	}
	for _, a := range append(d.Began, d.Ended...) {
		require.NoError(t, a.Validate())
	}
}
