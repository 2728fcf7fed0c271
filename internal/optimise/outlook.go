package optimise

import (
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// A room without cooling warms quickly while its air and servers take up the heat, and slowly once walls and racks do:
// 0.94 K/min for 5 minutes, 0.30 to 15 minutes and 0.10 after that in the reference's medium room (3.4); 0.7, 0.20 and 0.05
// in its small one. The later rates are taken as these parts of the first.
const (
	ratePrior  = 0.94 // K/min
	secondPart = 0.32
	thirdPart  = 0.11
	firstFor   = 5 * time.Minute
	secondFor  = 10 * time.Minute
)

// The numbers of learning it.
const (
	quietPart   = 0.35 // of the usual power or less: the machines all but rest
	afterRest   = time.Minute
	leastWindow = 2 * time.Minute
	mostWindow  = 5 * time.Minute
	leastEvents = 3
	// recent is the weight of a new rest in the mean of all.
	recent = 0.15
	// firstPart turns the slope of a rest's first minutes into the mean of the first five of a loss: the air warms first, then
	// the servers with it, and a probe shows it a minute late. In the reference's medium room it is 0.94 of 1.28 K/min.
	firstPart = 0.75
)

// heat is how fast the room was seen to warm while its machines rested.
type heat struct {
	rate   float64 // K/min at the beginning without any cooling, mean of what was seen
	events int

	window time.Duration // of the rest under way
	n      float64       // of what was seen in it: samples and their sums
	t, c   float64       // minutes, K above first
	tt, tc float64
	first  float64 // °C
	watts  float64
}

// forget drops a rest that was not seen to its end.
func (h *heat) forget() { *h = heat{rate: h.rate, events: h.events} }

// observe follows rests of the machines; usual is their power lately.
func (h *heat) observe(s sight, gap time.Duration, usual float64) {
	if !(s.watts < quietPart*usual) { // also when either is not known
		h.learn(usual)
		h.forget()
		return
	}
	if h.window += gap; h.window < afterRest || h.window > mostWindow {
		return
	}
	if h.n == 0 {
		h.first = s.inlet
	}
	t, c := h.window.Minutes(), s.inlet-h.first
	h.n++
	h.t, h.c, h.tt, h.tc, h.watts = h.t+t, h.c+c, h.tt+t*t, h.tc+t*c, h.watts+s.watts
}

// learn takes the slope of a rest that has ended. What cooling went on meanwhile is added.
func (h *heat) learn(usual float64) {
	spread := h.n*h.tt - h.t*h.t
	if h.window < afterRest+leastWindow || h.n < 6 || !(spread > 0) {
		return
	}
	slope := (h.n*h.tc - h.t*h.c) / spread
	rate := slope / (1 - h.watts/h.n/usual)
	if !between(rate, 0.01, 10) {
		return
	}
	h.events++
	h.rate += (rate - h.rate) * max(recent, 1/float64(h.events))
}

// Outlook says what would happen without any cooling from an inlet on. Until the room was seen to warm while its machines
// rested, it is the reference's medium room and not Sure.
func (m *Model) Outlook(p spec.Policy, inlet float64) *control.Outlook {
	if !between(inlet, -10, 60) {
		return nil
	}
	rate, sure := max(ratePrior, m.heat.rate*firstPart), false
	if m.heat.events >= leastEvents {
		rate, sure = m.heat.rate*firstPart, true
	}
	now := warming(p.Critical-inlet, rate)
	return &control.Outlook{From: inlet, ToCritical: now, PerKelvin: now - warming(p.Critical-inlet-1, rate), Sure: sure}
}

// warming is how long a room takes to warm by some K that begins at a rate of K/min.
func warming(by, rate float64) time.Duration {
	var took time.Duration
	for _, phase := range []struct {
		lasts time.Duration
		rate  float64
	}{{firstFor, rate}, {secondFor, rate * secondPart}, {1000 * time.Hour, rate * thirdPart}} {
		if by <= 0 {
			break
		}
		if needs := time.Duration(by / phase.rate * float64(time.Minute)); needs < phase.lasts {
			return took + needs
		}
		by -= phase.rate * phase.lasts.Minutes()
		took += phase.lasts
	}
	return took
}
