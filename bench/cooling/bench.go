package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/spec"
)

// Result is one controller in one room under one law of efficiency.
type Result struct {
	Room       string  `json:"room"`
	Seed       uint64  `json:"seed"`
	Efficiency string  `json:"efficiency"` // optimistic or pessimistic
	Controller string  `json:"controller"`
	Setpoint   int     `json:"setpoint,omitempty"` // of a fixed one
	Machines   int     `json:"machines"`
	Inverter   bool    `json:"inverter"`
	Days       float64 `json:"days"` // scored
	Score

	// OverBest, OverCalm and OverForesight are the total energy against the best fixed setpoint that is safe, the best one
	// that is calm as well, and perfect foresight: 0.01 is one percent more. Zero where the reference was not run.
	OverBest      float64 `json:"over_best"`
	OverCalm      float64 `json:"over_calm"`
	OverForesight float64 `json:"over_foresight"`
}

// The names of controllers.
const (
	nameBest      = "best-fixed"
	nameCalm      = "best-calm"
	nameBang      = "bang-bang"
	namePI        = "pi"
	nameRules     = "rules"
	nameOptimiser = "optimiser"
	nameForesight = "foresight"
	prefixFixed   = "fixed"
)

func allControllers() []string {
	return []string{"fixed20", "fixed25", nameBest, nameCalm, nameBang, namePI, nameRules, nameOptimiser, nameForesight}
}

// bench is a whole run.
type bench struct {
	options options
	policy  spec.Policy
	cases   []Case
	known   references

	mu      sync.Mutex
	results []Result
	done    int
}

// run goes through all rooms, options.jobs of them at a time.
func (b *bench) run(ctx context.Context, progress func(done, of int)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.options.jobs)
	laws := b.options.laws()
	for _, c := range b.cases {
		for _, optimistic := range laws {
			group.Go(func() error {
				results, err := b.room(ctx, c.efficient(optimistic))
				if err != nil {
					return err
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				b.results = append(b.results, results...)
				b.done++
				progress(b.done, len(b.cases)*len(laws))
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	order := map[string]int{}
	for i, c := range b.cases {
		order[c.Name] = i
	}
	slices.SortStableFunc(b.results, func(x, y Result) int {
		if d := order[x.Room] - order[y.Room]; d != 0 {
			return d
		}
		return strings.Compare(x.Efficiency, y.Efficiency)
	})
	return nil
}

// room runs all controllers in one room.
func (b *bench) room(ctx context.Context, c Case) ([]Result, error) {
	var results []Result
	byFixed, tooWeak := map[int]Result{}, false
	try := func(name string, controller Controller) (Result, error) {
		plant, err := b.plant(ctx, c)
		if err != nil {
			return Result{}, err
		}
		score, err := trial(ctx, plant, c, controller, b.options.days)
		score.Safe = score.safe(tooWeak)
		return Result{
			Room: c.Name, Seed: c.Seed, Efficiency: b.law(c), Controller: name, Score: score,
			Days: b.options.days, Machines: len(c.Parameters.AirConditioners), Inverter: c.Parameters.AirConditioners[0].Inverter,
		}, err
	}
	fixedAt := func(setpoint int) (Result, error) {
		if r, known := byFixed[setpoint]; known {
			return r, nil
		}
		r, err := try(prefixFixed+strconv.Itoa(setpoint), newFixed(c.layout(), setpoint))
		r.Setpoint = setpoint
		byFixed[setpoint] = r
		return r, err
	}
	// Only a room that passes 32 °C at the coldest setpoint for ever may pass it.
	cold, err := fixedAt(coldest)
	if err != nil {
		return nil, err
	}
	tooWeak = cold.Over32 > 0
	clear(byFixed)
	known := b.known.of(c, b.options.days)
	best, calm := known[nameBest], known[nameCalm]
	if best.TotalKWh == 0 || calm.TotalKWh == 0 {
		var err error
		if best, calm, err = b.best(fixedAt); err != nil {
			return nil, err
		}
	}
	for _, name := range b.options.controllers {
		var r Result
		setpoint, isFixed := strings.CutPrefix(name, prefixFixed)
		switch {
		case name == nameBest:
			r = best
		case name == nameCalm:
			r = calm
		case name == nameForesight && known[name].TotalKWh > 0:
			r = known[name]
		case isFixed:
			n, err := strconv.Atoi(setpoint)
			if err != nil {
				return nil, fmt.Errorf("controller %q: fixed20 is the setpoint 20 °C", name)
			}
			r, err = fixedAt(n)
			if err != nil {
				return nil, err
			}
		default:
			controller, err := b.controller(ctx, name, c, best.Setpoint)
			if err != nil {
				return nil, err
			}
			if r, err = try(name, controller); err != nil {
				return nil, err
			}
		}
		r.Controller = name
		results = append(results, r)
	}
	compare(results, best, calm)
	return results, nil
}

// plant makes a case's room anew.
func (b *bench) plant(ctx context.Context, c Case) (Plant, error) {
	if b.options.plant != "" {
		return newDistant(ctx, b.options.plant, b.options.remote, c)
	}
	return newLocal(c)
}

// law is the name of the law of efficiency; another program has its own.
func (b *bench) law(c Case) string {
	if b.options.plant != "" {
		return "its own"
	}
	return law(c.Parameters.Optimistic)
}

// best is the cheapest safe fixed setpoint in hindsight, and the cheapest of those with which no mean over 15 minutes of
// the hottest inlet is above 27 °C. The coldest stands for a reference where none is.
func (b *bench) best(fixedAt func(int) (Result, error)) (best, calm Result, err error) {
	wanted := func(name string) bool { return slices.Contains(b.options.controllers, name) }
	if !wanted(nameBest) && !wanted(nameCalm) && !wanted(nameForesight) {
		return best, calm, nil
	}
	safe := func(r Result) bool { return r.Safe }
	gentle := func(r Result) bool { return r.Safe && r.Mean15 <= recommended }
	for setpoint := coldest; setpoint <= warmest; setpoint++ {
		r, err := fixedAt(setpoint)
		if err != nil {
			return best, calm, err
		}
		if setpoint == coldest {
			best, calm = r, r
			continue
		}
		best, calm = cheaper(best, r, safe), cheaper(calm, r, gentle)
	}
	return best, calm, nil
}

// cheaper is the better of two of which the second must be good to count.
func cheaper(a, b Result, good func(Result) bool) Result {
	if good(b) && (!good(a) || b.TotalKWh < a.TotalKWh) {
		return b
	}
	return a
}

func (b *bench) controller(ctx context.Context, name string, c Case, best int) (Controller, error) {
	l := c.layout()
	switch name {
	case nameBang:
		return &bangBang{n: len(l.Machines)}, nil
	case namePI:
		return &integral{n: len(l.Machines)}, nil
	case nameRules:
		return newOurs(l, b.policy, false), nil
	case nameOptimiser:
		return newOurs(l, b.policy, true), nil
	case nameForesight:
		c.Parameters.Dry = true
		return (&search{step: b.options.step, beam: b.options.beam, source: c}).run(ctx, best, b.options.days)
	}
	return nil, fmt.Errorf("controller %q is none of %s", name, strings.Join(allControllers(), ", "))
}

// compare sets every result against the references.
func compare(results []Result, best, calm Result) {
	limit := 0.0
	for _, r := range results {
		if r.Controller == nameForesight {
			limit = r.TotalKWh
		}
	}
	for i := range results {
		r := &results[i]
		if best.TotalKWh > 0 {
			r.OverBest, r.OverCalm = r.TotalKWh/best.TotalKWh-1, r.TotalKWh/calm.TotalKWh-1
		}
		if limit > 0 {
			r.OverForesight = r.TotalKWh/limit - 1
		}
	}
}

func law(optimistic bool) string {
	if optimistic {
		return "optimistic"
	}
	return "pessimistic"
}
