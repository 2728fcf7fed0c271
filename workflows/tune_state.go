package workflows

import (
	"fmt"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// The numbers of tuning that no policy states.
const (
	// commandTTL: an edge that comes back later than this should not obey an old word; it gets a new one.
	commandTTL = 10 * time.Minute
	// intentEvery keeps a quiet room's intent inside the day that the control loop reads back at its start.
	intentEvery = 12 * time.Hour

	mostRejected, mostAudit, mostSeen, mostAlerts = 20, 100, 200, 100
	// mostOverrides bounds the queue of one machine; two more of high priority find room, see roomFor.
	mostOverrides = 10
)

// The modes of a room.
const (
	modeAuto      = "auto"
	modeOverride  = "override"
	modeEmergency = "emergency"
)

func nextRevision(last int64, now time.Time) int64 { return control.NextRevision(last, now) }

// newTuneState is a room of which nothing is known: its machines are told the start setpoint.
func newTuneState(in TuneInput, now time.Time) TuneState {
	s := TuneState{Service: in.Service, Room: in.Room.Name, Mode: modeAuto, Policy: in.Room.Policy}
	for _, ac := range in.Room.AirConditioners {
		s.ACs = append(s.ACs, newACState(ac, s.Policy, now))
	}
	return s
}

func newACState(ac spec.AirConditioner, p spec.Policy, now time.Time) ACState {
	return ACState{
		Name: ac.Name, Min: ac.Min, Max: ac.Max,
		Auto: control.LimitsOf(p.At(now), ac).Clamp(p.SetpointStart), AutoSince: now,
		AutoReason: fmt.Sprintf("start: the policy's %d °C until the rules know better", p.SetpointStart),
	}
}

func (s *TuneState) find(name string) *ACState {
	for i := range s.ACs {
		if s.ACs[i].Name == name {
			return &s.ACs[i]
		}
	}
	return nil
}

// limits are what no rule, person or emergency may leave: the policy's at any hour, inside the machine's. A schedule only
// narrows what the rules want.
func (s *TuneState) limits(ac *ACState) control.Limits {
	return control.LimitsOf(s.Policy, spec.AirConditioner{Min: ac.Min, Max: ac.Max})
}

// settle ends what has ended, tells again what is overdue, and works out what holds.
func (s *TuneState) settle(now time.Time) {
	s.Mode = modeAuto
	s.unshelve(now)
	for i := range s.ACs {
		ac := &s.ACs[i]
		s.expire(ac, now)
		holding := s.merge(ac, now)
		if ac.overdue(now) {
			s.tellAgain(ac, now)
		}
		switch {
		case ac.Emergency:
			s.Mode = modeEmergency
		case holding && s.Mode == modeAuto:
			s.Mode = modeOverride
		}
	}
	if s.Told == s.Revision && !s.IntentAt.IsZero() && now.Sub(s.IntentAt) >= intentEvery {
		s.Told = 0
		s.repeat()
	}
}

func (s *TuneState) expire(ac *ACState, now time.Time) {
	ac.Overrides = slices.DeleteFunc(ac.Overrides, func(o ActiveOverride) bool {
		ended := !now.Before(o.Until)
		if ended {
			s.audit(now, AuditEntry{Who: o.Who, What: o.describe(), Why: o.Why, Outcome: "ended: its time is over"})
		}
		return ended
	})
}

// merge sets what is desired of a machine and why, and says whether an override holds it.
func (s *TuneState) merge(ac *ACState, now time.Time) (overridden bool) {
	m := s.merged(ac)
	for i, why := range m.Waiting {
		ac.Overrides[i].Suspended = why
	}
	ac.Reason = m.Reason
	if ac.Desired != m.Setpoint {
		ac.Origin = ac.origin(m)
		ac.Desired, ac.DesiredSince = m.Setpoint, now
		ac.order(now)
		ac.Attempts = 1
	}
	ac.Ruled, ac.Settled = m.Holding == "", ac.Auto
	return m.Holding != ""
}

// origin says whose word a change of what is desired is: the rules', when they held before, hold now and made all of
// the difference. Overrides that begin or end, limits that change, and a start are people's; so is what comes on top of
// such a change before the edge has sent it: to the edge it is all one.
func (ac *ACState) origin(m control.Merged) string {
	unsent := ac.Sent == nil || *ac.Sent != ac.Desired
	if unsent && ac.Origin == wire.OriginPerson {
		return wire.OriginPerson
	}
	if ac.Ruled && m.Holding == "" && m.Setpoint-ac.Desired == ac.Auto-ac.Settled {
		return wire.OriginRules
	}
	return wire.OriginPerson
}

func (s *TuneState) merged(ac *ACState) control.Merged {
	overrides := make([]control.Override, len(ac.Overrides))
	for i, o := range ac.Overrides {
		overrides[i] = control.Override{ID: o.ID, Setpoint: o.Setpoint, Who: o.Who, Why: o.Why, Until: o.Until, Priority: o.priority()}
	}
	return control.Merge(s.limits(ac), control.Wish{Setpoint: ac.Auto, Reason: ac.AutoReason, Urgent: ac.Emergency}, overrides)
}

// order makes a new command of what is desired; tell publishes it.
func (ac *ACState) order(now time.Time) {
	ac.Revision = nextRevision(ac.Revision, now)
	ac.CommandID = fmt.Sprintf("tune-%d", ac.Revision)
	ac.Sent, ac.Confirmed, ac.Evidence = nil, nil, ""
	ac.SentAt, ac.ConfirmedAt, ac.Due = time.Time{}, time.Time{}, time.Time{}
}

func (ac *ACState) overdue(now time.Time) bool { return !ac.Due.IsZero() && !now.Before(ac.Due) }

// tellAgain repeats a command that was not confirmed, as a new revision, since an edge passes over one that it
// has seen. After ResendMost repetitions people are told, and it goes on slowly.
func (s *TuneState) tellAgain(ac *ACState, now time.Time) {
	if most := 1 + s.Policy.ResendMost; ac.Attempts >= most && !s.lasts(s.alertID(kindUnconfirmed, ac.Name)) {
		s.raise(now, kindUnconfirmed, ac.Name, fmt.Sprintf("%d °C was sent %d times and not confirmed", ac.Desired, ac.Attempts))
		ac.Due = now.Add(s.Policy.RefreshEvery.D())
		return
	}
	ac.order(now)
	ac.Attempts++
}

// patience is how long a machine may take to confirm.
func (s *TuneState) patience(ac *ACState) time.Duration {
	if ac.Attempts > 1+s.Policy.ResendMost {
		return s.Policy.RefreshEvery.D()
	}
	return s.Policy.EvidenceWindow.D()
}

// next is when settle has something to do without any message, and what; zero when never. intent says whether the
// intent's next publication counts.
func (s *TuneState) next(intent bool) (at time.Time, what string) {
	sooner := func(t time.Time, why string) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, what = t, why
		}
	}
	for _, ac := range s.ACs {
		sooner(ac.Due, "confirmation of "+ac.Name+" is due")
		for _, o := range ac.Overrides {
			sooner(o.Until, "override "+o.ID+" of "+ac.Name+" ends")
		}
	}
	for _, a := range s.Answers {
		sooner(a.Until, "the shelving of "+a.Alert+" ends")
	}
	if intent && s.Told == s.Revision && !s.IntentAt.IsZero() {
		sooner(s.IntentAt.Add(intentEvery), "the intent is published again")
	}
	return at, what
}

// untold is what the broker does not have, in the order in which it matters.
func (s *TuneState) untold(now time.Time) []untold {
	var records []untold
	for i := range s.ACs {
		if ac := &s.ACs[i]; ac.Told < ac.Revision {
			command := s.command(ac)
			records = append(records, untold{key: "command of " + ac.Name, revision: ac.Revision, command: &command})
		}
	}
	if s.Told < s.Revision {
		intent := s.intent(now)
		records = append(records, untold{key: "intent", revision: s.Revision, intent: &intent})
	}
	for i, alert := range s.Outbox {
		earlier := func(a wire.Alert) bool { return a.ID == alert.ID }
		if !slices.ContainsFunc(s.Outbox[:i], earlier) {
			records = append(records, untold{key: "alert " + alert.ID, revision: alert.EndedMillis, alert: &alert})
		}
	}
	for i := range s.Unsaid {
		answer := s.Unsaid[i]
		records = append(records, untold{key: "answer to " + answer.Alert, revision: answer.TimeMillis, answer: &answer})
	}
	return records
}

// told marks a record as known to the broker.
func (s *TuneState) told(record untold, now time.Time) {
	switch {
	case record.command != nil:
		ac := s.find(record.command.AC)
		if ac == nil || record.revision <= ac.Told {
			return
		}
		ac.Told = record.revision
		if ac.Told == ac.Revision && !ac.obeys() {
			ac.Due = now.Add(s.patience(ac))
		}
	case record.intent != nil:
		s.Told, s.IntentAt = max(s.Told, record.revision), now
	case record.alert != nil:
		at := slices.IndexFunc(s.Outbox, func(a wire.Alert) bool {
			return a.ID == record.alert.ID && a.EndedMillis == record.alert.EndedMillis
		})
		if at >= 0 {
			s.Outbox = slices.Delete(s.Outbox, at, at+1)
		}
	case record.answer != nil:
		s.Unsaid = slices.DeleteFunc(s.Unsaid, func(a wire.Answer) bool { return a == *record.answer })
	}
}

// obeys says that the machine has confirmed what is desired.
func (ac *ACState) obeys() bool { return ac.Confirmed != nil && *ac.Confirmed == ac.Desired }

func (s *TuneState) command(ac *ACState) wire.Command {
	return wire.Command{
		ID: ac.CommandID, Revision: ac.Revision, Room: s.Room, AC: ac.Name, Power: true, Setpoint: ac.Desired,
		Mode: "cool", Fan: "auto", Reason: ac.Reason, Emergency: ac.Emergency, Origin: ac.Origin, TTLMillis: commandTTL.Milliseconds(),
	}
}
