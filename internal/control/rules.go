package control

import (
	"fmt"
	"time"
)

// judgeEmergency begins and ends the emergency.
func (s *State) judgeEmergency(in Input, seen sight) {
	if s.EmergencySince.IsZero() {
		if seen.inlet >= in.Policy.Critical || lasted(s.HighSince, in.Now, in.Policy.HighFor.D()) {
			s.EmergencySince = in.Now
			s.CoolSince = time.Time{}
		}
		return
	}
	if lasted(s.CoolSince, in.Now, in.Policy.CoolFor.D()) {
		s.EmergencySince = time.Time{}
	}
}

// emergency sends every machine to its coldest, and only ever colder.
func emergency(in Input, seen sight, d *Decision) {
	d.Action = Emergency
	p := in.Policy
	switch {
	case seen.fresh == 0:
		d.Reason = fmt.Sprintf("emergency since %s, and no sensor can be trusted now", clock(d.Next.EmergencySince))
	case seen.inlet >= p.Critical:
		d.Reason = fmt.Sprintf("inlet %.1f °C is at or above %.1f, critical", seen.inlet, p.Critical)
	case seen.inlet >= p.High:
		d.Reason = fmt.Sprintf("inlet %.1f °C is at or above %.1f for %s", seen.inlet, p.High, round(in.Now.Sub(d.Next.HighSince)))
	default:
		d.Reason = fmt.Sprintf("inlet %.1f °C: the emergency ends when it stays below %.1f for %s", seen.inlet, p.High-p.HighHysteresis, round(p.CoolFor.D()))
	}
	for _, ac := range in.ACs {
		d.add(ac, colder(ac.Auto, ac.Limits.Min), Emergency)
	}
	d.note(in, nil)
}

// failCold is for a room that nobody can see: the fail-cold setpoint or what is already colder.
func failCold(in Input, d *Decision) {
	d.Action = FailCold
	d.Reason = fmt.Sprintf("no good reading for %s: fail cold", round(silent(in, d.Next)))
	for _, ac := range in.ACs {
		d.add(ac, colder(ac.Auto, ac.Limits.Clamp(in.Policy.FailCold)), FailCold)
	}
	d.note(in, nil)
}

// turn is one decision about the band under way.
type turn struct {
	in   Input
	seen sight
	d    *Decision
	// When any machine was last moved.
	raised, lowered, changed time.Time
	leads                    []bool // which machines carry the room now
}

// band keeps the inlet inside the policy's band: quickly down, slowly up. It goes by means, since a compressor that is
// switched on and off swings the air by 1 to 2 K each ten minutes. Heat comes first, then machines that are lost, limits, what the optimiser knows, cold, and the order of the machines among themselves.
func band(in Input, seen sight, d *Decision) {
	p, s := in.Policy, &d.Next
	t := turn{in: in, seen: seen, d: d, raised: s.Raised, lowered: s.Lowered, leads: leads(in)}
	for _, ac := range in.ACs {
		t.raised, t.lowered = latest(t.raised, ac.Raised), latest(t.lowered, ac.Lowered)
	}
	t.changed = latest(t.raised, t.lowered)
	switch {
	case lasted(s.FastSince, in.Now, p.FastDownAfter.D()):
		t.fast(fmt.Sprintf("inlet %.1f °C is above %.1f for %s", seen.inlet, p.FastDownAbove, round(in.Now.Sub(s.FastSince))))
	case seen.warmest >= p.High:
		t.peak()
	case in.lost() != "" && s.Mean > t.middle():
		t.carry()
	case !s.AboveSince.IsZero() || t.spell():
		t.above()
	case t.settle() || t.shorten() || t.follow() || t.takeOver() || t.below() || t.release():
	case !s.BelowSince.IsZero():
		t.hold("mean inlet %.1f °C is below %s for %s", s.Mean, t.span(), round(in.Now.Sub(s.BelowSince)))
	default:
		t.hold("inlet %.1f °C is inside %s", seen.inlet, t.span())
	}
}

func (t *turn) span() string {
	return fmt.Sprintf("the band %.1f to %.1f", t.in.Policy.BandLow, t.in.Policy.BandHigh)
}

func (t *turn) middle() float64 { return (t.in.Policy.BandLow + t.in.Policy.BandHigh) / 2 }

// hold adds what the optimiser would do, where there is something to say.
func (t *turn) hold(format string, args ...any) {
	hold(t.in, t.d, "%s%s", fmt.Sprintf(format, args...), t.aside())
}

func (t *turn) fast(reason string) {
	p := t.in.Policy
	t.d.Reason = reason
	if due(t.lowered, t.in.Now, p.FastDownEvery.D()) {
		t.lower(FastLower, p.FastDownStep)
		return
	}
	hold(t.in, t.d, "%s; lowered %s ago, fast steps are %s apart", reason, round(t.in.Now.Sub(t.lowered)), round(p.FastDownEvery.D()))
}

// peak answers the warmest inlet at once when it is at High: a swing that goes there may go to Critical with the next load.
// How fast is judged by the median, as Check does.
func (t *turn) peak() {
	p := t.in.Policy
	reason := fmt.Sprintf("the warmest inlet shows %.1f °C, at or above %.1f", t.seen.warmest, p.High)
	t.d.Reason = reason
	switch {
	case t.seen.inlet > p.FastDownAbove:
		t.fast(reason)
	case due(t.lowered, t.in.Now, p.DownEvery.D()):
		t.lower(Lower, p.DownStep)
	default:
		hold(t.in, t.d, "%s; lowered %s ago", reason, round(t.in.Now.Sub(t.lowered)))
	}
}

// carry prepares those that are left for what a lost machine no longer does, before the room is too warm: at the middle of
// the band already.
func (t *turn) carry() {
	t.d.Reason = fmt.Sprintf("%s, and mean inlet %.1f °C is above the middle of %s", t.in.lost(), t.d.Next.Mean, t.span())
	switch {
	case t.takeOver() || t.callIn():
	case due(t.lowered, t.in.Now, t.in.Policy.DownEvery.D()):
		t.lower(Lower, t.downStep())
	default:
		hold(t.in, t.d, "%s; lowered %s ago", t.d.Reason, round(t.in.Now.Sub(t.lowered)))
	}
}

// joinSamples is for how many samples the mean must be above the band before lagging machines join: one that is noisy calls
// nobody.
const joinSamples = 2

// spellFor is how long an inlet may stay too near to Warn before the mean, which is late, is no longer waited for. Of the
// quarter of an hour that it may be above Warn a sensor's lag takes 2 minutes, and 7 are left for a step to work.
const spellFor = 6 * time.Minute

func (t *turn) spell() bool {
	return lasted(t.d.Next.SpellSince, t.in.Now, max(spellFor, t.in.Policy.DownAfter.D()))
}

// above calls lagging machines in at once; otherwise it is a slow step down.
func (t *turn) above() {
	p, s := t.in.Policy, t.d.Next
	above := time.Duration(0)
	if !s.AboveSince.IsZero() {
		above = t.in.Now.Sub(s.AboveSince)
	}
	t.d.Reason = fmt.Sprintf("mean inlet %.1f °C is above %s for %s", s.Mean, t.span(), round(above))
	switch {
	case above < p.DownAfter.D() && t.spell():
		t.d.Reason = fmt.Sprintf("the warmest inlet shows %.1f °C, above %.1f for %s without a break", t.seen.warmest, t.in.hotMost(), round(t.in.Now.Sub(s.SpellSince)))
	case s.Mean <= p.BandHigh:
		t.d.Reason = fmt.Sprintf("mean of the warmest inlet %.1f °C is above %.1f for %s", s.Hot, t.in.hotMost(), round(above))
	}
	now := t.seen.inlet > p.BandHigh || t.seen.warmest > t.in.hotMost() // the mean lags behind what has helped already
	switch {
	case above >= joinSamples*p.SampleEvery.D() && (t.takeOver() || t.callIn()):
	case above < p.DownAfter.D() && !t.spell() || !now:
		hold(t.in, t.d, "%s, now %.1f", t.d.Reason, t.seen.inlet)
	case due(t.lowered, t.in.Now, p.DownEvery.D()):
		t.lower(Lower, t.downStep())
	default:
		hold(t.in, t.d, "%s", t.d.Reason)
	}
}

// downStep is one step colder: a fast one while the room is above its band and the hour's commands run short.
func (t *turn) downStep() int {
	p := t.in.Policy
	for i, ac := range t.in.ACs {
		if ac.free() && t.seen.inlet > p.BandHigh && len(t.d.Next.Machines[i].Told) >= max(1, p.CommandsHour-keptDown) {
			return max(p.DownStep, p.FastDownStep)
		}
	}
	return p.DownStep
}

// below raises a room that has been too cold for long enough.
func (t *turn) below() bool {
	s, p := t.d.Next, t.in.Policy
	if !lasted(s.BelowSince, t.in.Now, p.UpEvery.D()) || !due(t.changed, t.in.Now, p.UpEvery.D()) {
		return false
	}
	reason := fmt.Sprintf("mean inlet %.1f °C is below %s", s.Mean, t.span())
	if but := t.forbids(float64(p.UpStep)); but != "" {
		t.hold("%s, but %s", reason, but)
		return true
	}
	t.d.Reason = fmt.Sprintf("%s for %s%s", reason, round(t.in.Now.Sub(s.BelowSince)), t.outlook())
	t.raise()
	return true
}

// settle goes step by step to where a schedule wants the setpoints.
func (t *turn) settle() bool {
	p := t.in.Policy
	var warm, cold bool
	for _, ac := range t.in.ACs {
		warm = warm || ac.free() && ac.Auto > ac.soft.Max
		cold = cold || ac.free() && ac.Auto < ac.soft.Min
	}
	t.d.Reason = fmt.Sprintf("setpoints are %d to %d °C at this hour", p.SetpointMin, p.SetpointMax)
	switch {
	case warm && due(t.lowered, t.in.Now, p.DownEvery.D()):
		t.move(Lower, func(_ int, ac AC) int { return max(min(ac.Auto, ac.soft.Max), ac.Auto-p.DownStep) })
		return true
	case cold && due(t.changed, t.in.Now, p.UpEvery.D()) && t.forbids(float64(p.UpStep)) == "":
		t.move(Raise, func(_ int, ac AC) int { return min(max(ac.Auto, ac.soft.Min), ac.Auto+p.UpStep) })
		return true
	}
	return false
}

// shorten lowers slowly where a loss of all cooling would leave too little time.
func (t *turn) shorten() bool {
	p, s := t.in.Policy, t.d.Next
	if !lasted(s.ShortSince, t.in.Now, timeConstant(t.in)) || !due(t.lowered, t.in.Now, p.DownEvery.D()) {
		return false
	}
	left, _ := t.in.untilCritical(t.seen, s, 0)
	t.d.Reason = fmt.Sprintf("without cooling %.1f °C would be reached in %s, sooner than %s", p.Critical, round(left), p.TimeToCritical)
	t.lower(Lower, p.DownStep)
	return t.d.Action != Hold
}

// lost names the machines that do not do what they are told, as half a sentence; empty when there is none.
func (in Input) lost() string {
	names := ""
	for _, ac := range in.ACs {
		if ac.Lost {
			if names != "" {
				names += " and "
			}
			names += ac.Name
		}
	}
	if names == "" {
		return ""
	}
	return names + " cannot be counted on"
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
