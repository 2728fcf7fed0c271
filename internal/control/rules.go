package control

import (
	"fmt"
	"time"
)

// The fixed numbers of the rules.
const (
	// holdSamples is how many samples in a row must be above the band before a slow step down: one noisy
	// reading moves nothing. 30 s of 10 s samples cost little against a room's 1 to 3 minutes to respond.
	holdSamples = 3
	// highFor is how long High must last to be an emergency (reference, defaults: "high 30, 1 min").
	highFor = time.Minute
	// An emergency ends when the inlet is highHysteresis K below High for coolFor: twice the lag of a DHT22
	// in its case (60 s), so that the end is felt and not guessed.
	highHysteresis = 1.0
	coolFor        = 2 * time.Minute
)

// judgeEmergency begins and ends the emergency.
func (s *State) judgeEmergency(in Input, seen sight) {
	if s.EmergencySince.IsZero() {
		if seen.inlet >= in.Policy.Critical || lasted(s.HighSince, in.Now, highFor) {
			s.EmergencySince = in.Now
			s.CoolSince = time.Time{}
		}
		return
	}
	if lasted(s.CoolSince, in.Now, coolFor) {
		s.EmergencySince = time.Time{}
	}
}

// emergency sends every machine to its coldest, and only ever colder.
func emergency(in Input, seen sight, d *Decision) {
	d.Action = Emergency
	switch {
	case seen.fresh == 0:
		d.Reason = fmt.Sprintf("emergency since %s, and no sensor can be trusted now", clock(d.Next.EmergencySince))
	case seen.inlet >= in.Policy.Critical:
		d.Reason = fmt.Sprintf("inlet %.1f °C is at or above %.1f, critical", seen.inlet, in.Policy.Critical)
	case seen.inlet >= in.Policy.High:
		d.Reason = fmt.Sprintf("inlet %.1f °C is at or above %.1f for %s", seen.inlet, in.Policy.High, round(in.Now.Sub(d.Next.HighSince)))
	default:
		d.Reason = fmt.Sprintf("inlet %.1f °C: the emergency ends when it stays below %.1f for %s", seen.inlet, in.Policy.High-highHysteresis, round(coolFor))
	}
	for _, ac := range in.ACs {
		d.add(ac, colder(ac.Auto, ac.Limits.Min), Emergency)
	}
	d.note(in)
}

// failCold is for a room that nobody can see: the fail-cold setpoint or what is already colder.
func failCold(in Input, d *Decision) {
	d.Action = FailCold
	d.Reason = fmt.Sprintf("no good reading for %s: fail cold", round(silent(in, d.Next)))
	for _, ac := range in.ACs {
		d.add(ac, colder(ac.Auto, ac.Limits.Clamp(in.Policy.FailCold)), FailCold)
	}
	d.note(in)
}

// band keeps the inlet inside the policy's band: quickly down, slowly up.
func band(in Input, seen sight, d *Decision) {
	p, s := in.Policy, &d.Next
	raised, lowered := s.Raised, s.Lowered
	for _, ac := range in.ACs {
		raised, lowered = latest(raised, ac.Raised), latest(lowered, ac.Lowered)
	}
	changed := latest(raised, lowered)
	span := fmt.Sprintf("the band %.1f to %.1f", p.BandLow, p.BandHigh)
	switch {
	case seen.inlet > p.FastDownAbove:
		d.Reason = fmt.Sprintf("inlet %.1f °C is above %.1f", seen.inlet, p.FastDownAbove)
		if due(lowered, in.Now, p.FastDownEvery.D()) {
			lower(in, d, FastLower, p.FastDownStep)
			return
		}
		hold(in, d, "%s; lowered %s ago, fast steps are %s apart", d.Reason, round(in.Now.Sub(lowered)), round(p.FastDownEvery.D()))
	case seen.inlet > p.BandHigh:
		above := in.Now.Sub(s.AboveSince)
		d.Reason = fmt.Sprintf("inlet %.1f °C is above %s for %s", seen.inlet, span, round(above))
		if above >= (holdSamples-1)*p.SampleEvery.D() && due(lowered, in.Now, p.DownEvery.D()) {
			lower(in, d, Lower, p.DownStep)
			return
		}
		hold(in, d, "%s", d.Reason)
	case lasted(s.BelowSince, in.Now, p.UpEvery.D()) && due(changed, in.Now, p.UpEvery.D()):
		if seen.hottest >= p.Warn {
			hold(in, d, "mean inlet %.1f °C is below %s, but one sensor shows %.1f", s.Mean, span, seen.hottest)
			return
		}
		d.Reason = fmt.Sprintf("mean inlet %.1f °C is below %s for %s", s.Mean, span, round(in.Now.Sub(s.BelowSince)))
		raise(in, d)
	case !s.BelowSince.IsZero():
		hold(in, d, "mean inlet %.1f °C is below %s for %s", s.Mean, span, round(in.Now.Sub(s.BelowSince)))
	default:
		hold(in, d, "inlet %.1f °C is inside %s", seen.inlet, span)
	}
}

// lower moves the warmest machines first, so that machines which drifted apart come together again.
func lower(in Input, d *Decision, action Action, step int) {
	d.Action = action
	warmest := 0
	for _, ac := range in.ACs {
		if ac.free() && ac.Auto > ac.Limits.Min {
			warmest = max(warmest, ac.Auto)
		}
	}
	for _, ac := range in.ACs {
		target := ac.Auto
		if ac.free() && warmest > 0 {
			target = max(min(ac.Auto, ac.Limits.Clamp(warmest-step)), ac.Auto-step)
		}
		d.add(ac, target, action)
	}
	d.note(in)
}

// raise moves the coldest machines first.
func raise(in Input, d *Decision) {
	d.Action = Raise
	coldest := 0
	for _, ac := range in.ACs {
		if ac.free() && ac.Auto < ac.Limits.Max && (coldest == 0 || ac.Auto < coldest) {
			coldest = ac.Auto
		}
	}
	for _, ac := range in.ACs {
		target := ac.Auto
		if ac.free() && coldest > 0 {
			target = min(max(ac.Auto, ac.Limits.Clamp(coldest+in.Policy.UpStep)), ac.Auto+in.Policy.UpStep)
		}
		d.add(ac, target, Raise)
	}
	d.note(in)
}

// free machines are known, and no person holds them.
func (ac AC) free() bool { return ac.Auto != 0 && !ac.Overridden }

func hold(in Input, d *Decision, format string, args ...any) {
	d.Action, d.Reason = Hold, fmt.Sprintf(format, args...)
	for _, ac := range in.ACs {
		d.add(ac, ac.Auto, Hold)
	}
}

// add recommends a setpoint inside the machine's limits, with the sentence for people.
func (d *Decision) add(ac AC, setpoint int, action Action) {
	r := Recommendation{AC: ac.Name, Setpoint: setpoint, Action: action, Reason: d.Reason}
	if setpoint != 0 {
		r.Setpoint = ac.Limits.Clamp(setpoint)
	}
	switch {
	case ac.Auto == 0 && r.Setpoint != 0:
		r.Reason += fmt.Sprintf(": %d °C", r.Setpoint)
	case r.Setpoint != ac.Auto:
		r.Reason += fmt.Sprintf(": %d -> %d °C", ac.Auto, r.Setpoint)
	case ac.Overridden && !action.Urgent():
		r.Action = Hold
		r.Reason += fmt.Sprintf("; a person's override holds, automatic stays at %d °C", ac.Auto)
	case !action.Urgent():
		r.Action = Hold
	}
	d.ACs = append(d.ACs, r)
}

// note remembers when a step was taken. A decision in which no machine can move is a hold.
func (d *Decision) note(in Input) {
	moved := false
	for i, r := range d.ACs {
		switch auto := in.ACs[i].Auto; {
		case auto == 0 || r.Setpoint == auto:
		case r.Setpoint > auto:
			moved, d.Next.Raised = true, in.Now
		default:
			moved, d.Next.Lowered = true, in.Now
		}
	}
	if !moved && !d.Action.Urgent() {
		d.Action = Hold
		d.Reason += "; no machine can move"
	}
}

// due says that at least every has passed since last; zero is long ago.
func due(last, now time.Time, every time.Duration) bool {
	return last.IsZero() || now.Sub(last) >= every
}

// colder is the lower of two setpoints, of which the first may be unknown.
func colder(auto, wanted int) int {
	if auto == 0 {
		return wanted
	}
	return min(auto, wanted)
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }
