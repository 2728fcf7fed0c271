package agent

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Change is a configuration that was read again, or the reason why it cannot be taken.
type Change struct {
	Config Config
	Fault  error // then Config says nothing, and the former one goes on
}

// Options are what a caller of Serve may want beyond a daemon of one configuration.
type Options struct {
	// Changes are configurations that take the place of the former one while the daemon runs; nil for none.
	Changes <-chan Change
	// Ready is called once, when every loop runs. Nil for nobody.
	Ready func()
	// Alive is called each second with what is wrong with the daemon itself, nil while it does its work. Nil for
	// nobody.
	Alive func(fault error)
	// Leaving is called when ctx has ended, before the loops stop. Nil for nobody.
	Leaving func()
}

// Serve is the whole daemon until ctx ends. It closes in this order: loops, then the queues, synced. A change of the
// configuration restarts the loops that it touches and no others, and tells no air conditioner anything whose own
// settings are the same. Errors: devices that cannot be opened, queues that cannot, a port that is taken; of a later
// configuration these are logged and the former one goes on.
func Serve(ctx context.Context, c Config, o Options) error {
	for {
		next, err := serve(ctx, c, &o)
		if next == nil || err != nil {
			return err
		}
		c = *next // its queues are elsewhere or of another size: begin anew
	}
}

// serve runs until ctx ends, a loop fails, or a configuration comes that needs other queues, which it returns.
func serve(ctx context.Context, c Config, o *Options) (next *Config, err error) {
	outbox, err := openOutbox(c)
	if err != nil {
		return nil, err
	}
	d := &daemon{options: o, crew: newCrew(context.WithoutCancel(ctx)), outbox: outbox}
	a, err := assemble(c, outbox, nil)
	if err != nil {
		return nil, errors.Join(err, outbox.close())
	}
	a.crew = d.crew
	d.become(ctx, a)
	next, err = d.watch(ctx)
	if next == nil && o.Leaving != nil {
		o.Leaving()
	}
	if next == nil { // a reload tells the air conditioners nothing
		d.agent.leave()
	}
	d.crew.stop()
	return next, errors.Join(err, outbox.close())
}

// daemon is what outlives a generation of the agent.
type daemon struct {
	options *Options
	crew    *crew
	outbox  *outbox
	agent   *agent
	refused string // why the last configuration was not taken; empty when it was
	began   time.Time
}

func (d *daemon) become(ctx context.Context, a *agent) {
	d.agent = a
	a.live.Store(a)
	ended := d.crew.become(a.units)
	d.outbox.finish(time.Now(), ended)
	a.board.keep(a.samplers)
	slog.InfoContext(ctx, "what stands here", "sensors", len(a.samplers), "air conditioners", len(a.actuators), "snmp targets", len(a.config.Targets))
}

// watch waits for what ends or changes the daemon.
func (d *daemon) watch(ctx context.Context) (next *Config, err error) {
	if d.options.Ready != nil {
		d.options.Ready()
		d.options.Ready = nil // once, also when the queues are opened again
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case err := <-d.crew.failed:
			return nil, err
		case <-second.C:
			if d.options.Alive != nil {
				d.options.Alive(d.agent.fault(time.Now()))
			}
		case change := <-d.options.Changes:
			if next := d.change(ctx, change); next != nil {
				return next, nil
			}
		}
	}
}

// change takes another configuration, or tells why not. It returns the configuration when it needs other queues.
func (d *daemon) change(ctx context.Context, change Change) (next *Config) {
	if change.Fault != nil {
		d.refuse(ctx, change.Fault)
		return nil
	}
	former := d.agent.config
	if former.Dir != change.Config.Dir || former.Spool != change.Config.Spool || former.Box != change.Config.Box || former.Clock != change.Config.Clock {
		slog.InfoContext(ctx, "another configuration holds, with other queues")
		return &change.Config
	}
	a, err := assemble(change.Config, d.outbox, d.agent)
	if err != nil {
		d.refuse(ctx, err)
		return nil
	}
	d.accept(time.Now())
	if former.same(change.Config) {
		return nil
	}
	d.become(ctx, a)
	a.specified(ctx)
	slog.InfoContext(ctx, "another configuration holds")
	return nil
}

// refuse begins the alert "configuration", once for each fault.
func (d *daemon) refuse(ctx context.Context, fault error) {
	why := fault.Error()
	if why == d.refused {
		return
	}
	slog.ErrorContext(ctx, "the new configuration is not taken; the former one goes on", "cause", why)
	if d.refused == "" {
		d.began = time.Now()
	}
	d.refused = why
	d.tell(time.Time{}, "the former configuration goes on: "+shorten(why, 400))
}

func (d *daemon) accept(now time.Time) {
	if d.refused == "" {
		return
	}
	d.refused = ""
	d.tell(now, "the configuration is valid again")
}

func (d *daemon) tell(ended time.Time, evidence string) {
	for _, room := range d.agent.rooms() {
		alert := wire.Alert{
			ID: room + "/configuration/" + d.agent.config.Box, Room: room, Kind: "configuration", Severity: wire.SeverityWarning,
			Source: "edge", BeganMillis: d.began.UnixMilli(), Evidence: evidence,
		}
		if !ended.IsZero() {
			alert.EndedMillis = max(ended.UnixMilli(), alert.BeganMillis)
		}
		d.outbox.alert(alert)
	}
}

// specified hands the policies of a changed configuration to the rooms. What a workflow said since holds.
func (a *agent) specified(ctx context.Context) {
	for _, r := range a.config.Rooms {
		book := a.books[r.Name]
		if book.specified(r.Policy) {
			slog.InfoContext(ctx, "another policy holds", "room", r.Name, "from", "configuration")
			a.allow(ctx, book)
		}
	}
}

// finish ends the lasting alerts of loops that are no more: what still lasts begins again by itself.
func (o *outbox) finish(now time.Time, ended []unit) {
	for _, alert := range o.lasting.left() {
		for _, u := range ended {
			if u.owns != nil && u.owns(alert.ID) {
				alert.EndedMillis = max(now.UnixMilli(), alert.BeganMillis)
				alert.Evidence = "the configuration changed; the alert begins again if it lasts"
				o.alert(alert)
				break
			}
		}
	}
}

// keep forgets sensors that are no more.
func (b *board) keep(samplers []*sampler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, l := range b.sensors {
		there := false
		for _, s := range samplers {
			there = there || s.room.Name == l.Room && s.sensor.ID == l.Sensor
		}
		if !there {
			delete(b.sensors, key)
		}
	}
}

func prefixed(starts ...string) func(string) bool {
	return func(id string) bool {
		for _, start := range starts {
			if strings.HasPrefix(id, start) {
				return true
			}
		}
		return false
	}
}

func ending(end string) func(string) bool {
	return func(id string) bool { return strings.HasSuffix(id, end) }
}

// shorten cuts a text for a record.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// specified takes the policy of a changed configuration, unless a workflow said another one since: whoever wrote
// the file did not see that.
func (b *rulebook) specified(p spec.Policy) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.page.Revision != 0 || b.page.Policy.Equal(p) {
		return false
	}
	b.page.Policy = p
	return true
}

// allow hands the bounds of a room's policy to its machines.
func (a *agent) allow(ctx context.Context, book *rulebook) {
	for _, target := range a.actuators {
		if target.room.Name != book.room {
			continue
		}
		bounds := target.bounds(book.policy())
		target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Allow(now, bounds) })
	}
}
