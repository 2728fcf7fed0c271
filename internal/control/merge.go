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

// Merge says what holds: the newest override that nothing beats, otherwise the rules, always inside the limits.
// Overrides come newest first. Beaten are those outside the limits, and during an emergency those warmer than it.
// An override that has ended at now is not looked at: remove it first, with Ended.
func Merge(limits Limits, wish Wish, overrides []Override) Merged {
	m := Merged{Setpoint: limits.Clamp(wish.Setpoint), Reason: wish.Reason}
	if m.Setpoint != wish.Setpoint {
		m.Reason += fmt.Sprintf("; the limits %s make it %d °C", limits, m.Setpoint)
	}
	automatic := m.Setpoint
	for _, o := range overrides {
		why := beaten(limits, automatic, wish, o)
		switch {
		case why == "" && m.Holding == "":
			m.Holding, m.Setpoint = o.ID, o.Setpoint
			m.Reason = fmt.Sprintf("override by %s until %s: %s", o.Who, o.Until.UTC().Format("2 Jan 15:04Z"), o.Why)
		case why == "":
			why = fmt.Sprintf("the newer override %s holds", m.Holding)
		}
		m.Waiting = append(m.Waiting, why)
	}
	return m
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
