package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// PolicyRequest changes the room's policy: what Policy leaves out stays as it is. Payload of signal and update.
type PolicyRequest struct {
	Policy json.RawMessage `json:"policy,omitempty"` // some fields, or all, of a spec.Policy
	// Reset takes the specification's policy first.
	Reset bool   `json:"reset,omitempty"`
	Who   string `json:"who,omitempty"`
	Why   string `json:"why,omitempty"`
}

// PolicyAccepted answers the update.
type PolicyAccepted struct {
	Changed []PolicyChange `json:"changed"` // nothing: the policy was so already
}

// PolicyChange is one number of a policy that is another one now.
type PolicyChange struct {
	Key  string `json:"key"` // as specifications spell it
	From string `json:"from"`
	To   string `json:"to"`
}

// String is "setpoint-max 27 °C -> 24 °C".
func (c PolicyChange) String() string { return c.Key + " " + c.From + " -> " + c.To }

// PolicyChanges are the differences between two policies, in the order of the table of their fields.
func PolicyChanges(from, to spec.Policy) []PolicyChange {
	var changes []PolicyChange
	before, after := from.Fields(), to.Fields()
	note := func(key, a, b string) {
		if a != b {
			changes = append(changes, PolicyChange{Key: key, From: orNothing(a), To: orNothing(b)})
		}
	}
	for i, field := range before {
		note(field.Key, field.String(), after[i].String())
	}
	note("time-zone", from.TimeZone, to.TimeZone)
	note("schedule", Scheduled(from), Scheduled(to))
	return changes
}

func orNothing(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// Scheduled is a policy's schedule in one line; empty without one.
func Scheduled(p spec.Policy) string {
	var entries []string
	for _, entry := range p.Schedule {
		days := "every day"
		if len(entry.Days) > 0 {
			days = strings.Join(entry.Days, " ")
		}
		var parts []string
		part := func(key string, set bool, value string) {
			if set {
				parts = append(parts, key+" "+value)
			}
		}
		part("band-low", entry.BandLow != nil, decimal(entry.BandLow))
		part("band-high", entry.BandHigh != nil, decimal(entry.BandHigh))
		part("setpoint-min", entry.SetpointMin != nil, integer(entry.SetpointMin))
		part("setpoint-max", entry.SetpointMax != nil, integer(entry.SetpointMax))
		entries = append(entries, fmt.Sprintf("%s %s-%s: %s", days, entry.From, entry.To, strings.Join(parts, ", ")))
	}
	return strings.Join(entries, "; ")
}

func decimal(value *float64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprintf("%g", *value)
}

func integer(value *int) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(*value)
}

// checkPolicy refuses a policy that cannot be.
func (t *tuning) checkPolicy(_ time.Time, r PolicyRequest) error {
	_, err := t.changed(r)
	return err
}

// changed is the policy that a request makes. Errors are for the person who asked.
func (t *tuning) changed(r PolicyRequest) (spec.Policy, error) {
	s := &t.state
	p := s.Policy
	if r.Reset {
		p = t.in.Room.Policy
	}
	if len(r.Policy) == 0 && !r.Reset {
		return p, errors.New("policy must be given: the fields that change")
	}
	if len(r.Policy) > 0 {
		if err := known(r.Policy); err != nil {
			return p, err
		}
		if err := json.Unmarshal(r.Policy, &p); err != nil {
			return p, unreadable("policy.", err)
		}
	}
	if faults := checkTexts(text{"who", r.Who, 100, false}, text{"why", r.Why, 500, false}); len(faults) > 0 {
		return p, errors.New(strings.Join(faults, "; "))
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	if err := p.CheckZone(); err != nil {
		return p, err
	}
	for _, ac := range s.ACs {
		if err := reachable(p, spec.AirConditioner{Name: ac.Name, Min: ac.Min, Max: ac.Max}); err != nil {
			return p, err
		}
	}
	return p, nil
}

// known refuses a field that no policy has: it would change nothing, and the person would believe that it did.
func known(policy json.RawMessage) error {
	type plain spec.Policy // without its own way of decoding, which passes over what it does not know
	decoder := json.NewDecoder(bytes.NewReader(policy))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(new(plain)); err != nil {
		if _, field, found := strings.Cut(err.Error(), "unknown field "); found {
			return fmt.Errorf("a policy has no %s", field)
		}
		return unreadable("policy.", err)
	}
	return nil
}

// takePolicy changes the policy, and says what is other than before.
func (t *tuning) takePolicy(now time.Time, r PolicyRequest) ([]PolicyChange, error) {
	p, err := t.changed(r)
	if err != nil {
		return nil, err
	}
	s := &t.state
	changes := PolicyChanges(s.Policy, p)
	s.Policy = p
	what := "policy"
	if r.Reset {
		what += ", from the specification"
	}
	var words []string
	for _, change := range changes {
		words = append(words, change.String())
	}
	outcome := "accepted: " + strings.Join(words, ", ")
	if len(changes) == 0 {
		outcome = "accepted: it was so already"
	}
	s.Taken.Policies++
	s.audit(now, AuditEntry{Who: clip(r.Who), What: what, Why: clip(r.Why), Outcome: clip(outcome)})
	return changes, nil
}

// reachable refuses a policy that a machine cannot keep, at any hour of its schedule: its room would be cooled past the
// policy for ever.
func reachable(p spec.Policy, ac spec.AirConditioner) error {
	for _, hours := range p.Hours() {
		if !control.Reaches(hours, ac) {
			return fmt.Errorf("air conditioner %s can do %d to %d °C, but the policy allows %d to %d: they must overlap",
				ac.Name, ac.Min, ac.Max, hours.SetpointMin, hours.SetpointMax)
		}
	}
	return nil
}
