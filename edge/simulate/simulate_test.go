package simulate

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

func day(scenario string) Options {
	return Options{Hours: 8, Remote: "lg", Seed: 1, Loss: 0.1, Scenario: scenario, Policy: spec.DefaultPolicy(), Fixed: 20}
}

func run(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Run(o)
	require.NoError(t, err)
	require.Len(t, r.Hours, o.Hours)
	return r
}

func told(r Result, part string) bool {
	for _, note := range r.Notes {
		if strings.Contains(note, part) {
			return true
		}
	}
	return false
}

func TestEqualOptionsGiveEqualDaysAndAnotherSeedAnother(t *testing.T) {
	o := day(Day)
	o.Hours = 2
	first := run(t, o)
	require.Equal(t, first, run(t, o))
	o.Seed = 2
	require.NotEqual(t, first.Hours, run(t, o).Hours)
}

func TestAnOrdinaryDayStaysInTheBandForLessThanAFixedSetpoint(t *testing.T) {
	r := run(t, day(Day))
	require.Zero(t, r.WarmS)
	require.Zero(t, r.Unconfirmed)
	require.GreaterOrEqual(t, r.Hours[0].Commands, 2, "the start")
	frames, lost, bad := 0, 0, 0
	for _, h := range r.Hours {
		require.Equal(t, h.Desired, h.Confirmed)
		frames, lost, bad = frames+h.Frames, lost+h.Lost, bad+h.Bad
	}
	require.Positive(t, lost)
	require.Less(t, lost, frames/2)
	require.Positive(t, bad)
	require.True(t, told(r, "step of"), "nonsense is doubted")
	for i := range r.Cooling {
		require.Less(t, r.Cooling[i], r.Fixed[i])
	}
}

func TestWhenAMachineFailsTheOtherIsToldColder(t *testing.T) {
	o := day(ACFails)
	o.Hours = 24 // at night one machine is enough
	r := run(t, o)
	coldest := 99
	for _, h := range r.Hours {
		coldest = min(coldest, h.Desired)
	}
	require.Equal(t, spec.DefaultPolicy().SetpointMin, coldest)
	require.Positive(t, r.WarmS)
	require.True(t, told(r, "alert simulated/"), "it is told")
	require.Zero(t, r.Hours[23].WarmS, "it is well again once the machine is")
}

func TestADyingSensorIsDoubtedAndNotBelieved(t *testing.T) {
	r := run(t, day(SensorDies))
	// Its neighbours move with the load only: whether it is found stuck depends on them; silence is certain.
	require.Greater(t, r.Hours[7].Bad, 300, "silent for an hour: 360 samples")
	require.Zero(t, r.WarmS)
}

func TestWithoutOrdersTheRoomIsToldFailCold(t *testing.T) {
	r := run(t, day(NoOrders))
	require.True(t, told(r, "no orders for 5m0s"))
	require.True(t, told(r, "orders are back"))
	require.Equal(t, spec.DefaultPolicy().FailCold, r.Hours[2].Confirmed)
	require.Zero(t, r.Unconfirmed)
}

func TestEveryRemoteCanPlayADay(t *testing.T) {
	for _, name := range infrared.Names() {
		o := day(Door)
		o.Hours, o.Remote = 1, name
		o.Fixed = 22
		r := run(t, o)
		require.Zero(t, r.Unconfirmed, name)
		require.False(t, told(r, "does not understand"), name)
		require.False(t, told(r, "rejects"), name)
	}
}

func TestNothingIsHeardWhenEveryFrameIsLost(t *testing.T) {
	o := day(Day)
	o.Hours, o.Loss = 1, 1
	r := run(t, o)
	require.Equal(t, 2, r.Unconfirmed)
	require.Equal(t, r.Hours[0].Frames, r.Hours[0].Lost)
	require.True(t, told(r, "alert simulated/infrared/ac1 begins"))
}

func TestNonsenseIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*Options){
		"no hours": func(o *Options) { o.Hours = 0 }, "no remote": func(o *Options) { o.Remote = "sony" },
		"loss": func(o *Options) { o.Loss = 2 }, "scenario": func(o *Options) { o.Scenario = "dor" }, "fixed": func(o *Options) { o.Fixed = 99 },
	} {
		o := day(Day)
		edit(&o)
		_, err := Run(o)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}

func TestARecordingIsJudged(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	var b strings.Builder
	line := func(second int64, sensor, celsius string) {
		b.WriteString(strings.Join([]string{itoa(at + 1000*second), sensor, "40.0", celsius}, ",") + "\n")
	}
	line(0, "1", "24.0")
	line(10, "1", "24.1")
	line(20, "1", "85.0")
	line(30, "1", "24.2")
	b.WriteString("# a comment\nrubbish\n\n")
	var judged []Judged
	require.NoError(t, Replay(strings.NewReader(b.String()), Doubts(), func(j Judged) { judged = append(judged, j) }))
	require.Len(t, judged, 5)
	require.Empty(t, judged[1].Doubt)
	require.Contains(t, judged[2].Doubt, "outside")
	require.Empty(t, judged[3].Doubt)
	require.Equal(t, 6, judged[4].Line)
	require.NotEmpty(t, judged[4].Fault)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
