// Package aircon owns an edge's decisions about one air conditioner: which orders it takes, when it sends
// them by infrared, when it believes that they arrived, and what it does when nobody orders. It is pure: time
// and events come in, effects go out; package agent carries them out.
//
// What holds: a revision is acted on once; nothing outside the limits is ever sent; without orders the
// machine is only ever told colder; a frame that was not heard is sent again.
package aircon

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// Config is what one air conditioner is like.
type Config struct {
	Room, AC string
	Profile  infrared.Profile
	Bounds
	EchoWait  time.Duration // for the receiver to hear a frame
	Spacing   time.Duration // between two frames, at the least
	Simulated bool
}

// Bounds are what a policy says of one air conditioner. Allow changes them.
type Bounds struct {
	// Min and Max bound the setpoint, °C: what the machine, its remote and the policy all allow.
	Min, Max int
	// ResendMost is how often a frame that was not heard is sent again before an alert begins.
	ResendMost int
	// RetryEvery is the pause between tries after that.
	RetryEvery   time.Duration
	RefreshEvery time.Duration // the last full state is repeated
}

// Memory is what must outlive a restart.
type Memory struct {
	Revision int64  `json:"revision"` // of the last command that was seen
	ID       string `json:"id"`
	// OrderedRevision is the revision of Ordered, the last state that was ordered and allowed.
	OrderedRevision int64           `json:"ordered_revision"`
	Ordered         *infrared.State `json:"ordered,omitempty"`
	// Emergency says that Ordered was: whoever makes it warmer by hand is contradicted at once.
	Emergency bool `json:"emergency,omitempty"`
	// Wanted is what the edge makes of it: colder in fail-safe.
	Wanted *infrared.State `json:"wanted,omitempty"`
	// Actual is what the machine was last heard to be told; nil when that is not known.
	Actual *infrared.State `json:"actual,omitempty"`
}

// Effects are what is to be done, in this order: save, send, report.
type Effects struct {
	Save   bool // Memory changed
	Send   *infrared.Frame
	Acks   []wire.Ack
	Alerts []wire.Alert
	Note   string // for the log; empty for nothing
}

type phase int

const (
	idle    phase = iota
	due           // to be sent at dueAt
	sending       // handed to the transmitter
	waiting       // for the echo, until echoBy
)

// round is one state on its way to the machine.
type round struct {
	source   string
	id       string
	revision int64
	state    infrared.State
	attempts int
	acked    bool // "sent" was reported
	code     infrared.Code
}

// Machine is one air conditioner as its edge sees it. It is not safe for concurrent use.
type Machine struct {
	config Config
	memory Memory

	phase     phase
	round     round
	dueAt     time.Time
	echoBy    time.Time
	refreshAt time.Time
	lastSend  time.Time

	sent     []told // the newest frames that left the transmitter
	noOrders bool
	led      bool        // a lease has come since the start
	held     *held       // a command that the limits do not allow yet
	intended *intended   // what the workflow wants, while its command has not come
	expired  int64       // the highest revision that came too late
	alert    *wire.Alert // the one that lasts
}

// told is a state that was sent, to know its echo when it comes after the next order.
type told struct {
	state infrared.State
	at    time.Time
}

// echoes is how long an echo may be on its way, polling included.
const echoes = 30 * time.Second

// The sources of acks.
const (
	SourceCommand    = "command"
	SourceRefresh    = "refresh"
	SourceFailSafe   = "fail-safe"
	SourceHandRemote = "hand remote"
)

// settle is the pause before the first refresh after a start: orders that came meanwhile go first.
const settle = 5 * time.Second

// New begins with what an earlier process remembered. Its last state is repeated soon: the edge may have been
// away for long.
func New(config Config, memory Memory, now time.Time) *Machine {
	m := &Machine{config: config, memory: memory, refreshAt: now.Add(settle)}
	m.memory.Actual = nil // whatever happened meanwhile was not heard
	return m
}

// Memory is what is to be saved.
func (m *Machine) Memory() Memory { return m.memory }

// Tick does what has become due.
func (m *Machine) Tick(now time.Time) Effects {
	if e, acted := m.pending(now); acted {
		return e
	}
	switch m.phase {
	case due:
		if now.Before(m.dueAt) {
			return Effects{}
		}
		return m.send(now)
	case waiting:
		if now.Before(m.echoBy) {
			return Effects{}
		}
		return m.missed(now, fmt.Sprintf("no infrared echo within %s", m.config.EchoWait))
	case idle:
		if m.memory.Wanted == nil || now.Before(m.refreshAt) {
			return Effects{}
		}
		m.begin(now, round{source: SourceRefresh, id: m.memory.ID, revision: m.memory.OrderedRevision, state: *m.memory.Wanted})
		// A power cut may have switched the machine off: the refresh switches on as well.
		m.memory.Actual = nil
		return m.Tick(now)
	case sending:
	}
	return Effects{}
}

// Waiting says that an echo may come at any moment.
func (m *Machine) Waiting() bool { return m.phase == sending || m.phase == waiting }

func (m *Machine) begin(now time.Time, r round) {
	m.round, m.phase = r, due
	m.dueAt = later(now, m.lastSend.Add(m.config.Spacing))
}

func (m *Machine) send(now time.Time) Effects {
	previous := m.memory.Actual
	if m.round.attempts > 0 {
		previous = nil // it was not heard, so nothing is known
	}
	frame, err := m.config.Profile.Encode(m.round.state, previous)
	if err != nil { // limits were checked before, so this is a fault of ours; it must not spin
		m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
		return Effects{Note: fmt.Sprintf("encode %s: %v", m.round.state, err)}
	}
	m.phase, m.lastSend = sending, now
	m.round.attempts++
	m.round.code = frame.Code
	m.sent = append(m.sent[max(0, len(m.sent)-7):], told{normal(m.round.state), now})
	return Effects{Send: &frame}
}

// Sent reports how the transmission went that Tick asked for.
func (m *Machine) Sent(now time.Time, err error) Effects {
	if m.phase != sending {
		return Effects{} // something newer has begun, or the echo was faster
	}
	if err != nil {
		return m.missed(now, err.Error())
	}
	m.phase, m.echoBy = waiting, now.Add(m.config.EchoWait)
	if m.round.acked || m.round.source == SourceRefresh {
		return Effects{}
	}
	m.round.acked = true
	return Effects{Acks: []wire.Ack{m.ack(now, wire.AckSent, m.round, "infrared frame "+m.round.code.String()+" sent")}}
}

// missed plans the next try; after the last of them an alert begins and tries go on slowly.
func (m *Machine) missed(now time.Time, why string) Effects {
	m.phase, m.memory.Actual = due, nil
	if m.round.attempts <= m.config.ResendMost {
		m.dueAt = now.Add(time.Second << min(m.round.attempts, 5)) // 2, 4, 8 … s
		return Effects{Note: why}
	}
	m.dueAt = now.Add(m.config.RetryEvery)
	if m.alert != nil {
		return Effects{Note: why}
	}
	m.alert = &wire.Alert{
		ID: m.config.Room + "/infrared/" + m.config.AC, Room: m.config.Room, Kind: "infrared",
		Severity: wire.SeverityHigh, BeganMillis: now.UnixMilli(), Source: "edge",
		Evidence: fmt.Sprintf("%s was told %s %d times: %s", m.config.AC, m.round.state, m.round.attempts, why),
	}
	return Effects{Note: why, Alerts: []wire.Alert{*m.alert}}
}

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
	r := round{source: SourceHandRemote, id: m.memory.ID, revision: m.memory.OrderedRevision, state: state}
	e := Effects{Save: true, Acks: []wire.Ack{m.ack(now, wire.AckConfirmed, r, "hand remote heard "+code.String())}}
	if m.phase != idle || m.memory.Wanted == nil || !warmer(state, *m.memory.Wanted) {
		return e
	}
	switch again := (round{source: SourceFailSafe, id: SourceFailSafe, revision: m.memory.OrderedRevision, state: *m.memory.Wanted}); {
	case m.noOrders:
		m.begin(now, again)
	case m.memory.Emergency:
		again.source, again.id = SourceRefresh, m.memory.ID
		m.begin(now, again)
		e.Note = "a hand remote made it warmer in an emergency: it is told again"
	}
	return e
}

func (m *Machine) confirmed(now time.Time, state infrared.State, code infrared.Code) Effects {
	m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
	m.memory.Actual = &state
	e := Effects{Save: true, Acks: []wire.Ack{m.ack(now, wire.AckConfirmed, m.round, "infrared echo "+code.String())}}
	if m.alert != nil {
		ended := *m.alert
		ended.EndedMillis = max(now.UnixMilli(), ended.BeganMillis)
		ended.Evidence = "infrared echo " + code.String()
		m.alert = nil
		e.Alerts = []wire.Alert{ended}
	}
	return e
}

func (m *Machine) ack(now time.Time, state string, r round, evidence string) wire.Ack {
	return wire.Ack{
		ID: r.id, Revision: r.revision, Room: m.config.Room, AC: m.config.AC, State: state,
		Power: r.state.Power, Setpoint: r.state.Setpoint, Evidence: evidence, Source: r.source,
		TimeMillis: now.UnixMilli(), Simulated: m.config.Simulated,
	}
}

// normal is the state as a decoder says it.
func normal(s infrared.State) infrared.State {
	if !s.Power {
		return infrared.State{}
	}
	return s.WithDefaults()
}

func warmer(a, b infrared.State) bool {
	return b.Power && (!a.Power || a.Setpoint > b.Setpoint || a.Mode != b.Mode)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
