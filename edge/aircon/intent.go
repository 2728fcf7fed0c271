package aircon

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// patience is how long a command outside the limits, and an intent whose command has not come, wait: the three are
// records of different topics, published together, and a broker that is well delivers them within a second.
const patience = 5 * time.Second

// held is a command that the limits do not allow.
type held struct {
	command wire.Command
	by      time.Time // then it is rejected
}

// intended is what the workflow wants.
type intended struct {
	revision int64
	setpoint int
	at       time.Time
}

// Allow takes the bounds of another policy. A command that they allow is carried out; what the machine was told
// before stays: whoever changed the policy also says what holds now.
func (m *Machine) Allow(now time.Time, b Bounds) Effects {
	m.config.Bounds = b
	if m.held == nil {
		return Effects{}
	}
	if _, curable := m.refuse(stateOf(m.held.command)); curable {
		return Effects{}
	}
	c := m.held.command
	return m.Order(now, c, -1)
}

// Intend says what the workflow wants and by which command. When that does not come, since it has expired or the
// edge has lost its memory, the intent is carried out in its place, as long as somebody decides for the room.
func (m *Machine) Intend(now time.Time, revision int64, setpoint int) {
	if m.intended != nil && revision <= m.intended.revision {
		return
	}
	m.intended = &intended{revision: revision, setpoint: setpoint, at: now}
}

// pending carries out what has waited long enough.
func (m *Machine) pending(now time.Time) (e Effects, acted bool) {
	if h := m.held; h != nil && !now.Before(h.by) {
		m.held = nil
		if why, _ := m.refuse(stateOf(h.command)); why != "" {
			return m.reject(now, h.command, why), true
		}
	}
	i := m.intended
	if i == nil || now.Sub(i.at) < patience || !m.led || m.noOrders || m.held != nil {
		return Effects{}, false
	}
	if i.revision <= m.memory.Revision || i.revision < m.expired {
		return Effects{}, false
	}
	c := wire.Command{
		ID: fmt.Sprintf("intent-%d", i.revision), Revision: i.revision, Room: m.config.Room, AC: m.config.AC,
		Power: true, Setpoint: i.setpoint, Mode: infrared.ModeCool, Fan: infrared.FanAuto,
	}
	e = m.Order(now, c, -1)
	if e.Note == "" {
		e.Note = fmt.Sprintf("command %d of %s did not come: its intent is carried out, %d °C", i.revision, m.config.AC, i.setpoint)
	}
	return e, true
}
