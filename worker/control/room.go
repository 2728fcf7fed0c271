package control

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/overcloud/overcloud/internal/anomaly"
	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const (
	// silentMost: consumers hear from Kafka twice a second. backlogMost: edges try again at the latest 30 s later.
	silentMost  = 10 * time.Second
	backlogMost = 30 * time.Second
	// boxesEvery is how often the boxes of a room are judged: they speak each 10 to 60 s.
	boxesEvery = 15 * time.Second
)

// room is all that is known of one room. One goroutine owns it.
type room struct {
	spec     spec.Room
	index    int
	home     int32 // the partition that says who decides for it
	holder   string
	started  time.Time // when this process began to listen, or Kafka was back
	bench    *bench
	policy   *spec.Policy // never changed, only replaced
	intent   *wire.Intent
	inlets   []int
	probes   []probe
	load     gauge // of the boxes
	machines []*machine
	state    rules.State
	last     rules.Decision

	hot   bool      // it waits to decide at once
	cut   bool      // Kafka does not answer
	back  time.Time // when it last answered again
	heard time.Time // when a fresh reading last came to this process

	mine      bool           // this process decides for it
	since     time.Time      // since when
	listening time.Time      // since when somebody has listened to it without a break; zero: since started
	upheld    time.Time      // the newest lease, of whomever
	leased    time.Time      // our last one
	memory    *wire.Decision // what another process, or this one's forerunner, published last
	said      map[string]int64
	lasting   map[string]wire.Alert // alerts of control loops, by ID
	told      publication           // what we published last
	rivals    int                   // decisions of others while it was ours

	defence  *defence // nil: nothing of the room is ever switched off
	boxes    anomaly.State
	judgedAt time.Time

	energy  *wire.Energy // of this day; nil before it was first looked at
	tallied time.Time    // when the meters were last looked at; zero: they could not be read then

	outcome  atomic.Pointer[outcome] // of the advisor
	adviseAt time.Time
}

// machine is one air conditioner as the streams show it.
type machine struct {
	spec spec.AirConditioner
	// seen is the command with the highest revision on the topic, mine the last one of our own, which may still be on its
	// way.
	seen, mine     wire.Command
	seenAt, mineAt time.Time
	confirmed      int64 // highest revision that the edge has confirmed
	wanted         *wanted
	power          gauge
	faults         map[string]string // evidence that it does not do what it is told, by the kind of alert
}

// effects are what a decision sends out.
type effects struct {
	commands []wire.Command
	alerts   []wire.Alert
	lease    *wire.Lease
	decision *wire.Decision
	signals  []workflows.Recommendation
	dropped  []string // air conditioners whose recommendation is out of date
	threat   *threat
}

func newRoom(s spec.Room, holder string, started time.Time) *room {
	r := &room{
		spec: s, holder: holder, started: started, probes: probes(s),
		lasting: map[string]wire.Alert{}, said: map[string]int64{}, bench: &bench{},
	}
	r.policy = &r.spec.Policy
	if r.policy.Validate() != nil {
		p := spec.DefaultPolicy()
		r.policy = &p
	}
	for _, sensor := range s.Inlets() {
		r.inlets = append(r.inlets, sensor.ID)
	}
	for _, ac := range s.AirConditioners {
		r.machines = append(r.machines, &machine{spec: ac})
	}
	if s.Shed != nil {
		r.defence = &defence{within: s.Shed.Within.D()}
	}
	return r
}

func (r *room) machine(name string) *machine {
	for _, m := range r.machines {
		if m.spec.Name == name {
			return m
		}
	}
	return nil
}

// decide applies the rules at now. It must be ours.
func (r *room) decide(now time.Time) effects {
	r.hot = false
	in := r.input(now)
	d := rules.Decide(in)
	r.state, r.last = d.Next, d
	r.state.Alerts, r.last.Next = worthKeeping(d.Next.Alerts), rules.State{}
	e := effects{alerts: append(slices.Clone(d.Began), d.Ended...), lease: r.lease(now)}
	r.judge(now, &e)
	r.tally(now)
	e.threat = r.threatened(in, d)
	for _, a := range e.alerts {
		if a.EndedMillis == 0 {
			r.said[a.ID] = a.BeganMillis
		}
	}
	for i, m := range r.machines {
		r.recommend(m, d, d.ACs[i], now, &e)
	}
	e.decision = r.publication(now, len(e.alerts)+len(e.commands) > 0)
	return e
}

// policyAt is the policy in force, with what its schedule says of now. The rules are given the whole one.
func (r *room) policyAt(now time.Time) *spec.Policy {
	if len(r.policy.Schedule) == 0 {
		return r.policy
	}
	p := r.policy.At(now)
	return &p
}

// judge looks at the boxes that stand in the room.
func (r *room) judge(now time.Time, e *effects) {
	if len(r.spec.Boxes) == 0 || now.Sub(r.judgedAt) < boxesEvery {
		return
	}
	r.judgedAt = now
	out := anomaly.Judge(anomaly.Input{Now: now, Room: r.spec.Name, Boxes: r.spec.Boxes, State: &r.boxes})
	e.alerts = append(append(e.alerts, out.Began...), out.Ended...)
}

// reached says whether there is anything to decide by. While Kafka is away nothing that is decided would arrive, and the
// readings are missing for no fault of the sensors: the edge falls back by itself, and what waited here would send the
// room cold when Kafka is back. Then what was measured meanwhile is on its way, and is waited for.
func (r *room) reached(link kafka.Link, now time.Time) bool {
	most := min(silentMost, r.policy.StaleAfter.D()/2)
	if link.SilentSeconds < 0 || link.SilentSeconds > most.Seconds() {
		r.cut = true
		return false
	}
	if r.cut {
		r.cut, r.back, r.started, r.listening = false, now, now, time.Time{}
	}
	return r.heard.After(r.back) || now.Sub(r.back) >= min(backlogMost, r.policy.StaleAfter.D())
}

// listens is since when somebody has listened to the room without a break.
func (r *room) listens() time.Time {
	if !r.listening.IsZero() && r.listening.Before(r.started) {
		return r.listening
	}
	return r.started
}

func (r *room) input(now time.Time) rules.Input {
	policy := r.policy
	in := rules.Input{
		Now: now, Started: r.listens(), Room: r.spec.Name, Policy: *policy, Sensors: r.inlets, State: r.state,
		Readings: r.bench.readings[:0], ACs: r.bench.acs[:0],
	}
	for i := range r.probes {
		if p := &r.probes[i]; p.inlet && p.heard {
			in.Readings = append(in.Readings, p.last)
		}
	}
	for _, m := range r.machines {
		in.ACs = append(in.ACs, r.standing(m, policy, now))
	}
	r.bench.readings, r.bench.acs = in.Readings, in.ACs
	if o := r.outcome.Load(); o != nil {
		in.Advice, in.Outlook = o.at(now, policy)
	}
	return in
}

// standing is a machine as the rules see it.
func (r *room) standing(m *machine, policy *spec.Policy, now time.Time) rules.AC {
	ac := rules.AC{Name: m.spec.Name, Limits: rules.LimitsOf(*policy, m.spec), Lost: len(m.faults) > 0, RunningW: m.spec.Running}
	if told := r.tells(m); told != nil {
		ac.Auto, ac.Desired, ac.Overridden = told.Auto, told.Desired, told.Override != ""
		ac.Raised, ac.Lowered = moment(told.RaisedMillis), moment(told.LoweredMillis)
	}
	// An emergency's command that the workflow has not adopted yet is where the machine stands.
	if c := m.latest(); r.unadopted(m, c) {
		ac.Auto, ac.Desired = c.Setpoint, c.Setpoint
	}
	if m.power.fresh(now, policy) {
		ac.Watts, ac.MeteredAt = m.power.watts, m.power.at
	}
	return ac
}

// tells is what the workflow last said of a machine; nil when nothing is known.
func (r *room) tells(m *machine) *wire.IntentAC {
	if r.intent == nil {
		return nil
	}
	for i := range r.intent.ACs {
		if r.intent.ACs[i].AC == m.spec.Name {
			return &r.intent.ACs[i]
		}
	}
	return nil
}

// unadopted says that a command was published by a control loop in an emergency, and the intent does not know it.
func (r *room) unadopted(m *machine, c wire.Command) bool {
	told := r.tells(m)
	return c.Emergency && strings.HasPrefix(c.ID, idPrefix) && (told == nil || c.Revision > told.CommandRevision)
}

func (m *machine) latest() wire.Command {
	if m.mine.Revision > m.seen.Revision {
		return m.mine
	}
	return m.seen
}

func moment(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis)
}
