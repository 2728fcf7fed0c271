// Package simulate replays a day of one room with everything that an edge does, in virtual time and without any device,
// broker or clock: the room of package room, sensors with faults, the judge of package plausible, the rules of package
// control, the machines of package aircon, and infrared frames that are encoded, lost, blurred and decoded. Equal
// options give equal days.
package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"

	"github.com/overcloud/overcloud/edge/aircon"
)

// Options are what is replayed.
type Options struct {
	Hours    int    // 1 to 168
	Remote   string // infrared profile of both machines
	Seed     uint64
	Loss     float64 // probability that a frame is lost, 0 to 1
	Scenario string  // one of Scenarios
	Policy   spec.Policy
	// Fixed is the setpoint of the room without any of this, that the day is compared with, °C.
	Fixed int
}

// The scenarios.
const (
	Day        = "day"         // an ordinary day; the load follows the hours of work
	ACFails    = "ac-fails"    // one of the two machines breaks after a quarter of the time, for half of it
	SensorDies = "sensor-dies" // one sensor sticks after a quarter of the time and is silent after half of it
	Door       = "door"        // the door stands open for ten minutes of every second hour, to a warm corridor
	NoOrders   = "no-orders"   // nobody decides for the room in the second quarter of the time
)

// Scenarios lists them.
func Scenarios() []string { return []string{Day, ACFails, SensorDies, Door, NoOrders} }

// Hour is what happened in one hour.
type Hour struct {
	Hour      int     // from 0
	Inlet     float64 // °C, mean over the true inlets
	Warmest   float64 // °C, the warmest inlet of the hour
	Desired   int     // °C, of the first machine at the end; 0 for none
	Confirmed int     // °C, what it was last heard to be told; 0 for unknown
	Commands  int     // orders to both machines
	Frames    int     // infrared frames sent
	Lost      int     // of those, frames that nobody heard
	Bad       int     // readings marked bad, and samples without a reading
	Cooling   float64 // kWh, electric
	WarmS     int     // seconds in which an inlet was above the recommended 27 °C
}

// Result is the whole of it.
type Result struct {
	Hours []Hour
	// Cooling is the electric energy of cooling, kWh, by the flat and by the steep law of efficiency (see package room);
	// Fixed the same with the fixed setpoint.
	Cooling, Fixed [2]float64
	WarmS, FixedS  int      // seconds above 27 °C, with the rules and with the fixed setpoint
	Notes          []string // what the machines and the judge said, with the time
	Unconfirmed    int      // machines that were not confirmed at the end
}

// Validate refuses options that nobody can replay. Errors are ErrInvalid.
func (o Options) Validate() error {
	known := false
	for _, s := range Scenarios() {
		known = known || s == o.Scenario
	}
	profile, err := infrared.ByName(o.Remote)
	switch {
	case err != nil:
		return err
	case o.Hours < 1 || o.Hours > 168:
		return fmt.Errorf("%d hours are outside 1 to 168: %w", o.Hours, fault.ErrInvalid)
	case !(o.Loss >= 0 && o.Loss <= 1):
		return fmt.Errorf("loss %g is no probability from 0 to 1: %w", o.Loss, fault.ErrInvalid)
	case !known:
		return fmt.Errorf("scenario %q is unknown%s: %w", o.Scenario, spec.Suggest(o.Scenario, Scenarios()), fault.ErrInvalid)
	case o.Fixed < profile.Min() || o.Fixed > profile.Max():
		return fmt.Errorf("the fixed setpoint %d °C is outside what %s can say, %d to %d: %w", o.Fixed, o.Remote, profile.Min(), profile.Max(), fault.ErrInvalid)
	}
	return o.Policy.Validate()
}

// Run replays. Errors are ErrInvalid.
func Run(o Options) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	var r Result
	for i, optimistic := range []bool{false, true} {
		w, err := newWorld(o, optimistic)
		if err != nil {
			return r, err
		}
		w.play()
		w.settle()
		if !optimistic {
			r.Hours, r.Notes, r.Unconfirmed = w.hours, w.notes, w.unconfirmed()
			for _, h := range w.hours {
				r.WarmS += h.WarmS
			}
		}
		r.Cooling[i] = w.model.State().CoolingJ / joules
		fixed, warm, err := fixedDay(o, optimistic)
		if err != nil {
			return r, err
		}
		r.Fixed[i] = fixed
		if !optimistic {
			r.FixedS = warm
		}
	}
	return r, nil
}

const (
	joules      = 3.6e6 // in a kWh
	recommended = 27.0  // °C, the top of what ASHRAE TC 9.9 recommends at the inlet
	sampleEvery = 10 * time.Second
	leaseEvery  = time.Minute
	roomName    = "simulated"
)

// midnight is when a replay begins. Which day it is changes nothing.
func midnight() time.Time { return time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) }

func machines() []string { return []string{"ac1", "ac2"} }

func sensorIDs() []int { return []int{1, 2, 3, 4} }

func newModel(o Options, optimistic bool) (*room.Model, error) {
	p := room.Scaled(machines())
	p.Optimistic = optimistic
	return room.New(p, room.DefaultProbes(sensorIDs(), p.InletRiseK, o.Seed), o.Seed)
}

// fixedDay is the same day with both machines at one setpoint: cooling in kWh, and seconds above 27 °C.
func fixedDay(o Options, optimistic bool) (kWh float64, warmS int, err error) {
	m, err := newModel(o, optimistic)
	if err != nil {
		return 0, 0, err
	}
	for _, ac := range machines() {
		if err := m.Tell(ac, room.Told{Power: true, Setpoint: o.Fixed}); err != nil {
			return 0, 0, err
		}
	}
	for s := range o.seconds() {
		o.happen(m, s)
		m.Step(time.Second)
		if warmest(m.State()) > recommended {
			warmS++
		}
	}
	return m.State().CoolingJ / joules, warmS, nil
}

func (o Options) seconds() int { return o.Hours * 3600 }

// happen does to the room what the scenario has for this second. Controls change at whole minutes only.
func (o Options) happen(m *room.Model, second int) {
	if second%60 != 0 {
		return
	}
	controls := room.Controls{LoadFactor: work(second / 3600 % 24)}
	whole := o.seconds()
	switch o.Scenario {
	case ACFails:
		failed := second >= whole/4 && second < whole*3/4
		_ = m.Fail(machines()[0], failed) // it is one of the model's own
	case Door:
		if second/3600%2 == 0 && second%3600 >= 1200 && second%3600 < 1800 {
			controls.DoorKgS = 0.3
			warm := 35.0
			controls.OutdoorC = &warm
		}
	}
	_ = m.Control(controls) // every value is within what a room meets
}

// work is the load of an hour of the day: a fifth more from 8 to 18 o'clock, a tenth less at night.
func work(hour int) float64 {
	switch {
	case hour >= 8 && hour < 18:
		return 1.2
	case hour < 6 || hour >= 22:
		return 0.9
	}
	return 1
}

func warmest(s room.State) float64 {
	most := s.Probes[0].TrueC
	for _, p := range s.Probes {
		most = max(most, p.TrueC)
	}
	return most
}

// unit is one machine of the room with its edge's idea of it.
type unit struct {
	name    string
	profile infrared.Profile
	machine *aircon.Machine
	limits  control.Limits

	auto            int // what the rules want, °C
	raised, lowered time.Time
	revision        int64
	echo            *echo
}

// echo is a frame on its way back to the receiver.
type echo struct {
	at    time.Time
	frame infrared.Frame
}

// random is a source that depends on the seed and what it is for, so that one more draw here changes nothing there.
func random(seed uint64, what uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, what)) // a simulation wants repeatable numbers
}
