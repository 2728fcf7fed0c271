package aircon

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// Manual takes a person's order of the 2017 way, which knows no revisions: it holds until the next command, and its
// acks are SourceCoAP's. A setpoint of 0 with power means the one that was ordered last. Errors are for that person and
// change nothing: ErrInvalid for what the limits, an emergency or a fail-safe do not allow; RetryAfter for what makes
// the machine warmer too soon after its last change.
func (m *Machine) Manual(now time.Time, power bool, setpoint int) (Effects, error) {
	refused := func(format string, args ...any) (Effects, error) {
		return Effects{}, fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
	}
	if power && setpoint == 0 {
		if setpoint = m.lastSetpoint(); setpoint == 0 {
			return refused("%s has not been told any setpoint yet: give one", m.config.AC)
		}
	}
	state := normal(infrared.State{Power: power, Setpoint: setpoint})
	if why, _ := m.refuse(state); why != "" {
		return refused("%s", why)
	}
	if w := m.memory.Wanted; w != nil && warmer(state, *w) {
		switch {
		case m.safe():
			return refused("%s is held at %s until there is %s: only colder is taken", m.config.AC, *w, m.lacks())
		case m.memory.Emergency:
			return refused("%s is told %s in an emergency: only colder is taken", m.config.AC, *w)
		}
	}
	if at := m.mayAt(state); now.Before(at) {
		wait := at.Sub(now)
		return Effects{}, &fault.RetryAfter{
			Err:   fmt.Errorf("%w: %s was changed %s ago: warmer in %s at the earliest", fault.ErrRateLimited, m.config.AC, now.Sub(m.pace.changed).Round(time.Second), wait.Round(time.Second)),
			After: wait,
		}
	}
	m.memory.Manual = &state
	m.want(now, state, round{source: SourceCoAP, id: SourceCoAP, revision: m.memory.OrderedRevision})
	return Effects{Save: true, Note: fmt.Sprintf("a person tells %s %s by CoAP", m.config.AC, state)}, nil
}

// lastSetpoint is the setpoint that was ordered last, °C; 0 for none.
func (m *Machine) lastSetpoint() int {
	for _, s := range []*infrared.State{m.memory.Manual, m.memory.Ordered, m.memory.Wanted} {
		if s != nil && s.Power {
			return s.Setpoint
		}
	}
	return 0
}
