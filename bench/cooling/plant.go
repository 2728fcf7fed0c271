package main

import (
	"context"
	"time"

	"github.com/overcloud/overcloud/internal/room"
)

// Plant is a room as a program meets it: what its sensors and meters show, the frames that reach its machines, what
// happens to it from outside, and time that passes only when it is told to. There are two: a model in this process,
// and any program that speaks the interface of functions/room over HTTP with a stepped clock.
type Plant interface {
	// Layout is what stands in the room; it does not change.
	Layout() Layout
	// Tell is a frame that arrives at a machine.
	Tell(ctx context.Context, machine int, order Order) error
	// Happen sets what happens from outside from now on.
	Happen(ctx context.Context, w Weather) error
	// Advance lets time pass.
	Advance(ctx context.Context, d time.Duration) error
	// Seen is what sensors and meters show now.
	Seen(ctx context.Context) (Seen, error)
	// Truth is what only a simulation knows; for the score.
	Truth(ctx context.Context) (Truth, error)
	// Twin is a copy that goes its own way from here; nil when the plant cannot be copied.
	Twin() Plant
}

// Layout is what stands in a room.
type Layout struct {
	Machines []string
	Sensors  []int   // at inlets
	LoadW    float64 // the servers' ordinary power
}

// Order is what a machine is told.
type Order struct {
	Power    bool
	Setpoint int  // °C
	Urgent   bool // of an emergency: not counted among the ordinary commands
}

func (o Order) same(p Order) bool {
	return o.Power == p.Power && (!o.Power || o.Setpoint == p.Setpoint)
}

// Weather is what happens to a room from outside.
type Weather struct {
	LoadW    float64 // power of the servers without the growth of their fans
	OutdoorC float64
	DoorKgS  float64
}

// Seen is what a controller may know. A sensor that is not readable shows NaN.
type Seen struct {
	Celsius  []float64 // by Layout.Sensors
	Humidity []float64 // %, the same
	Watts    []float64 // by Layout.Machines
	LoadW    float64   // servers and their fans
	OutdoorC float64
}

// Truth is what only a simulation knows.
type Truth struct {
	Inlets   []float64 // °C, at Layout.Sensors, without lag and error
	CoolingJ float64   // electric energy of all machines since the beginning
	LoadJ    float64   // of the servers
	Starts   int       // of compressors, all machines
}

// local is a model in this process.
type local struct {
	model  *room.Model
	layout Layout
	probes []room.Probe
	inlets []float64 // reused
}

// newLocal makes the room of a case at 00:00 of its first day.
func newLocal(c Case) (*local, error) {
	model, err := room.New(c.Parameters, c.Probes, c.Seed)
	if err != nil {
		return nil, err
	}
	l := &local{model: model, probes: c.Probes, layout: c.layout()}
	l.inlets = make([]float64, len(c.Probes))
	return l, nil
}

func (l *local) Layout() Layout { return l.layout }

func (l *local) Tell(_ context.Context, machine int, o Order) error {
	return l.model.Tell(l.layout.Machines[machine], room.Told{Power: o.Power, Setpoint: o.Setpoint})
}

func (l *local) Happen(_ context.Context, w Weather) error {
	outdoor := w.OutdoorC
	return l.model.Control(room.Controls{LoadW: w.LoadW, OutdoorC: &outdoor, DoorKgS: w.DoorKgS})
}

func (l *local) Advance(_ context.Context, d time.Duration) error {
	l.model.Step(d)
	return nil
}

func (l *local) Seen(context.Context) (Seen, error) {
	var s Seen
	for _, id := range l.layout.Sensors {
		c, rh, err := l.model.Read(id)
		if err != nil {
			return s, err
		}
		s.Celsius, s.Humidity = append(s.Celsius, c), append(s.Humidity, rh)
	}
	for _, name := range l.layout.Machines {
		w, err := l.model.Power(name)
		if err != nil {
			return s, err
		}
		s.Watts = append(s.Watts, w)
	}
	state := l.model.Peek()
	s.LoadW, s.OutdoorC = state.LoadW, state.OutdoorC
	return s, nil
}

func (l *local) Truth(context.Context) (Truth, error) {
	state := l.model.Peek()
	t := Truth{Inlets: l.inlets, CoolingJ: state.CoolingJ, LoadJ: state.LoadJ}
	for i := range l.probes {
		l.inlets[i] = state.AirC + l.probes[i].PlaceK
	}
	for i := range state.AirConditioners {
		t.Starts += state.AirConditioners[i].Starts
	}
	return t, nil
}

func (l *local) Twin() Plant {
	twin := *l
	twin.model, twin.inlets = l.model.Clone(), make([]float64, len(l.inlets))
	return &twin
}
