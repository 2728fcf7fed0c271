package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/room"
)

// search is a dynamic programme over the same discrete commands as every controller has: integer setpoints of two groups
// of machines (the first, and the others 0 to 2 K warmer), changed at most once each step. It knows the room's model and
// everything that will happen exactly. States are joined in a lattice of setpoints, wall temperature and time above 27 °C;
// of those that fall into one cell the cheapest goes on, and of all cells the best ones: a beam.
type search struct {
	step   time.Duration // between two decisions
	beam   int           // states kept at each decision for their merit; more are kept to have different ones
	source Case

	// What a kelvin more of the walls, and of air and servers, will cost: J.
	wallsJ, airJ float64
}

// node is one state that the search has reached.
type node struct {
	state   room.State
	cost    float64 // J of coolers and servers since the scored days began
	breachJ float64 // what makes a breach of safety dearer than any energy
	hot     hotSpell
	plan    setting
	before  *node
	merit   float64
	stays   bool // it has never left the fixed setpoint of the warm-up
}

// hotSpell is a time above 27 °C as the score counts it: see spell.
type hotSpell struct {
	lasts        bool
	since, clock time.Duration
	judged       bool        // clock is final
	begun        *room.State // of the room when it began
}

// setting are the setpoints of both groups of machines.
type setting struct{ base, lag int }

func (s setting) of(machine int) int {
	if machine == 0 {
		return s.base
	}
	return min(warmest, s.base+s.lag)
}

// breachW is the price of time above 27 °C beyond 15 minutes; K over 27 of more cost more.
const breachW = 1e7

// planned carries out a sequence of settings, one for each step from the end of the warm-up on.
type planned struct {
	n     int
	first setting // of the warm-up
	step  time.Duration
	next  []setting
}

func (p *planned) Decide(at time.Duration, _ Look) ([]Order, error) {
	now := p.first
	if at >= warmUp && len(p.next) > 0 {
		now = p.next[min(len(p.next)-1, int((at-warmUp)/p.step))]
	}
	orders := make([]Order, p.n)
	for i := range orders {
		orders[i] = Order{Power: true, Setpoint: now.of(i)}
	}
	return orders, nil
}

// run searches the scored days, after a warm-up at a fixed setpoint.
func (s *search) run(ctx context.Context, setpoint int, days float64) (*planned, error) {
	first := setting{base: setpoint}
	model, err := room.New(s.source.Parameters, nil, s.source.Seed)
	if err != nil {
		return nil, err
	}
	start := &node{plan: first}
	if err := s.simulate(model, start, nil, 0, warmUp); err != nil {
		return nil, err
	}
	start.cost, start.breachJ, start.stays = 0, 0, true
	if err := s.value(model, start); err != nil {
		return nil, err
	}
	layer := []*node{start}
	end := warmUp + time.Duration(days*24*float64(time.Hour))
	for now := warmUp; now < end; now += s.step {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if layer, err = s.grow(model, layer, now, min(s.step, end-now), end); err != nil {
			return nil, err
		}
	}
	best := slices.MinFunc(layer, func(a, b *node) int { return cmp.Compare(a.cost+a.breachJ, b.cost+b.breachJ) })
	p := &planned{first: first, step: s.step, n: len(s.source.Parameters.AirConditioners)}
	for n := best; n.before != nil; n = n.before {
		p.next = append(p.next, n.plan)
	}
	slices.Reverse(p.next)
	return p, nil
}

// grow goes from each state of a layer through each move, and keeps the best.
func (s *search) grow(model *room.Model, layer []*node, now, step, end time.Duration) ([]*node, error) {
	cells := map[cell]*node{}
	for _, from := range layer {
		for _, to := range s.moves(from.plan) {
			n := &node{plan: to, before: from, cost: from.cost, breachJ: from.breachJ, hot: from.hot}
			if err := s.simulate(model, n, &from.state, now, step); err != nil {
				return nil, err
			}
			n.stays = from.stays && to == from.plan
			n.merit = n.cost + n.breachJ + s.stored(n.state, end-now-step)
			key := n.cell(now + step)
			if best := cells[key]; best == nil || !best.stays && (n.stays || n.merit < best.merit) {
				cells[key] = n
			}
		}
	}
	all := slices.Collect(maps.Values(cells))
	slices.SortFunc(all, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.merit, b.merit), cmp.Compare(a.plan.base, b.plan.base), cmp.Compare(a.plan.lag, b.plan.lag), cmp.Compare(a.state.WallsC, b.state.WallsC))
	})
	return s.keep(all), nil
}

// keep chooses among states that are sorted by merit: the best, and for what they may be good for later the best of each
// setpoint and of each quarter of a kelvin of walls, and the one that never moved.
func (s *search) keep(all []*node) []*node {
	var kept []*node
	setpoints, walls := map[int]bool{}, map[int]bool{}
	for i, n := range all {
		wall := int(math.Floor(n.state.WallsC / 0.25))
		if i < s.beam || !setpoints[n.plan.base] || !walls[wall] || n.stays {
			kept = append(kept, n)
		}
		setpoints[n.plan.base], walls[wall] = true, true
	}
	return kept
}

// cell is a place of the lattice: 0.1 K of walls, 5 minutes above 27 °C.
type cell struct{ base, lag, walls, hot int }

func (n *node) cell(now time.Duration) cell {
	return cell{n.plan.base, n.plan.lag, int(math.Floor(n.state.WallsC / 0.1)), n.hot.bin(now)}
}

// bin is how long the spell has lasted by its clock, in 5 minutes.
func (h hotSpell) bin(now time.Duration) int {
	if !h.lasts {
		return 0
	}
	return 1 + int(min(max(0, now-h.clock), 20*time.Minute)/(5*time.Minute))
}

// moves are the settings that may follow: at most 2 K warmer (twice +1 in 30 minutes), up to 4 K colder at once.
func (s *search) moves(from setting) []setting {
	var next []setting
	for _, d := range []int{0, 1, -1, 2, -2, -4} {
		if to := from.base + d; to >= coldest && to <= warmest {
			next = append(next, setting{to, from.lag})
		}
	}
	if len(s.source.Parameters.AirConditioners) > 1 {
		for lag := range 3 {
			if lag != from.lag {
				next = append(next, setting{from.base, lag})
			}
		}
	}
	return next
}

// simulate runs the true model from a state through a span at the node's setting.
func (s *search) simulate(model *room.Model, n *node, from *room.State, now, span time.Duration) error {
	if from != nil {
		if err := model.Restore(*from); err != nil {
			return err
		}
	}
	state := model.Peek()
	for i := range state.AirConditioners {
		a := &state.AirConditioners[i]
		if set := n.plan.of(i); !a.Power || a.Setpoint != set {
			if err := model.Tell(a.Name, room.Told{Power: true, Setpoint: set}); err != nil {
				return err
			}
		}
	}
	begun := state.CoolingJ + state.LoadJ
	for t := now; t < now+span; t += tickEvery {
		if err := s.tick(model, t); err != nil {
			return err
		}
		if err := s.over(model, n, t+tickEvery); err != nil {
			return err
		}
	}
	n.cost += state.CoolingJ + state.LoadJ - begun
	n.state = model.State()
	return nil
}
