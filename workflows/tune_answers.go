package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// AnswerRequest is what a person says to an alert. Payload of acknowledge, shelve and unshelve, signal and update.
type AnswerRequest struct {
	Alert string        `json:"alert"`         // its ID: "<room>/<kind>/<item>"
	For   spec.Duration `json:"for,omitempty"` // of shelve
	Who   string        `json:"who"`
	Why   string        `json:"why,omitempty"`
}

// AnswerAccepted answers the updates.
type AnswerAccepted struct {
	Alert string    `json:"alert"`
	Kind  string    `json:"kind"` // as wire.Answer has it
	Until time.Time `json:"until,omitzero"`
	// Lasts says that the alert lasts now; one that does not may be shelved for when it begins.
	Lasts bool `json:"lasts"`
	// Instead is the kind of the answer that held before; empty: none did.
	Instead string `json:"instead,omitempty"`
}

// ActiveAnswer is an answer that holds: an acknowledgement until its alert ends, a shelving until its time is over.
type ActiveAnswer struct {
	Alert string    `json:"alert"`
	Kind  string    `json:"kind"` // wire.AnswerAcknowledge or wire.AnswerShelve
	Who   string    `json:"who"`
	Why   string    `json:"why,omitempty"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until,omitzero"`
}

const (
	// mostShelved outlasts a holiday; what is not to be said for longer is to be mended, or is no alert.
	mostShelved = 14 * 24 * time.Hour
	// mostAnswers is as many as there are alerts, mostUnsaid those that wait for a broker that is away.
	mostAnswers, mostUnsaid = mostAlerts, 2 * mostAlerts
)

// checking is checkAnswer for one kind.
func (s *TuneState) checking(kind string) func(time.Time, AnswerRequest) error {
	return func(now time.Time, r AnswerRequest) error { return s.checkAnswer(now, kind, r) }
}

// checkAnswer refuses what cannot be: all that is wrong in one sentence.
func (s *TuneState) checkAnswer(now time.Time, kind string, r AnswerRequest) error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	held := s.answerTo(r.Alert)
	switch {
	case r.Alert == "":
		fault("alert must be given")
	case len(r.Alert) > 128 || !strings.HasPrefix(r.Alert, s.Room+"/"):
		fault("alert %q is none of room %s: its ID begins with %q", clip(r.Alert), s.Room, s.Room+"/")
	case kind == wire.AnswerAcknowledge && !s.lasts(r.Alert):
		fault("no alert %s lasts in room %s (%s)", r.Alert, s.Room, s.lasting())
	case kind == wire.AnswerUnshelve && held < 0:
		fault("alert %s is neither shelved nor acknowledged", r.Alert)
	case kind != wire.AnswerUnshelve && held < 0 && len(s.Answers) >= mostAnswers:
		fault("%d alerts are shelved or acknowledged already, unshelve one first", len(s.Answers))
	case len(s.Unsaid) >= mostUnsaid:
		fault("%d answers wait for the broker already", len(s.Unsaid))
	}
	switch {
	case kind != wire.AnswerShelve && r.For != 0:
		fault("for is only of shelve")
	case kind == wire.AnswerShelve && (r.For.D() < time.Second || r.For.D() > mostShelved):
		fault("for %s must be from 1s to %s", r.For, spec.Duration(mostShelved))
	}
	faults = append(faults, checkTexts(text{"who", r.Who, 100, true}, text{"why", r.Why, 500, false})...)
	said := wire.Answer{Room: s.Room, Alert: r.Alert, Kind: kind, Who: r.Who, Why: r.Why, TimeMillis: now.UnixMilli(), UntilMillis: now.UnixMilli()}
	if err := said.Validate(); err != nil && len(faults) == 0 {
		faults = append(faults, sentence(err))
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// takeAnswer notes what a person said to an alert; the newest word to one holds.
func (s *TuneState) takeAnswer(now time.Time, kind string, r AnswerRequest) (AnswerAccepted, error) {
	if err := s.checkAnswer(now, kind, r); err != nil {
		return AnswerAccepted{}, err
	}
	accepted := AnswerAccepted{Alert: r.Alert, Kind: kind, Lasts: s.lasts(r.Alert)}
	said := s.lastSaid(r.Alert)
	if held := s.answerTo(r.Alert); held >= 0 {
		accepted.Instead = s.Answers[held].Kind
		s.Answers = slices.Delete(s.Answers, held, held+1)
	}
	answer := wire.Answer{
		Room: s.Room, Alert: r.Alert, Kind: kind, Who: r.Who, Why: r.Why, TimeMillis: max(now.UnixMilli(), said+1),
	}
	if kind == wire.AnswerShelve {
		accepted.Until = now.Add(r.For.D())
		answer.UntilMillis = accepted.Until.UnixMilli()
	}
	if kind != wire.AnswerUnshelve {
		s.Answers = append(s.Answers, ActiveAnswer{
			Alert: r.Alert, Kind: kind, Who: r.Who, Why: r.Why, At: time.UnixMilli(answer.TimeMillis).UTC(), Until: accepted.Until,
		})
	}
	s.say(answer)
	s.Taken.Answers++
	s.audit(now, AuditEntry{Who: r.Who, What: kind + " " + r.Alert, Why: r.Why, Until: accepted.Until, Outcome: "accepted"})
	return accepted, nil
}

// say puts an answer on its way to the broker, in place of one to the same alert that has not got there.
func (s *TuneState) say(answer wire.Answer) {
	s.Unsaid = append(slices.DeleteFunc(s.Unsaid, func(a wire.Answer) bool { return a.Alert == answer.Alert }), answer)
}

// repeat says the answers that hold again: whoever reads their topic from a day ago must find them.
func (s *TuneState) repeat() {
	for _, a := range s.Answers {
		if slices.ContainsFunc(s.Unsaid, func(b wire.Answer) bool { return a.Alert == b.Alert }) {
			continue
		}
		s.say(wire.Answer{
			Room: s.Room, Alert: a.Alert, Kind: a.Kind, Who: a.Who, Why: a.Why,
			TimeMillis: a.At.UnixMilli(), UntilMillis: millis(a.Until),
		})
	}
}

// unshelve ends the shelvings whose time is over. Readers of the topic know the time by themselves.
func (s *TuneState) unshelve(now time.Time) {
	s.Answers = slices.DeleteFunc(s.Answers, func(a ActiveAnswer) bool {
		over := !a.Until.IsZero() && !now.Before(a.Until)
		if over {
			s.audit(now, AuditEntry{Who: a.Who, What: a.Kind + " " + a.Alert, Why: a.Why, Outcome: "ended: its time is over"})
		}
		return over
	})
}

// overtaken ends the acknowledgement of an alert that has ended. One that began anew without an end is another one.
func (s *TuneState) overtaken(alert string) {
	s.Answers = slices.DeleteFunc(s.Answers, func(a ActiveAnswer) bool {
		return a.Alert == alert && a.Kind == wire.AnswerAcknowledge
	})
}

// answerTo is the index of the answer that holds to an alert; -1: none.
func (s *TuneState) answerTo(alert string) int {
	return slices.IndexFunc(s.Answers, func(a ActiveAnswer) bool { return a.Alert == alert })
}

// lastSaid is the time of the newest answer to an alert that is known here, Unix ms; a newer one must be above it.
func (s *TuneState) lastSaid(alert string) (last int64) {
	if held := s.answerTo(alert); held >= 0 {
		last = s.Answers[held].At.UnixMilli()
	}
	for _, a := range s.Unsaid {
		if a.Alert == alert {
			last = max(last, a.TimeMillis)
		}
	}
	return last
}

// lasting names the alerts that last, at most ten of them.
func (s *TuneState) lasting() string {
	var ids []string
	for _, a := range s.Alerts {
		ids = append(ids, a.ID)
	}
	switch {
	case len(ids) == 0:
		return "none does"
	case len(ids) > 10:
		ids = append(ids[:10], "…")
	}
	return "there are " + strings.Join(ids, ", ")
}

// text is something that a person wrote.
type text struct {
	name, value string
	most        int // bytes
	needed      bool
}

// checkTexts says what is wrong with each text.
func checkTexts(texts ...text) (faults []string) {
	for _, t := range texts {
		switch {
		case t.needed && strings.TrimSpace(t.value) == "":
			faults = append(faults, t.name+" must be given")
		case len(t.value) > t.most:
			faults = append(faults, fmt.Sprintf("%s must be at most %d bytes long", t.name, t.most))
		}
	}
	return faults
}
