package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/optimise"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// metered runs the hall at 25 °C with its machine drawing some power.
func (f *fixture) metered(watts float64, span time.Duration) (last *wire.Decision, published int) {
	for end := f.now.Add(span); f.now.Before(end); {
		f.learn(wire.Power{Room: "hall", AC: "ac1", Watts: watts, TimeMillis: f.now.UnixMilli(), Simulated: true})
		if e := f.run(25, 10*time.Second); e.decision != nil {
			last = e.decision
			published++
		}
	}
	return last, published
}

func TestTheAccountCountsWhatIsMetered(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, 7, false)
	require.Nil(t, f.run(25, 5*time.Minute).decision.Energy, "no meter, no account")
	last, published := f.metered(1000, time.Hour)
	require.InDelta(t, 61, published, 3, "each minute")
	e := last.Energy
	require.InDelta(t, 1000, e.UsedWh, 25)
	require.InDelta(t, time.Hour.Milliseconds(), e.MeteredMillis, 90_000)
	require.Equal(t, noon.UnixMilli(), e.SinceMillis, "nothing is known of the morning")
	require.Equal(t, 24, e.FixedSetpoint)
	require.Nil(t, e.FixedWh, "nothing is learned yet")
	require.True(t, e.Simulated)

	used := f.room.energy.UsedWh
	f.run(25, 30*time.Minute) // the meter is silent
	require.InDelta(t, used, f.room.energy.UsedWh, 30, "what nobody measured is not counted")
	last, _ = f.metered(2000, 30*time.Minute)
	require.InDelta(t, used+1000, last.Energy.UsedWh, 50)
}

func TestTheDayBeginsAtMidnightOfTheRoomsClocks(t *testing.T) {
	f := newFixture(t)
	f.room.policy.TimeZone = "Asia/Seoul" // noon in UTC is 21:00 there
	f.says(24, 24, 7, false)
	last, _ := f.metered(1000, 2*time.Hour)
	require.InDelta(t, 2000, last.Energy.UsedWh, 30)
	last, _ = f.metered(1000, 90*time.Minute)
	require.InDelta(t, 500, last.Energy.UsedWh, 30)
	require.Equal(t, time.Date(2026, 11, 3, 15, 0, 0, 0, time.UTC).UnixMilli(), last.Energy.SinceMillis)
}

func TestTheAccountOutlivesAProcess(t *testing.T) {
	w := newWorld(t)
	w.f.metered(1000, time.Hour)
	w.publish(w.f.room.decide(w.f.now))
	used := w.f.room.energy.UsedWh
	require.Greater(t, used, 900.0)
	w.restart(true)
	require.InDelta(t, used, w.f.room.energy.UsedWh, 5)
	last, _ := w.f.metered(1000, 30*time.Minute)
	require.InDelta(t, used+500, last.Energy.UsedWh, 20)

	w.publish(w.f.room.release(w.f.now))
	w.f.now = w.f.now.Add(24 * time.Hour)
	w.f.room.account(w.f.now)
	require.Nil(t, w.f.room.energy, "yesterday's is not gone on with")
}

func TestWhatAFixedSetpointWouldHaveDrawnIsCounted(t *testing.T) {
	effect := learnedEffect(t)
	e := &wire.Energy{FixedSetpoint: 24}
	e = counted(*e, time.Hour, 1000, 26, optimise.Effect{}, 5000, 25)
	require.Nil(t, e.FixedWh)
	e = counted(*e, time.Hour, 1000, 26, effect, 5000, 25)
	require.InDelta(t, 2000, e.UsedWh, 1e-9)
	more, deviation := effect.At(1000, 5000, 25, -2)
	require.Greater(t, more, 1000.0, "colder costs more")
	require.InDelta(t, 1000+more, *e.FixedWh, 1e-9, "the hour in which nothing was known saved nothing")
	require.InDelta(t, deviation, e.DeviationWh, 1e-9)
	require.Equal(t, [2]int64{7_200_000, 3_600_000}, [2]int64{e.MeteredMillis, e.ComparedMillis})
	before := *e.FixedWh
	e = counted(*e, time.Hour, 1000, 22, effect, 5000, 25)
	require.Less(t, *e.FixedWh-before, 1000.0, "an hour colder than the fixed setpoint is a loss, and shows as one")
}

// learnedEffect is what a model knows that has seen power follow the inlet for some days.
func learnedEffect(t *testing.T) optimise.Effect {
	t.Helper()
	model, policy := &optimise.Model{}, spec.DefaultPolicy()
	for i := range 3 * 24 * 360 {
		setpoint := 22 + i/2160%4
		model.Observe(policy, optimise.Observation{
			At: noon.Add(time.Duration(i) * 10 * time.Second), Inlet: float64(setpoint) + 2, Fresh: 2, Hottest: float64(setpoint) + 2.5,
			Machines: []optimise.Machine{{Setpoint: setpoint, Watts: 1500 - 40*float64(setpoint)}}, LoadW: 5000, OutdoorC: 20,
		})
	}
	require.True(t, model.Effect().Known())
	return model.Effect()
}

func TestADecisionSaysHowLongTheRoomWouldLast(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, 7, false)
	f.room.decide(f.now)
	require.Nil(t, f.room.decision(f.now).ToCriticalMillis, "nothing is known")
	model := &optimise.Model{}
	f.run(25, time.Minute)
	f.room.outcome.Store(&outcome{outlook: model.Outlook(*f.room.policy, 25), seenAt: f.now})
	d := f.room.decision(f.now)
	require.NoError(t, d.Validate())
	require.Greater(t, *d.ToCriticalMillis, time.Minute.Milliseconds())
	require.False(t, d.Sure)
	require.Nil(t, f.room.decision(f.now.Add(time.Hour)).ToCriticalMillis, "an hour later that is old")
}
