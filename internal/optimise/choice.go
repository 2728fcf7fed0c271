package optimise

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// choice is one setpoint with what it would bring.
type choice struct {
	setpoint      int
	inlet         float64 // °C, mean
	coolers, fans float64 // W
	fits          bool
	slope, sigma  float64
}

func (c choice) total() float64 { return c.coolers + c.fans }

// choices are the setpoints inside the limits.
func (m *Model) choices(p spec.Policy, limits control.Limits, at time.Time) []choice {
	b, sigma := m.power.slope()
	now := m.inlet.at0(m.block.told)
	load := m.power.loadNow
	if load == 0 {
		load = m.power.mean * copPrior / fans(now)
	}
	hottest, known := m.inlet.most(at)
	var all []choice
	for sp := limits.Min; sp <= limits.Max; sp++ {
		c := choice{setpoint: sp, inlet: m.inlet.at0(float64(sp)), slope: b, sigma: sigma}
		c.coolers = m.power.mean * math.Exp(b*(c.inlet-now)) * fans(c.inlet) / fans(now)
		c.fans = load * (fans(c.inlet) - 1)
		// what holds now is judged by the rules; a step warmer must leave them nothing to do
		c.fits = known && hottest+m.inlet.gain*float64(sp) <= warmest(p)-leeway || float64(sp) <= m.block.told
		c.fits = c.fits && (sp == limits.Min || m.leaves(p, c.inlet))
		all = append(all, c)
	}
	return all
}

// warmest is how warm the mean of the hottest inlet may be, °C: what the rules answer by a step colder is too much.
func warmest(p spec.Policy) float64 { return min(p.BandHigh, p.Warn-p.HotMargin) }

// leaves says that a loss of all cooling at an inlet would leave the policy's time to critical, as far as known.
func (m *Model) leaves(p spec.Policy, inlet float64) bool {
	o := m.Outlook(p, inlet)
	return p.TimeToCritical <= 0 || o == nil || !o.Sure || o.ToCritical >= p.TimeToCritical.D()+bound
}

// worth is what another choice must save, W, to be taken instead: some of the power and, to hold the room colder than the
// rules would, some of the doubt.
func (c choice) worth(other choice) float64 {
	least := max(worthW, worthPart*c.total())
	if other.inlet < c.inlet {
		least = max(least, worthDoubt*c.coolers*c.sigma*(c.inlet-other.inlet))
	}
	return least
}
