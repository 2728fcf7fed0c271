package optimise

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// The numbers of deciding.
const (
	// leastBlocks are seen before anything is said: about three hours.
	leastBlocks = 8
	// worthPart of the power, and worthW at the least, must be saved by a change of mind; the model's own error is
	// greater than less.
	worthPart = 0.003
	worthW    = 5.0
	// worthDoubt of the deviation of what is saved must be saved too.
	worthDoubt = 1.3
	// rest between two changes of mind that only save power.
	rest = time.Hour
	// patience is how long a colder setpoint must have paid: what is learned in the middle of an event may be wrong.
	patience = 2 * time.Hour
	// copPrior is the heat that coolers move for each watt; the load is estimated by it where it is not metered.
	copPrior = 3.0
	// bound is added to the policy's time to critical, so that the rules need not step in.
	bound = 15 * time.Second
	// leeway to the end of the band that a warmer setpoint must leave, K; partLeeway is the same for a part of the machines,
	// where little is gained.
	leeway     = 0.05
	partLeeway = 0.15
)

// plan is what was last advised.
type plan struct {
	blocks   int // seen in all
	ceiling  int // °C, warmer is not worth it; zero: the warmest that fits
	changed  time.Time
	wished   time.Time // since when a change has paid; zero: none does
	explored int       // times
	began    time.Time // of the last exploration
	explores int       // °C; zero: not exploring
	doubted  time.Time // when the room last behaved otherwise
	unlike   float64   // s for which it has done so
	error    float64   // K, mean of the inlet's surprises lately

	cache cached
}

// cached is what was worked out, until something new is known.
type cached struct {
	of     basis
	advice control.Advice
	pays   bool // the warmest that fits is best
}

// basis is what advice is worked out from, besides the model.
type basis struct {
	blocks, machines int
	limits           control.Limits
	top, critical    float64
	toCritical       spec.Duration
	doubt            bool
}

func (p *plan) doubt(at time.Time) { p.doubted = at }

// Advise says what would be best; nil while nothing is known, while the coolers are not metered, and while a machine is
// lost. Sure is how well the model has explained power and inlet lately.
func (m *Model) Advise(p spec.Policy, acs []control.AC, now time.Time) *control.Advice {
	seen := m.block.last
	if len(acs) == 0 || now.Sub(seen) > longestGap || m.power.blocks < leastBlocks || seen.Sub(m.power.at) > 2*longBlock+shortBlock {
		return nil
	}
	limits := acs[0].Limits
	for _, ac := range acs {
		limits = control.Limits{Min: max(limits.Min, ac.Limits.Min), Max: min(limits.Max, ac.Limits.Max)}
		if ac.Lost {
			return nil
		}
	}
	if limits.Min > limits.Max {
		return nil
	}
	c := &m.plan.cache
	p = p.At(seen)
	of := basis{m.plan.blocks, len(acs), limits, warmest(p), p.Critical, p.TimeToCritical, m.plan.doubts(seen)}
	if c.of != of || c.advice.Setpoints == nil {
		c.of, c.advice = of, m.decide(p, limits, acs, seen)
	}
	advice := c.advice
	advice.At, advice.Setpoints = seen, slices.Clone(c.advice.Setpoints)
	if c.pays {
		leaveColder(advice.Setpoints, acs)
	}
	return &advice
}

// hold is which choice to hold: the warmest that fits, or a colder one for as long as warmth does not pay.
func (m *Model) hold(all []choice, top int, limits control.Limits, at time.Time) (held int) {
	q := &m.plan
	best := 0
	held = top
	for i := range all[:top+1] {
		if all[i].total() < all[best].total() {
			best = i
		}
	}
	if q.ceiling != 0 {
		held = min(top, max(0, q.ceiling-limits.Min))
	}
	saves := all[held].total() - all[best].total()
	if best == held || saves <= all[held].worth(all[best]) {
		q.wished = time.Time{}
		return held
	}
	if q.wished.IsZero() {
		q.wished = at
	}
	if at.Sub(q.changed) < rest || best < held && at.Sub(q.wished) < patience {
		return held
	}
	q.ceiling, q.changed = all[best].setpoint, at
	if best == top {
		q.ceiling = 0
	}
	return best
}

// decide works the advice out.
func (m *Model) decide(p spec.Policy, limits control.Limits, acs []control.AC, at time.Time) control.Advice {
	all := m.choices(p, limits, at)
	top := 0
	for i, c := range all {
		if c.fits {
			top = i
		}
	}
	held := m.hold(all, top, limits, at)
	told := limits.Clamp(int(math.Round(m.block.told)))
	current := all[told-limits.Min]
	target, why := all[held], ""
	if e := m.explore(all[:top+1], target, at); e.setpoint != 0 {
		target, why = e, fmt.Sprintf(", to learn for %s what warmth costs here", exploreFor)
	}
	warmer := 0
	if why == "" && held == top && top+1 < len(all) && m.leaves(p, all[top+1].inlet) {
		warmer = m.warmer(p, target.setpoint, len(acs))
	}
	a := control.Advice{
		Setpoints: m.spread(acs, target.setpoint, warmer), SavesW: current.total() - target.total(), Sure: m.sure(at),
	}
	m.plan.cache.pays = why == "" && held == top
	more := 0
	for _, setpoint := range a.Setpoints {
		if setpoint > target.setpoint {
			more++
		}
	}
	if more > 0 {
		why = fmt.Sprintf(", %d of %d machines one more", more, len(acs))
	}
	a.Reason = fmt.Sprintf("%d °C%s: %.0f W against %.0f W at %d (coolers %.0f W, fans %.0f W); coolers %+.1f ± %.1f %% for each K, sure %.2f",
		target.setpoint, why, target.total(), current.total(), current.setpoint, target.coolers, target.fans, 100*target.slope, 100*target.sigma, a.Sure)
	if m.power.loadNow == 0 {
		a.Reason += "; the load is not metered, the fans are an estimate"
	}
	return a
}

// leaveColder has no opinion of machines that would be told something colder, or what they are told already, although
// warmth pays: how warm the room may be, and how soon again after an event, is the rules' affair.
func leaveColder(setpoints []int, acs []control.AC) {
	for i, ac := range acs {
		if setpoints[i] <= ac.Auto {
			setpoints[i] = 0
		}
	}
}

// doubts says that the room has behaved otherwise within the last hour.
func (p *plan) doubts(at time.Time) bool { return !p.doubted.IsZero() && at.Sub(p.doubted) < time.Hour }

// sure is how well the model has explained the room lately, 0 to 1.
func (m *Model) sure(at time.Time) float64 {
	n := float64(m.power.blocks)
	s := n / (n + 4)
	s *= math.Exp(-max(0, m.power.error2-3) / 6)
	s *= math.Exp(-max(0, m.plan.error-0.3) / 0.7)
	if m.plan.doubts(at) {
		s *= 0.3
	}
	return math.Round(100*s) / 100
}
