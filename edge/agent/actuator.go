package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

// event is something that happens to one air conditioner's machine.
type event func(m *aircon.Machine, now time.Time) aircon.Effects

// actuator carries out what one machine decides. Everything about the machine happens on its goroutine.
type actuator struct {
	room        spec.Room
	ac          spec.AirConditioner
	profile     infrared.Profile
	transmitter device.Transmitter
	receiver    device.Receiver
	machine     *aircon.Machine
	outbox      *outbox
	path        string // of its memory
	events      chan event
	cursor      int64 // of the receiver

	mu   sync.Mutex
	view aircon.View
}

// How often the machine's timers and the receiver are looked at.
const (
	listenFast = 200 * time.Millisecond // while an echo is awaited
	listenSlow = time.Second            // for the hand remote
)

func newActuator(c Config, r spec.Room, ac spec.AirConditioner, book *rulebook, o *outbox) (*actuator, error) {
	profile, err := remote(r, ac)
	if err != nil {
		return nil, err
	}
	transmitter, receiver, err := c.Simulation.Infrared(r.Name, ac)
	if err != nil {
		return nil, err
	}
	a := &actuator{
		room: r, ac: ac, profile: profile, transmitter: transmitter, receiver: receiver, outbox: o,
		path:   filepath.Join(c.Dir, "ac", r.Name+"_"+ac.Name+".json"),
		events: make(chan event, 64), cursor: -1,
	}
	memory, err := a.load()
	if err != nil {
		slog.Warn("what an air conditioner was told is unreadable and forgotten", "room", r.Name, "ac", ac.Name, "error", err)
	}
	a.machine = aircon.New(aircon.Config{
		Room: r.Name, AC: ac.Name, Profile: profile, Bounds: a.bounds(book.policy()),
		EchoWait: c.EchoWait, Spacing: c.Spacing, Simulated: device.IsSimulated(ac.Transmitter),
	}, memory, time.Now())
	a.view = a.machine.View()
	return a, nil
}

// bounds is what a policy allows the machine.
func (a *actuator) bounds(p spec.Policy) aircon.Bounds {
	allowed := limits(p, a.ac, a.profile)
	return aircon.Bounds{
		Min: allowed.Min, Max: allowed.Max,
		ResendMost: p.ResendMost, RetryEvery: p.EvidenceWindow.D(), RefreshEvery: p.RefreshEvery.D(),
	}
}

// do hands an event to the machine; it waits while others are being carried out.
func (a *actuator) do(ctx context.Context, e event) {
	select {
	case <-ctx.Done():
	case a.events <- e:
	}
}

// run carries events out until ctx ends. It leaves the air conditioner as it is: the last refresh holds.
func (a *actuator) run(ctx context.Context) error {
	a.listen(ctx) // from now on; what came before is past
	tick := time.NewTicker(listenFast)
	defer tick.Stop()
	listened := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-a.events:
			a.carry(ctx, e(a.machine, time.Now()))
			// Orders that came together are taken together: only the newest is worth a frame.
			for range len(a.events) {
				a.carry(ctx, (<-a.events)(a.machine, time.Now()))
			}
			continue
		case now := <-tick.C:
			if a.machine.Waiting() || now.Sub(listened) >= listenSlow {
				listened = now
				a.listen(ctx)
			}
		}
		a.carry(ctx, a.machine.Tick(time.Now()))
	}
}

// carry carries effects out: first what must not be forgotten, then the frame, then the reports.
func (a *actuator) carry(ctx context.Context, e aircon.Effects) {
	if e.Note != "" {
		slog.Info(e.Note, "room", a.room.Name, "ac", a.ac.Name)
	}
	if e.Save {
		if err := a.save(); err != nil {
			slog.Error("what an air conditioner was told cannot be stored", "room", a.room.Name, "ac", a.ac.Name, "error", err)
		}
	}
	for _, ack := range e.Acks {
		a.outbox.ack(ack)
	}
	for _, alert := range e.Alerts {
		a.outbox.alert(alert)
	}
	if e.Send != nil {
		err := a.transmitter.Send(ctx, *e.Send)
		a.carry(ctx, a.machine.Sent(time.Now(), err))
	}
	a.mu.Lock()
	a.view = a.machine.View()
	a.mu.Unlock()
}

// listen asks the receiver near the machine.
func (a *actuator) listen(ctx context.Context) {
	frames, next, err := a.receiver.Heard(ctx, a.cursor)
	if err != nil {
		return // no echo: the machine notices that by itself
	}
	if a.cursor >= 0 && next < a.cursor {
		frames = nil // the receiver began anew
	}
	a.cursor = next
	for _, f := range frames {
		state, code, err := a.profile.Decode(f)
		if err != nil {
			slog.Debug("an infrared frame is not understood", "ac", a.ac.Name, "error", err)
			continue
		}
		a.carry(ctx, a.machine.Heard(time.Now(), state, code))
	}
}

// now is what the machine looked like after its last event.
func (a *actuator) now() aircon.View {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.view
}

func (a *actuator) load() (aircon.Memory, error) {
	var memory aircon.Memory
	data, err := os.ReadFile(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return memory, nil
	}
	if err != nil {
		return memory, err
	}
	if err := json.Unmarshal(data, &memory); err != nil {
		return aircon.Memory{}, err
	}
	return memory, nil
}

func (a *actuator) save() error {
	data, err := json.Marshal(a.machine.Memory())
	if err != nil {
		return err
	}
	return replace(a.path, data)
}
