package main

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/room"
)

// tick moves a model on from t.
func (s *search) tick(model *room.Model, t time.Duration) error {
	if t%weatherEvery == 0 {
		w := s.source.Days.At(t)
		if err := model.Control(room.Controls{LoadW: w.LoadW, OutdoorC: &w.OutdoorC, DoorKgS: w.DoorKgS}); err != nil {
			return err
		}
	}
	model.Step(tickEvery)
	return nil
}

// over prices the time above 27 °C that the score would call a breach.
func (s *search) over(model *room.Model, n *node, now time.Duration) error {
	state := model.Peek()
	over := state.AirC + s.hotK() - recommended
	if over <= 0 {
		n.hot = hotSpell{}
		return nil
	}
	if over > allowable-recommended {
		n.breachJ += breachW / 10 * tickEvery.Seconds()
	}
	if !n.hot.lasts {
		begun := model.State()
		n.hot = hotSpell{lasts: true, since: now - tickEvery, clock: now - tickEvery, begun: &begun}
	}
	if now-n.hot.since <= spellMost {
		return nil
	}
	if !n.hot.judged {
		if err := s.judge(&n.hot); err != nil {
			return err
		}
	}
	if now-n.hot.clock > spellMost {
		n.breachJ += breachW * tickEvery.Seconds() * (1 + over)
	}
	return nil
}

// judge finds when the clock of a spell runs from: see spell.
func (s *search) judge(hot *hotSpell) error {
	const most = 12 * time.Hour
	hot.judged = true
	twin, err := room.New(s.source.Parameters, nil, s.source.Seed)
	if err != nil {
		return err
	}
	if err := twin.Restore(*hot.begun); err != nil {
		return err
	}
	for _, ac := range s.source.Parameters.AirConditioners {
		if err := twin.Tell(ac.Name, room.Told{Power: true, Setpoint: coldest}); err != nil {
			return err
		}
	}
	for t := hot.since + tickEvery; t < hot.since+most; t += tickEvery { // it was told when the spell had just begun
		if err := s.tick(twin, t); err != nil {
			return err
		}
		if twin.Peek().AirC+s.hotK() <= recommended {
			if t+tickEvery-hot.since > spellMost {
				hot.clock = t + tickEvery
			}
			return nil
		}
	}
	hot.clock = hot.since + most
	return nil
}

// hotK is how much the hottest inlet is above the room's air.
func (s *search) hotK() float64 {
	most := math.Inf(-1)
	for _, p := range s.source.Probes {
		most = max(most, p.PlaceK)
	}
	return most
}

// stored is what the heat in the room will cost to take out again, J; the less of it the sooner the end comes. It only
// orders states: the cost that is compared in the end is without it.
func (s *search) stored(state room.State, left time.Duration) float64 {
	p := &s.source.Parameters
	part := func(seconds float64) float64 { return 1 - math.Exp(-left.Seconds()/seconds) }
	return s.wallsJ*state.WallsC*part(p.MassJK/(p.ExchangeWK+p.MassWK)) +
		s.airJ*(p.AirJK*state.AirC+p.ServerJK*state.ServersC)/(p.AirJK+p.ServerJK)*part(1200)
}

// value finds what heat costs in this room: it runs a day at the fixed setpoint from the state as it is, from one with
// warmer walls and from one with warmer air and servers.
func (s *search) value(model *room.Model, start *node) error {
	const warmerK = 2.0
	run := func(walls, air float64) (float64, error) {
		from := start.state
		from.WallsC += walls
		from.AirC += air
		from.ServersC += air
		n := &node{plan: start.plan}
		err := s.simulate(model, n, &from, warmUp, 24*time.Hour)
		return n.cost, err
	}
	base, err := run(0, 0)
	if err != nil {
		return err
	}
	walls, err := run(warmerK, 0)
	if err != nil {
		return err
	}
	air, err := run(0, warmerK)
	s.wallsJ, s.airJ = max(0, walls-base)/warmerK, max(0, air-base)/warmerK
	return err
}
