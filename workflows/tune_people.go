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
	if err := s.checkOverride(now, o); err != nil {
		return err
	}
	s.Taken.Overrides++
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
	at := slices.IndexFunc(ac.Overrides, func(other ActiveOverride) bool { return o.priority() >= other.priority() })
	if at < 0 {
		at = len(ac.Overrides)
	}
	ac.Overrides = slices.Insert(ac.Overrides, at, active)
	s.audit(now, AuditEntry{Who: o.Who, What: o.describe(), Why: o.Why, Until: active.Until, Outcome: "accepted as " + o.ID})
	return nil
}

// priority is normal for a name that checkOverride refuses.
func (o Override) priority() control.Priority {
	p, err := control.ParsePriority(o.Priority)
	if err != nil {
		return control.Normal
	}
	return p
}

// checkOverride refuses what cannot be: all that is wrong in one sentence.
func (s *TuneState) checkOverride(_ time.Time, o Override) error {
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
		if len(ac.Overrides) >= roomFor(o.priority()) {
			fault("%s has %d overrides already, end one first", o.AC, len(ac.Overrides))
		}
	}
	if _, err := control.ParsePriority(o.Priority); err != nil {
		fault("%s", sentence(err))
	}
	if most := s.Policy.OverrideMost; o.For <= 0 || o.For > most {
		fault("for %s must be above 0s and at most %s", o.For, most)
	}
	faults = append(faults, checkTexts(text{"who", o.Who, 100, true}, text{"why", o.Why, 500, true})...)
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

// roomFor is how many overrides a machine may have when one more of a priority comes: those of a lower one leave room,
// so that a flood of wishes does not keep out what must be.
func roomFor(p control.Priority) int { return mostOverrides + 2*int(p) }

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

// checkResume refuses what ends nothing.
func (s *TuneState) checkResume(_ time.Time, r ResumeRequest) error {
	if r.AC != "" && s.find(r.AC) == nil {
		return fmt.Errorf("there is no air conditioner %q in room %s (there are %s)", r.AC, s.Room, s.names())
	}
	if faults := checkTexts(text{"who", r.Who, 100, false}, text{"why", r.Why, 500, false}); len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	var others []string
	for _, ac := range s.ACs {
		for _, o := range ac.Overrides {
			if r.means(ac, o) {
				return nil
			}
			others = append(others, fmt.Sprintf("%s of %s", o.ID, ac.Name))
		}
	}
	switch {
	case len(others) > 0 && r.ID != "":
		return fmt.Errorf("there is no override %s (there is %s)", clip(r.ID), strings.Join(others, ", "))
	case len(others) > 0:
		return fmt.Errorf("there is no override of %s to end (there is %s)", r.AC, strings.Join(others, ", "))
	case r.ID != "":
		return fmt.Errorf("there is no override %s", clip(r.ID))
	}
	return errors.New("there is no override to end")
}

// means says whether a request is about an override of a machine.
func (r ResumeRequest) means(ac ACState, o ActiveOverride) bool {
	return (r.ID == "" || r.ID == o.ID) && (r.AC == "" || r.AC == ac.Name)
}

// takeResume ends overrides before their time, and says which.
func (s *TuneState) takeResume(now time.Time, r ResumeRequest) ([]EndedOverride, error) {
	if err := s.checkResume(now, r); err != nil {
		if r.ID != "" && len(r.ID) <= 100 && !s.running(r.ID) {
			s.see(r.ID) // signals of two names may change places: the override must not begin after its end
		}
		return nil, err
	}
	var ended []EndedOverride
	for i := range s.ACs {
		ac := &s.ACs[i]
		ac.Overrides = slices.DeleteFunc(ac.Overrides, func(o ActiveOverride) bool {
			meant := r.means(*ac, o)
			if meant {
				ended = append(ended, EndedOverride{ID: o.ID, AC: ac.Name, Setpoint: o.Setpoint})
				s.audit(now, AuditEntry{Who: r.Who, What: "resume: " + o.describe(), Why: r.Why, Outcome: "accepted, " + o.ID + " ended"})
			}
			return meant
		})
	}
	s.Taken.Resumes++
	return ended, nil
}

func (s *TuneState) desired(ac string) int {
	if known := s.find(ac); known != nil {
		return known.Desired
	}
	return 0
}

// takeRoom takes a new specification of the room. Machines that stay keep all that is known of them; the policy
// is taken only when the specification's own has changed, so that a person's survives an unrelated apply.
func (t *tuning) takeRoom(now time.Time, room spec.Room) error {
	s := &t.state
	if room.Policy.IsZero() {
		room.Policy = spec.DefaultPolicy()
	}
	if err := checkRoom(room, s.Room); err != nil {
		return err
	}
	if !room.Policy.Equal(t.in.Room.Policy) {
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
			for _, o := range gone.Overrides {
				s.audit(now, AuditEntry{Who: o.Who, What: o.describe(), Why: o.Why, Outcome: "ended: " + gone.Name + " is no longer part of the room"})
			}
			s.clear(now, kindUnconfirmed, gone.Name, "no longer part of the room")
			s.clear(now, kindRejected, gone.Name, "no longer part of the room")
		}
	}
	s.ACs = acs
	s.Taken.Rooms++
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
	urgency := ""
	if p := o.priority(); p != control.Normal {
		urgency = ", " + p.String() + " priority"
	}
	return fmt.Sprintf("override %s to %d °C for %s%s", clip(o.AC), o.Setpoint, o.For, urgency)
}
