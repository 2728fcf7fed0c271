package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const (
	// resignal: a recommendation that the intent does not show this long after Temporal took it is sent again,
	// at doubling intervals up to resignalMost, since the workflow may refuse it.
	resignal     = 30 * time.Second
	resignalMost = 10 * time.Minute
	// forget: a step that nobody took in this time is out of date; the rules will say it again.
	forget = 2 * time.Minute
	// leaseEvery is a lease's renewal, or a third of its TTL where that is shorter.
	leaseEvery = time.Minute
	commandTTL = 10 * time.Minute
	// silentMost: consumers hear from Kafka twice a second. backlogMost: edges try again at the latest 30 s later.
	silentMost  = 10 * time.Second
	backlogMost = 30 * time.Second
	// idPrefix begins the IDs of commands of control loops; the workflow's begin otherwise.
	idPrefix = "control-"
)

// room is all that is known of one room. One goroutine owns it.
type room struct {
	spec     spec.Room
	holder   string
	started  time.Time
	policy   spec.Policy
	intent   *wire.Intent
	readings map[int]rules.Reading
	machines []*machine
	state    rules.State
	last     rules.Decision

	hot        bool                  // a critical reading has come since the last decision
	cut        bool                  // Kafka does not answer
	back       time.Time             // when it last answered again
	heard      time.Time             // when a fresh reading last came to this process
	otherUntil time.Time             // the lease of another process
	leased     time.Time             // our last lease
	mine       bool                  // at the last decision
	lasting    map[string]wire.Alert // alerts of control loops, by ID
	said       map[string]int64      // when the alerts that this process raised began, Unix ms, by ID
}

// machine is one air conditioner as the streams show it.
type machine struct {
	spec spec.AirConditioner
	// seen is the command with the highest revision on the topic (the first one with it: an edge passes over
	// the second), mine the last one of our own, which may still be on its way.
	seen, mine wire.Command
	mineAt     time.Time
	confirmed  int64 // highest revision that the edge has confirmed
	wanted     *wanted
}

// wanted is a recommendation that the intent does not show yet.
type wanted struct {
	workflows.Recommendation
	since    time.Time
	signalAt time.Time // when it was last given to the signaller
	tries    int
}

// effects are what a decision sends out.
type effects struct {
	commands []wire.Command
	alerts   []wire.Alert
	lease    *wire.Lease
	signals  []workflows.Recommendation
	dropped  []string // air conditioners whose recommendation is out of date
}

func newRoom(s spec.Room, holder string, started time.Time) *room {
	r := &room{
		spec: s, holder: holder, started: started, policy: s.Policy,
		readings: map[int]rules.Reading{}, lasting: map[string]wire.Alert{}, said: map[string]int64{},
	}
	if r.policy.Validate() != nil {
		r.policy = spec.DefaultPolicy()
	}
	for _, ac := range s.AirConditioners {
		r.machines = append(r.machines, &machine{spec: ac})
	}
	return r
}

// decide applies the rules at now.
func (r *room) decide(now time.Time) effects {
	if !r.ours(now) {
		r.mine = false
		return effects{}
	}
	if !r.mine { // also at the start
		r.mine = true
		r.state = rules.State{}
		r.state.Recall(r.raised())
	}
	d := rules.Decide(r.input(now))
	r.state, r.last = d.Next, d
	e := effects{alerts: append(slices.Clone(d.Began), d.Ended...), lease: r.lease(now)}
	for _, a := range d.Began {
		r.said[a.ID] = a.BeganMillis
	}
	for i, m := range r.machines {
		r.recommend(m, d, d.ACs[i], now, &e)
	}
	return e
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
		r.cut, r.back, r.started = false, now, now
	}
	return r.heard.After(r.back) || now.Sub(r.back) >= min(backlogMost, r.policy.StaleAfter.D())
}

// ours says whether this process decides for the room: it gets the readings, or nobody else holds it.
func (r *room) ours(now time.Time) bool {
	return !r.heard.IsZero() && now.Sub(r.heard) <= r.policy.StaleAfter.D() || !now.Before(r.otherUntil)
}

func (r *room) input(now time.Time) rules.Input {
	in := rules.Input{Now: now, Started: r.started, Room: r.spec.Name, Policy: r.policy, State: r.state}
	for _, sensor := range r.spec.Inlets() {
		in.Sensors = append(in.Sensors, sensor.ID)
		if reading, heard := r.readings[sensor.ID]; heard {
			in.Readings = append(in.Readings, reading)
		}
	}
	for _, m := range r.machines {
		ac := rules.AC{Name: m.spec.Name, Limits: rules.LimitsOf(r.policy, m.spec)}
		told := r.told(m)
		if told != nil {
			ac.Auto, ac.Desired, ac.Overridden = told.Auto, told.Desired, told.Override != ""
			ac.Raised, ac.Lowered = moment(told.RaisedMillis), moment(told.LoweredMillis)
		}
		// An emergency's command that the workflow has not adopted yet is where the machine stands.
		if c := m.latest(); r.unadopted(m, c) {
			ac.Auto, ac.Desired = c.Setpoint, c.Setpoint
		}
		in.ACs = append(in.ACs, ac)
	}
	return in
}

// told is what the workflow last said of a machine; nil when nothing is known.
func (r *room) told(m *machine) *wire.IntentAC {
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
	told := r.told(m)
	return c.Emergency && strings.HasPrefix(c.ID, idPrefix) && (told == nil || c.Revision > told.CommandRevision)
}

func (m *machine) latest() wire.Command {
	if m.mine.Revision > m.seen.Revision {
		return m.mine
	}
	return m.seen
}

// recommend turns what the rules want of a machine into signals, and in an emergency into a command.
func (r *room) recommend(m *machine, d rules.Decision, want rules.Recommendation, now time.Time, e *effects) {
	told, urgent := r.told(m), d.Action.Urgent()
	if m.wanted != nil && told != nil && reflects(*told, m.wanted.Recommendation) {
		m.wanted = nil
	}
	next := workflows.Recommendation{AC: m.spec.Name, Setpoint: want.Setpoint, Reason: want.Reason, Emergency: urgent}
	if d.Fresh > 0 {
		next.Inlet = d.Inlet
	}
	if urgent {
		r.command(m, &next, now, e)
	} else if c := m.latest(); r.unadopted(m, c) {
		// The emergency is over, and the workflow has not heard of its command yet: first it must know where the
		// machine stands, or it would take it back at once.
		next.Setpoint, next.Reason, next.Emergency = c.Setpoint, c.Reason, true
		next.Revision, next.CommandID = c.Revision, c.ID
	}
	moves := next.Setpoint != 0 && (told == nil || !reflects(*told, next))
	switch {
	case moves && (m.wanted == nil || !same(m.wanted.Recommendation, next)):
		m.wanted = &wanted{Recommendation: next, since: now}
	case !moves && m.wanted != nil && !m.wanted.Emergency && now.Sub(m.wanted.since) > forget:
		m.wanted = nil
		e.dropped = append(e.dropped, m.spec.Name)
	}
	if w := m.wanted; w != nil && now.Sub(w.signalAt) >= w.wait() {
		w.signalAt = now
		w.tries++
		e.signals = append(e.signals, w.Recommendation)
	}
}

func (w *wanted) wait() time.Duration {
	if w.tries == 0 {
		return 0
	}
	return min(resignalMost, resignal<<min(w.tries-1, 10))
}

// reflects says that the workflow wants what was recommended.
func reflects(told wire.IntentAC, r workflows.Recommendation) bool {
	return told.Auto == r.Setpoint && told.Emergency == r.Emergency && told.CommandRevision >= r.Revision
}

// same passes over the reason, whose numbers change with every reading.
func same(a, b workflows.Recommendation) bool {
	return a.Setpoint == b.Setpoint && a.Emergency == b.Emergency && a.Revision == b.Revision
}

// command publishes an urgent setpoint, unless the machine has been told it, and names the command in the
// recommendation so that the workflow adopts it. One that is not confirmed and not adopted is said again.
func (r *room) command(m *machine, next *workflows.Recommendation, now time.Time, e *effects) {
	var adopted int64
	if told := r.told(m); told != nil {
		adopted = told.CommandRevision
		if told.Desired <= next.Setpoint && adopted >= m.latest().Revision {
			return // the workflow itself has told it, or a colder override holds
		}
	}
	c := m.latest()
	covered := c.Revision >= adopted && c.Revision > 0 && c.Power && c.Setpoint <= next.Setpoint
	unheard := c.ID == m.mine.ID && c.Revision > max(adopted, m.confirmed) && now.Sub(m.mineAt) > r.policy.EvidenceWindow.D()
	if !covered || unheard {
		c = wire.Command{
			Revision: rules.NextRevision(max(c.Revision, adopted, m.confirmed), now), Room: r.spec.Name, AC: m.spec.Name,
			Power: true, Setpoint: next.Setpoint, Mode: "cool", Fan: "auto", Reason: next.Reason, Emergency: true,
			Origin: wire.OriginRules, TTLMillis: commandTTL.Milliseconds(),
		}
		c.ID = fmt.Sprintf("%s%d", idPrefix, c.Revision)
		m.mine, m.mineAt = c, now
		e.commands = append(e.commands, c)
	}
	if c.Revision > adopted && c.Emergency {
		next.Revision, next.CommandID = c.Revision, c.ID
	}
}

// lease says that somebody decides by what was measured; without fresh readings nobody does, and the edge
// falls back by itself.
func (r *room) lease(now time.Time) *wire.Lease {
	ttl := r.policy.LeaseTTL.D()
	if r.last.Fresh == 0 || now.Sub(r.leased) < min(leaseEvery, ttl/3) {
		return nil
	}
	r.leased = now
	return &wire.Lease{Room: r.spec.Name, Revision: now.UnixMilli(), TTLMillis: ttl.Milliseconds(), Holder: r.holder}
}

func (r *room) raised() []wire.Alert {
	var alerts []wire.Alert
	for _, a := range r.lasting {
		alerts = append(alerts, a)
	}
	slices.SortFunc(alerts, func(a, b wire.Alert) int { return cmp.Compare(a.ID, b.ID) })
	return alerts
}

func moment(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis)
}
