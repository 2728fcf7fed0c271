package main

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/optimise"
	"github.com/overcloud/overcloud/internal/spec"
)

// epoch is the beginning of every run. Which day it is changes nothing.
func epoch() time.Time { return time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) }

// ours is the project's own control: the rules, with the optimiser's advice where it is on.
type ours struct {
	in       control.Input
	layout   Layout
	model    *optimise.Model // nil: the rules alone
	adviseAt time.Time
}

// adviseEvery is how often the optimiser is asked; what it answers holds until then.
const adviseEvery = time.Minute

func newOurs(l Layout, policy spec.Policy, optimiser bool) *ours {
	o := &ours{layout: l, in: control.Input{Now: epoch(), Started: epoch(), Room: "room", Policy: policy, Sensors: l.Sensors}}
	o.in.Policy.Optimiser = spec.OptimiserOff
	if optimiser {
		o.in.Policy.Optimiser, o.model = spec.OptimiserOn, &optimise.Model{}
	}
	for _, name := range l.Machines {
		limits := control.LimitsOf(policy, spec.AirConditioner{Name: name})
		start := limits.Clamp(policy.SetpointStart)
		o.in.ACs = append(o.in.ACs, control.AC{Name: name, Limits: limits, Auto: start, Desired: start})
	}
	return o
}

func (o *ours) Decide(at time.Duration, look Look) ([]Order, error) {
	seen, err := look()
	if err != nil {
		return nil, err
	}
	o.in.Now = epoch().Add(at)
	o.in.Readings = o.in.Readings[:0]
	for i, id := range o.layout.Sensors {
		if c := seen.Celsius[i]; !math.IsNaN(c) {
			o.in.Readings = append(o.in.Readings, control.Reading{
				Sensor: id, At: o.in.Now, Celsius: c, Humidity: seen.Humidity[i], HasHumidity: true,
			})
		}
	}
	for i := range o.in.ACs {
		if w := seen.Watts[i]; !math.IsNaN(w) {
			o.in.ACs[i].Watts, o.in.ACs[i].MeteredAt = w, o.in.Now
		}
	}
	o.ask()
	d := control.Decide(o.in)
	o.learn(d, seen)
	return o.obey(d), nil
}

// ask asks the optimiser.
func (o *ours) ask() {
	if o.model == nil || o.in.Now.Before(o.adviseAt) {
		return
	}
	o.adviseAt = o.in.Now.Add(adviseEvery)
	o.in.Advice = o.model.Advise(o.in.Policy, o.in.ACs, o.in.Now)
	if !o.in.State.MeanAt.IsZero() {
		o.in.Outlook = o.model.Outlook(o.in.Policy, o.in.State.Mean)
	}
}

// learn shows the optimiser what was seen.
func (o *ours) learn(d control.Decision, seen Seen) {
	if o.model == nil {
		return
	}
	seenNow := optimise.Observation{At: o.in.Now, Inlet: d.Inlet, Fresh: d.Fresh, LoadW: seen.LoadW, OutdoorC: seen.OutdoorC}
	for _, c := range seen.Celsius {
		if !math.IsNaN(c) {
			seenNow.Hottest = max(seenNow.Hottest, c)
		}
	}
	for i, ac := range o.in.ACs {
		seenNow.Machines = append(seenNow.Machines, optimise.Machine{Setpoint: ac.Auto, Watts: seen.Watts[i], SupplyC: math.NaN()})
	}
	o.model.Observe(o.in.Policy, seenNow)
}

// obey is what the workflow does with a recommendation.
func (o *ours) obey(d control.Decision) []Order {
	o.in.State = d.Next
	orders := make([]Order, len(o.in.ACs))
	for i, r := range d.ACs {
		ac := &o.in.ACs[i]
		switch {
		case r.Setpoint == 0 || r.Setpoint == ac.Auto:
		case r.Setpoint > ac.Auto:
			ac.Raised, ac.Auto, ac.Desired = o.in.Now, r.Setpoint, r.Setpoint
		default:
			ac.Lowered, ac.Auto, ac.Desired = o.in.Now, r.Setpoint, r.Setpoint
		}
		orders[i] = Order{Power: true, Setpoint: ac.Auto, Urgent: d.Action.Urgent()}
	}
	return orders
}

// unmetered is what is seen where there are no meters.
func unmetered(s Seen) Seen {
	for i := range s.Watts {
		s.Watts[i] = math.NaN()
	}
	s.LoadW, s.OutdoorC = math.NaN(), math.NaN()
	return s
}
