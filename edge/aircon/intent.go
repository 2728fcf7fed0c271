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

// held is a command that waits: for limits that allow it, or for its time.
type held struct {
	command wire.Command
	by      time.Time       // then it is rejected, or carried out
	early   bool            // it only comes too soon
	base    *infrared.State // what the rules go on from, of an early one: the last that was ordered by anybody else
	dies    time.Time       // it is not carried out after that; zero for a clock that nobody trusts
}

// hold keeps a command until its time has come.
func (m *Machine) hold(now time.Time, c wire.Command, age time.Duration, until time.Time, base *infrared.State) Effects {
	m.held = &held{command: c, by: until, early: true, base: base}
	if age >= 0 {
		m.held.dies = now.Add(time.Duration(c.TTLMillis)*time.Millisecond - age)
	}
	return Effects{Note: fmt.Sprintf("command %s makes %s warmer too soon after its last change: it waits for %s",
		c.ID, m.config.AC, until.Sub(now).Round(time.Second))}
}

// intended is what the workflow wants.
type intended struct {
	revision int64
	setpoint int
	at       time.Time
}

// Allow takes the bounds of another policy. A command that they allow is carried out; what the machine was told
// before stays until it is repeated, inside the bounds of then: whoever changed the policy also says what holds now.
func (m *Machine) Allow(now time.Time, b Bounds) Effects {
	m.config.Bounds = b
	if m.held == nil || m.held.early {
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
		switch why, _ := m.refuse(stateOf(h.command)); {
		case h.early && !h.dies.IsZero() && now.After(h.dies):
			m.expired = max(m.expired, h.command.Revision)
			return Effects{Note: fmt.Sprintf("command %s has expired while it waited", h.command.ID)}, true
		case h.early:
			return m.take(now, h.command, -1, h.base), true
		case why != "":
			return m.reject(now, h.command, why), true
		}
	}
	if !m.releaseAt.IsZero() && !now.Before(m.releaseAt) {
		m.releaseAt = time.Time{}
		return m.release(now, "orders are back"), true
	}
	i := m.intended
	if i == nil || now.Sub(i.at) < patience || !m.led || m.noOrders || m.leaving || m.held != nil {
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
