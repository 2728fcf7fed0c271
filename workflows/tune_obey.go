package workflows

import (
	"fmt"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/wire"
)

// The kinds of alerts that tuning raises, and their source.
const (
	kindUnconfirmed = "unconfirmed" // an air conditioner does not confirm its setpoint
	kindRejected    = "rejected"    // an edge refuses a command
	sourceWorkflow  = "workflow"
)

// The sources of an ack that answer nobody's command.
const (
	ackFailSafe   = "fail-safe"
	ackHandRemote = "hand remote"
	ackCoAP       = "coap"
)

// takeRecommendation takes the rules' word after checking it again. One with a revision has been published by
// the control loop: it is adopted, not sent.
func (s *TuneState) takeRecommendation(now time.Time, r Recommendation) error {
	ac := s.find(r.AC)
	if ac == nil {
		return fmt.Errorf("there is no air conditioner %q in room %s (there are %s)", r.AC, s.Room, s.names())
	}
	at := control.Standing{Auto: ac.Auto, Raised: ac.Raised, Lowered: ac.Lowered}
	want := control.Wanted{Setpoint: r.Setpoint, Inlet: r.Inlet, Urgent: r.Emergency}
	if err := control.Check(s.Policy, s.limits(ac), at, want, now); err != nil {
		s.heardOf(ac, r.Revision, now)
		return err
	}
	s.Taken.Recommendations++
	if r.Setpoint == ac.Auto && r.Emergency == ac.Emergency && r.Revision <= ac.Revision {
		return nil // said before
	}
	s.automatic(ac, r, now)
	if r.Revision >= ac.Revision {
		s.adopt(ac, r, now)
	}
	return nil
}

// automatic notes what the rules want.
func (s *TuneState) automatic(ac *ACState, r Recommendation, now time.Time) {
	switch {
	case r.Setpoint > ac.Auto:
		ac.Raised = now
	case r.Setpoint < ac.Auto:
		ac.Lowered = now
	}
	if r.Setpoint != ac.Auto {
		ac.AutoSince = now
	}
	if r.Emergency != ac.Emergency {
		outcome := "ended"
		if r.Emergency {
			outcome = "began"
		}
		s.audit(now, AuditEntry{Who: "control", What: "emergency of " + ac.Name, Why: clip(r.Reason), Outcome: outcome})
	}
	ac.Auto, ac.AutoReason, ac.Emergency = r.Setpoint, clip(r.Reason), r.Emergency
}

// adopt takes a command that the control loop has published for the room's own.
func (s *TuneState) adopt(ac *ACState, r Recommendation, now time.Time) {
	fresh := r.Revision > ac.Revision
	ac.Revision, ac.Told, ac.CommandID = r.Revision, r.Revision, r.CommandID
	if s.merged(ac).Setpoint != r.Setpoint {
		ac.Desired = r.Setpoint // so that settle sees the difference and sends what holds
		return
	}
	if ac.Desired != r.Setpoint {
		ac.Desired, ac.DesiredSince = r.Setpoint, now
	}
	if fresh {
		ac.Sent, ac.Confirmed, ac.Evidence = nil, nil, ""
		ac.SentAt, ac.ConfirmedAt = time.Time{}, time.Time{}
	}
	ac.Attempts, ac.Due = 1, time.Time{}
	if !ac.obeys() {
		ac.Due = now.Add(s.patience(ac))
	}
}

// heardOf notes a revision that somebody else has used, so that the next one is above it. What was said with it
// is not known; if nobody explains it, the desired setpoint is told again.
func (s *TuneState) heardOf(ac *ACState, revision int64, now time.Time) {
	if revision <= ac.Revision {
		return
	}
	ac.Revision, ac.Told = revision, revision
	ac.Attempts = 0
	ac.Due = now.Add(s.Policy.EvidenceWindow.D())
}

// takeAck takes an edge's word on a command, or on what happened without one.
func (s *TuneState) takeAck(now time.Time, a wire.Ack) error {
	if err := a.Validate(); err != nil {
		return err
	}
	ac := s.find(a.AC)
	if ac == nil || a.Room != s.Room {
		return fmt.Errorf("there is no air conditioner %s/%s here", a.Room, a.AC)
	}
	s.Taken.Acks++
	uncalled := a.Source == ackFailSafe || a.Source == ackHandRemote || a.Source == ackCoAP
	at := time.UnixMilli(a.TimeMillis).UTC()
	if a.Revision < ac.Revision && !uncalled || uncalled && at.Before(ac.ConfirmedAt) {
		return nil // of a command, or a moment, that has passed
	}
	s.heardOf(ac, a.Revision, now)
	switch a.State {
	case wire.AckSent:
		ac.Sent, ac.SentAt = told(a), at
		if a.CannotTell {
			s.leave(ac, a, now)
		}
	case wire.AckConfirmed:
		s.confirm(ac, a, at, now)
	case wire.AckRejected:
		ac.Evidence = "rejected: " + clip(a.Evidence)
		ac.Due = now.Add(s.patience(ac))
		s.reject(now, "command", "edge", fmt.Sprintf("%d °C for %s", ac.Desired, ac.Name), fmt.Errorf("%s", a.Evidence))
		s.raise(now, kindRejected, ac.Name, clip(a.Evidence))
	}
	return nil
}

// told is the setpoint of an ack; a machine that is switched off has none.
func told(a wire.Ack) *int {
	if !a.Power {
		return nil
	}
	return &a.Setpoint
}

func (s *TuneState) confirm(ac *ACState, a wire.Ack, at, now time.Time) {
	ac.Sent, ac.Confirmed, ac.ConfirmedAt, ac.Evidence = told(a), told(a), at, clip(a.Evidence)
	if ac.SentAt.IsZero() {
		ac.SentAt = at
	}
	if a.Source != "command" {
		ac.Evidence = a.Source + ": " + ac.Evidence
	}
	if ac.obeys() {
		ac.Due, ac.Attempts = time.Time{}, max(1, ac.Attempts)
		evidence := fmt.Sprintf("%d °C is confirmed", ac.Desired)
		s.clear(now, kindUnconfirmed, ac.Name, evidence)
		s.clear(now, kindRejected, ac.Name, evidence)
		return
	}
	// Somebody else set it: a hand remote, or the edge's fail-safe. It is told again when that has lasted.
	if ac.Due.IsZero() {
		ac.Attempts = 0
		ac.Due = now.Add(s.Policy.EvidenceWindow.D())
	}
}

// leave takes that nothing near a machine can show whether it obeys: its edge goes on looking and sends again what turns
// out not to hold, so telling it again helps nobody.
func (s *TuneState) leave(ac *ACState, a wire.Ack, now time.Time) {
	ac.Evidence = "sent: " + clip(a.Evidence)
	if ac.Sent == nil || *ac.Sent != ac.Desired {
		return
	}
	ac.Due, ac.Attempts = time.Time{}, max(1, ac.Attempts)
	s.clear(now, kindUnconfirmed, ac.Name, "it cannot be told: "+clip(a.Evidence))
	s.clear(now, kindRejected, ac.Name, fmt.Sprintf("%d °C is sent", ac.Desired))
}

// takeAlert keeps the alerts of the edge and of the control loop that last.
func (s *TuneState) takeAlert(a wire.Alert) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if a.Room != s.Room {
		return fmt.Errorf("it is of room %q", a.Room)
	}
	if a.Source == sourceWorkflow {
		return nil // our own, come round
	}
	s.Taken.Alerts++
	s.keep(a)
	return nil
}

func (s *TuneState) keep(a wire.Alert) {
	same := func(b wire.Alert) bool { return a.ID == b.ID }
	if at := slices.IndexFunc(s.Alerts, same); a.EndedMillis != 0 || at >= 0 && s.Alerts[at].BeganMillis != a.BeganMillis {
		s.overtaken(a.ID)
	}
	s.Alerts = slices.DeleteFunc(s.Alerts, same)
	if a.EndedMillis == 0 {
		a.Evidence = clip(a.Evidence)
		s.Alerts = newest(append(s.Alerts, a), mostAlerts)
	}
}

func (s *TuneState) alertID(kind, ac string) string { return s.Room + "/" + kind + "/" + ac }

func (s *TuneState) lasts(id string) bool {
	return slices.ContainsFunc(s.Alerts, func(a wire.Alert) bool { return a.ID == id })
}

// raise begins an alert of the workflow's own, unless it lasts already.
func (s *TuneState) raise(now time.Time, kind, ac, evidence string) {
	id := s.alertID(kind, ac)
	if s.lasts(id) {
		return
	}
	a := wire.Alert{
		ID: id, Room: s.Room, Kind: kind, Severity: wire.SeverityHigh, BeganMillis: now.UnixMilli(),
		Evidence: ac + ": " + evidence, Source: sourceWorkflow,
	}
	s.keep(a)
	s.Outbox = append(s.Outbox, a)
}

// clear ends an alert of the workflow's own, if it lasts.
func (s *TuneState) clear(now time.Time, kind, ac, evidence string) {
	id := s.alertID(kind, ac)
	at := slices.IndexFunc(s.Alerts, func(a wire.Alert) bool { return a.ID == id })
	if at < 0 {
		return
	}
	a := s.Alerts[at]
	a.EndedMillis, a.Evidence = max(now.UnixMilli(), a.BeganMillis), ac+": "+evidence
	s.keep(a)
	s.Outbox = append(s.Outbox, a)
}
