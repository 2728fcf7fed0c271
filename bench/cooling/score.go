package main

import (
	"context"
	"math"
	"slices"
	"time"
)

// Score are the indicators of one run, over the scored days.
type Score struct {
	CoolersKWh float64 `json:"coolers_kwh"`
	FansKWh    float64 `json:"fans_kwh"` // growth of the servers' power over what it is at 23 °C
	TotalKWh   float64 `json:"total_kwh"`
	SiteKWh    float64 `json:"site_kwh"` // coolers and servers

	KMin27    float64 `json:"k_min_27"` // of the hottest inlet over 27 °C, K times minutes
	KMin32    float64 `json:"k_min_32"`
	Over27Min float64 `json:"over_27_min"` // longest spell of any inlet over 27 °C, minutes
	// BreachMin is the longest spell counted only where capacity allows; more than 15 is unsafe.
	BreachMin float64 `json:"breach_min"`
	MaxInlet  float64 `json:"max_inlet"`
	// Mean15 is the largest mean of the hottest inlet over 15 minutes, °C, where capacity allows: what a swing of a
	// machine that only knows on and off does to it is not in it.
	Mean15 float64 `json:"mean_15"`
	// Over32 is minutes over 32 °C; any is unsafe, unless the room is above it at the coldest setpoint for ever too.
	Over32 float64 `json:"over_32_min"`
	Rate15 float64 `json:"rate_15"` // largest change of an inlet within 15 minutes, K

	StartsHour   float64 `json:"starts_hour"`   // of compressors, for each machine
	CommandsHour int     `json:"commands_hour"` // most to one machine within any 60 minutes, urgent ones included
	OrdinaryHour int     `json:"ordinary_hour"` // the same without urgent ones
	CommandsDay  float64 `json:"commands_day"`  // for each machine
	Safe         bool    `json:"safe"`
}

const (
	recommended = 27.0 // °C, the top of what ASHRAE TC 9.9 recommends at the inlet
	allowable   = 32.0 // °C, of class A1
	spellMost   = 15 * time.Minute
	coldest     = 18 // °C, the coldest allowed setpoint
	warmest     = 27 // °C, the warmest
	joules      = 3.6e6
)

// scorer watches one run.
type scorer struct {
	plant   Plant
	score   Score
	from    Truth
	baseJ   float64
	trail   []float64 // hottest inlet of the last 15 minutes, a ring
	samples int
	sum     float64 // of the trail, K
	spell   spell
	excused time.Duration // when capacity last did not allow better
}

// spell is a time without interruption in which the hottest inlet is above 27 °C.
//
// Whether capacity allows otherwise is asked of a copy of the room, in which every machine is told the coldest setpoint
// when the spell begins. If the copy is back within 15 minutes, the spell's clock runs from its beginning. If not, no
// controller could have done it from there, and the clock runs from when the copy is back.
type spell struct {
	lasts bool
	since time.Duration
	clock time.Duration
	copy  Plant // nil once it is back, or where the plant cannot be copied
}

func newScorer(plant Plant) *scorer {
	return &scorer{plant: plant, trail: make([]float64, spellMost/tickEvery)}
}

// tick takes the state after a step that ended at now, with what happened meanwhile.
func (s *scorer) tick(ctx context.Context, now time.Duration, w Weather, scored bool) error {
	t, err := s.plant.Truth(ctx)
	if err != nil {
		return err
	}
	hottest := math.Inf(-1)
	for _, c := range t.Inlets {
		hottest = max(hottest, c)
	}
	defer func() { s.trail[s.samples%len(s.trail)] = hottest; s.samples++ }()
	if s.samples >= len(s.trail) {
		s.sum -= s.trail[s.samples%len(s.trail)]
	}
	s.sum += hottest
	if !scored {
		s.from = t
		return nil
	}
	s.baseJ += w.LoadW * tickEvery.Seconds()
	minutes := tickEvery.Minutes()
	s.score.MaxInlet = max(s.score.MaxInlet, hottest)
	s.score.KMin27 += minutes * max(0, hottest-recommended)
	s.score.KMin32 += minutes * max(0, hottest-allowable)
	if s.samples >= len(s.trail) {
		s.score.Rate15 = max(s.score.Rate15, math.Abs(hottest-s.trail[s.samples%len(s.trail)]))
	}
	if err := s.over(ctx, now, w, hottest); err != nil {
		return err
	}
	if s.spell.copy == nil && now-s.excused > 2*spellMost {
		s.score.Mean15 = max(s.score.Mean15, s.sum/float64(len(s.trail)))
	}
	return nil
}

// over follows a spell above 27 °C.
func (s *scorer) over(ctx context.Context, now time.Duration, w Weather, hottest float64) error {
	if hottest <= recommended {
		s.spell = spell{}
		return nil
	}
	if !s.spell.lasts {
		s.spell = spell{lasts: true, since: now - tickEvery, clock: now - tickEvery, copy: s.plant.Twin()}
		if s.spell.copy != nil {
			for i := range s.plant.Layout().Machines {
				if err := s.spell.copy.Tell(ctx, i, Order{Power: true, Setpoint: coldest}); err != nil {
					return err
				}
			}
		}
	} else if err := s.follow(ctx, now, w); err != nil {
		return err
	}
	s.score.Over27Min = max(s.score.Over27Min, (now - s.spell.since).Minutes())
	if hottest > allowable {
		s.score.Over32 += tickEvery.Minutes()
	}
	if s.spell.copy != nil && now-s.spell.since > spellMost {
		s.excused = now
	}
	if s.spell.copy == nil || now-s.spell.since <= spellMost {
		s.score.BreachMin = max(s.score.BreachMin, (now - s.spell.clock).Minutes())
	}
	return nil
}

// follow lets the copy of a spell go on.
func (s *scorer) follow(ctx context.Context, now time.Duration, w Weather) error {
	if s.spell.copy == nil {
		return nil
	}
	if err := s.spell.copy.Happen(ctx, w); err != nil {
		return err
	}
	if err := s.spell.copy.Advance(ctx, tickEvery); err != nil {
		return err
	}
	t, err := s.spell.copy.Truth(ctx)
	if err != nil {
		return err
	}
	if slices.Max(t.Inlets) > recommended {
		return nil
	}
	s.spell.copy = nil
	if now-s.spell.since > spellMost {
		s.spell.clock = now
	}
	return nil
}

// end is the score of a run that has ended.
func (s *scorer) end(ctx context.Context, a *actuator, days float64) (Score, error) {
	t, err := s.plant.Truth(ctx)
	if err != nil {
		return Score{}, err
	}
	r := s.score
	r.CoolersKWh = (t.CoolingJ - s.from.CoolingJ) / joules
	r.FansKWh = (t.LoadJ - s.from.LoadJ - s.baseJ) / joules
	r.TotalKWh = r.CoolersKWh + r.FansKWh
	r.SiteKWh = (t.CoolingJ - s.from.CoolingJ + t.LoadJ - s.from.LoadJ) / joules
	machines := float64(len(s.plant.Layout().Machines))
	r.StartsHour = float64(t.Starts-s.from.Starts) / machines / (24 * days)
	for _, log := range a.commands {
		var all, ordinary []time.Duration
		for _, c := range log {
			if c.at < warmUp {
				continue
			}
			all = append(all, c.at)
			if !c.urgent {
				ordinary = append(ordinary, c.at)
			}
		}
		r.CommandsHour = max(r.CommandsHour, mostWithin(all, time.Hour))
		r.OrdinaryHour = max(r.OrdinaryHour, mostWithin(ordinary, time.Hour))
		r.CommandsDay += float64(len(all)) / machines / days
	}
	r.Safe = r.safe(false)
	return r, nil
}

// safe says whether a run was; tooWeak that the room cannot be kept under 32 °C.
func (s Score) safe(tooWeak bool) bool {
	return s.BreachMin <= spellMost.Minutes()+1e-6 && (s.Over32 == 0 || tooWeak)
}

// mostWithin is the largest number of times, which rise, within any span.
func mostWithin(times []time.Duration, span time.Duration) int {
	most, first := 0, 0
	for i, t := range times {
		for t-times[first] >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
