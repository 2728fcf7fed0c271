package control

import (
	"fmt"
	"time"
)

// Override is a person's setpoint for one machine.
type Override struct {
	ID       string
	Setpoint int
	Who, Why string
	Until    time.Time
	Priority Priority
}

// Priority orders the overrides of one machine: one of a higher priority holds before any of a lower one, however old
// it is. The zero value is normal.
type Priority int

// The priorities.
const (
	Low    Priority = -1 // a wish: whatever else somebody asks for comes first
	Normal Priority = 0
	High   Priority = 1 // people at work in the room, say: no later wish takes it away
)

// ParsePriority reads "low", "normal" or "high"; empty is normal. Errors are ErrInvalid.
func ParsePriority(name string) (Priority, error) {
	for _, p := range []Priority{Low, Normal, High} {
		if name == p.String() {
			return p, nil
		}
	}
	if name == "" {
		return Normal, nil
	}
	return Normal, refused("priority %q is unknown: write low, normal or high", name)
}

// String is the name that ParsePriority reads.
func (p Priority) String() string {
	switch {
	case p < Normal:
		return "low"
	case p > Normal:
		return "high"
	}
	return "normal"
}

// Wish is what the rules want of one machine.
type Wish struct {
	Setpoint int
	Reason   string
	Urgent   bool // an emergency or fail-cold
}

// Merged is what holds for one machine.
type Merged struct {
	Setpoint int
	Reason   string
	Holding  string   // ID of the override that holds; empty: the rules do
	Waiting  []string // for each override, in order, why it does not hold; empty for the one that does
}

// Merge says what holds: of the overrides that nothing beats the one of the highest priority, the newest within one;
// without any the rules; always inside the limits. Overrides come newest first. Beaten are those outside the limits,
// and during an emergency those warmer than it, whatever their priority. An override that has ended at now is not
// looked at: remove it first, with Ended.
func Merge(limits Limits, wish Wish, overrides []Override) Merged {
	m := Merged{Setpoint: limits.Clamp(wish.Setpoint), Reason: wish.Reason}
	if m.Setpoint != wish.Setpoint {
		m.Reason += fmt.Sprintf("; the limits %s make it %d °C", limits, m.Setpoint)
	}
	holding := holder(limits, m.Setpoint, wish, overrides)
	for i, o := range overrides {
		why := beaten(limits, limits.Clamp(wish.Setpoint), wish, o)
		switch {
		case i == holding:
			m.Holding, m.Setpoint = o.ID, o.Setpoint
			m.Reason = fmt.Sprintf("override by %s until %s: %s", o.Who, o.Until.UTC().Format("2 Jan 15:04Z"), o.Why)
		case why == "":
			why = overrides[holding].before(o)
		}
		m.Waiting = append(m.Waiting, why)
	}
	return m
}

// holder is the index of the override that holds; -1 when the rules do.
func holder(limits Limits, automatic int, wish Wish, overrides []Override) int {
	holding := -1
	for i, o := range overrides {
		if beaten(limits, automatic, wish, o) == "" && (holding < 0 || o.Priority > overrides[holding].Priority) {
			holding = i
		}
	}
	return holding
}

// before says why o comes before another override of its machine.
func (o Override) before(other Override) string {
	if o.Priority > other.Priority {
		return fmt.Sprintf("the override %s of %s priority holds", o.ID, o.Priority)
	}
	return fmt.Sprintf("the newer override %s holds", o.ID)
}

func beaten(limits Limits, automatic int, wish Wish, o Override) string {
	switch {
	case !limits.Holds(o.Setpoint):
		return fmt.Sprintf("%d °C is outside the limits %s", o.Setpoint, limits)
	case wish.Urgent && o.Setpoint > automatic:
		return fmt.Sprintf("%d °C is warmer than the emergency's %d: %s", o.Setpoint, automatic, wish.Reason)
	}
	return ""
}

// Ended says whether an override has ended at now.
func (o Override) Ended(now time.Time) bool { return !now.Before(o.Until) }
