// Package agent is the edge daemon: it samples sensors and boxes, queues everything on disk until the broker
// has it, carries out orders by infrared and falls back to colder when nobody orders. It owns the wiring and
// the loops; decisions about an air conditioner are package aircon's, devices package device's.
//
// Sampling never waits for the broker, and cooling never needs it.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

type agent struct {
	config    Config
	clock     *clock
	outbox    *outbox
	board     *board
	samplers  []*sampler
	actuators map[string]*actuator // by room/ac
	guards    map[string]*guard    // by room
	books     map[string]*rulebook // by room
}

// Run is the whole daemon until ctx ends. It closes in this order: loops, then the queues, synced.
func Run(ctx context.Context, c Config) error {
	outbox, err := openOutbox(c)
	if err != nil {
		return err
	}
	a, err := assemble(c, outbox)
	if err == nil {
		slog.InfoContext(ctx, "what stands here", "sensors", len(a.samplers), "air conditioners", len(a.actuators), "snmp targets", len(c.Targets))
		err = a.run(ctx)
	}
	return errors.Join(err, outbox.close())
}

func assemble(c Config, o *outbox) (*agent, error) {
	a := &agent{
		config: c, clock: &clock{kernel: c.KernelClock}, outbox: o,
		board: &board{sensors: map[string]latest{}}, actuators: map[string]*actuator{}, guards: map[string]*guard{}, books: map[string]*rulebook{},
	}
	for _, r := range c.Rooms {
		book := newRulebook(c.Dir, r)
		a.books[r.Name] = book
		for _, s := range r.Sensors {
			if s.Box != c.Box {
				continue
			}
			thermometer, err := c.Simulation.Thermometer(r.Name, s)
			if err != nil {
				return nil, err
			}
			a.samplers = append(a.samplers, &sampler{
				room: r, sensor: s, thermometer: thermometer, book: book, outbox: o, board: a.board, clock: a.clock, judge: judge{stepK: c.StepK},
			})
		}
		if err := a.guarded(r, book); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// guarded makes the actuators of a room and what watches its leases; none for a room without machines here.
func (a *agent) guarded(r spec.Room, book *rulebook) error {
	g := &guard{room: r.Name, box: a.config.Box, book: book, board: a.board, outbox: a.outbox, watch: newWatch(time.Now())}
	for _, ac := range r.AirConditioners {
		if ac.Box != a.config.Box {
			continue
		}
		actuator, err := newActuator(a.config, r, ac, book, a.outbox)
		if err != nil {
			return err
		}
		a.actuators[r.Name+"/"+ac.Name] = actuator
		g.actuators = append(g.actuators, actuator)
	}
	if len(g.actuators) > 0 {
		a.guards[r.Name] = g
	}
	return nil
}

func (a *agent) keys() []string {
	var keys []string
	for key := range a.actuators {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// rooms are those that this edge has anything to do with.
func (a *agent) rooms() []string {
	var rooms []string
	for _, s := range a.samplers {
		rooms = append(rooms, s.room.Name)
	}
	for room := range a.guards {
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	return slices.Compact(rooms)
}

func (a *agent) run(ctx context.Context) error {
	broker := kafka.Config{Brokers: a.config.Brokers, ClientID: "edge-" + a.config.Box}
	producer, err := kafka.NewProducer(broker)
	if err != nil {
		return err
	}
	defer producer.Close()
	group, ctx := errgroup.WithContext(ctx)
	run := func(loop func(context.Context) error) { group.Go(func() error { return loop(ctx) }) }

	for _, s := range a.samplers {
		run(s.run)
	}
	for _, p := range pollers(a.config, a.outbox) {
		run(p.run)
	}
	for _, actuator := range a.actuators {
		run(actuator.run)
	}
	for _, g := range a.guards {
		run(g.run)
	}
	for topic := range a.outbox.spools {
		run(func(ctx context.Context) error { return a.outbox.deliver(ctx, producer, topic) })
	}
	run(func(ctx context.Context) error { return a.outbox.keep(ctx, a.rooms()) })
	run(func(ctx context.Context) error { return a.topics(ctx, broker) })
	if len(a.rooms()) > 0 {
		a.orders(run, broker)
	}
	run(func(ctx context.Context) error { return fn.Serve(ctx, a.config.Listen, a.handler()) })
	return group.Wait()
}

// orders follows intents, commands and leases. Each has its own tail: leases of long ago say nothing.
func (a *agent) orders(run func(func(context.Context) error), broker kafka.Config) {
	now := time.Now()
	run(func(ctx context.Context) error {
		return follow(ctx, broker, now.Add(-intentsBack), wire.TopicIntent, func(r kafka.Record) { a.intent(ctx, r) })
	})
	if len(a.actuators) == 0 {
		return
	}
	run(func(ctx context.Context) error {
		return follow(ctx, broker, now.Add(-lookBack), wire.TopicControl, func(r kafka.Record) { a.command(ctx, r) })
	})
	run(func(ctx context.Context) error {
		return follow(ctx, broker, now.Add(-time.Minute), wire.TopicLease, func(r kafka.Record) { a.lease(ctx, r) })
	})
}

func (a *agent) lease(ctx context.Context, r kafka.Record) {
	g, ok := a.guards[string(r.Key)]
	if !ok {
		return
	}
	l, err := wire.Decode[wire.Lease](r.Value)
	if err != nil {
		slog.WarnContext(ctx, "a lease is not understood", "room", g.room, "error", err)
		return
	}
	g.lease(ctx, l, age(time.Now(), r, a.clock))
}

// topics makes the topics that are missing, whenever the broker is there.
func (a *agent) topics(ctx context.Context, broker kafka.Config) error {
	for {
		err := kafka.KeepTopics(ctx, broker, wire.Topics())
		if err == nil || ctx.Err() != nil {
			return nil
		}
		slog.WarnContext(ctx, "topics cannot be made", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(30 * time.Second):
		}
	}
}
