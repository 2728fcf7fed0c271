package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// Why is why a machine is told what it is told.
type Why struct {
	Room     string    `json:"room"`
	AC       string    `json:"ac"`
	Sentence string    `json:"sentence"` // all that follows, in one sentence
	Desired  int       `json:"desired"`  // °C
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
	// Holder is rules, emergency or override; Override and Who are set for an override.
	Holder   string    `json:"holder"`
	Override string    `json:"override,omitempty"`
	Who      string    `json:"who,omitempty"`
	Priority string    `json:"priority,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	// Least and Most are the hard limits; ScheduledLeast and ScheduledMost are what the rules keep to at this hour.
	Least          int `json:"least"`
	Most           int `json:"most"`
	ScheduledLeast int `json:"scheduled_least"`
	ScheduledMost  int `json:"scheduled_most"`
	// Rules is what the rules would do, and RulesReason why.
	Rules       int    `json:"rules"`
	RulesReason string `json:"rules_reason"`
	// Waiting are the overrides that do not hold, with the reasons.
	Waiting   []ActiveOverride `json:"waiting,omitempty"`
	Confirmed *int             `json:"confirmed"`
	Evidence  string           `json:"evidence,omitempty"`
}

// Explain says why the machines of a room are told what they are told; an empty ac means all of them. Errors are for
// the person who asked.
func (s TuneState) Explain(ac string, now time.Time) ([]Why, error) {
	var all []Why
	for i := range s.ACs {
		if ac == "" || s.ACs[i].Name == ac {
			all = append(all, s.explain(&s.ACs[i], now))
		}
	}
	if ac != "" && len(all) == 0 {
		return nil, fmt.Errorf("there is no air conditioner %q in room %s (there are %s)", ac, s.Room, s.names())
	}
	return all, nil
}

func (s *TuneState) explain(ac *ACState, now time.Time) Why {
	limits := s.limits(ac)
	hours := control.LimitsOf(s.Policy.At(now), spec.AirConditioner{Min: ac.Min, Max: ac.Max})
	w := Why{
		Room: s.Room, AC: ac.Name, Desired: ac.Desired, Since: ac.DesiredSince, Reason: ac.Reason, Holder: "rules",
		Least: limits.Min, Most: limits.Max, ScheduledLeast: hours.Min, ScheduledMost: hours.Max,
		Rules: ac.Auto, RulesReason: ac.AutoReason, Confirmed: ac.Confirmed, Evidence: ac.Evidence,
	}
	if ac.Emergency {
		w.Holder = modeEmergency
	}
	for _, o := range ac.Overrides {
		if o.Suspended != "" {
			w.Waiting = append(w.Waiting, o)
			continue
		}
		w.Holder, w.Override, w.Who, w.Until, w.Priority = modeOverride, o.ID, o.Who, o.Until, o.priority().String()
	}
	w.Sentence = w.sentence(ac, now)
	return w
}

// sentence is "ac1 is told 25 °C since 14:05 UTC (2h10m): …".
func (w Why) sentence(ac *ACState, now time.Time) string {
	parts := []string{fmt.Sprintf("%s is told %d °C since %s (%s) because of the %s: %s",
		w.AC, w.Desired, w.Since.UTC().Format("2 Jan 15:04Z"), spell(now.Sub(w.Since)), w.Holder, w.Reason)}
	if w.Holder == modeOverride {
		rules := "the rules"
		if ac.Emergency {
			rules = "the emergency"
		}
		parts[0] += fmt.Sprintf(" (%s priority, %s left)", w.Priority, spell(w.Until.Sub(now)))
		parts = append(parts, fmt.Sprintf("%s would have %d °C: %s", rules, w.Rules, w.RulesReason))
	}
	limits := fmt.Sprintf("the limits are %d to %d °C", w.Least, w.Most)
	if w.ScheduledLeast != w.Least || w.ScheduledMost != w.Most {
		limits += fmt.Sprintf(", at this hour %d to %d °C for the rules", w.ScheduledLeast, w.ScheduledMost)
	}
	parts = append(parts, limits)
	for _, o := range w.Waiting {
		parts = append(parts, fmt.Sprintf("the override %s by %s to %d °C until %s waits: %s",
			o.ID, o.Who, o.Setpoint, o.Until.UTC().Format("2 Jan 15:04Z"), o.Suspended))
	}
	return strings.Join(append(parts, w.obeyed(ac)), "; ")
}

// obeyed says whether the machine does it.
func (w Why) obeyed(ac *ACState) string {
	evidence := ""
	if ac.Evidence != "" {
		evidence = " (" + ac.Evidence + ")"
	}
	switch {
	case ac.obeys():
		return "it is confirmed" + evidence
	case ac.Confirmed != nil:
		return fmt.Sprintf("the machine shows %d °C%s and is told again", *ac.Confirmed, evidence)
	case ac.Sent != nil:
		return "it is sent and not confirmed" + evidence
	case ac.Told == ac.Revision:
		return fmt.Sprintf("it was told %s and is not confirmed%s", times(ac.Attempts), evidence)
	}
	return "it is on its way to the broker"
}

func times(n int) string {
	if n <= 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// spell is a duration for people: 2h10m, 45s.
func spell(d time.Duration) string {
	d = max(0, d)
	if d >= time.Minute {
		return strings.TrimSuffix(spec.Duration(d.Truncate(time.Minute)).String(), "0s")
	}
	return spec.Duration(d.Truncate(time.Second)).String()
}
