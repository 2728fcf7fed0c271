package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/overcloud/overcloud/edge/proc"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/wire"
)

// poller samples one box, on a goroutine and with a deadline of its own: a slow box delays no other.
type poller struct {
	box, ip, source string
	every           time.Duration
	offset          time.Duration // of its polls within every, so that many boxes do not answer at once
	rooms           []string      // where the box stands
	sample          func(context.Context) (resource.Sample, error)
	session         io.Closer // nil for this box
	report          func(wire.Resource)
	tell            func(wire.Alert)

	tracker resource.Tracker
	silence int                  // polls in a row without an answer
	fault   string               // the sentence that was logged last
	alerts  map[string]time.Time // rooms whose alert lasts, and since when
}

// pollers are this box by /proc and the others by SNMP, spread over the interval.
func pollers(c Config, o *outbox) []*poller {
	own := &poller{
		box: c.Box, ip: c.IP, source: "local",
		sample: func(context.Context) (resource.Sample, error) { return proc.Host().Sample() },
	}
	out := []*poller{own}
	for _, t := range c.Targets {
		session := snmp.NewSession(t)
		out = append(out, &poller{box: t.Box, ip: t.Host, source: "snmp", sample: session.Poll, session: session})
	}
	for i, p := range out {
		p.every, p.report, p.tell, p.alerts = c.ResourceEvery, o.resource, o.alert, map[string]time.Time{}
		p.offset = c.ResourceEvery * time.Duration(i) / time.Duration(len(out))
		for _, r := range c.Rooms {
			if slices.Contains(r.Boxes, p.box) {
				p.rooms = append(p.rooms, r.Name)
			}
		}
	}
	return out
}

func (p *poller) run(ctx context.Context) error {
	if p.session != nil {
		defer p.session.Close()
	}
	began := time.Now()
	next := began.Add(p.offset)
	timer := time.NewTimer(p.offset)
	defer timer.Stop()
	for {
		beat(ctx, time.Until(next)+p.every)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now, err := p.poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			p.failed(time.Now(), err)
		} else {
			p.answered(now)
		}
		next = p.next(began, time.Now(), rand.Float64()) //nolint:gosec // it spreads polls and guards nothing
		timer.Reset(time.Until(next))
	}
}

// poll ends before the next one is due.
func (p *poller) poll(ctx context.Context) (resource.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, p.every*4/5)
	defer cancel()
	return p.sample(ctx)
}

// The silence of a box.
const (
	silentMost  = 3 // polls in a row without an answer that are an alert
	backoffMost = 5 * time.Minute
)

// next is when the box is asked again: at its place in the interval while it answers or has just fallen silent, and
// then after twice as long each time up to backoffMost. jitter, 0 to 1, moves the latter by a tenth up or down, so
// that boxes that went away together are not asked together for ever.
func (p *poller) next(began, now time.Time, jitter float64) time.Time {
	if p.silence < silentMost {
		first := began.Add(p.offset)
		slots := now.Sub(first)/p.every + 1
		at := first.Add(slots * p.every)
		if at.Sub(now) < p.every/5 {
			at = at.Add(p.every) // the last poll took nearly all of its time: none right after it
		}
		return at
	}
	wait := p.every
	for i := silentMost; i <= p.silence && wait < backoffMost; i++ {
		wait *= 2
	}
	wait = max(p.every, min(wait, backoffMost))
	return now.Add(time.Duration(float64(wait) * (0.9 + jitter/5)))
}

// failed counts, logs what is new, and begins the alert.
func (p *poller) failed(now time.Time, err error) {
	p.silence++
	if fault := err.Error(); p.silence == 1 || fault != p.fault && p.silence <= silentMost {
		p.fault = fault
		slog.Warn("a box gives no numbers", "box", p.box, "source", p.source, "error", err)
	}
	if p.silence != silentMost {
		return
	}
	for _, room := range p.rooms {
		p.alerts[room] = now
		p.tell(p.alert(room, time.Time{}, fmt.Sprintf("no numbers at %d polls in a row: %s", p.silence, shorten(err.Error(), 1<<10))))
	}
	if len(p.rooms) == 0 {
		slog.Warn("a box is silent and stands in no room, so nobody is alerted", "box", p.box)
	}
}

// answered sends the record and ends the alert.
func (p *poller) answered(now resource.Sample) {
	if p.silence > 0 {
		slog.Info("a box gives numbers again", "box", p.box, "source", p.source, "after polls", p.silence)
	}
	p.silence, p.fault = 0, ""
	for _, room := range p.rooms {
		if _, lasts := p.alerts[room]; lasts {
			p.tell(p.alert(room, time.Now(), "it answers again"))
			delete(p.alerts, room)
		}
	}
	r := p.tracker.Next(now)
	r.Box, r.IP, r.Source = p.box, p.ip, p.source
	if err := r.Validate(); err != nil { // a wrong clock, say: what the box cannot have is left out already
		slog.Warn("a box measures what cannot be", "box", p.box, "error", err)
		return
	}
	p.report(r)
}

func (p *poller) alert(room string, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: room + "/box/" + p.box, Room: room, Kind: "box", Severity: wire.SeverityWarning, Source: "edge",
		BeganMillis: p.alerts[room].UnixMilli(), Evidence: fmt.Sprintf("box %s: %s", p.box, evidence),
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}

// ownIP is the first address of this machine that others could reach, or loopback.
func ownIP() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
