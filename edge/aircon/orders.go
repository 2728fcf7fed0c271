package aircon

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// Order takes a command. Age is how long the broker has had it; pass a negative age when the clock cannot be
// trusted: then revisions alone order commands. A revision that was seen or passed, and a command that
// outlived its time, do nothing. One outside the limits changes nothing: it is rejected, after a moment in which
// other limits may still come. In an emergency what is colder than the limits is taken as the coldest they allow.
//
// The rules' word is rejected when it raises the setpoint faster than the policy. Whoever's it is, what makes the
// machine warmer too soon after its last change waits, and the newest of what waits is carried out; colder and
// emergencies go at once.
func (m *Machine) Order(now time.Time, c wire.Command, age time.Duration) Effects {
	if c.Revision <= m.memory.Revision {
		return Effects{}
	}
	if ttl := time.Duration(c.TTLMillis) * time.Millisecond; age > ttl {
		m.expired = max(m.expired, c.Revision)
		return Effects{Note: fmt.Sprintf("command %s, revision %d, expired: %s old, good for %s", c.ID, c.Revision, age.Round(time.Second), ttl)}
	}
	if m.held != nil && c.Revision < m.held.command.Revision {
		return Effects{}
	}
	base := m.memory.Ordered
	if m.held != nil && m.held.early {
		base = m.held.base
	}
	m.held = nil
	return m.take(now, c, age, base)
}

// take is Order for a command that is new and in time. Base is what the rules go on from.
func (m *Machine) take(now time.Time, c wire.Command, age time.Duration, base *infrared.State) Effects {
	asked := c.Setpoint
	if c.Emergency && c.Power {
		c.Setpoint = max(c.Setpoint, m.config.Min)
	}
	state := stateOf(c)
	why, curable := m.refuse(state)
	switch {
	case why != "" && curable:
		m.held = &held{command: c, by: now.Add(patience)}
		return Effects{Note: fmt.Sprintf("command %s waits for limits that allow it: %s", c.ID, why)}
	case why != "":
		return m.reject(now, c, why)
	case c.Emergency && !c.Power:
		return m.reject(now, c, "an emergency switches nothing off")
	}
	if why := m.tooFast(now, c, state, base); why != "" {
		return m.reject(now, c, why)
	}
	if at := m.mayAt(state); now.Before(at) {
		if c.Origin != wire.OriginRules && state.Power {
			base = &state
		}
		return m.hold(now, c, age, at, base)
	}
	e := m.obey(now, c, state)
	if c.Setpoint != asked {
		e.Note = fmt.Sprintf("emergency command %s asks for %d °C; the coldest allowed is %d", c.ID, asked, c.Setpoint)
	}
	return e
}

func stateOf(c wire.Command) infrared.State {
	return normal(infrared.State{Power: c.Power, Setpoint: c.Setpoint, Mode: c.Mode, Fan: c.Fan})
}

// obey makes an allowed command what is ordered, and tells the machine.
func (m *Machine) obey(now time.Time, c wire.Command, state infrared.State) Effects {
	if last := m.memory.Ordered; c.Origin == wire.OriginRules && last != nil && last.Power && state.Setpoint > last.Setpoint {
		m.raisedBy(now, state.Setpoint-last.Setpoint)
	}
	m.memory.Revision = c.Revision
	m.memory.ID, m.memory.OrderedRevision, m.memory.Ordered, m.memory.Emergency = c.ID, c.Revision, &state, c.Emergency
	m.memory.Manual = nil
	if m.safe() && m.memory.Wanted != nil && warmer(state, *m.memory.Wanted) {
		return Effects{Save: true, Note: fmt.Sprintf("command %s waits for %s: until then nothing is made warmer", c.ID, m.lacks())}
	}
	m.want(now, state, round{source: SourceCommand, id: c.ID, revision: c.Revision})
	return Effects{Save: true}
}

// safe says that the edge holds the machine down by itself.
func (m *Machine) safe() bool { return m.noOrders || m.noReadings || m.leaving }

// lacks is what has to come before anything is made warmer.
func (m *Machine) lacks() string {
	switch {
	case m.leaving:
		return "the next start"
	case m.noOrders && m.noReadings:
		return "a lease and readings"
	case m.noReadings:
		return "readings"
	}
	return "a lease"
}

func (m *Machine) reject(now time.Time, c wire.Command, why string) Effects {
	m.memory.Revision = c.Revision
	r := round{source: SourceCommand, id: c.ID, revision: c.Revision, state: stateOf(c)}
	r.state.Setpoint = c.Setpoint
	return Effects{Save: true, Note: why, Acks: []wire.Ack{m.ack(now, wire.AckRejected, r, why)}}
}

// refuse says in words why a state is not allowed, empty when it is, and whether another policy could allow it.
func (m *Machine) refuse(s infrared.State) (why string, curable bool) {
	_, err := m.config.Profile.Encode(s, nil)
	if s.Power && (s.Setpoint < m.config.Min || s.Setpoint > m.config.Max) {
		return fmt.Sprintf("setpoint %d °C is outside %d to %d °C of %s", s.Setpoint, m.config.Min, m.config.Max, m.config.AC), err == nil
	}
	if err != nil {
		return err.Error(), false
	}
	return "", false
}

// FailSafe says that nobody orders, and what the room needs at the most, °C. The machine is told this or
// colder, never warmer; a second call can only lower it further.
func (m *Machine) FailSafe(now time.Time, setpoint int) Effects {
	m.noOrders = true
	return m.cool(now, setpoint, "nobody decides")
}

// Blind says that no sensor here can be believed; otherwise as FailSafe, and of its own: each lasts until it is ended.
func (m *Machine) Blind(now time.Time, setpoint int) Effects {
	m.noReadings = true
	return m.cool(now, setpoint, "no readings")
}

// Farewell says that the edge stops: the machine is told the setpoint or colder, for as long as nobody looks after it.
func (m *Machine) Farewell(now time.Time, setpoint int) Effects {
	m.leaving = true
	m.held, m.intended, m.releaseAt = nil, nil, time.Time{}
	e := m.cool(now, setpoint, "the edge stops")
	if m.phase == due { // there is no later
		m.dueAt = later(now, m.lastSend.Add(m.spacing()))
	}
	return e
}

func (m *Machine) cool(now time.Time, setpoint int, why string) Effects {
	target := infrared.State{
		Power: true, Setpoint: min(max(setpoint, m.config.Min), m.config.Max), Mode: infrared.ModeCool, Fan: infrared.FanAuto,
	}
	if w := m.memory.Wanted; w != nil && w.Power {
		target.Fan = w.Fan
		if w.Mode == infrared.ModeCool && w.Setpoint <= target.Setpoint {
			return m.insist(now) // it is cold enough as it is
		}
	}
	m.want(now, target, round{source: SourceFailSafe, id: SourceFailSafe, revision: m.memory.OrderedRevision})
	return Effects{Save: true, Note: fmt.Sprintf("fail-safe, %s: %s is told %d °C", why, m.config.AC, target.Setpoint)}
}

// insist tells the machine again what is wanted when a hand remote was heard to make it warmer.
func (m *Machine) insist(now time.Time) Effects {
	wanted := *m.memory.Wanted
	if m.phase != idle || m.memory.Actual == nil || !warmer(*m.memory.Actual, wanted) {
		return Effects{}
	}
	does := *m.memory.Actual
	m.begin(now, round{source: SourceFailSafe, id: SourceFailSafe, revision: m.memory.OrderedRevision, state: wanted})
	return Effects{Note: fmt.Sprintf("fail-safe: %s does %s and is told %s again", m.config.AC, does, wanted)}
}

// Resume says that somebody decides: what was last ordered holds again. Saying it again does nothing.
func (m *Machine) Resume(now time.Time) Effects {
	m.noOrders, m.led = false, true
	return m.release(now, "orders are back")
}

// Unseen says that no reading has come yet: whoever began anew in the dark gives nothing back before one does.
func (m *Machine) Unseen() { m.unseen = true }

// Sighted says that readings are back, or that none are to be waited for.
func (m *Machine) Sighted(now time.Time) Effects {
	if !m.noReadings && !m.unseen {
		return Effects{}
	}
	m.noReadings, m.unseen = false, false
	return m.release(now, "readings are back")
}

// release gives the machine back to whoever ordered, once nothing holds it down and somebody decides for its room.
func (m *Machine) release(now time.Time, why string) Effects {
	holds, r := m.memory.Ordered, round{source: SourceCommand, id: m.memory.ID, revision: m.memory.OrderedRevision}
	if m.memory.Manual != nil {
		holds, r.source, r.id = m.memory.Manual, SourceCoAP, SourceCoAP
	}
	if m.safe() || m.unseen || !m.led || holds == nil {
		return Effects{}
	}
	holds = new(m.allowed(*holds))
	if m.memory.Wanted != nil && *m.memory.Wanted == *holds {
		return Effects{}
	}
	if at := m.mayAt(*holds); now.Before(at) {
		m.releaseAt = at
		return Effects{}
	}
	m.want(now, *holds, r)
	return Effects{Save: true, Note: fmt.Sprintf("%s: %s is told %s again", why, m.config.AC, *holds)}
}
