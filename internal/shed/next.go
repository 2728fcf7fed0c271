package shed

import (
	"slices"
	"time"
)

// The states of a step.
const (
	Waiting  = "waiting"
	Taken    = "taken"
	Failed   = "failed"   // it could not be taken; the next one is
	Restored = "restored" // brought back
	Left     = "left"     // it could not be brought back, or a person does it
)

// Progress is what is decided from.
type Progress struct {
	Now    time.Time
	Plan   Plan
	Threat Threat   // the newest
	Steps  []string // their states, in the order in which they are given up
	Moved  time.Time
	// Cool is since when the inlet has been below ResumeBelow without a gap; zero: it is not.
	Cool time.Time
	// Stopped and Restoring are people's words: no further step; everything back now.
	Stopped, Restoring bool
	// Rehearsing takes every step, then brings everything back, without a threat.
	Rehearsing bool
}

// Plan is when steps are taken.
type Plan struct {
	Within      time.Duration // projected time to critical under which a step is taken
	StepEvery   time.Duration
	ResumeAfter time.Duration
}

// Action is what is done next.
type Action struct {
	Do    string
	Step  int       // of Take and Restore
	Until time.Time // of Wait: when to look again without any message; zero: only a message can change anything
	Why   string
}

// What is done next.
const (
	Take    = "take"
	Restore = "restore"
	Wait    = "wait"
	End     = "end"
)

// freshFor is how old the newest word of the room may be for a step to be taken by it: the control loop says it each
// 30 s.
const freshFor = 2 * time.Minute

// Next decides what is done now. It takes at most one step at a time, in order; brings back in the reverse order; and
// does neither by a word that is old.
func Next(p Progress) Action {
	waiting := slices.Index(p.Steps, Waiting)
	back := lastTaken(p.Steps)
	fresh := p.Now.Sub(p.Threat.At) <= freshFor
	cool := fresh && lasted(p.Cool, p.Now, p.Plan.ResumeAfter)
	due := p.Moved.Add(p.Plan.StepEvery)
	switch {
	case p.Rehearsing && !p.Stopped && !p.Restoring && waiting >= 0:
		return Action{Do: Take, Step: waiting, Why: "a rehearsal"}
	case p.Rehearsing && back >= 0:
		return Action{Do: Restore, Step: back, Why: "the end of a rehearsal"}
	case p.Restoring && back >= 0:
		return Action{Do: Restore, Step: back, Why: "a person wants it back"}
	case p.Rehearsing, p.Restoring, p.Stopped && back < 0:
		return Action{Do: End}
	case p.pressing(fresh) && waiting >= 0:
		if p.Now.Before(due) {
			return Action{Do: Wait, Until: due, Why: "the last step takes effect"}
		}
		return Action{Do: Take, Step: waiting, Why: p.Threat.Reason}
	case cool && back >= 0:
		if p.Now.Before(due) {
			return Action{Do: Wait, Until: due, Why: "what was brought back warms the room"}
		}
		return Action{Do: Restore, Step: back, Why: p.Threat.Reason}
	case cool:
		return Action{Do: End}
	case !fresh && back < 0 && p.Now.Sub(p.Threat.At) >= p.Plan.ResumeAfter+freshFor:
		return Action{Do: End, Why: "nothing has been heard of the room, and nothing is switched off"}
	}
	return p.wait(fresh)
}

func (p Progress) pressing(fresh bool) bool {
	return fresh && !p.Stopped && p.Threat.Lost && !p.Threat.Blind && p.Threat.ToGo.D() <= p.Plan.Within
}

func (p Progress) wait(fresh bool) Action {
	a := Action{Do: Wait, Why: "the room is watched"}
	sooner := func(t time.Time) {
		if t.After(p.Now) && (a.Until.IsZero() || t.Before(a.Until)) {
			a.Until = t
		}
	}
	switch {
	case !fresh:
		a.Why = "nothing is heard of the room: what is off stays off, and nothing more is switched off"
		if lastTaken(p.Steps) < 0 {
			sooner(p.Threat.At.Add(p.Plan.ResumeAfter + freshFor))
		}
	case !p.Cool.IsZero():
		a.Why = "the room is cool; it must stay so for a while"
		sooner(p.Cool.Add(p.Plan.ResumeAfter))
	}
	if fresh {
		sooner(p.Threat.At.Add(freshFor + time.Second)) // silence is news too
	}
	return a
}

func lastTaken(steps []string) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] == Taken {
			return i
		}
	}
	return -1
}
