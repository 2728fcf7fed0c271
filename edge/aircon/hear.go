package aircon

import (
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// Heard takes a frame that the receiver near the machine heard.
func (m *Machine) Heard(now time.Time, state infrared.State, code infrared.Code) Effects {
	// A late echo of an earlier try says the same state; only its power-on bit may differ.
	if m.phase != idle && m.round.attempts > 0 && state == normal(m.round.state) {
		return m.confirmed(now, state, code)
	}
	m.memory.Actual = &state
	for _, t := range m.sent {
		if t.state == state && now.Sub(t.at) < echoes {
			return Effects{} // our own words: a second echo, or one that an order overtook
		}
	}
	if state != m.watch.claim.State {
		m.watch.claimed = false // it does what that person said, until it is told again
	}
	r := round{source: SourceHandRemote, id: m.memory.ID, revision: m.memory.OrderedRevision, state: state}
	e := Effects{Save: true, Acks: []wire.Ack{m.ack(now, wire.AckConfirmed, r, "hand remote heard "+code.String())}}
	if m.phase != idle || m.memory.Wanted == nil || !warmer(state, *m.memory.Wanted) {
		return e
	}
	switch again := (round{source: SourceFailSafe, id: SourceFailSafe, revision: m.memory.OrderedRevision, state: *m.memory.Wanted}); {
	case m.safe():
		m.begin(now, again)
	case m.memory.Emergency:
		m.begin(now, m.again(*m.memory.Wanted))
		e.Note = "a hand remote made it warmer in an emergency: it is told again"
	}
	return e
}

func (m *Machine) confirmed(now time.Time, state infrared.State, code infrared.Code) Effects {
	m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
	m.memory.Actual = &state
	m.watch.left(now, m.span()) // an echo may be faster than the transmitter's own word
	m.watch.standing = confirmed
	evidence := "infrared echo " + code.String()
	return Effects{
		Save:   true,
		Acks:   []wire.Ack{m.ack(now, wire.AckConfirmed, m.round, evidence)},
		Alerts: m.heardAgain(now, evidence),
	}
}

// heardAgain ends the alert about frames that nobody heard.
func (m *Machine) heardAgain(now time.Time, evidence string) []wire.Alert {
	ended := end(&m.alert, now, evidence)
	if ended == nil {
		return nil
	}
	return []wire.Alert{*ended}
}

// end ends an alert if it lasts.
func end(lasts **wire.Alert, now time.Time, evidence string) *wire.Alert {
	if *lasts == nil {
		return nil
	}
	ended := **lasts
	*lasts = nil
	ended.EndedMillis, ended.Evidence = max(now.UnixMilli(), ended.BeganMillis), evidence
	return &ended
}

// Unread counts a frame that the receiver heard and this remote cannot mean: another remote's, or noise.
func (m *Machine) Unread() { m.unread++ }
