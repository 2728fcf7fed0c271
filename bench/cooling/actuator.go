package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// actuator stands between every controller and the machines, the same for all: each order is an infrared frame that
// takes 1 to 3 s and is lost with the room's probability. A receiver hears what arrives, as at a real edge: a lost frame
// is sent again after 3 s of waiting and 2, 4, 8 … s of pause, and the last one is repeated every 20 minutes.
type actuator struct {
	plant  Plant
	random *rand.Rand
	loss   float64
	exact  bool // frames arrive at once and always: foresight knows when to send them, and which will be lost

	wanted    []Order
	known     bool // wanted says something
	pending   []frame
	refreshed time.Duration
	commands  [][]told
}

// told is one command to one machine.
type told struct {
	at     time.Duration
	urgent bool
}

// frame is an order on its way.
type frame struct {
	machine int
	order   Order
	due     time.Duration
	tries   int
}

const (
	echoWait     = 3 * time.Second
	refreshEvery = 20 * time.Minute
	triesMost    = 5 // pauses no longer double after that
)

func newActuator(plant Plant, c Case) *actuator {
	n := len(plant.Layout().Machines)
	return &actuator{
		plant: plant, loss: c.Loss, wanted: make([]Order, n), commands: make([][]told, n),
		random: rand.New(rand.NewPCG(c.Seed, 0xac)), // a simulation wants repeatable numbers
	}
}

// want takes the orders of a moment; one that says what was said before is no command.
func (a *actuator) want(now time.Duration, orders []Order) {
	for i, o := range orders {
		if a.known && o.same(a.wanted[i]) {
			continue
		}
		a.commands[i] = append(a.commands[i], told{now, o.Urgent})
		a.wanted[i] = o
		a.send(now, i)
	}
	a.known = true
	if now-a.refreshed >= refreshEvery {
		a.refreshed = now
		for i := range a.wanted {
			a.send(now, i)
		}
	}
}

// send puts a frame on its way; a newer one overtakes an older one.
func (a *actuator) send(now time.Duration, machine int) {
	kept := a.pending[:0]
	for _, f := range a.pending {
		if f.machine != machine {
			kept = append(kept, f)
		}
	}
	due := now
	if !a.exact {
		due += time.Duration(1+a.random.IntN(3)) * time.Second
	}
	a.pending = append(kept, frame{machine: machine, order: a.wanted[machine], due: due})
}

// advance lets time pass, and frames arrive.
func (a *actuator) advance(ctx context.Context, now, d time.Duration) error {
	for end := now + d; now < end; {
		if err := a.arrive(ctx, now); err != nil {
			return err
		}
		next := end
		for _, f := range a.pending {
			next = min(next, max(f.due, now))
		}
		if err := a.plant.Advance(ctx, next-now); err != nil {
			return err
		}
		now = next
	}
	return nil
}

func (a *actuator) arrive(ctx context.Context, now time.Duration) error {
	var kept []frame
	for _, f := range a.pending {
		switch {
		case f.due > now:
			kept = append(kept, f)
		case !a.exact && a.random.Float64() < a.loss:
			f.tries++
			f.due = now + echoWait + time.Second<<min(f.tries, triesMost)
			kept = append(kept, f)
		default:
			if err := a.plant.Tell(ctx, f.machine, f.order); err != nil {
				return err
			}
		}
	}
	a.pending = kept
	return nil
}
