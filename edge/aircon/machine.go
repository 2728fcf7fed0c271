// Package aircon owns an edge's decisions about one air conditioner: which orders it takes, when it sends
// them by infrared, when it believes that they arrived, and what it does when nobody orders. It is pure: time
// and events come in, effects go out; package agent carries them out.
//
// What holds: a revision is acted on once; nothing outside the limits is ever sent; without orders, or without
// readings, the machine is only ever told colder; a frame that was not heard, or that the air contradicts, is sent
// again; nobody makes a room warmer faster than its policy.
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
	// Deaf says that no receiver is near it: only its air and its power can confirm.
	Deaf     bool
	EchoWait time.Duration // for the receiver to hear a frame
	Spacing  time.Duration // between two frames, at the least
	// Running is the power above which it certainly cools, W; 0 means 150.
	Running   float64
	Simulated bool
}

// Bounds are what a policy says of one air conditioner. Allow changes them.
type Bounds struct {
	// Min and Max bound the setpoint, °C: what the machine, its remote and the policy all allow.
	Min, Max int
	// ResendMost is how often a frame that was not heard is sent again before an alert begins.
	ResendMost int
	// RetryEvery is how long evidence is waited for, and the pause between tries after that.
	RetryEvery   time.Duration
	RefreshEvery time.Duration // the last full state is repeated
	// UpStep and UpEvery bound how fast the rules may raise the setpoint, K each; zero of either for no bound.
	UpStep  int
	UpEvery time.Duration
	// CommandEvery is the least pause between a change and one that makes it warmer.
	CommandEvery time.Duration
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
	// Manual is what a person said since, on the 2017 way; it holds until the next command.
	Manual *infrared.State `json:"manual,omitempty"`
	// Wanted is what the edge makes of it: colder in fail-safe.
	Wanted *infrared.State `json:"wanted,omitempty"`
	// Actual is what the machine was last heard to be told; nil when that is not known.
	Actual *infrared.State `json:"actual,omitempty"`

	// When the rules last raised Ordered, when Wanted last changed and when it was last switched on, Unix ms by this
	// box's clock; RaisedLeft is what the rules may still raise within UpEvery of the first, K.
	RaisedMillis  int64 `json:"raised_ms,omitempty"`
	RaisedLeft    int   `json:"raised_left,omitempty"`
	ChangedMillis int64 `json:"changed_ms,omitempty"`
	OnMillis      int64 `json:"on_ms,omitempty"`
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
	repeat   bool // says again what was told before; it begins no new claim
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

	sent       []told // the newest frames that left the transmitter
	noOrders   bool
	noReadings bool
	unseen     bool // no reading has come since the start
	leaving    bool // the edge stops
	led        bool // a lease has come since the start
	pace       pace
	watch      watch
	unread     int       // frames heard that are none of this remote's
	held       *held     // a command that the limits do not allow yet
	intended   *intended // what the workflow wants, while its command has not come
	expired    int64     // the highest revision that came too late
	// releaseAt is when what was ordered holds again after a fail-safe; zero for no such thing.
	releaseAt time.Time
	alert     *wire.Alert // the one that lasts
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
	SourceCoAP       = "coap"
)

// settle is the pause before the first refresh after a start: orders that came meanwhile go first.
const settle = 5 * time.Second

// New begins with what an earlier process remembered. Its last state is repeated soon: the edge may have been
// away for long.
func New(config Config, memory Memory, now time.Time) *Machine {
	m := &Machine{config: config, memory: memory, refreshAt: now.Add(settle)}
	m.memory.Actual = nil // whatever happened meanwhile was not heard
	m.pace = recall(config.Bounds, memory, now)
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
		return m.missed(now, fmt.Sprintf("no infrared echo within %s", m.echoWait()))
	case idle:
		if m.memory.Wanted == nil || now.Before(m.refreshAt) {
			return Effects{}
		}
		m.begin(now, m.again(*m.memory.Wanted))
		// A power cut may have switched the machine off: the refresh switches on as well.
		m.memory.Actual = nil
		return m.Tick(now)
	case sending:
	}
	return Effects{}
}

// again is a round that says a state once more.
func (m *Machine) again(state infrared.State) round {
	return round{source: SourceRefresh, id: m.memory.ID, revision: m.memory.OrderedRevision, state: state, repeat: true}
}

// Waiting says that an echo may come at any moment.
func (m *Machine) Waiting() bool { return m.phase == sending || m.phase == waiting }

// Due says that a frame is to be sent as soon as Tick may.
func (m *Machine) Due() bool { return m.phase == due }

func (m *Machine) begin(now time.Time, r round) {
	m.round, m.phase = r, due
	m.dueAt = later(now, m.lastSend.Add(m.spacing()))
}

func (m *Machine) send(now time.Time) Effects {
	previous := m.memory.Actual
	if m.round.attempts > 0 || m.round.source == SourceFailSafe || m.memory.Emergency {
		previous = nil // it was not heard, so nothing is known; or too much hangs on what was known a while ago
	}
	said := m.round.state
	if m.round.state = m.allowed(said); m.round.state != said && m.memory.Wanted != nil && *m.memory.Wanted == said {
		m.memory.Wanted = new(m.round.state)
	}
	frame, err := m.config.Profile.Encode(m.round.state, previous)
	if err != nil { // limits were checked before, so this is a fault of ours; it must not spin
		m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
		return Effects{Note: fmt.Sprintf("encode %s: %v", m.round.state, err)}
	}
	m.phase, m.lastSend = sending, now
	m.claim(now)
	m.round.attempts++
	m.round.code = frame.Code
	m.sent = append(m.sent[max(0, len(m.sent)-7):], told{normal(m.round.state), now})
	return Effects{Send: &frame, Save: m.round.state != said}
}

// Sent reports how the transmission went that Tick asked for.
func (m *Machine) Sent(now time.Time, err error) Effects {
	if m.phase != sending {
		return Effects{} // something newer has begun, or the echo was faster
	}
	if err != nil {
		return m.missed(now, err.Error())
	}
	m.phase, m.echoBy = waiting, now.Add(m.echoWait())
	m.watch.left(now, m.span())
	var e Effects
	if m.config.Deaf { // its air and its power will tell, if anything does
		m.phase, m.refreshAt = idle, now.Add(m.config.RefreshEvery)
		e.Alerts = m.heardAgain(now, "infrared frame "+m.round.code.String()+" left the transmitter")
	}
	if !m.round.acked && m.round.source != SourceRefresh {
		m.round.acked = true
		e.Acks = []wire.Ack{m.ack(now, wire.AckSent, m.round, "infrared frame "+m.round.code.String()+" sent")}
	}
	return e
}

// missed plans the next try; after the last of them an alert begins and tries go on slowly.
func (m *Machine) missed(now time.Time, why string) Effects {
	m.phase, m.memory.Actual = due, nil
	if m.leaving {
		m.dueAt = later(now, m.lastSend.Add(m.spacing()))
		return Effects{Note: why}
	}
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

func (m *Machine) ack(now time.Time, state string, r round, evidence string) wire.Ack {
	return wire.Ack{
		ID: r.id, Revision: r.revision, Room: m.config.Room, AC: m.config.AC, State: state,
		Power: r.state.Power, Setpoint: r.state.Setpoint, Evidence: evidence, Source: r.source,
		TimeMillis: now.UnixMilli(), Simulated: m.config.Simulated,
	}
}
