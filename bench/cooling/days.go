package main

import (
	"math"
	"time"
)

// schedule is what happens to a room from outside, known from the beginning to the end.
type schedule struct {
	loadW        float64
	shape        float64 // of the day: the load swings by this part, most at 14:00
	outdoorC     float64 // mean of the day
	outdoorSwing float64 // K; warmest at 15:00
	bumps        []bump
	doors        []time.Duration // the door stands open for doorFor from then on
}

// bump is a change of load that goes again.
type bump struct {
	from, span time.Duration
	ramp       time.Duration // to rise and to fall; zero is a step
	part       float64       // of the load; below zero is less
}

// The reference's door (3.5): 0.3 kg/s for ten minutes.
const (
	doorFor = 10 * time.Minute
	doorKgS = 0.3
)

// At is what happens at a time since the beginning, which is midnight.
func (s schedule) At(at time.Duration) Weather {
	hours := at.Hours()
	w := Weather{
		LoadW:    s.loadW * (1 + s.shape*math.Cos(2*math.Pi*(hours-14)/24)),
		OutdoorC: s.outdoorC + s.outdoorSwing*math.Cos(2*math.Pi*(hours-15)/24),
	}
	factor := 1.0
	for _, b := range s.bumps {
		factor += b.at(at)
	}
	w.LoadW *= factor
	for _, d := range s.doors {
		if at >= d && at < d+doorFor {
			w.DoorKgS = doorKgS
		}
	}
	return w
}

func (b bump) at(at time.Duration) float64 {
	since := at - b.from
	switch {
	case since < 0 || since >= b.span:
		return 0
	case since < b.ramp:
		return b.part * float64(since) / float64(b.ramp)
	case b.span-since < b.ramp:
		return b.part * float64(b.span-since) / float64(b.ramp)
	}
	return b.part
}

// fit drops what would happen after the end.
func (s *schedule) fit(span time.Duration) {
	var bumps []bump
	for _, b := range s.bumps {
		if b.from < span {
			bumps = append(bumps, b)
		}
	}
	s.bumps = bumps
}

// drawnDays are the disturbances of a random room: a step up and one down by 40 %, a ramp and two open doors at random
// times of the scored days, which begin after warmUp.
func drawnDays(d draw, loadW float64, span time.Duration) schedule {
	s := schedule{loadW: loadW, shape: d.in(0, 0.2), outdoorSwing: 5, outdoorC: d.in(0, 35)}
	scored := span - warmUp
	if scored <= 0 {
		return s
	}
	third := scored / 3 // each has a third of the time of its own: they do not overlap
	begin := func(n int, least time.Duration) time.Duration {
		return warmUp + time.Duration(n)*third + time.Duration(d.Float64()*float64(max(0, third-least)))
	}
	order := d.Perm(3)
	s.bumps = []bump{
		{from: begin(order[0], 4*time.Hour), span: 4 * time.Hour, part: 0.4},
		{from: begin(order[1], 4*time.Hour), span: 4 * time.Hour, part: -0.4},
		{from: begin(order[2], 6*time.Hour), span: 6 * time.Hour, ramp: 2 * time.Hour, part: 0.3},
	}
	for n := range 3 {
		s.doors = append(s.doors, begin(n, doorFor).Truncate(time.Minute))
	}
	for i := range s.bumps {
		s.bumps[i].from = s.bumps[i].from.Truncate(time.Minute)
	}
	return s
}
