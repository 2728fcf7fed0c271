package control

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Machine is what the rules remember of one air conditioner.
type Machine struct {
	Name  string
	MostW float64   // the most that its meter has shown, W
	On    bool      // its compressor runs, as far as its meter tells
	Since time.Time // since then; zero: there is no meter
	// Told are the commands of the last hour that were not urgent, oldest first; fast ones are among them.
	Told []time.Time
}

// A compressor runs when the machine draws more than runningShare of the most that it has ever drawn: a fan alone draws
// a thirtieth of it, and an inverter's compressor at its slowest a quarter. Below meterLeast, W, nothing is known yet.
const (
	runningShare = 1.0 / 8
	meterLeast   = 100
)

// meter brings the memory of the machines up to what their meters show. It builds it anew, since whoever holds the
// former State must find it unchanged.
func (s *State) meter(in Input) {
	machines := make([]Machine, 0, len(in.ACs))
	for _, ac := range in.ACs {
		m := Machine{Name: ac.Name}
		if at := slices.IndexFunc(s.Machines, func(m Machine) bool { return m.Name == ac.Name }); at >= 0 {
			m = s.Machines[at]
		} else {
			m.Told = ac.told()
		}
		m.see(in, ac)
		if expired := slices.IndexFunc(m.Told, func(t time.Time) bool { return in.Now.Sub(t) < time.Hour }); expired != 0 && len(m.Told) > 0 {
			if expired < 0 {
				expired = len(m.Told)
			}
			m.Told = slices.Clone(m.Told[expired:])
		}
		machines = append(machines, m)
	}
	s.Machines = machines
}

// told are the commands that are known of a machine whose memory was lost: the last one each way.
func (ac AC) told() []time.Time {
	var times []time.Time
	for _, at := range []time.Time{ac.Raised, ac.Lowered} {
		if !at.IsZero() {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

func (m *Machine) see(in Input, ac AC) {
	if ac.MeteredAt.IsZero() || in.Now.Sub(ac.MeteredAt) > in.Policy.StaleAfter.D() || !(ac.Watts >= 0) || math.IsInf(ac.Watts, 0) {
		m.Since = time.Time{}
		return
	}
	m.MostW = max(m.MostW, ac.Watts)
	above := ac.RunningW
	if above == 0 {
		above = runningShare * m.MostW
	}
	if ac.RunningW == 0 && m.MostW < meterLeast {
		return
	}
	if on := ac.Watts > above; m.Since.IsZero() || on != m.On {
		m.On, m.Since = on, in.Now
	}
}

// count notes the commands that a decision makes. Urgent ones are not counted.
func (s *State) count(in Input, d Decision) {
	if d.Action.Urgent() || d.Action == Hold {
		return
	}
	for i, r := range d.ACs {
		if auto := in.ACs[i].Auto; auto != 0 && r.Setpoint != auto {
			s.Machines[i].Told = append(slices.Clip(s.Machines[i].Told), in.Now)
		}
	}
}

// keptDown is how many commands of the hour are kept for the way down: one step may not be enough.
const keptDown = 2

// mayRaise says why a machine is not to be told a warmer setpoint now; empty when it may.
func (s State) mayRaise(in Input, i int) string {
	ac, m, p := in.ACs[i], s.Machines[i], in.Policy
	if most := p.CommandsHour; len(m.Told) >= max(1, most-keptDown) {
		return fmt.Sprintf("%s has had %d commands in an hour, at most %d", ac.Name, len(m.Told), most)
	}
	started := ac.Lowered
	if !m.Since.IsZero() {
		started = time.Time{}
		if m.On {
			started = m.Since
		}
	}
	if !due(started, in.Now, p.MinRun.D()) {
		return fmt.Sprintf("%s runs for %s only, at least %s", ac.Name, round(in.Now.Sub(started)), p.MinRun)
	}
	return ""
}

// mayLower says why a machine is not to be told a colder setpoint now; empty when it may. Haste, a fast step or a mean
// above FastDownAbove, does not wait for a compressor to rest; only what is urgent has more commands than the hour's.
func (s State) mayLower(in Input, i int, action Action) string {
	ac, m, p := in.ACs[i], s.Machines[i], in.Policy
	switch most := p.CommandsHour; {
	case action.Urgent():
		return ""
	case len(m.Told) >= most:
		return fmt.Sprintf("%s has had %d commands in an hour, at most %d", ac.Name, len(m.Told), most)
	case action == FastLower || s.Hot >= p.FastDownAbove:
		return ""
	}
	stopped := ac.Raised
	if !m.Since.IsZero() {
		stopped = time.Time{}
		if !m.On {
			stopped = m.Since
		}
	}
	if !due(stopped, in.Now, p.MinOff.D()) {
		return fmt.Sprintf("%s has stopped %s ago, at least %s", ac.Name, round(in.Now.Sub(stopped)), p.MinOff)
	}
	return ""
}

// narrowed are the limits inside the policy's, or the nearest end.
func (l Limits) narrowed(p spec.Policy) Limits {
	return Limits{l.Clamp(p.SetpointMin), l.Clamp(p.SetpointMax)}
}
