package aircon

import (
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// standing is how far a claim has come.
type standing int

const (
	pending   standing = iota // sent, and evidence is awaited
	open                      // sent, and it cannot be told
	confirmed                 // by an echo, or by its air or power
)

// watch is what is observed near the machine, and what that says of the state that it was told.
type watch struct {
	seen []Observation

	claim    Claim
	claimed  bool  // claim says something
	sent     bool  // a frame of it has left the transmitter
	round    round // that made the claim, for its acks
	standing standing
	proven   bool // its air or power has shown it
	against  int  // windows in a row in which they did not
	by       time.Time
	openAt   time.Time // since when it cannot be told
	finding  Finding
	alert    *wire.Alert // no-effect, while it lasts
}

// keepSeen is how long observations are kept: the time before an order and a window after it. They come each 10 s, so
// keepMost is more than that takes.
const (
	keepSeen = 20 * time.Minute
	keepMost = 240
)

// claim notes what the round tells the machine, as its frame is made.
func (m *Machine) claim(now time.Time) {
	w, state := &m.watch, normal(m.round.state)
	if w.claimed && w.claim.State == state {
		w.claim.Last = now
		if !m.round.repeat {
			w.round, w.standing = m.round, pending
		}
		return
	}
	before := m.memory.Actual
	if before == nil && w.claimed && w.sent && w.against == 0 {
		before = &w.claim.State // what it was told last it probably does
	}
	if before != nil {
		before = new(normal(*before))
	}
	m.memory.Actual = nil // what it does is known again when it shows
	fresh := watch{
		seen: w.seen, claimed: true, round: m.round, alert: w.alert,
		claim: Claim{State: state, Before: before, At: now, Last: now, Running: m.config.Running},
	}
	if w.sent {
		fresh.claim.Owed = w.claim.colder(state, w.seen)
	}
	if !fresh.claim.Owed.IsZero() {
		fresh.against, fresh.by = w.against, w.by
	}
	*w = fresh
}

// left notes that a frame has left the transmitter; span is how long evidence may take.
func (w *watch) left(now time.Time, span time.Duration) {
	if !w.sent && w.by.IsZero() {
		w.by = now.Add(span)
	}
	w.sent = true
}

// span is how long evidence of air and power is waited for.
func (m *Machine) span() time.Duration { return max(m.config.RetryEvery, answerMost) }

// Observe takes what was measured near the machine, each 10 seconds, also when that is nothing.
func (m *Machine) Observe(now time.Time, o Observation) Effects {
	w := &m.watch
	o.At = now
	oldest := max(0, len(w.seen)+1-keepMost)
	for oldest < len(w.seen) && now.Sub(w.seen[oldest].At) > keepSeen {
		oldest++
	}
	w.seen = append(slices.Delete(w.seen, 0, oldest), o)
	if !m.judgeable() {
		return Effects{}
	}
	w.finding = Judge(now, w.claim, w.seen)
	switch w.finding.Verdict {
	case Confirmed:
		return m.proved(now, w.finding.Why)
	case Open:
		return m.opened(now, w.finding.Why)
	case Missing, Contradicted:
		return m.disproved(now, w.finding)
	case Waiting:
	}
	return Effects{}
}

// judgeable says that the machine should do what it was told, as far as anybody knows.
func (m *Machine) judgeable() bool {
	w := &m.watch
	if !w.claimed || !w.sent || m.phase == sending || m.memory.Wanted == nil || normal(*m.memory.Wanted) != w.claim.State {
		return false
	}
	return m.memory.Actual == nil || normal(*m.memory.Actual) == w.claim.State
}

// proved takes air or power that shows what the machine was told. Where a receiver may still hear the frame, that is
// waited for first: it says more.
func (m *Machine) proved(now time.Time, why string) Effects {
	w := &m.watch
	w.proven, w.against, w.openAt = true, 0, time.Time{}
	var e Effects
	if ended := end(&w.alert, now, why); ended != nil {
		e.Alerts = append(e.Alerts, *ended)
	}
	echoAwaited := !m.config.Deaf && m.phase != idle && m.round.attempts <= m.config.ResendMost
	if w.standing == confirmed || echoAwaited {
		return e
	}
	w.standing = confirmed
	m.memory.Actual = new(w.claim.State)
	m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
	e.Save = true
	e.Acks = []wire.Ack{m.ack(now, wire.AckConfirmed, w.round, why)}
	e.Alerts = append(e.Alerts, m.heardAgain(now, why)...)
	return e
}

// openAfter is how long it must have been impossible to tell before that is said.
const openAfter = time.Minute

// opened takes that it cannot be told: no fault, and said once.
func (m *Machine) opened(now time.Time, why string) Effects {
	w := &m.watch
	if w.openAt.IsZero() {
		w.openAt = now
	}
	var e Effects
	if now.Sub(w.openAt) >= 2*m.span() {
		w.against = 0
		if ended := end(&w.alert, now, "it can no longer be told: "+why); ended != nil {
			e.Alerts = append(e.Alerts, *ended)
		}
	}
	if w.standing != pending || m.phase != idle || now.Sub(w.claim.At) < openAfter || now.Sub(w.openAt) < openAfter || w.against > 0 {
		return e
	}
	w.standing = open
	ack := m.ack(now, wire.AckSent, w.round, why)
	ack.CannotTell = true
	e.Acks = []wire.Ack{ack}
	return e
}

// disproved takes air or power that says otherwise, or that does not show what it should. The state is sent again, with
// pauses that double; what was known to hold and does not any more, and what two windows contradict, is an alert.
func (m *Machine) disproved(now time.Time, f Finding) Effects {
	w := &m.watch
	w.openAt = time.Time{}
	if now.Before(w.by) || m.phase != idle || f.Verdict == Missing && w.standing != pending {
		return Effects{}
	}
	hidden := w.proven && f.Verdict == Contradicted
	w.proven = false
	w.against++
	w.by = now.Add(min(m.span()<<min(w.against-1, 4), max(m.config.RefreshEvery, m.span())))
	m.memory.Actual = nil
	e := Effects{Note: "its air contradicts what it was told: " + f.Why}
	switch {
	case f.Verdict == Contradicted && w.against >= 2:
		e.Alerts = m.noEffect(now, wire.SeverityHigh, f.Why)
	case hidden:
		e.Alerts = m.noEffect(now, wire.SeverityWarning, f.Why+": somebody may have changed it, it is told again")
	case f.Verdict == Missing && w.against > m.config.ResendMost:
		e.Alerts = m.noEffect(now, wire.SeverityWarning, f.Why)
	}
	r := m.again(w.claim.State)
	if w.standing == pending {
		r.source, r.id, r.revision = w.round.source, w.round.id, w.round.revision
	} else {
		w.round = r // a confirmation is said anew
	}
	w.standing = pending
	r.acked, r.attempts = true, 1 // what it does is not known: the frame switches on as well
	m.begin(now, r)
	return e
}

// noEffect begins the alert, or says it again when it has become worse.
func (m *Machine) noEffect(now time.Time, severity, why string) []wire.Alert {
	began := now.UnixMilli()
	if last := m.watch.alert; last != nil {
		if last.Severity == severity || last.Severity == wire.SeverityHigh {
			return nil
		}
		began = last.BeganMillis
	}
	m.watch.alert = &wire.Alert{
		ID: m.config.Room + "/no-effect/" + m.config.AC, Room: m.config.Room, Kind: "no-effect", Severity: severity,
		BeganMillis: began, Source: "edge", Evidence: m.config.AC + ": " + why,
	}
	return []wire.Alert{*m.watch.alert}
}

// Standing says how far what the machine was told has come: "sent", "confirmed" or "open" (sent, and it cannot be told
// whether it holds); "no effect" while its air or power says that it does not hold; empty before the first frame has left.
func (m *Machine) Standing() string {
	switch w := &m.watch; {
	case !w.claimed || !w.sent:
		return ""
	case w.alert != nil:
		return "no effect"
	case w.standing == confirmed:
		return "confirmed"
	case w.standing == open:
		return "open"
	}
	return "sent"
}

// told is what the machine was last told; nil before the first frame has left.
func (m *Machine) told() *infrared.State {
	if !m.watch.claimed || !m.watch.sent {
		return nil
	}
	return new(m.watch.claim.State)
}
