package control

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestDewPoint(t *testing.T) {
	for _, c := range []struct{ celsius, humidity, dew float64 }{
		{24, 50, 12.9}, {24, 100, 24}, {20, 60, 12}, {27, 8, -10.1}, {30, 70, 23.9},
	} {
		require.InDelta(t, c.dew, DewPoint(c.celsius, c.humidity), 0.1, "%v °C, %v %%", c.celsius, c.humidity)
	}
}

func TestAdviceThatIsNotFollowedIsToldWithTheReason(t *testing.T) {
	good := func() *Advice {
		return &Advice{At: noon, Setpoints: []int{24, 24}, Sure: 0.8, Reason: "24 °C: 1,240 W against 1,310 W"}
	}
	for _, c := range []struct {
		says   string
		change func(*Input)
	}{
		{"", func(*Input) {}},
		{"there is none", func(in *Input) { in.Advice = nil }},
		{"it only advises", func(in *Input) { in.Policy.Optimiser = spec.OptimiserAdvise }},
		{"it is sure by NaN, which is no number from 0 to 1", func(in *Input) { in.Advice.Sure = math.NaN() }},
		{"it is sure by +Inf, which is no number from 0 to 1", func(in *Input) { in.Advice.Sure = math.Inf(1) }},
		{"it is sure by 0.20, at least 0.5", func(in *Input) { in.Advice.Sure = 0.2 }},
		{"it is not of the last 15m0s", func(in *Input) { in.Advice.At = noon.Add(-16 * time.Minute) }},
		{"it is not of the last 15m0s", func(in *Input) { in.Advice.At = noon.Add(time.Hour) }},
		{"it is not of the last 15m0s", func(in *Input) { in.Advice.At = time.Time{} }},
		{"it names 1 setpoints for 2 machines", func(in *Input) { in.Advice.Setpoints = []int{24} }},
		{"40 °C for ac2 is outside 18 to 27 °C", func(in *Input) { in.Advice.Setpoints[1] = 40 }},
		{"it leaves the setpoints to the rules", func(in *Input) { in.Advice.Setpoints = []int{0, 0} }},
		{"ac2 cannot be counted on", func(in *Input) { in.ACs[1].Lost = true }},
	} {
		in := Input{Now: noon, Policy: spec.DefaultPolicy(), Advice: good(), ACs: []AC{
			{Name: "ac1", Limits: Limits{18, 27}, Auto: 24}, {Name: "ac2", Limits: Limits{18, 27}, Auto: 24},
		}}
		c.change(&in)
		require.Equal(t, c.says, in.advice())
	}
	in := Input{
		Now: noon, Started: noon, Policy: spec.DefaultPolicy(), Advice: good(), Sensors: []int{1}, Readings: []Reading{{Sensor: 1, At: noon, Celsius: 25.5}},
		ACs: []AC{{Name: "ac1", Limits: Limits{18, 27}, Auto: 24}, {Name: "ac2", Limits: Limits{18, 27}, Auto: 24}},
	}
	require.Equal(t, "inlet 25.5 °C, the optimiser says 24 °C: 1,240 W against 1,310 W", Decide(in).Reason)
	in.Policy.Optimiser = spec.OptimiserAdvise
	require.Equal(t, "inlet 25.5 °C is inside the band 25.0 to 26.5; the optimiser says 24 °C: 1,240 W against 1,310 W, but it only advises", Decide(in).Reason)
	in.Policy.Optimiser = spec.OptimiserOff
	require.Equal(t, "inlet 25.5 °C is inside the band 25.0 to 26.5", Decide(in).Reason)
}

// Fast steps are commands of the hour too, and what was told before a restart counts. Only an emergency has more.
func TestTheCommandsOfAnHour(t *testing.T) {
	p := spec.DefaultPolicy()
	ac := AC{Name: "ac1", Limits: Limits{18, 27}, Auto: 27}
	ac.Raised, ac.Lowered = noon.Add(-50*time.Minute), noon.Add(-20*time.Minute)
	in := Input{Now: noon, Started: noon, Policy: p, Sensors: []int{1}, ACs: []AC{ac}}
	var steps []Action
	for range 12 {
		in.Now = in.Now.Add(2 * time.Minute)
		celsius := 28.0
		if in.Now.Sub(noon) > 18*time.Minute {
			celsius = p.Critical
		}
		in.Readings = []Reading{{Sensor: 1, At: in.Now, Celsius: celsius}}
		d := Decide(in)
		in.State = d.Next
		if r := d.ACs[0]; r.Setpoint != in.ACs[0].Auto {
			in.ACs[0].Auto, in.ACs[0].Lowered = r.Setpoint, in.Now
			steps = append(steps, d.Action)
		}
	}
	require.Equal(t, []Action{FastLower, FastLower, FastLower, Emergency}, steps, "the raise fell out of the hour at 12:10")
	require.Equal(t, 18, in.ACs[0].Auto)
}

// Who leads follows from time and names alone, whatever the order of the machines is.
func TestTheTurnOfThePlaces(t *testing.T) {
	in := Input{Policy: spec.DefaultPolicy(), ACs: []AC{{Name: "b"}, {Name: "c"}, {Name: "a"}}}
	in.Policy.Lead, in.Policy.SwapEvery = 2, spec.Duration(time.Hour)
	var turns []string
	for hour := range 4 {
		in.Now = time.Unix(int64(3600*(300+hour)), 0)
		names := ""
		for i, carries := range leads(in) {
			if carries {
				names += in.ACs[i].Name
			}
		}
		turns = append(turns, names)
	}
	require.Equal(t, []string{"ba", "bc", "ca", "ba"}, turns, "one at a time")
	in.ACs[2].Lost = true
	require.Equal(t, []bool{true, true, false}, leads(in), "a lost one is passed over")
	in.Policy.Lead = 0
	require.Equal(t, []bool{true, true, true}, leads(in))
}

func TestCheckAtTheHourOfASchedule(t *testing.T) {
	p, limits := spec.DefaultPolicy(), Limits{18, 27}
	p.Schedule = []spec.ScheduleEntry{{From: "11:00", To: "13:00", SetpointMin: new(20), SetpointMax: new(23)}}
	for _, c := range []struct {
		name string
		auto int
		want Wanted
		says string
	}{
		{"inside", 22, Wanted{Setpoint: 23}, ""},
		{"out of it", 23, Wanted{Setpoint: 24}, "invalid: setpoint 24 °C is outside 20 to 23 °C, which hold at this hour"},
		{"on the way in", 26, Wanted{Setpoint: 25}, ""},
		{"farther out", 25, Wanted{Setpoint: 26}, "invalid: setpoint 26 °C is outside 20 to 23 °C, which hold at this hour"},
		{"too cold", 20, Wanted{Setpoint: 19, Inlet: 25}, "invalid: setpoint 19 °C is outside 20 to 23 °C, which hold at this hour"},
		{"but not when it is hot", 20, Wanted{Setpoint: 18, Inlet: 28}, ""},
		{"nor urgently", 20, Wanted{Setpoint: 18, Urgent: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(p, limits, Standing{Auto: c.auto}, c.want, noon)
			if c.says == "" {
				require.NoError(t, err)
				require.NoError(t, Check(p, limits, Standing{Auto: c.auto}, c.want, noon.Add(3*time.Hour)))
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.EqualError(t, err, c.says)
		})
	}
}

func TestCheckLetsAMachineJoinAtOnce(t *testing.T) {
	p, join := spec.DefaultPolicy(), Wanted{Setpoint: 24, Inlet: 26.8}
	at := Standing{Auto: 26, Lowered: noon.Add(-2 * time.Minute)}
	require.Error(t, Check(p, Limits{18, 27}, at, join, noon), "where all lead, that is two steps too soon")
	p.Lead = 1
	require.NoError(t, Check(p, Limits{18, 27}, at, join, noon))
	join.Setpoint = 23
	require.EqualError(t, Check(p, Limits{18, 27}, at, join, noon), "invalid: lowering by 3 °C at once at 26.8 °C is more than 2")
}
