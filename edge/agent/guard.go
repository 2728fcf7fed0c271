package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// guard watches the leases of one room and its readings, and acts when nobody orders or nothing is measured.
type guard struct {
	room, box string
	book      *rulebook
	actuators []*actuator
	board     *board
	outbox    *outbox

	// sensed says that this edge has inlets of the room: then it notices by itself when none can be believed.
	sensed  bool
	started time.Time

	mu    sync.Mutex
	watch watch
	began time.Time // of the alert no-orders; zero for none
	dark  time.Time // of the alert no-readings; zero for none
}

func newGuard(r spec.Room, box string, book *rulebook, b *board, o *outbox) *guard {
	g := &guard{room: r.Name, box: box, book: book, board: b, outbox: o, watch: newWatch(time.Now()), started: time.Now()}
	for _, s := range r.Inlets() {
		g.sensed = g.sensed || s.Box == box
	}
	return g
}

// lease takes a renewal.
func (g *guard) lease(ctx context.Context, l wire.Lease, age time.Duration) {
	if age >= min(g.book.policy().LeaseTTL.D(), time.Duration(l.TTLMillis)*time.Millisecond) {
		return // somebody decided, but that was long ago
	}
	now := time.Now()
	blind := g.sensed && g.board.inlets(now, g.room, g.book.policy().StaleAfter.D()).fresh == 0
	g.mu.Lock()
	renewed := l.Revision > g.watch.revision
	back := g.watch.seen(now, l.Revision)
	var began time.Time
	if back {
		began, g.began = g.began, time.Time{}
	}
	g.mu.Unlock()
	if renewed { // each time: a fail-safe that was on its way may have come after the first
		for _, a := range g.actuators {
			a.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects {
				if blind {
					m.Unseen()
				}
				return m.Resume(now)
			})
		}
	}
	if !began.IsZero() {
		g.outbox.alert(g.alert("no-orders", began, now, "orders are back from "+l.Holder))
	}
}

// run looks each second whether orders or readings are missing.
func (g *guard) run(ctx context.Context) error {
	tick := time.NewTicker(min(time.Second, g.book.policy().LeaseTTL.D()/5))
	defer tick.Stop()
	for {
		beat(ctx, 30*time.Second)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			g.look(time.Now())
			g.lookAround(time.Now())
		}
	}
}

// look brings the room down while orders are missing: to the policy's fail-cold, or to the coldest while a sensor
// here shows what would be an emergency. A room that hot waits only half as long for a lease (which come five times
// within a TTL, at the least three times).
func (g *guard) look(now time.Time) {
	p := g.book.policy()
	setpoint, patience := p.FailCold, p.LeaseTTL.D()
	if warmest := g.board.inlets(now, g.room, p.StaleAfter.D()).warmest; warmest.Known && warmest.N >= p.High {
		setpoint, patience = min(setpoint, p.SetpointMin), patience/2
	}
	g.mu.Lock()
	missing, began := g.watch.tick(now, patience)
	since := g.watch.last
	if began {
		g.began = now
	}
	g.mu.Unlock()
	if !missing {
		return
	}
	if began {
		slog.Warn("nobody decides for a room: fail-safe", "room", g.room, "setpoint", setpoint)
		g.outbox.alert(g.alert("no-orders", now, time.Time{}, fmt.Sprintf("no lease for %s: at most %d °C, colder only", now.Sub(since).Round(time.Second), setpoint)))
	}
	for _, a := range g.actuators {
		a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.FailSafe(now, setpoint) })
	}
}

// lookAround brings the room down while no inlet here has given a good reading for StaleAfter, whoever decides: what is
// not measured is not cooled by anybody's guess. A room whose inlets are all read elsewhere is not this edge's to judge.
func (g *guard) lookAround(now time.Time) {
	if !g.sensed {
		g.sighted() // a former guard, of another configuration, may have waited for sensors that are no more
		return
	}
	p := g.book.policy()
	stale := p.StaleAfter.D()
	seen := g.board.inlets(now, g.room, stale)
	missing := seen.fresh == 0 && now.Sub(g.started) >= stale
	g.mu.Lock()
	began := g.dark
	switch {
	case missing && began.IsZero():
		g.dark = now
	case seen.fresh > 0:
		g.dark = time.Time{}
	}
	g.mu.Unlock()
	switch {
	case missing:
		if began.IsZero() {
			slog.Warn("no sensor of a room can be believed: fail-safe", "room", g.room, "setpoint", p.FailCold)
			g.outbox.alert(g.alert("no-readings", now, time.Time{},
				fmt.Sprintf("no good reading of any inlet here for %s: at most %d °C, colder only", stale, p.FailCold)))
		}
		for _, a := range g.actuators {
			a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Blind(now, p.FailCold) })
		}
	case seen.fresh > 0:
		g.sighted() // also what a former guard left
		if !began.IsZero() {
			g.outbox.alert(g.alert("no-readings", began, now, fmt.Sprintf("readings are back: %.1f °C", seen.mean.N)))
		}
	}
}

// sighted ends what was done for want of readings; it does nothing to the others.
func (g *guard) sighted() {
	for _, a := range g.actuators {
		a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Sighted(now) })
	}
}

func (g *guard) alert(kind string, began, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: g.room + "/" + kind + "/" + g.box, Room: g.room, Kind: kind, Severity: wire.SeverityHigh,
		BeganMillis: began.UnixMilli(), Evidence: evidence, Source: "edge",
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}
