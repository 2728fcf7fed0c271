package main

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/control"
)

// alike orders the same of every machine.
func alike(n int, o Order) []Order {
	orders := make([]Order, n)
	for i := range orders {
		orders[i] = o
	}
	return orders
}

// fixed never changes anything.
type fixed struct{ orders []Order }

func newFixed(l Layout, setpoint int) *fixed {
	return &fixed{alike(len(l.Machines), Order{Power: true, Setpoint: setpoint})}
}

func (f *fixed) Decide(time.Duration, Look) ([]Order, error) { return f.orders, nil }

// bangBang switches all machines on above 27 °C and off below 24 (reference, 3.3), by the median of the sensors.
type bangBang struct {
	n  int
	on bool
}

func (b *bangBang) Decide(_ time.Duration, look Look) ([]Order, error) {
	seen, err := look()
	if err != nil {
		return nil, err
	}
	switch inlet := median(seen.Celsius); {
	case inlet > 27:
		b.on = true
	case inlet < 24:
		b.on = false
	}
	return alike(b.n, Order{Power: b.on, Setpoint: coldest}), nil
}

// integral is a PI controller to 26 °C whose output is rounded to a setpoint every 5 minutes (reference, 3.3).
type integral struct {
	n        int
	sum      float64 // K times minutes
	setpoint int
}

func (p *integral) Decide(at time.Duration, look Look) ([]Order, error) {
	const (
		target, start = 26.0, 24.0
		gain, resetM  = 1.0, 15.0 // K of setpoint for each K, and minutes
		every         = 5 * time.Minute
	)
	if p.setpoint == 0 || at%every == 0 {
		seen, err := look()
		if err != nil {
			return nil, err
		}
		off := target - median(seen.Celsius)
		sum := p.sum + off*every.Minutes()
		wanted := start + gain*(off+sum/resetM)
		if wanted > coldest-0.5 && wanted < warmest+0.5 { // otherwise the integral would wind up
			p.sum = sum
		}
		p.setpoint = int(math.Round(max(coldest, min(warmest, wanted))))
	}
	return alike(p.n, Order{Power: true, Setpoint: p.setpoint}), nil
}

// median of what can be read.
func median(celsius []float64) float64 {
	var good []float64
	for _, c := range celsius {
		if !math.IsNaN(c) {
			good = append(good, c)
		}
	}
	if len(good) == 0 {
		return math.NaN()
	}
	return control.Median(good)
}
