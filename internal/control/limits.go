package control

import (
	"cmp"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Limits bound the setpoint of one machine, °C, both included.
type Limits struct{ Min, Max int }

// LimitsOf are the policy's limits inside what the machine can do. Where the two do not meet, the machine's
// nearest end holds. A machine takes the policy's for an end that it does not state.
func LimitsOf(p spec.Policy, ac spec.AirConditioner) Limits {
	own := Limits{cmp.Or(ac.Min, p.SetpointMin), cmp.Or(ac.Max, p.SetpointMax)}
	return Limits{own.Clamp(p.SetpointMin), own.Clamp(p.SetpointMax)}
}

// Reaches says whether a machine can keep any setpoint that a policy allows.
func Reaches(p spec.Policy, ac spec.AirConditioner) bool {
	return (ac.Min == 0 || ac.Min <= p.SetpointMax) && (ac.Max == 0 || ac.Max >= p.SetpointMin)
}

// Clamp is the nearest setpoint inside the limits.
func (l Limits) Clamp(setpoint int) int { return max(l.Min, min(l.Max, setpoint)) }

// Holds says whether a setpoint is inside.
func (l Limits) Holds(setpoint int) bool { return setpoint >= l.Min && setpoint <= l.Max }

// String is "18 to 27 °C".
func (l Limits) String() string { return fmt.Sprintf("%d to %d °C", l.Min, l.Max) }

// NextRevision is the revision after last. It is at least the time in Unix seconds, so that revisions still
// rise after whoever counted them has lost everything.
func NextRevision(last int64, now time.Time) int64 { return max(last+1, now.Unix()) }

// Standing is where one machine's automatic setpoint stands, for Check.
type Standing struct {
	Auto            int
	Raised, Lowered time.Time // by the rules; zero means never
}

// Wanted is a recommendation to be checked.
type Wanted struct {
	Setpoint int
	Inlet    float64 // °C, what it was decided from
	Urgent   bool    // an emergency or fail-cold
}

// leeway forgives what lies between a decision and its check: two clocks and a message on its way.
const leeway = 15 * time.Second

// Check says whether a recommendation keeps the policy: inside the limits, at most the stated steps, no sooner
// than the stated intervals, and colder only when urgent. The policy may bring its schedule: what it says of now holds,
// except that what is urgent goes by the policy's own limits. Errors are ErrInvalid. It repeats the rules on purpose:
// whoever recommends may be mistaken. It lets pass all that the rules may do; how many commands an hour has had, what
// meters show and what the optimiser knows is the rules' alone.
func Check(p spec.Policy, limits Limits, at Standing, want Wanted, now time.Time) error {
	if !limits.Holds(want.Setpoint) {
		return refused("setpoint %d °C is outside %s", want.Setpoint, limits)
	}
	step := want.Setpoint - at.Auto
	switch {
	case step == 0 || !limits.Holds(at.Auto): // from outside the limits every way in is right
		return nil
	case want.Urgent && step > 0:
		return refused("an emergency only lowers: %d -> %d °C would raise", at.Auto, want.Setpoint)
	case want.Urgent:
		return nil
	}
	p = p.At(now)
	if err := checkHour(p, limits.narrowed(p), at, want); err != nil {
		return err
	}
	if step > 0 {
		return checkRaise(p, at, step, now)
	}
	return checkLower(p, at, -step, want.Inlet, now)
}

// checkHour holds the limits of a schedule: outside them only the way back is right. Heat above FastDownAbove may lead
// out of them on the cold side.
func checkHour(p spec.Policy, hour Limits, at Standing, want Wanted) error {
	switch {
	case want.Setpoint > hour.Max && want.Setpoint > at.Auto,
		want.Setpoint < hour.Min && want.Setpoint < at.Auto && !(want.Inlet > p.FastDownAbove):
		return refused("setpoint %d °C is outside %s, which hold at this hour", want.Setpoint, hour)
	}
	return nil
}

func checkRaise(p spec.Policy, at Standing, step int, now time.Time) error {
	if step > p.UpStep {
		return refused("raising by %d °C at once is more than %d", step, p.UpStep)
	}
	if last := latest(at.Raised, at.Lowered); !due(last, now.Add(leeway), p.UpEvery.D()) {
		return refused("raising %s after the last change is sooner than %s", round(now.Sub(last)), p.UpEvery)
	}
	return nil
}

func checkLower(p spec.Policy, at Standing, step int, inlet float64, now time.Time) error {
	most, every := p.DownStep, p.DownEvery
	if p.Lead > 0 { // a machine that lags joins those that lead at once
		most, every = max(most, p.LagOffset), min(every, p.FastDownEvery)
	}
	if inlet > p.BandHigh { // the hour's commands may run short
		most = max(most, p.FastDownStep)
	}
	if inlet > p.FastDownAbove {
		most, every = max(most, p.FastDownStep), min(every, p.FastDownEvery)
	}
	if step > most {
		return refused("lowering by %d °C at once at %.1f °C is more than %d", step, inlet, most)
	}
	if !due(at.Lowered, now.Add(leeway), every.D()) {
		return refused("lowering %s after the last time is sooner than %s", round(now.Sub(at.Lowered)), every)
	}
	return nil
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
}
