package control

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/optimise"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

const (
	// adviseEvery: the rules move a setpoint each 5 min at the most.
	adviseEvery = 5 * time.Minute
	// adviceMost is how long advice is handed on when nobody renews it.
	adviceMost = 3 * adviseEvery
	// learnedEvery is how often a model that has changed is published.
	learnedEvery = time.Hour
	// lessonsMost may wait; the optimiser goes without the others.
	lessonsMost = 1024
	// pupilAlone is how long a model that has just got its room still takes what another process has learned.
	pupilAlone = 10 * time.Minute
	// pupilIdle is how long after its last lesson a model counts as another process's.
	pupilIdle = 2 * time.Minute
)

// advisor owns the optimiser's models of all rooms, on a goroutine of its own: whatever one costs, no decision waits
// for it, and one that breaks down takes only itself along.
type advisor struct {
	pupils  []*pupil // by the room's index
	lessons chan lesson
	publish func(wire.Learned)
	log     *slog.Logger

	missed  atomic.Int64 // lessons that found no room
	running atomic.Int64 // lessons taken
}

// pupil is the model of one room.
type pupil struct {
	name  string
	out   *atomic.Pointer[outcome]
	model *optimise.Model

	first, last time.Time // lessons, without a long break
	phase       time.Duration
	at          int64  // time_ms of the newest Learned that was taken or published
	looked      int64  // the hour in which it was last looked at for publishing
	published   bool   // since first
	sum         uint64 // of what was taken or published
	broken      bool   // it has broken down once since the start: said once
}

// lesson is what a model is given: what was seen, or what somebody else has learned, or the wish to publish.
type lesson struct {
	room    int
	policy  *spec.Policy
	seen    optimise.Observation
	acs     []rules.AC // when advice is due; nil otherwise
	learned *wire.Learned
	handing []int // the rooms that are given away: what was learned of them is published
}

// outcome is what came of the last lessons. It is never changed.
type outcome struct {
	advice  *rules.Advice
	outlook *rules.Outlook
	seenAt  time.Time
	effect  optimise.Effect
}

// at is what the rules may know of it at now.
func (o *outcome) at(now time.Time, p *spec.Policy) (*rules.Advice, *rules.Outlook) {
	advice, outlook := o.advice, o.outlook
	if advice != nil && (p.Optimiser == spec.OptimiserOff || now.Sub(advice.At) > adviceMost) {
		advice = nil
	}
	if outlook != nil && now.Sub(o.seenAt) > adviceMost {
		outlook = nil
	}
	return advice, outlook
}

func newAdvisor(h *house, publish func(wire.Learned), log *slog.Logger) *advisor {
	a := &advisor{lessons: make(chan lesson, lessonsMost), publish: publish, log: log}
	for _, r := range h.rooms {
		a.pupils = append(a.pupils, &pupil{name: r.spec.Name, out: &r.outcome, model: &optimise.Model{}, phase: r.phase(learnedEvery)})
	}
	return a
}

// give hands a lesson over, unless the advisor is too busy.
func (a *advisor) give(l lesson) {
	select {
	case a.lessons <- l:
	default:
		a.missed.Add(1)
	}
}

// hand gives rooms away: that is not to be missed.
func (a *advisor) hand(rooms []int) {
	if len(rooms) > 0 {
		a.lessons <- lesson{room: rooms[0], handing: rooms}
	}
}

// run takes lessons until ctx ends and none is left.
func (a *advisor) run(ctx context.Context) {
	for {
		select {
		case l := <-a.lessons:
			a.take(l, time.Now())
		case <-ctx.Done():
			for {
				select {
				case l := <-a.lessons:
					a.take(l, time.Now())
				default:
					return
				}
			}
		}
	}
}

// take takes one lesson. A model that breaks down is put away, and begins anew.
func (a *advisor) take(l lesson, now time.Time) {
	p := a.pupils[l.room]
	defer func() {
		if fault := recover(); fault != nil {
			p.model = &optimise.Model{}
			p.out.Store(nil)
			if !p.broken {
				a.log.Error("the optimiser broke down; its model of the room begins anew", "room", p.name, "cause", fmt.Sprint(fault))
			}
			p.broken = true
		}
	}()
	a.running.Add(1)
	switch {
	case l.learned != nil:
		a.read(p, l.learned, now)
	case l.handing != nil:
		for _, room := range l.handing {
			a.handOver(a.pupils[room], now)
		}
	default:
		a.observe(p, l)
	}
}

func (a *advisor) handOver(p *pupil, now time.Time) {
	a.write(p, now)
	p.first, p.last, p.published = time.Time{}, time.Time{}, false
	p.out.Store(nil)
}

func (a *advisor) observe(p *pupil, l lesson) {
	at := l.seen.At
	if p.last.IsZero() || at.Sub(p.last) > pupilIdle {
		p.first, p.published = at, false
	}
	p.last = at
	p.model.Observe(*l.policy, l.seen)
	o := &outcome{seenAt: at, effect: p.model.Effect()}
	if l.seen.Fresh > 0 {
		o.outlook = p.model.Outlook(*l.policy, l.seen.Inlet)
	}
	switch former := p.out.Load(); {
	case l.acs != nil:
		if advice := p.model.Advise(*l.policy, l.acs, at); advice != nil {
			stamped := *advice
			stamped.At = at
			o.advice = &stamped
		}
	case former != nil:
		o.advice = former.advice
	}
	p.out.Store(o)
	// Each room has its own minute of the hour.
	if hour := (at.UnixNano() - int64(p.phase)) / int64(learnedEvery); hour != p.looked {
		if p.looked != 0 {
			a.write(p, at)
		}
		p.looked = hour
	}
}

// write publishes a model that has changed.
func (a *advisor) write(p *pupil, now time.Time) {
	if p.last.IsZero() {
		return // nothing was learned here
	}
	text, err := json.Marshal(p.model)
	if err != nil {
		a.log.Error("what the optimiser has learned of a room cannot be written", "room", p.name, "cause", err.Error())
		return
	}
	sum := digest(text)
	if sum == p.sum {
		return
	}
	p.sum, p.at, p.published = sum, now.UnixMilli(), true
	a.publish(wire.Learned{Room: p.name, TimeMillis: p.at, Model: text})
}

// read takes what somebody else, or this process before it was started again, has learned.
func (a *advisor) read(p *pupil, l *wire.Learned, now time.Time) {
	alone := !p.last.IsZero() && now.Sub(p.last) <= pupilIdle && (p.published || now.Sub(p.first) > pupilAlone)
	if l.TimeMillis <= p.at || alone {
		return
	}
	fresh := &optimise.Model{}
	if err := json.Unmarshal(l.Model, fresh); err != nil {
		a.log.Warn("what was learned of a room cannot be read; the optimiser begins anew with it", "room", p.name, "cause", err.Error())
		fresh = &optimise.Model{}
	}
	p.model, p.at, p.sum = fresh, l.TimeMillis, digest(l.Model)
}

func digest(text []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(text) // a hash takes everything
	return sum.Sum64()
}

// phase is a room's own share of a span, so that not all rooms do the same at once.
func (r *room) phase(span time.Duration) time.Duration {
	return time.Duration(digest([]byte(r.spec.Name)) % uint64(span)) //nolint:gosec // below span
}

// lesson is what there is to learn from the last decision.
func (r *room) lesson(now time.Time) lesson {
	policy := r.policyAt(now)
	l := lesson{room: r.index, policy: policy, seen: optimise.Observation{
		At: now, Inlet: r.last.Inlet, Fresh: r.last.Fresh, Hottest: r.hottest(now, policy), LoadW: math.NaN(), OutdoorC: math.NaN(),
	}}
	if r.load.fresh(now, policy) {
		l.seen.LoadW = r.load.watts
	}
	l.seen.Machines = make([]optimise.Machine, len(r.machines))
	for i, m := range r.machines {
		l.seen.Machines[i] = r.seen(m, policy, now)
	}
	if policy.Optimiser != spec.OptimiserOff && !now.Before(r.adviseAt) {
		l.acs = make([]rules.AC, len(r.machines))
		for i, m := range r.machines {
			l.acs[i] = r.standing(m, policy, now)
		}
		if r.adviseAt.IsZero() {
			r.adviseAt = now.Add(-r.phase(adviseEvery))
		}
		r.adviseAt = r.adviseAt.Add(adviseEvery)
		if r.adviseAt.Before(now) {
			r.adviseAt = now.Add(adviseEvery)
		}
	}
	return l
}

// seen is a machine as the optimiser sees it.
func (r *room) seen(m *machine, policy *spec.Policy, now time.Time) optimise.Machine {
	ac := r.standing(m, policy, now)
	out := optimise.Machine{Setpoint: ac.Desired, Watts: math.NaN(), SupplyC: math.NaN(), Lost: ac.Lost}
	if out.Setpoint == 0 {
		out.Setpoint = ac.Auto
	}
	if !ac.MeteredAt.IsZero() {
		out.Watts = ac.Watts
	}
	if p := r.probe(m.spec.Supply); m.spec.Supply != 0 && p != nil && p.heard && !p.last.Bad && now.Sub(p.last.At) <= policy.StaleAfter.D() {
		out.SupplyC = p.last.Celsius
	}
	return out
}

// hottest is the warmest inlet that is fresh and that the edge believes, °C; NaN when there is none.
func (r *room) hottest(now time.Time, policy *spec.Policy) float64 {
	most := math.NaN()
	for i := range r.probes {
		p := &r.probes[i]
		if p.inlet && p.heard && !p.last.Bad && now.Sub(p.last.At) <= policy.StaleAfter.D() && !(p.last.Celsius <= most) {
			most = p.last.Celsius
		}
	}
	return most
}
