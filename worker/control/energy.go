package control

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/optimise"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// tallyMost is the longest time between two looks at the meters that is still counted: what was drawn in a longer one
// is not known.
const tallyMost = 3 * time.Minute

// tally counts what the air conditioners have drawn since the last look, by power that held all the while. It stands
// still while any of them has no fresh meter.
func (r *room) tally(now time.Time) {
	policy := r.policyAt(now)
	switch midnight := r.policy.Midnight(now); {
	case r.energy == nil:
		r.energy, r.tallied = &wire.Energy{SinceMillis: now.UnixMilli()}, time.Time{}
	case r.energy.SinceMillis < midnight.UnixMilli(): // what was drawn since midnight is at most one tick's
		r.energy, r.tallied = &wire.Energy{SinceMillis: midnight.UnixMilli()}, time.Time{}
	}
	gap := now.Sub(r.tallied)
	counts := !r.tallied.IsZero() && gap > 0 && gap <= tallyMost
	r.tallied = now
	watts, setpoint, ok := r.drawn(now, policy)
	if !ok {
		r.tallied = time.Time{}
		return
	}
	if r.energy.FixedSetpoint = r.policy.SetpointStart; counts {
		load := math.NaN()
		if r.load.fresh(now, policy) {
			load = r.load.watts
		}
		effect := optimise.Effect{}
		if o := r.outcome.Load(); o != nil && now.Sub(o.seenAt) <= adviceMost && r.last.Fresh > 0 {
			effect = o.effect
		}
		r.energy = counted(*r.energy, gap, watts, setpoint, effect, load, r.last.Inlet)
		for _, m := range r.machines {
			r.energy.Simulated = r.energy.Simulated || m.power.simulated
		}
	}
}

// drawn is the power of all air conditioners, W, and the mean of their setpoints, °C; not ok when any is not known.
func (r *room) drawn(now time.Time, policy *spec.Policy) (watts, setpoint float64, ok bool) {
	for _, m := range r.machines {
		seen := r.seen(m, policy, now)
		if math.IsNaN(seen.Watts) || !m.power.fresh(now, policy) || seen.Setpoint == 0 {
			return 0, 0, false
		}
		watts += seen.Watts
		setpoint += float64(seen.Setpoint)
	}
	n := float64(len(r.machines))
	return watts, setpoint / n, n > 0
}

// counted is an account with some more time in it. Deviations of one effect all go the same way: they are added up.
func counted(e wire.Energy, gap time.Duration, watts, setpoint float64, effect optimise.Effect, load, inlet float64) *wire.Energy {
	fixed := e.UsedWh // so far everything counted as not saved
	if e.FixedWh != nil {
		fixed = *e.FixedWh
	}
	hours := gap.Hours()
	e.UsedWh += watts * hours
	e.MeteredMillis += gap.Milliseconds()
	if !effect.Known() {
		fixed += watts * hours
	} else {
		other, deviation := effect.At(watts, load, inlet, float64(e.FixedSetpoint)-setpoint)
		fixed += other * hours
		e.DeviationWh += deviation * hours
		e.ComparedMillis += gap.Milliseconds()
	}
	if e.ComparedMillis > 0 {
		e.FixedWh = &fixed
	}
	return &e
}

// accounted is the day's account for others to read; nil without meters.
func (r *room) accounted() *wire.Energy {
	if r.energy == nil || r.energy.MeteredMillis == 0 {
		return nil
	}
	e := *r.energy
	e.UsedWh, e.DeviationWh = shortened(e.UsedWh), shortened(e.DeviationWh)
	if e.FixedWh != nil {
		fixed := shortened(*e.FixedWh)
		e.FixedWh = &fixed
	}
	return &e
}

// shortened is a number of Wh with the digits that anybody reads.
func shortened(wh float64) float64 { return math.Round(wh*1000) / 1000 }

// account goes on with the account of the room's last holder, if it is of this day.
func (r *room) account(now time.Time) {
	r.energy, r.tallied = nil, time.Time{}
	if m := r.memory; m != nil && m.Energy != nil && m.Energy.SinceMillis >= r.policy.Midnight(now).UnixMilli() && m.TimeMillis <= now.UnixMilli() {
		e := *m.Energy
		r.energy = &e
	}
}
