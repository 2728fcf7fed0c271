package aircon

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// pace is when the machine was last changed, on monotonic time: a clock that is set does not make anything sooner.
type pace struct {
	raised  time.Time // by the rules
	left    int       // K that they may still raise within UpEvery of raised
	changed time.Time // Wanted
	on      time.Time // Wanted was switched on
}

const (
	// leeway forgives what lies between the rules' decision and its arrival: two clocks and a message on its way.
	leeway = 15 * time.Second
	// leastRun is how long a machine stays switched on at the least (the reference, 2.2: compressors want 30 s to 2
	// minutes of running and 3 of rest; healthy ones start 2 to 3 times an hour). Switching on never waits: cooling
	// comes first, and the machine itself keeps its compressor's rest.
	leastRun = 5 * time.Minute
)

// recall makes a pace of what an earlier process remembered. A moment that lies ahead, by a clock that was wrong then or
// is now, counts as now. Of a machine whose rises nobody has noted the rules may raise one step.
func recall(b Bounds, memory Memory, now time.Time) pace {
	moment := func(millis int64) time.Time {
		if millis == 0 {
			return time.Time{}
		}
		return now.Add(-max(0, now.Sub(time.UnixMilli(millis))))
	}
	p := pace{raised: moment(memory.RaisedMillis), left: memory.RaisedLeft, changed: moment(memory.ChangedMillis), on: moment(memory.OnMillis)}
	if p.raised.IsZero() {
		p.raised = now.Add(-b.UpEvery)
	}
	return p
}

// tooFast says in words why the rules may not raise that much; empty when they may. They have one step for each UpEvery
// that has passed since they last raised it: whoever missed some of their commands catches up, and nobody is faster.
// Ordered is what they go on from.
func (m *Machine) tooFast(now time.Time, c wire.Command, state infrared.State, ordered *infrared.State) string {
	if c.Origin != wire.OriginRules || ordered == nil || !ordered.Power || m.config.UpStep <= 0 || m.config.UpEvery <= 0 {
		return ""
	}
	if !state.Power {
		return fmt.Sprintf("the rules switch nothing off: %s stays at %d °C", m.config.AC, ordered.Setpoint)
	}
	step := state.Setpoint - ordered.Setpoint
	if step <= 0 || step <= m.earned(now) {
		return ""
	}
	return fmt.Sprintf("raising %s from %d to %d °C is %d K at once, %s after the last rise: the rules may raise it by %d K each %s",
		m.config.AC, ordered.Setpoint, state.Setpoint, step, now.Sub(m.pace.raised).Round(time.Second), m.config.UpStep, m.config.UpEvery)
}

// earned is what the rules may raise now, K.
func (m *Machine) earned(now time.Time) int {
	steps := int((now.Sub(m.pace.raised) + leeway) / m.config.UpEvery)
	if steps == 0 {
		return m.pace.left
	}
	return steps * m.config.UpStep
}

// raisedBy notes that the rules have raised what is ordered.
func (m *Machine) raisedBy(now time.Time, step int) {
	left := m.config.UpStep - step
	if now.Sub(m.pace.raised)+leeway < m.config.UpEvery {
		left = m.pace.left - step
	}
	m.pace.raised, m.pace.left = now, max(0, left)
	m.memory.RaisedMillis, m.memory.RaisedLeft = now.UnixMilli(), m.pace.left
}

// mayAt is when the machine may be told a state at the earliest; the zero time for at once. Colder never waits.
func (m *Machine) mayAt(state infrared.State) time.Time {
	wanted := m.memory.Wanted
	if wanted == nil || !warmer(state, *wanted) || m.pace.changed.IsZero() {
		return time.Time{}
	}
	at := m.pace.changed.Add(m.config.CommandEvery)
	if !state.Power && !m.pace.on.IsZero() {
		at = later(at, m.pace.on.Add(leastRun))
	}
	return at
}

// want makes a state what the machine is to be told, and begins to.
func (m *Machine) want(now time.Time, state infrared.State, r round) {
	was := m.memory.Wanted
	if was == nil || *was != state {
		m.pace.changed = now
		m.memory.ChangedMillis = now.UnixMilli()
	}
	if state.Power && (was == nil || !was.Power) {
		m.pace.on = now
		m.memory.OnMillis = now.UnixMilli()
	}
	m.memory.Wanted = &state
	r.state = state
	m.begin(now, r)
}
