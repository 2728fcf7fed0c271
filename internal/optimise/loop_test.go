package optimise

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/room"
)

// ordinary are the reference's rooms under both laws, with machines that switch and that modulate.
func ordinary() map[string]room.Parameters {
	all := map[string]room.Parameters{}
	for _, optimistic := range []bool{true, false} {
		for _, inverter := range []bool{true, false} {
			for name, p := range map[string]room.Parameters{"small": room.Small(), "medium": room.Medium()} {
				p.Optimistic = optimistic
				for i := range p.AirConditioners {
					p.AirConditioners[i].Inverter = inverter
				}
				all[fmt.Sprintf("%s optimistic=%v inverter=%v", name, optimistic, inverter)] = p
			}
		}
	}
	return all
}

// After a day the rules with the optimiser's advice need about what the best fixed setpoint, chosen in hindsight, needs.
func TestComesCloseToTheBestFixedSetpoint(t *testing.T) {
	if testing.Short() {
		t.Skip("runs 80 rooms for three days")
	}
	const warm, score = 24 * time.Hour, 48 * time.Hour
	for name, p := range ordinary() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			best, at := 1e9, 0
			for setpoint := 20; setpoint <= 27; setpoint++ {
				if kwh, calm := newWorld(p, 3).fixed(setpoint, warm, score); calm && kwh < best {
					best, at = kwh, setpoint
				}
			}
			c := newControlled(newWorld(p, 3))
			c.run(warm)
			c.mark()
			c.run(score)
			alone := newControlled(newWorld(p, 3))
			alone.follow = false
			alone.run(warm)
			alone.mark()
			alone.run(score)
			m, d := c.brain.power.slope()
			t.Logf("%+.2f %% over fixed %d (%.1f kWh); rules alone %+.2f %%; %d commands, hottest %.1f; slope %.3f ± %.3f",
				100*(c.total()/best-1), at, best, 100*(alone.total()/best-1), c.commands, c.hottest, m, d)
			require.True(t, c.calm())
			require.Less(t, c.total(), 1.03*best)
			require.Less(t, c.total(), 1.005*alone.total(), "advice must not cost")
			require.Less(t, c.commands, 40*len(p.AirConditioners))
		})
	}
}
