package control

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// TestRandomRooms plays random temperatures, silences, lies, overrides, losses, meters, schedules and advice, sense and
// nonsense, against what must always hold.
func TestRandomRooms(t *testing.T) {
	for seed := range uint64(24) {
		newRandomWorld(seed).play(t, 1500)
	}
}

// world is one random room.
type world struct {
	seed     uint64
	random   *rand.Rand
	in       Input
	celsius  float64
	spell    int
	last     map[int]Reading
	silent   map[int]bool
	lying    map[int]bool
	slow     map[string][]time.Time // those and the fast ones
	humidity float64
}

func newRandomWorld(seed uint64) *world {
	random := rand.New(rand.NewPCG(seed, 7))
	w := &world{
		seed: seed, random: random, celsius: 26, last: map[int]Reading{}, silent: map[int]bool{}, lying: map[int]bool{},
		slow: map[string][]time.Time{},
		in: Input{
			Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Room: "r", Policy: randomPolicy(random), Sensors: []int{1, 2, 3},
			ACs: []AC{{Name: "a", Limits: Limits{18, 27}, Auto: 24}, {Name: "b", Limits: Limits{20, 25}, Auto: 24}, {Name: "c", Limits: Limits{18, 27}, Auto: 22}},
		},
	}
	w.in.Started = w.in.Now
	return w
}

func randomPolicy(random *rand.Rand) spec.Policy {
	p := spec.DefaultPolicy()
	p.Lead, p.LagOffset = random.IntN(4), random.IntN(5)
	p.SwapEvery = spec.Duration(time.Duration(1+random.IntN(4)) * time.Hour)
	p.ReleaseAfter = spec.Duration(time.Duration(random.IntN(60)) * time.Minute)
	p.CommandsHour = 1 + random.IntN(6)
	p.TimeToCritical = spec.Duration(time.Duration(random.IntN(20)) * time.Minute)
	p.MinRun, p.MinOff = spec.Duration(time.Duration(random.IntN(20))*time.Minute), spec.Duration(time.Duration(random.IntN(20))*time.Minute)
	if random.IntN(2) == 0 {
		low, high := 20+random.IntN(3), 23+random.IntN(3)
		band := 24 + random.Float64()
		p.Schedule = []spec.ScheduleEntry{
			{From: "01:00", To: "02:30", SetpointMin: &low, SetpointMax: &high}, {From: "03:00", To: "04:00", BandLow: new(band), BandHigh: new(band + 1)},
		}
	}
	return p
}

func (w *world) play(t *testing.T, ticks int) {
	t.Helper()
	for tick := range ticks {
		w.in.Now = w.in.Now.Add(10 * time.Second)
		w.celsius = math.Max(12, math.Min(36, w.celsius+w.random.NormFloat64()*0.1))
		if w.spell--; w.spell < 0 {
			w.turn()
		}
		w.read()
		if tick%20 == 0 {
			w.pure(t)
		}
		d := Decide(w.in)
		w.check(t, d)
		w.obey(d)
	}
}

// pure checks that deciding changes nothing of what it was given, and that the same input gives the same decision.
func (w *world) pure(t *testing.T) {
	t.Helper()
	before, err := json.Marshal(w.in)
	require.NoError(t, err)
	d := Decide(w.in)
	after, err := json.Marshal(w.in)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "seed %d", w.seed)
	require.Equal(t, d, Decide(w.in), "seed %d", w.seed)
}

// turn begins a new spell of weather, now and then with a jump.
func (w *world) turn() {
	r := w.random
	w.spell = r.IntN(180)
	w.celsius = 20 + 8*r.Float64()
	if r.IntN(4) == 0 {
		w.celsius = 14 + 20*r.Float64()
	}
	w.humidity = 100 * r.Float64()
	for id := 1; id <= 3; id++ {
		w.silent[id], w.lying[id] = r.IntN(4) == 0, r.IntN(6) == 0
	}
	for i := range w.in.ACs {
		ac := &w.in.ACs[i]
		ac.Overridden, ac.Lost = r.IntN(6) == 0, r.IntN(8) == 0
		ac.MeteredAt = time.Time{}
		if r.IntN(2) == 0 {
			ac.MeteredAt, ac.Watts = w.in.Now, []float64{0, 40, 900, math.NaN(), -5}[r.IntN(5)]
		}
	}
	if math.IsNaN(w.in.ACs[0].Watts + w.in.ACs[1].Watts + w.in.ACs[2].Watts) { // JSON has no word for it
		w.in.ACs[0].Watts, w.in.ACs[1].Watts, w.in.ACs[2].Watts = math.MaxFloat64, 1, 0
	}
	w.in.Outlook = nil
	if r.IntN(2) == 0 {
		w.in.Outlook = &Outlook{ToCritical: time.Duration(r.Int64N(int64(30 * time.Minute))), PerKelvin: time.Duration(r.Int64N(int64(3*time.Minute))) - time.Minute, Sure: r.IntN(3) > 0}
	}
	w.advise()
}

// advise makes up an optimiser's word: half of the time sense.
func (w *world) advise() {
	r := w.random
	w.in.Advice = nil
	if r.IntN(4) == 0 {
		return
	}
	a := &Advice{At: w.in.Now.Add(time.Duration(r.IntN(60)-40) * time.Minute), Sure: 1.2*r.Float64() - 0.1, Reason: "so"}
	if r.IntN(2) == 0 {
		a.At, a.Sure = w.in.Now, 0.9
	}
	for range 2 + r.IntN(3) {
		a.Setpoints = append(a.Setpoints, []int{0, 18, 20, 22, 23, 24, 25, 27, 27, 99, -3, math.MaxInt}[r.IntN(12)])
	}
	if r.IntN(2) == 0 {
		a.Setpoints = []int{18 + r.IntN(10), 20 + r.IntN(6), 18 + r.IntN(10)}
	}
	w.in.Advice = a
}

func (w *world) read() {
	w.in.Readings = nil
	for id := 1; id <= 3; id++ {
		if !w.silent[id] {
			w.last[id] = Reading{
				Sensor: id, At: w.in.Now, Celsius: w.celsius + w.random.NormFloat64()*0.1, Bad: w.lying[id],
				Humidity: w.humidity, HasHumidity: id != 2,
			}
		}
		if r, heard := w.last[id]; heard {
			w.in.Readings = append(w.in.Readings, r)
		}
	}
}

func (w *world) obey(d Decision) {
	for i, r := range d.ACs {
		ac := &w.in.ACs[i]
		switch {
		case r.Setpoint > ac.Auto:
			ac.Raised = w.in.Now
		case r.Setpoint < ac.Auto:
			ac.Lowered = w.in.Now
		}
		if r.Setpoint != ac.Auto && !d.Action.Urgent() {
			w.slow[ac.Name] = append(w.slow[ac.Name], w.in.Now)
		}
		ac.Auto = r.Setpoint
	}
	w.in.State = d.Next
}

// hour counts the commands of the last hour to a machine that were not urgent.
func (w *world) hour(name string) (n int) {
	for _, at := range w.slow[name] {
		if w.in.Now.Sub(at) < time.Hour {
			n++
		}
	}
	return n
}

func (w *world) check(t *testing.T, d Decision) {
	t.Helper()
	in := w.in
	p := in.Policy.At(in.Now)
	for i, r := range d.ACs {
		ac := in.ACs[i]
		step := r.Setpoint - ac.Auto
		require.True(t, ac.Limits.Holds(r.Setpoint), "seed %d: %+v is outside %s", w.seed, r, ac.Limits)
		require.NotEmpty(t, r.Reason)
		w.checkUp(t, p, d, ac, r, step)
		w.checkDown(t, p, d, ac, r, step)
		if ac.Overridden && !d.Action.Urgent() {
			require.Zero(t, step, "seed %d moved what a person holds: %+v", w.seed, r)
		}
		// What Decide recommends, Check lets pass: the workflow must not refuse the rules.
		require.NoError(t, Check(in.Policy, ac.Limits, Standing{Auto: ac.Auto, Raised: ac.Raised, Lowered: ac.Lowered},
			Wanted{Setpoint: r.Setpoint, Inlet: d.Inlet, Urgent: d.Action.Urgent()}, in.Now), "seed %d: %+v", w.seed, r)
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

func (w *world) checkUp(t *testing.T, p spec.Policy, d Decision, ac AC, r Recommendation, step int) {
	t.Helper()
	if step <= 0 {
		return
	}
	require.False(t, d.Action.Urgent(), "seed %d: urgent only goes colder: %+v", w.seed, r)
	require.Positive(t, d.Fresh, "seed %d raised blindly: %+v", w.seed, r)
	require.LessOrEqual(t, d.Inlet, p.BandHigh, "seed %d raised when hot: %+v", w.seed, r)
	require.LessOrEqual(t, step, p.UpStep)
	require.GreaterOrEqual(t, w.in.Now.Sub(latest(ac.Raised, ac.Lowered)), p.UpEvery.D(), "seed %d: %+v", w.seed, r)
	require.LessOrEqual(t, r.Setpoint, p.SetpointMax, "seed %d left the hour's limits: %+v", w.seed, r)
	require.LessOrEqual(t, w.hour(ac.Name)+1, max(1, p.CommandsHour-keptDown), "seed %d: %+v", w.seed, r)
	for _, one := range w.in.ACs {
		require.False(t, one.Lost, "seed %d raised although %s is lost", w.seed, one.Name)
	}
	if o := w.in.Outlook; o != nil && o.Sure && o.PerKelvin >= 0 && p.TimeToCritical > 0 {
		by := d.Next.Mean - d.Inlet + float64(p.UpStep)
		require.GreaterOrEqual(t, o.ToCritical-time.Duration(by*float64(o.PerKelvin)), p.TimeToCritical.D(), "seed %d: %+v", w.seed, r)
	}
}

func (w *world) checkDown(t *testing.T, p spec.Policy, d Decision, ac AC, r Recommendation, step int) {
	t.Helper()
	if step >= 0 || d.Action.Urgent() {
		return
	}
	most := p.DownStep
	if p.Lead > 0 {
		most = max(most, p.LagOffset)
	}
	if d.Action == FastLower {
		require.Greater(t, d.Inlet, p.FastDownAbove)
		most = max(most, p.FastDownStep)
	}
	for _, one := range w.in.ACs { // the hour's commands run short
		if d.Inlet > p.BandHigh && w.hour(one.Name) >= max(1, p.CommandsHour-keptDown) {
			most = max(most, p.FastDownStep)
		}
	}
	require.LessOrEqual(t, -step, most, "seed %d: %+v", w.seed, r)
	require.GreaterOrEqual(t, w.in.Now.Sub(ac.Lowered), p.FastDownEvery.D(), "seed %d: %+v", w.seed, r)
	require.LessOrEqual(t, w.hour(ac.Name)+1, p.CommandsHour, "seed %d, fast or not: %+v", w.seed, r)
	if d.Action == Lower {
		require.GreaterOrEqual(t, r.Setpoint, min(ac.Auto, ac.Limits.narrowed(p).Min), "seed %d left the hour's limits: %+v", w.seed, r)
	}
}
