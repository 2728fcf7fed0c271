package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// takeOverride begins an override. The same ID again changes nothing.
func (s *TuneState) takeOverride(now time.Time, o Override) error {
	if err := s.checkOverride(o); err != nil {
		return err
	}
	if s.running(o.ID) {
		return nil
	}
	if o.ID == "" {
		s.Made++
		o.ID = fmt.Sprintf("%s-%d-%d", o.AC, now.Unix(), s.Made)
	}
	s.see(o.ID)
	ac := s.find(o.AC)
	active := ActiveOverride{Override: o, From: now, Until: now.Add(o.For.D())}
	ac.Overrides = slices.Insert(ac.Overrides, 0, active)
	s.audit(now, AuditEntry{Who: o.Who, What: o.describe(), Why: o.Why, Outcome: "accepted as " + o.ID})
	return nil
}

// checkOverride refuses what cannot be: all that is wrong in one sentence.
func (s *TuneState) checkOverride(o Override) error {
	if s.running(o.ID) {
		return nil
	}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if ac := s.find(o.AC); ac == nil {
		fault("there is no air conditioner %q in room %s (there are %s)", o.AC, s.Room, s.names())
	} else {
		if limits := s.limits(ac); !limits.Holds(o.Setpoint) {
			fault("setpoint %d °C is outside %s of %s", o.Setpoint, limits, o.AC)
		}
		if len(ac.Overrides) >= mostOverrides {
			fault("%s has %d overrides already, end one first", o.AC, len(ac.Overrides))
		}
	}
	if most := s.Policy.OverrideMost; o.For <= 0 || o.For > most {
		fault("for %s must be above 0s and at most %s", o.For, most)
	}
	for _, text := range []struct {
		name, value string
		most        int
	}{{"who", o.Who, 100}, {"why", o.Why, 500}} {
		switch {
		case strings.TrimSpace(text.value) == "":
			fault("%s must be given", text.name)
		case len(text.value) > text.most:
			fault("%s must be at most %d bytes long", text.name, text.most)
		}
	}
	switch {
	case len(o.ID) > 100:
		fault("id must be at most 100 bytes long")
	case o.ID != "" && slices.Contains(s.Seen, o.ID):
		fault("override %s has ended already", o.ID)
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// accepted answers an override that takeOverride took.
func (s *TuneState) accepted(o Override) OverrideAccepted {
	for _, ac := range s.ACs {
		for _, active := range ac.Overrides {
			if active.ID == o.ID {
				return OverrideAccepted{ID: o.ID, Until: active.Until, Desired: ac.Desired, Suspended: active.Suspended}
			}
		}
	}
	return OverrideAccepted{ID: o.ID}
}

// takeResume ends overrides before their time.
func (s *TuneState) takeResume(now time.Time, r ResumeRequest) error {
	if r.AC != "" && s.find(r.AC) == nil {
		return fmt.Errorf("there is no air conditioner %q in room %s (there are %s)", r.AC, s.Room, s.names())
	}
	found := false
	for i := range s.ACs {
		ac := &s.ACs[i]
		ac.Overrides = slices.DeleteFunc(ac.Overrides, func(o ActiveOverride) bool {
			meant := (r.ID == "" || r.ID == o.ID) && (r.AC == "" || r.AC == ac.Name)
			if meant {
				found = true
				s.audit(now, AuditEntry{Who: r.Who, What: "resume: " + o.describe(), Why: r.Why, Outcome: "accepted, " + o.ID + " ended"})
			}
			return meant
		})
	}
	switch {
	case found:
		return nil
	case r.ID != "" && len(r.ID) <= 100:
		s.see(r.ID) // signals of two names may change places: the override must not begin after its end
		return fmt.Errorf("there is no override %s", r.ID)
	}
	return errors.New("there is no override to end")
}

// takePolicy replaces the policy.
func (s *TuneState) takePolicy(now time.Time, r PolicyRequest) error {
	if err := r.Policy.Validate(); err != nil {
		return err
	}
	for _, ac := range s.ACs {
		if err := reachable(r.Policy, spec.AirConditioner{Name: ac.Name, Min: ac.Min, Max: ac.Max}); err != nil {
			return err
		}
	}
	s.Policy = r.Policy
	s.audit(now, AuditEntry{Who: clip(r.Who), What: "policy", Why: clip(r.Why), Outcome: "accepted"})
	return nil
}

// takeRoom takes a new specification of the room. Machines that stay keep all that is known of them; the policy
// is taken only when the specification's own has changed, so that a person's survives an unrelated apply.
func (t *tuning) takeRoom(now time.Time, room spec.Room) error {
	s := &t.state
	if room.Policy == (spec.Policy{}) {
		room.Policy = spec.DefaultPolicy()
	}
	if err := checkRoom(room, s.Room); err != nil {
		return err
	}
	if room.Policy != t.in.Room.Policy {
		s.Policy = room.Policy
	}
	t.in.Room = room
	var acs []ACState
	for _, ac := range room.AirConditioners {
		state := newACState(ac, s.Policy, now)
		if known := s.find(ac.Name); known != nil {
			state = *known
			state.Min, state.Max = ac.Min, ac.Max
		}
		acs = append(acs, state)
	}
	for _, gone := range s.ACs {
		if !slices.ContainsFunc(acs, func(ac ACState) bool { return ac.Name == gone.Name }) {
			s.clear(now, kindUnconfirmed, gone.Name, "no longer part of the room")
			s.clear(now, kindRejected, gone.Name, "no longer part of the room")
		}
	}
	s.ACs = acs
	s.audit(now, AuditEntry{What: "room", Outcome: "accepted: a new specification"})
	return nil
}

func checkRoom(room spec.Room, name string) error {
	if room.Name != name || name == "" {
		return fmt.Errorf("it is of room %q, not %q", room.Name, name)
	}
	seen := make(map[string]bool, len(room.AirConditioners))
	for _, ac := range room.AirConditioners {
		switch {
		case ac.Name == "" || seen[ac.Name]:
			return fmt.Errorf("air conditioner %q must have a name of its own", ac.Name)
		case ac.Min > ac.Max || (ac.Min != 0 || ac.Max != 0) && (ac.Min < wire.MinSetpoint || ac.Max > wire.MaxSetpoint):
			return fmt.Errorf("air conditioner %s: min %d and max %d must be in order and between %d and %d", ac.Name, ac.Min, ac.Max, wire.MinSetpoint, wire.MaxSetpoint)
		}
		seen[ac.Name] = true
		if err := reachable(room.Policy, ac); err != nil {
			return err
		}
	}
	return room.Policy.Validate()
}

// reachable refuses a policy that a machine cannot keep: its room would be cooled past the policy for ever.
func reachable(p spec.Policy, ac spec.AirConditioner) error {
	if control.Reaches(p, ac) {
		return nil
	}
	return fmt.Errorf("air conditioner %s can do %d to %d °C, but the policy allows %d to %d: they must overlap",
		ac.Name, ac.Min, ac.Max, p.SetpointMin, p.SetpointMax)
}

func (s *TuneState) running(id string) bool {
	if id == "" {
		return false
	}
	for _, ac := range s.ACs {
		if slices.ContainsFunc(ac.Overrides, func(o ActiveOverride) bool { return o.ID == id }) {
			return true
		}
	}
	return false
}

func (s *TuneState) see(id string) { s.Seen = newest(append(s.Seen, id), mostSeen) }

func (s *TuneState) names() string {
	var names []string
	for _, ac := range s.ACs {
		names = append(names, ac.Name)
	}
	return strings.Join(names, ", ")
}

func (o Override) describe() string {
	return fmt.Sprintf("override %s to %d °C for %s", clip(o.AC), o.Setpoint, o.For)
}
