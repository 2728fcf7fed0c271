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
	m.held = nil
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
	m.memory.Revision = c.Revision
	m.memory.ID, m.memory.OrderedRevision, m.memory.Ordered, m.memory.Emergency = c.ID, c.Revision, &state, c.Emergency
	if m.noOrders && m.memory.Wanted != nil && warmer(state, *m.memory.Wanted) {
		return Effects{Save: true, Note: fmt.Sprintf("command %s waits for a lease: without one nothing is made warmer", c.ID)}
	}
	m.memory.Wanted = &state
	m.begin(now, round{source: SourceCommand, id: c.ID, revision: c.Revision, state: state})
	return Effects{Save: true}
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
	target := infrared.State{
		Power: true, Setpoint: min(max(setpoint, m.config.Min), m.config.Max), Mode: infrared.ModeCool, Fan: infrared.FanAuto,
	}
	if w := m.memory.Wanted; w != nil && w.Power {
		target.Fan = w.Fan
		if w.Mode == infrared.ModeCool && w.Setpoint <= target.Setpoint {
			return Effects{} // it is cold enough as it is
		}
	}
	m.memory.Wanted = &target
	m.begin(now, round{source: SourceFailSafe, id: SourceFailSafe, revision: m.memory.OrderedRevision, state: target})
	return Effects{Save: true, Note: fmt.Sprintf("fail-safe: %s is told %d °C", m.config.AC, target.Setpoint)}
}

// Resume says that orders are back: what was last ordered holds again.
func (m *Machine) Resume(now time.Time) Effects {
	m.noOrders, m.led = false, true
	ordered := m.memory.Ordered
	if ordered == nil || m.memory.Wanted != nil && *m.memory.Wanted == *ordered {
		return Effects{}
	}
	m.memory.Wanted = ordered
	m.begin(now, round{source: SourceCommand, id: m.memory.ID, revision: m.memory.OrderedRevision, state: *ordered})
	return Effects{Save: true, Note: fmt.Sprintf("orders are back: %s is told %s again", m.config.AC, *ordered)}
}

// View is what health pages show.
type View struct {
	Room      string          `json:"room"`
	AC        string          `json:"ac"`
	Revision  int64           `json:"revision"`
	Ordered   *infrared.State `json:"ordered,omitempty"`
	Wanted    *infrared.State `json:"wanted,omitempty"`
	Actual    *infrared.State `json:"actual,omitempty"`
	NoOrders  bool            `json:"no_orders,omitempty"`
	Unheard   bool            `json:"unheard,omitempty"` // the alert lasts
	Attempts  int             `json:"attempts"`
	Simulated bool            `json:"simulated,omitempty"`
}

// View is the machine now.
func (m *Machine) View() View {
	return View{
		Room: m.config.Room, AC: m.config.AC, Revision: m.memory.Revision, Ordered: m.memory.Ordered,
		Wanted: m.memory.Wanted, Actual: m.memory.Actual, NoOrders: m.noOrders, Unheard: m.alert != nil,
		Attempts: m.round.attempts, Simulated: m.config.Simulated,
	}
}
