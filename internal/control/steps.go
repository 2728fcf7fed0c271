package control

import (
	"fmt"
	"strings"
)

// move recommends to every machine what target says, as far as it may move now. A machine that may not stays, and the
// reason says why.
func (t *turn) move(action Action, target func(i int, ac AC) int) {
	t.d.Action, t.d.ACs = action, t.d.ACs[:0]
	var kept []string
	for i, ac := range t.in.ACs {
		wanted := ac.Auto
		if ac.free() {
			wanted = target(i, ac)
		}
		why := ""
		switch {
		case wanted > ac.Auto:
			why = t.d.Next.mayRaise(t.in, i)
		case wanted < ac.Auto:
			why = t.d.Next.mayLower(t.in, i, action)
		}
		if why != "" {
			wanted, kept = ac.Auto, append(kept, why)
		}
		t.d.add(ac, wanted, action)
	}
	t.d.note(t.in, kept)
}

// lower moves the warmest machines first, so that machines which drifted apart come together again.
func (t *turn) lower(action Action, step int) {
	warmest := 0
	for _, ac := range t.in.ACs {
		if ac.free() && ac.Auto > t.least(ac, action) {
			warmest = max(warmest, ac.Auto)
		}
	}
	t.move(action, func(_ int, ac AC) int {
		if warmest == 0 {
			return ac.Auto
		}
		return max(min(ac.Auto, Limits{t.least(ac, action), ac.Limits.Max}.Clamp(warmest-step)), ac.Auto-step)
	})
}

// least is the coldest that a step may tell a machine. In haste it is the machine's, not the hour's.
func (t *turn) least(ac AC, action Action) int {
	if action == FastLower {
		return ac.Limits.Min
	}
	return ac.soft.Min
}

// raise moves the coldest machines first; lagging ones count from what they are told more.
func (t *turn) raise() {
	step, coldest := t.in.Policy.UpStep, 0
	for i, ac := range t.in.ACs {
		if base := ac.Auto - t.offset(i); ac.free() && ac.Auto < ac.soft.Max && (coldest == 0 || base < coldest) {
			coldest = base
		}
	}
	t.move(Raise, func(i int, ac AC) int {
		if coldest == 0 {
			return ac.Auto
		}
		return min(max(ac.Auto, ac.soft.Clamp(coldest+step+t.offset(i))), ac.Auto+step)
	})
}

// free machines are known, and no person holds them.
func (ac AC) free() bool { return ac.Auto != 0 && !ac.Overridden }

func hold(in Input, d *Decision, format string, args ...any) {
	d.Action, d.Reason = Hold, fmt.Sprintf(format, args...)
	d.ACs = d.ACs[:0]
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

// note remembers when a step was taken. A decision in which no machine can move is a hold, and says why.
func (d *Decision) note(in Input, kept []string) {
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
	if moved || d.Action.Urgent() {
		return
	}
	d.Action = Hold
	if len(kept) == 0 {
		kept = []string{"no machine can move"}
	}
	d.Reason += "; " + strings.Join(kept, "; ")
}
