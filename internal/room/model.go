package room

import (
	"fmt"
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Physical constants.
const (
	airDensity  = 1.2   // kg/m³
	airHeat     = 1005  // J/(kg K)
	evaporation = 2.5e6 // J/kg of water
	// maxStep keeps the explicit Euler steps stable and exact enough: the fastest time constant (air against
	// machines) is above 30 s.
	maxStep = 2 * time.Second
)

// Model is one simulated room. It is not safe for concurrent use.
type Model struct {
	parameters Parameters
	probes     []Probe
	seed       uint64
	state      State
	stale      bool // the probes' shown and true values are older than the rest of the state
}

// State is everything that changes, so that a process can store it and go on.
type State struct {
	Elapsed  time.Duration `json:"elapsed"` // simulated time since the beginning; the day begins at 00:00
	AirC     float64       `json:"air_c"`
	ServersC float64       `json:"servers_c"`
	WallsC   float64       `json:"walls_c"`
	// Water is the humidity ratio, kg of water for each kg of dry air.
	Water           float64      `json:"water"`
	Controls        Controls     `json:"controls"`
	LoadW           float64      `json:"load_w"`    // servers' electric power now, fans included
	OutdoorC        float64      `json:"outdoor_c"` // now
	CoolingJ        float64      `json:"cooling_j"` // electric energy of all machines so far
	LoadJ           float64      `json:"load_j"`    // of the servers
	AirConditioners []ACState    `json:"air_conditioners"`
	Probes          []ProbeState `json:"probes"`
}

// Controls are what happens to a room from outside. Their zero value is an ordinary day.
type Controls struct {
	// LoadFactor multiplies the servers' power; zero means 1. LoadW replaces it when above zero.
	LoadFactor float64 `json:"load_factor,omitempty"`
	LoadW      float64 `json:"load_w,omitempty"`
	// OutdoorC replaces the day curve (28 °C ± 5, peak at 15:00).
	OutdoorC *float64 `json:"outdoor_c,omitempty"`
	// DoorKgS is the air that an open door exchanges with the corridor: 0.1 to 0.5 kg/s; zero is closed.
	DoorKgS float64 `json:"door_kg_s,omitempty"`
}

// Validate refuses what no room meets.
func (c Controls) Validate() error {
	bad := func(name string, value, low, high float64) error {
		if value >= low && value <= high { // false for NaN
			return nil
		}
		return fmt.Errorf("%s of %g is outside %g to %g: %w", name, value, low, high, fault.ErrInvalid)
	}
	if err := bad("load factor", c.LoadFactor, 0, 10); err != nil {
		return err
	}
	if err := bad("load in watts", c.LoadW, 0, 1e6); err != nil {
		return err
	}
	if err := bad("air through the door in kg/s", c.DoorKgS, 0, 2); err != nil {
		return err
	}
	if c.OutdoorC != nil {
		return bad("outdoor temperature in °C", *c.OutdoorC, -40, 60)
	}
	return nil
}

// New makes a room with all machines switched on at 24 °C and everything near its steady state.
func New(p Parameters, probes []Probe, seed uint64) (*Model, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	m := &Model{parameters: p, probes: probes, seed: seed}
	const start = 24.5 // °C: where 24 °C machines hold the air
	m.state = State{
		AirC: start, ServersC: start + p.LoadW/p.ServerWK, WallsC: start, Water: 0.0090, // about 48 % at 24 °C
		LoadW: p.LoadW, OutdoorC: outdoor(0, Controls{}),
	}
	for _, ac := range p.AirConditioners {
		m.state.AirConditioners = append(m.state.AirConditioners, ACState{
			Name: ac.Name, Power: true, Setpoint: 24, Idle: time.Hour, // it may start at once
		})
	}
	for range probes {
		m.state.Probes = append(m.state.Probes, ProbeState{C: start + p.InletRiseK})
	}
	m.stale = true
	return m, nil
}

// Restore replaces the state by a stored one of the same room: the machines and probes must be the same.
func (m *Model) Restore(s State) error {
	if len(s.AirConditioners) != len(m.state.AirConditioners) || len(s.Probes) != len(m.state.Probes) {
		return fmt.Errorf("restore room: the stored state has %d air conditioners and %d sensors, the room %d and %d: %w",
			len(s.AirConditioners), len(s.Probes), len(m.state.AirConditioners), len(m.state.Probes), fault.ErrInvalid)
	}
	for i, ac := range s.AirConditioners {
		if ac.Name != m.state.AirConditioners[i].Name {
			return fmt.Errorf("restore room: stored air conditioner %q is %q here: %w", ac.Name, m.state.AirConditioners[i].Name, fault.ErrInvalid)
		}
	}
	for _, v := range []float64{s.AirC, s.ServersC, s.WallsC} {
		if !(v > -50 && v < 150) {
			return fmt.Errorf("restore room: a stored temperature is %g °C: %w", v, fault.ErrInvalid)
		}
	}
	if err := s.Controls.Validate(); err != nil {
		return fmt.Errorf("restore room: %w", err)
	}
	m.state, m.stale = s.clone(), false
	return nil
}

// State is a copy of the state now.
func (m *Model) State() State {
	m.measure()
	return m.state.clone()
}

// Peek is the state now without a copy, for those who look often: it must not be changed, holds until the next call of
// any method, and its Probes may be those of an earlier moment.
func (m *Model) Peek() *State { return &m.state }

// Clone is a second room in the same state, which goes its own way from here: what would happen if.
func (m *Model) Clone() *Model {
	twin := *m
	twin.state = m.state.clone()
	return &twin
}

func (s State) clone() State {
	s.AirConditioners = append([]ACState(nil), s.AirConditioners...)
	s.Probes = append([]ProbeState(nil), s.Probes...)
	return s
}

// Control changes what happens to the room from outside.
func (m *Model) Control(c Controls) error {
	if err := c.Validate(); err != nil {
		return err
	}
	m.state.Controls = c
	return nil
}

// Step moves the room on, in steps of at most two seconds.
func (m *Model) Step(dt time.Duration) {
	for dt > 0 {
		step := min(dt, maxStep)
		m.euler(step)
		dt -= step
	}
}

// Flows are the heat flows into the air, W, and what they add up to; for tests of the energy balance.
type Flows struct {
	Servers, Outside, Walls, Infiltration, Cooling float64
	Load, Neighbours                               float64 // into the servers; into the walls
}

func (m *Model) flows() Flows {
	p, s := &m.parameters, &m.state
	inlet := s.AirC + p.InletRiseK
	base := p.LoadW
	if f := s.Controls.LoadFactor; f > 0 {
		base *= f
	}
	if s.Controls.LoadW > 0 {
		base = s.Controls.LoadW
	}
	f := Flows{
		Load:         base * (1 + p.FanGrowth*max(0, inlet-23)),
		Servers:      p.ServerWK * (s.ServersC - inlet),
		Outside:      p.OutsideWK * (s.OutdoorC - s.AirC),
		Walls:        p.ExchangeWK * (s.WallsC - s.AirC),
		Infiltration: m.infiltration() * airHeat * (p.AdjacentC - s.AirC),
		Neighbours:   p.MassWK * (p.AdjacentC - s.WallsC),
	}
	for i := range s.AirConditioners {
		f.Cooling += s.AirConditioners[i].HeatW
	}
	return f
}

func (m *Model) euler(dt time.Duration) {
	p, s := &m.parameters, &m.state
	h := dt.Seconds()
	s.OutdoorC = outdoor(s.Elapsed, s.Controls)
	f := m.flows()
	s.LoadW = f.Load
	s.ServersC += h * (f.Load - f.Servers) / p.ServerJK
	s.WallsC += h * (f.Neighbours - f.Walls) / p.MassJK
	if !p.Dry {
		m.moisture(h)
	}
	air := s.AirC
	s.AirC += h * (f.Servers + f.Outside + f.Walls + f.Infiltration - f.Cooling) / p.AirJK
	for i := range s.AirConditioners {
		stepAC(&p.AirConditioners[i], &s.AirConditioners[i], climate{airC: air, outdoorC: s.OutdoorC, optimistic: p.Optimistic}, dt)
		s.CoolingJ += h * s.AirConditioners[i].PowerW
	}
	s.LoadJ += h * f.Load
	s.Elapsed += dt
	m.follow(h)
}

// infiltration is the air exchanged with the neighbouring rooms, kg/s.
func (m *Model) infiltration() float64 {
	p := &m.parameters
	return airDensity*p.VolumeM3*p.AirChangesHour/3600 + m.state.Controls.DoorKgS
}

// outdoor is a summer day: 28 °C ± 5, warmest at 15:00.
func outdoor(elapsed time.Duration, c Controls) float64 {
	if c.OutdoorC != nil {
		return *c.OutdoorC
	}
	return 28 + 5*math.Cos(2*math.Pi*(elapsed.Hours()-15)/24)
}
