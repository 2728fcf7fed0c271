// Package agent is the edge daemon: it samples sensors and boxes, queues everything on disk until the broker
// has it, carries out orders by infrared and falls back to colder when nobody orders. It owns the wiring and
// the loops; decisions about an air conditioner are package aircon's, devices package device's.
//
// Sampling never waits for the broker, and cooling never needs it.
package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// agent is one generation of the daemon: what one configuration makes of it. A reload makes the next generation,
// which takes over every unit that is made from the same.
type agent struct {
	config    Config
	clock     *clock
	outbox    *outbox
	board     *board
	tally     *tally
	crew      *crew
	live      *atomic.Pointer[agent] // the generation that runs, for whoever asks over HTTP
	samplers  []*sampler
	pollers   []*poller
	actuators map[string]*actuator // by room/ac
	guards    map[string]*guard    // by room
	books     map[string]*rulebook // by room
	units     []unit
}

// assemble opens the devices of a configuration and makes its loops, none of which runs yet. What the former
// generation has of the same it keeps; former is nil at a start. Errors: ErrInvalid, and then nothing is open that was
// not before.
func assemble(c Config, o *outbox, former *agent) (*agent, error) {
	a := &agent{
		config: c, outbox: o, actuators: map[string]*actuator{}, guards: map[string]*guard{}, books: map[string]*rulebook{},
	}
	if former == nil {
		a.clock, a.board, a.tally = newClock(c), &board{sensors: map[string]latest{}}, newTally()
		a.live = &atomic.Pointer[agent]{}
	} else {
		a.clock, a.board, a.tally, a.crew = former.clock, former.board, former.tally, former.crew
		if former.config.Devices.Sysfs == c.Devices.Sysfs {
			a.config.Devices.OneWire = former.config.Devices.OneWire // two hubs would convert into each other's
		}
		a.live = former.live
	}
	a.config.Devices = a.config.Devices.Shared()
	o.tally = a.tally
	for _, r := range c.Rooms {
		book := newRulebook(c.Dir, r)
		if former != nil && former.books[r.Name] != nil {
			book = former.books[r.Name]
		}
		a.books[r.Name] = book
		if err := a.sensors(r, book); err != nil {
			return nil, err
		}
		if err := a.machines(r, book); err != nil {
			return nil, err
		}
		if err := a.load(r, book); err != nil {
			return nil, err
		}
	}
	if err := a.coap(); err != nil {
		return nil, err
	}
	a.boxes()
	a.delivery()
	a.orders()
	a.server()
	return a, nil
}

func (a *agent) add(u unit) { a.units = append(a.units, u) }

// sensors adds what reads the room's sensors on this box.
func (a *agent) sensors(r spec.Room, book *rulebook) error {
	for _, s := range r.Sensors {
		if s.Box != a.config.Box {
			continue
		}
		name := fmt.Sprintf("sensor %d of room %s", s.ID, r.Name)
		from := []any{r.Name, plain(s), a.config.Plausible, a.config.found(s.Source)}
		kept, ok := a.crew.same(name, from)
		one, _ := kept.(*sampler)
		if !ok {
			thermometer, err := a.config.Devices.Thermometer(r.Name, s)
			if err != nil {
				return err
			}
			one = newSampler(a, r, s, thermometer, book)
		}
		a.samplers = append(a.samplers, one)
		a.add(unit{
			name: name, from: from, run: one.run, object: one, devices: []any{one.thermometer},
			owns: prefixed(fmt.Sprintf("%s/sensor/%d/", r.Name, s.ID)),
		})
	}
	return nil
}

// machines adds the actuators of a room and what watches its leases; none for a room without machines here.
func (a *agent) machines(r spec.Room, book *rulebook) error {
	g := newGuard(r, a.config.Box, book, a.board, a.outbox)
	from := []any{r.Name, a.config.Box, g.sensed}
	for _, ac := range r.AirConditioners {
		if ac.Box != a.config.Box {
			continue
		}
		one, err := a.machine(r, ac, book)
		if err != nil {
			return err
		}
		a.actuators[r.Name+"/"+ac.Name] = one
		g.actuators = append(g.actuators, one)
		from = append(from, fmt.Sprintf("%p", one))
	}
	if len(g.actuators) == 0 {
		return nil
	}
	name := "guard of room " + r.Name
	if kept, ok := a.crew.same(name, from); ok {
		g, _ = kept.(*guard)
	}
	a.guards[r.Name] = g
	a.add(unit{
		name: name, from: from, run: g.run, object: g,
		owns: prefixed(r.Name+"/no-orders/", r.Name+"/no-readings/"),
	})
	return nil
}

func (a *agent) machine(r spec.Room, ac spec.AirConditioner, book *rulebook) (*actuator, error) {
	name := fmt.Sprintf("air conditioner %s of room %s", ac.Name, r.Name)
	own := ac
	own.X, own.Y = 0, 0
	from := []any{r.Name, own, a.config.EchoWait, a.config.Spacing, a.config.found(ac.Transmitter, ac.Receiver, ac.Meter)}
	kept, ok := a.crew.same(name, from)
	one, _ := kept.(*actuator)
	if !ok {
		made, err := newActuator(a.config, r, ac, book, a.board, a.outbox)
		if err != nil {
			return nil, err
		}
		one = made
		one.transmitter = a.tally.counted(r.Name, ac.Name, one.transmitter)
	}
	a.add(unit{
		name: name, from: from, run: one.run, object: one, devices: []any{one.transmitter, one.receiver},
		owns: prefixed(r.Name+"/infrared/"+ac.Name, r.Name+"/no-effect/"+ac.Name),
	})
	if m := one.around.meter; m != nil {
		a.metering("meter of "+name, from, m, book)
	}
	return one, nil
}

// metering adds what reads a meter. It is a unit of its own: a meter may hang.
func (a *agent) metering(name string, from []any, m *metering, book *rulebook) {
	a.add(unit{name: name, from: from, object: m, devices: []any{m.meter}, run: func(ctx context.Context) error {
		return m.run(ctx, min(observeMost, max(observeLeast, book.policy().SampleEvery.D())))
	}})
}

// load adds what meters the room's boxes.
func (a *agent) load(r spec.Room, book *rulebook) error {
	if r.LoadMeter == nil || r.LoadMeter.Box != a.config.Box {
		return nil
	}
	name := "meter of the load of room " + r.Name
	from := []any{r.Name, *r.LoadMeter, a.config.found(r.LoadMeter.Source)}
	kept, ok := a.crew.same(name, from)
	m, _ := kept.(*metering)
	if !ok {
		meter, err := a.config.Devices.LoadMeter(r)
		if err != nil {
			return err
		}
		m = &metering{room: r.Name, meter: meter, simulated: device.IsSimulated(r.LoadMeter.Source), publish: a.outbox.power}
	}
	a.metering(name, from, m, book)
	return nil
}

// plain is a sensor without its place on the map, which is no reason to begin anew.
func plain(s spec.Sensor) spec.Sensor {
	s.X, s.Y = 0, 0
	return s
}

// boxes adds what polls this box and others.
func (a *agent) boxes() {
	for _, p := range pollers(a.config, a.outbox) {
		name := "box " + p.box
		from := []any{p.box, p.ip, p.source, p.every, p.offset, p.rooms, a.config.target(p.box)}
		if kept, ok := a.crew.same(name, from); ok {
			p, _ = kept.(*poller)
		} else {
			p.sample = a.tally.polled(p.box, p.sample)
		}
		a.pollers = append(a.pollers, p)
		a.add(unit{name: name, from: from, run: p.run, object: p, owns: ending("/box/" + p.box)})
	}
}

// delivery adds the ways to the broker.
func (a *agent) delivery() {
	broker := a.config.Broker()
	for topic := range a.outbox.spools {
		from := []any{a.config.Kafka, broker.Brokers, broker.ClientID}
		a.add(unit{name: "delivery of " + topic, from: from, run: func(ctx context.Context) error { return a.outbox.deliver(ctx, broker, topic) }})
	}
	rooms := a.rooms()
	a.add(unit{name: "queues", from: []any{rooms}, run: func(ctx context.Context) error { return a.outbox.keep(ctx, rooms) }})
	a.add(unit{name: "clock", from: []any{rooms}, run: func(ctx context.Context) error {
		return a.clock.run(ctx, a.config.Box, rooms, a.outbox.alert)
	}})
	a.add(unit{name: "topics", from: []any{a.config.Kafka, broker.Brokers}, run: func(ctx context.Context) error { return topics(ctx, broker) }})
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

// orders follows intents, commands and leases. Each has its own tail: leases of long ago say nothing. They follow for
// this generation only, and read again what the machines know to pass over.
func (a *agent) orders() {
	if len(a.rooms()) == 0 {
		return
	}
	broker, now := a.config.Broker(), time.Now()
	tail := func(name, topic string, back time.Duration, take func(context.Context, kafka.Record)) {
		a.add(unit{name: name, from: []any{fmt.Sprintf("%p", a)}, run: func(ctx context.Context) error {
			return follow(ctx, broker, now.Add(-back), topic, func(r kafka.Record) { take(ctx, r) })
		}})
	}
	tail("intents", wire.TopicIntent, intentsBack, a.intent)
	if len(a.actuators) > 0 {
		tail("commands", wire.TopicControl, lookBack, a.command)
		tail("leases", wire.TopicLease, time.Minute, a.lease)
	}
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
	a.clock.lease(l.Revision) // before its age is judged by that clock
	g.lease(ctx, l, age(time.Now(), r, a.clock))
}

// topics makes the topics that are missing, whenever the broker is there, also those that vanish later.
func topics(ctx context.Context, broker kafka.Config) error {
	const while = 5 * time.Minute // then the loop goes round
	for ctx.Err() == nil {
		beat(ctx, while+time.Minute)
		once, cancel := context.WithTimeout(ctx, while)
		err := kafka.KeepTopics(once, broker, wire.Topics())
		cancel()
		if err == nil {
			continue
		}
		slog.WarnContext(ctx, "topics cannot be made", "error", err)
		pause(ctx, 30*time.Second)
	}
	return nil
}
