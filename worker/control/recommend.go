package control

import (
	"fmt"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
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
	// idPrefix begins the IDs of commands of control loops; the workflow's begin otherwise.
	idPrefix = "control-"
)

// wanted is a recommendation that the intent does not show yet.
type wanted struct {
	workflows.Recommendation
	since    time.Time
	signalAt time.Time // when it was last given to the signaller
	tries    int
}

// recommend turns what the rules want of a machine into signals, and in an emergency into a command.
func (r *room) recommend(m *machine, d rules.Decision, want rules.Recommendation, now time.Time, e *effects) {
	told, urgent := r.tells(m), d.Action.Urgent()
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
	if told := r.tells(m); told != nil {
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
	every := min(leaseEvery, ttl/3)
	if r.last.Fresh == 0 || now.Sub(r.leased) < every {
		return nil
	}
	if r.leased.IsZero() {
		r.leased = now.Add(-r.phase(every)) // the rooms that begin together do not go on together
	} else {
		r.leased = now
	}
	return &wire.Lease{Room: r.spec.Name, Revision: now.UnixMilli(), TTLMillis: ttl.Milliseconds(), Holder: r.holder}
}
