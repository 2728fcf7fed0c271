// Package optimise owns the optimiser: it learns a room while the room is cooled and says which setpoints would draw
// the least power, coolers and server fans together. It is pure, knows no model of any simulated room, and only advises:
// package control decides, inside its own bounds.
//
// What it learns, and from what, is told in docs/optimiser.md.
package optimise

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Observation is what was seen of a room at one moment.
type Observation struct {
	At    time.Time
	Inlet float64 // °C, median of the trusted inlets
	Fresh int     // how many inlets it is the median of; zero: Inlet means nothing
	// Hottest is the warmest trusted inlet, °C. What is below Inlet (zero, say) or NaN: not known, the median stands for it.
	Hottest float64
	// Machines are the air conditioners, in the order of control.Input.ACs.
	Machines []Machine
	LoadW    float64 // electric power of the boxes, W; NaN: not metered
	OutdoorC float64 // °C; NaN: not known
}

// Machine is one air conditioner at that moment.
type Machine struct {
	Setpoint int     // what it does as far as known, °C; zero: not known
	Watts    float64 // electric power; NaN: not metered
	SupplyC  float64 // air that it blows out, °C; NaN: not measured
	Lost     bool    // it does not do what it is told
}

// Model is what has been learned of one room. Its zero value knows nothing. It is encoded as JSON to outlive a process.
// It is not safe for concurrent use.
type Model struct {
	block block // what is being averaged now
	inlet inlet
	power power
	heat  heat
	plan  plan
}

// longestGap between two observations; beyond it what was being averaged is thrown away.
const longestGap = 3 * time.Minute

// Observe learns from what was seen. It costs microseconds, allocates nothing, and is called at each decision of the
// control loop. Observations in the wrong order or with impossible numbers teach nothing.
func (m *Model) Observe(_ spec.Policy, o Observation) {
	s, ok := look(o)
	if !ok {
		return
	}
	gap := s.at.Sub(m.block.last)
	switch {
	case gap <= 0 && gap > -time.Hour:
		return // old news
	case gap <= 0 || gap > longestGap:
		m.block = block{last: s.at, machines: m.block.machines}
		m.heat.forget()
		return
	}
	m.heat.observe(s, gap, m.power.usual())
	finished := m.block.add(s, gap)
	m.compare(s, gap)
	if !finished {
		return
	}
	b := m.block.close()
	m.block = m.block.next()
	m.learn(b)
}

// otherwise is by how many K, and for how long, the room must be warmer than it should be to be another one than was
// learned: a machine lost, a door open.
const (
	otherwise    = 0.8
	otherwiseFor = 3 * time.Minute
)

// compare doubts everything at once when the room is warmer than the setpoint explains.
func (m *Model) compare(s sight, gap time.Duration) {
	hottest, known := m.inlet.most(s.at)
	if s.lost {
		m.plan.doubt(s.at)
	}
	if !known || m.block.calm < settling.Seconds() || m.block.warm <= hottest+m.inlet.gain*s.setpoint+otherwise {
		m.plan.unlike = 0
		return
	}
	if m.plan.unlike += gap.Seconds(); m.plan.unlike >= otherwiseFor.Seconds() {
		m.plan.doubt(s.at)
	}
}

// learn takes in a finished block.
func (m *Model) learn(b mean) {
	m.plan.blocks++
	if b.lost {
		m.plan.doubt(b.at)
		return
	}
	surprise := m.inlet.learn(b)
	if !b.moved {
		m.plan.error += 0.3 * (math.Abs(surprise) - m.plan.error)
	}
	if b.watts > 0 {
		m.power.learn(b)
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// between is false for NaN.
func between(v, low, high float64) bool { return v >= low && v <= high }
