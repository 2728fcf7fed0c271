package control

import (
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// advice says what is wrong with what the optimiser says, as half a sentence; empty when the rules may follow it.
func (in Input) advice() (why string) {
	a, p := in.Advice, in.Policy
	switch {
	case a == nil:
		return "there is none"
	case p.Optimiser != spec.OptimiserOn:
		return "it only advises"
	case !(a.Sure >= 0 && a.Sure <= 1):
		return fmt.Sprintf("it is sure by %v, which is no number from 0 to 1", a.Sure)
	case a.Sure < p.OptimiserSure:
		return fmt.Sprintf("it is sure by %.2f, at least %g", a.Sure, p.OptimiserSure)
	case a.At.IsZero() || in.Now.Sub(a.At) > p.AdviceFor.D() || a.At.Sub(in.Now) > leeway:
		return fmt.Sprintf("it is not of the last %s", p.AdviceFor)
	case len(a.Setpoints) != len(in.ACs):
		return fmt.Sprintf("it names %d setpoints for %d machines", len(a.Setpoints), len(in.ACs))
	case in.lost() != "":
		return in.lost()
	case !slices.ContainsFunc(a.Setpoints, func(setpoint int) bool { return setpoint != 0 }):
		return "it leaves the setpoints to the rules"
	}
	for i, setpoint := range a.Setpoints {
		if ac := in.ACs[i]; setpoint != 0 && !ac.Limits.Holds(setpoint) {
			return fmt.Sprintf("%d °C for %s is outside %s", setpoint, ac.Name, ac.Limits)
		}
	}
	return ""
}

// aside is what the optimiser would do, for the end of a reason; empty where there is nothing to say.
func (t *turn) aside() string {
	if t.in.Advice == nil || t.in.Policy.Optimiser == spec.OptimiserOff {
		return ""
	}
	why := t.in.advice()
	if why == "" {
		return ""
	}
	return fmt.Sprintf("; the optimiser says %s, but %s", t.in.Advice.Reason, why)
}

// destination is where the advice leads a machine, inside the limits of the hour. Lagging machines stay behind those
// that lead, except while they are needed.
func (t *turn) destination(i int) int {
	ac, told := t.in.ACs[i], t.in.Advice.Setpoints
	wanted := told[i]
	if !t.leads[i] && wanted != 0 {
		for j, leads := range t.leads {
			if leads && told[j] != 0 {
				wanted = min(wanted, told[j])
			}
		}
		if due(t.d.Next.CalledIn, t.in.Now, t.in.Policy.ReleaseAfter.D()) {
			wanted += t.in.Policy.LagOffset
		}
	}
	if wanted == 0 {
		return ac.Auto
	}
	return ac.soft.Clamp(wanted)
}

// follow goes to where the optimiser leads, by the rules' own steps: colder each DownEvery, warmer each UpEvery while
// there is room for a step below the band's end and nothing forbids it. It is false when there is no advice to follow.
func (t *turn) follow() bool {
	if t.in.advice() != "" {
		return false
	}
	p, s := t.in.Policy, t.d.Next
	var down bool
	up := 0
	for i, ac := range t.in.ACs {
		if to := t.destination(i); ac.free() {
			down = down || to < ac.Auto
			if to > ac.Auto {
				up++
			}
		}
	}
	says := "the optimiser says " + t.in.Advice.Reason
	// What one machine of several does moves the air by its part of a step.
	step := float64(p.UpStep*up) / float64(max(1, len(t.in.ACs)))
	switch {
	case down && due(t.lowered, t.in.Now, p.DownEvery.D()):
		t.d.Reason = says
		t.move(Lower, func(i int, ac AC) int { return max(min(ac.Auto, t.destination(i)), ac.Auto-p.DownStep) })
	case up == 0 || down:
		hold(t.in, t.d, "inlet %.1f °C, %s", t.seen.inlet, says)
	case s.Mean >= p.BandHigh-p.AdviceMargin:
		hold(t.in, t.d, "%s, but mean inlet %.1f °C is within %g K of %.1f", says, s.Mean, p.AdviceMargin, p.BandHigh)
	case t.forbids(step) != "":
		hold(t.in, t.d, "%s, but %s", says, t.forbids(step))
	case !due(t.changed, t.in.Now, p.UpEvery.D()):
		hold(t.in, t.d, "%s; changed %s ago, steps warmer are %s apart", says, round(t.in.Now.Sub(t.changed)), p.UpEvery)
	default:
		t.d.Reason = says + t.outlook()
		t.move(Raise, func(i int, ac AC) int { return min(max(ac.Auto, t.destination(i)), ac.Auto+p.UpStep) })
	}
	return true
}
