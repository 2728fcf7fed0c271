package agent

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/overcloud/overcloud/edge/proc"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp"
)

// poller samples one box, on a goroutine of its own: a slow box delays no other.
type poller struct {
	box, ip, source string
	every           time.Duration
	sample          func(context.Context) (resource.Sample, error)
	outbox          *outbox
}

// pollers are this box by /proc and the others by SNMP.
func pollers(c Config, o *outbox) []*poller {
	own := &poller{
		box: c.Box, ip: c.IP, source: "local", every: c.ResourceEvery, outbox: o,
		sample: func(context.Context) (resource.Sample, error) { return proc.Host().Sample() },
	}
	out := []*poller{own}
	for _, t := range c.Targets {
		out = append(out, &poller{
			box: t.Box, ip: t.Host, source: "snmp", every: c.ResourceEvery, outbox: o,
			sample: func(ctx context.Context) (resource.Sample, error) { return snmp.Poll(ctx, t) },
		})
	}
	return out
}

func (p *poller) run(ctx context.Context) error {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	var earlier *resource.Sample
	silent := false
	for {
		now, err := p.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !silent { // once, not at each poll
				slog.Warn("a box does not answer", "box", p.box, "source", p.source, "error", err)
			}
			silent = true
		default:
			if silent {
				slog.Info("a box answers again", "box", p.box, "source", p.source)
			}
			silent = false
			p.report(earlier, now)
			earlier = &now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// poll ends before the next one is due.
func (p *poller) poll(ctx context.Context) (resource.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, p.every*4/5)
	defer cancel()
	return p.sample(ctx)
}

func (p *poller) report(earlier *resource.Sample, now resource.Sample) {
	r := resource.Rates(earlier, now)
	r.Box, r.IP, r.Source = p.box, p.ip, p.source
	if err := r.Validate(); err != nil {
		slog.Warn("a box measures what cannot be", "box", p.box, "error", err)
		return
	}
	p.outbox.resource(r)
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
