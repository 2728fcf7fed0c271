package optimise

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/room"
)

// reckoned lets a controlled room run on and reckons what its coolers and fans would have needed more with all setpoints
// fixed, kWh with a deviation.
func reckoned(t *testing.T, c *controlled, fixed int, span time.Duration) (more, deviation float64) {
	t.Helper()
	const sample = 10 * time.Second
	for range int(span / sample) {
		c.run(sample)
		var watts, setpoint float64
		for i, ac := range c.parameters.AirConditioners {
			w, err := c.model.Power(ac.Name)
			require.NoError(t, err)
			watts += w
			setpoint += float64(c.in.ACs[i].Auto) / float64(len(c.in.ACs))
		}
		load := math.NaN()
		if c.meters.load {
			load = c.model.State().LoadW
		}
		other, d := c.brain.Effect().At(watts, load, c.in.State.Mean, float64(fixed)-setpoint)
		more += (other - watts) * sample.Seconds() / 3.6e6
		deviation += d * sample.Seconds() / 3.6e6
	}
	return more, deviation
}

func TestWhatIsSavedIsReckonedAsItIs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs 4 rooms for two days")
	}
	const warm, score = 24 * time.Hour, 24 * time.Hour
	const fixed = 21 // well apart from where the rules hold these rooms
	for name, p := range ordinary() {
		if !strings.HasPrefix(name, "medium") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs, _ := newWorld(p, 3).fixed(fixed, warm, score)
			c := newControlled(newWorld(p, 3))
			c.run(warm)
			require.True(t, c.brain.Effect().Known())
			c.mark()
			more, deviation := reckoned(t, c, fixed, score)
			truth := needs - c.total()
			t.Logf("fixed %d needs %.1f kWh, controlled %.1f: saved %.2f, reckoned %.2f ± %.2f", fixed, needs, c.total(), truth, more, deviation)
			require.InDelta(t, truth, more, 2*deviation+0.02*needs) // two runs of one room differ by the phases of its compressors
			require.Less(t, deviation, 0.1*needs)
		})
	}
}

func TestNothingIsSaidOfAnEffectThatIsNotKnown(t *testing.T) {
	require.False(t, (&Model{}).Effect().Known())
	require.False(t, taught(t, room.Small(), meters{}, 12*time.Hour).brain.Effect().Known(), "without a meter")
	e := taught(t, room.Small(), allMeters(), 24*time.Hour).brain.Effect()
	require.True(t, e.Known())
	same, deviation := e.At(1000, 5000, 25, 0)
	require.InDelta(t, 1000, same, 1e-9)
	require.Zero(t, deviation)
	colder, _ := e.At(1000, math.NaN(), 25, -2)
	warmer, _ := e.At(1000, math.NaN(), 25, 2)
	require.Greater(t, colder, 1000.0)
	require.Less(t, warmer, 1000.0)
	far, _ := e.At(1000, math.NaN(), 25, -50)
	most, _ := e.At(1000, math.NaN(), 25, -mostApart)
	require.InDelta(t, most, far, 1e-9, "what nobody has seen is not spoken of")
	fanned, _ := e.At(1000, 5000, 25, 2)
	require.Greater(t, fanned, warmer, "warm servers blow harder")
}
