package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
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
	config      aircon.Config // of the machine
	book        *rulebook
	around      *around
	outbox      *outbox
	path        string // of its memory
	events      chan event
	cursor      int64 // of the receiver
	// leaving says that the daemon ends: what runs tells the machine so before it returns. A reload does not.
	leaving atomic.Bool

	mu   sync.Mutex
	view aircon.View
}

// How often the machine's timers and the receiver are looked at.
const (
	listenFast = 200 * time.Millisecond // while an echo is awaited
	listenSlow = time.Second            // for the hand remote
	// deviceMost bounds one exchange with a device: a frame takes less than a second, an answer of lircd not much more.
	deviceMost = 10 * time.Second
	// farewellMost is how long the last order may take; the loops get 5 s to stop. farewellTry is one try of it: an
	// lircd that hangs may answer the next.
	farewellMost = 4 * time.Second
	farewellTry  = 1500 * time.Millisecond
)

func newActuator(c Config, r spec.Room, ac spec.AirConditioner, book *rulebook, board *board, o *outbox) (*actuator, error) {
	profile, err := remote(c.Devices, r, ac)
	if err != nil {
		return nil, err
	}
	transmitter, receiver, err := c.Devices.Infrared(r.Name, ac)
	if err != nil {
		return nil, err
	}
	meter, err := c.Devices.Meter(r.Name, ac)
	if err != nil {
		return nil, err
	}
	a := &actuator{
		room: r, ac: ac, profile: profile, transmitter: transmitter, receiver: receiver, book: book, outbox: o,
		around: &around{room: r.Name, ac: ac, board: board},
		path:   filepath.Join(c.Dir, "ac", r.Name+"_"+ac.Name+".json"),
		events: make(chan event, 64), cursor: -1,
	}
	a.config = aircon.Config{
		Room: r.Name, AC: ac.Name, Profile: profile,
		Deaf: receiver == nil, EchoWait: c.EchoWait, Spacing: c.Spacing, Running: ac.Running,
		Simulated: device.IsSimulated(ac.Transmitter),
	}
	if meter != nil {
		a.around.meter = &metering{room: r.Name, ac: ac.Name, meter: meter, simulated: device.IsSimulated(ac.Meter), publish: o.power}
	}
	a.recall()
	a.view = a.machine.View()
	return a, nil
}

// recall makes the machine of what the disk remembers.
func (a *actuator) recall() {
	memory, err := a.load()
	if err != nil {
		slog.Warn("what an air conditioner was told is unreadable and forgotten", "room", a.room.Name, "ac", a.ac.Name, "error", err)
	}
	config := a.config
	config.Bounds = a.bounds(a.book.policy())
	a.machine = aircon.New(config, memory, time.Now())
}

// bounds is what a policy allows the machine.
func (a *actuator) bounds(p spec.Policy) aircon.Bounds {
	allowed := limits(p, a.ac, a.profile)
	return aircon.Bounds{
		Min: allowed.Min, Max: allowed.Max,
		ResendMost: p.ResendMost, RetryEvery: p.EvidenceWindow.D(), RefreshEvery: p.RefreshEvery.D(),
		UpStep: p.UpStep, UpEvery: p.UpEvery.D(), CommandEvery: p.CommandEvery.D(),
	}
}

// do hands an event to the machine; it waits while others are being carried out.
func (a *actuator) do(ctx context.Context, e event) {
	select {
	case <-ctx.Done():
	case a.events <- e:
	}
}

// offer is do for events that come again: it waits for nothing, so that a machine that is stuck holds up no other.
func (a *actuator) offer(e event) {
	select {
	case a.events <- e:
	default:
	}
}

// run carries events out until ctx ends. It leaves the air conditioner as it is, unless the daemon ends.
func (a *actuator) run(ctx context.Context) error {
	a.recall() // a former generation may have gone on until now
	every := min(observeMost, max(observeLeast, a.book.policy().SampleEvery.D()))
	a.listen(ctx) // from now on; what came before is past
	tick := time.NewTicker(listenFast)
	defer tick.Stop()
	listened, observed := time.Now(), time.Time{}
	for {
		beat(ctx, 2*deviceMost)
		select {
		case <-ctx.Done():
			if a.leaving.Load() {
				a.farewell(ctx)
			}
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
			if now.Sub(observed) >= every {
				observed = now
				a.carry(ctx, a.machine.Observe(time.Now(), a.around.observe(time.Now(), a.book.policy().StaleAfter.D())))
			}
		}
		a.carry(ctx, a.machine.Tick(time.Now()))
	}
}

// farewell tells the machine what its room needs when nobody looks after it, and gives up after farewellMost.
func (a *actuator) farewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellMost)
	defer cancel()
	tick := time.NewTicker(listenFast / 4)
	defer tick.Stop()
	a.carry(ctx, a.machine.Farewell(time.Now(), a.book.policy().FailCold))
	for a.machine.Due() || a.machine.Waiting() {
		once, stop := context.WithTimeout(ctx, farewellTry)
		if a.machine.Waiting() {
			a.listen(once)
		}
		a.carry(once, a.machine.Tick(time.Now()))
		stop()
		select {
		case <-ctx.Done():
			slog.ErrorContext(ctx, "an air conditioner was not heard to be told that its edge stops", "room", a.room.Name, "ac", a.ac.Name)
			return
		case <-tick.C:
		}
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
		once, cancel := context.WithTimeout(ctx, deviceMost)
		err := a.transmitter.Send(once, *e.Send)
		cancel()
		a.carry(ctx, a.machine.Sent(time.Now(), err))
	}
	a.mu.Lock()
	a.view = a.machine.View()
	a.mu.Unlock()
}

// listen asks the receiver near the machine, if there is one.
func (a *actuator) listen(ctx context.Context) {
	if a.receiver == nil {
		return
	}
	once, cancel := context.WithTimeout(ctx, deviceMost)
	defer cancel()
	frames, next, err := a.receiver.Heard(once, a.cursor)
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
			a.machine.Unread()
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
