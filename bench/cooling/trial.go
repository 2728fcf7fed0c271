package main

import (
	"context"
	"fmt"
	"time"
)

const (
	tickEvery    = 10 * time.Second // sensors are read, controllers decide
	weatherEvery = time.Minute
	warmUp       = 24 * time.Hour // controllers may learn; nothing is scored
)

// Look is what a controller asks for when it wants to see its room.
type Look func() (Seen, error)

// Controller decides for one room. It is used for one run only.
type Controller interface {
	// Decide is called every 10 s; at is the time since the beginning, which is midnight. The orders are what each machine
	// should do from now on, in the order of Layout.Machines.
	Decide(at time.Duration, look Look) ([]Order, error)
}

// trial runs a controller in a plant: a day of warm-up, then the scored days.
func trial(ctx context.Context, plant Plant, c Case, controller Controller, days float64) (Score, error) {
	a, s := newActuator(plant, c), newScorer(plant)
	switch controller.(type) {
	case *planned, *fixed: // so that foresight, which begins as a fixed setpoint, begins in exactly the same room
		a.exact = true
	}
	look := func() (Seen, error) {
		seen, err := plant.Seen(ctx)
		if err == nil && !c.Metered {
			seen = unmetered(seen)
		}
		return seen, err
	}
	end := warmUp + time.Duration(days*24*float64(time.Hour))
	var w Weather
	for now := time.Duration(0); now < end; now += tickEvery {
		if now%weatherEvery == 0 {
			if ctx.Err() != nil {
				return Score{}, ctx.Err()
			}
			w = c.Days.At(now)
			if err := plant.Happen(ctx, w); err != nil {
				return Score{}, err
			}
		}
		orders, err := controller.Decide(now, look)
		if err != nil {
			return Score{}, fmt.Errorf("room %s at %s: %w", c.Name, now, err)
		}
		a.want(now, orders)
		if err := a.advance(ctx, now, tickEvery); err != nil {
			return Score{}, fmt.Errorf("room %s at %s: %w", c.Name, now, err)
		}
		if err := s.tick(ctx, now+tickEvery, w, now >= warmUp); err != nil {
			return Score{}, fmt.Errorf("room %s at %s: %w", c.Name, now, err)
		}
	}
	return s.end(ctx, a, days)
}
