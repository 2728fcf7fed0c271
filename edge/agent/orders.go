package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// follow hands every record of a topic to take, until ctx ends. A broker that is away is waited for.
func follow(ctx context.Context, config kafka.Config, since time.Time, topic string, take func(kafka.Record)) error {
	tail, err := kafka.NewTail(config, since, topic)
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			slog.Warn("orders cannot be read", "topic", topic, "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(5 * time.Second):
			}
			continue
		}
		for _, r := range records {
			take(r)
		}
	}
}

// age is how long the broker has had a record, by this box's clock; negative when that cannot be trusted.
func age(now time.Time, r kafka.Record, c *clock) time.Duration {
	if !c.trusted() || r.Time.IsZero() {
		return -1
	}
	return max(0, now.Sub(r.Time))
}

// command hands a command to its air conditioner, if that stands here.
func (a *agent) command(ctx context.Context, r kafka.Record) {
	room, name, err := wire.ParseControlKey(r.Key)
	if err != nil {
		slog.Warn("a command has no key", "error", err)
		return
	}
	target, ok := a.actuators[room+"/"+name]
	if !ok {
		return
	}
	c, err := wire.Decode[wire.Command](r.Value)
	if err == nil && (c.Room != room || c.AC != name) {
		err = fmt.Errorf("it is for %s/%s", c.Room, c.AC)
	}
	if err != nil {
		slog.Warn("a command is not understood", "room", room, "ac", name, "error", err)
		return
	}
	target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects {
		return m.Order(now, c, age(now, r, a.clock))
	})
}

// guard watches the leases of one room and acts when nobody orders.
type guard struct {
	room, box string
	book      *rulebook
	actuators []*actuator
	board     *board
	outbox    *outbox

	mu    sync.Mutex
	watch watch
	began time.Time // of the alert no-orders; zero for none
}

// lease takes a renewal.
func (g *guard) lease(ctx context.Context, l wire.Lease, age time.Duration) {
	if age >= min(g.book.policy().LeaseTTL.D(), time.Duration(l.TTLMillis)*time.Millisecond) {
		return // somebody decided, but that was long ago
	}
	now := time.Now()
	g.mu.Lock()
	back := g.watch.seen(now, l.Revision)
	var began time.Time
	if back {
		began, g.began = g.began, time.Time{}
	}
	g.mu.Unlock()
	if back {
		for _, a := range g.actuators {
			a.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Resume(now) })
		}
	}
	if !began.IsZero() {
		g.outbox.alert(g.alert(began, now, "orders are back from "+l.Holder))
	}
}

// run looks each second whether orders are missing.
func (g *guard) run(ctx context.Context) error {
	tick := time.NewTicker(min(time.Second, g.book.policy().LeaseTTL.D()/5))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			g.look(ctx, time.Now())
		}
	}
}

// look brings the room down while orders are missing: to the policy's fail-cold, or to the coldest while a sensor
// here shows what would be an emergency. A room that hot waits only half as long for a lease (which come five times
// within a TTL, at the least three times).
func (g *guard) look(ctx context.Context, now time.Time) {
	p := g.book.policy()
	setpoint, patience := p.FailCold, p.LeaseTTL.D()
	if c, known := g.board.warmest(now, g.room, p.StaleAfter.D()); known && c >= p.High {
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
		g.outbox.alert(g.alert(now, time.Time{}, fmt.Sprintf("no lease for %s: at most %d °C, colder only", now.Sub(since).Round(time.Second), setpoint)))
	}
	for _, a := range g.actuators {
		a.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects { return m.FailSafe(now, setpoint) })
	}
}

func (g *guard) alert(began, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: g.room + "/no-orders/" + g.box, Room: g.room, Kind: "no-orders", Severity: wire.SeverityHigh,
		BeganMillis: began.UnixMilli(), Evidence: evidence, Source: "edge",
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}
