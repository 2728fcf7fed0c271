package agent

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// watched is one machine with its guard. carry does what the actuator's loop would have done by now.
type watched struct {
	t     *testing.T
	s     *station
	a     *actuator
	g     *guard
	lease int64
}

func newWatched(t *testing.T) *watched {
	w := &watched{t: t, s: &station{}}
	w.a = w.s.actuator(t)
	w.a.book.page.Policy.CommandEvery = 0
	w.a.recall()
	w.g = newGuard(hall(), "pi-1", w.a.book, &board{sensors: map[string]latest{}}, w.a.outbox)
	w.g.actuators = []*actuator{w.a}
	return w
}

func (w *watched) carry() {
	for len(w.a.events) > 0 {
		w.a.carry(w.t.Context(), (<-w.a.events)(w.a.machine, time.Now()))
	}
	for range 3 {
		w.a.carry(w.t.Context(), w.a.machine.Tick(time.Now()))
		time.Sleep(5 * time.Millisecond) // its spacing
	}
}

func (w *watched) renew() {
	w.lease++
	w.g.lease(w.t.Context(), wire.Lease{Room: "hall", Revision: w.lease, TTLMillis: 300_000, Holder: "test"}, 0)
	w.carry()
}

func (w *watched) read(celsius float64) {
	w.g.board.write(latest{Room: "hall", Sensor: 1, Celsius: celsius, At: time.Now(), role: spec.RoleInlet})
}

// A fail-safe that was decided right before a lease came, and arrives after it, ends with the next lease.
func TestALateFailSafeDoesNotLastForEver(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.read(24)
	w.renew()
	orderTo(w.a, t, 1, 25)
	w.carry()
	require.Equal(t, 25, w.a.now().Wanted.Setpoint)
	w.a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.FailSafe(now, 22) })
	w.carry()
	require.Equal(t, 22, w.a.now().Wanted.Setpoint)
	w.renew()
	require.False(t, w.a.now().NoOrders)
	require.Equal(t, 25, w.a.now().Wanted.Setpoint, "orders are there, and no alert says that they are not")
	require.Len(t, w.s.frames, 3)
	w.renew()
	require.Len(t, w.s.frames, 3, "said once")
}

// A process that dies in the dark and comes again is still in the dark.
func TestARestartWithoutReadingsGivesNothingBack(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.read(24)
	w.renew()
	orderTo(w.a, t, 1, 25)
	w.carry()
	w.a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Blind(now, 22) })
	w.carry()
	require.Equal(t, 22, w.a.now().Wanted.Setpoint)

	w.a.recall()
	w.g = newGuard(hall(), "pi-1", w.a.book, &board{sensors: map[string]latest{}}, w.a.outbox)
	w.g.actuators = []*actuator{w.a}
	w.renew()
	require.Equal(t, 22, w.a.now().Wanted.Setpoint, "nothing was measured since")
	w.read(24)
	w.g.lookAround(time.Now())
	w.carry()
	require.Equal(t, 25, w.a.now().Wanted.Setpoint)
}

// A reload takes the sensors to another box while none answered: nobody would ever end what that began.
func TestSensorsThatAreNoMoreAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.read(24)
	w.renew()
	orderTo(w.a, t, 1, 25)
	w.carry()
	w.a.offer(func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Blind(now, 22) })
	w.carry()
	r := hall()
	for i := range r.Sensors {
		r.Sensors[i].Box = "pi-2"
	}
	w.g = newGuard(r, "pi-1", w.a.book, &board{sensors: map[string]latest{}}, w.a.outbox)
	w.g.actuators = []*actuator{w.a}
	w.g.lookAround(time.Now())
	w.carry()
	require.Equal(t, 25, w.a.now().Wanted.Setpoint)
}

// stalling is a transmitter that hangs, as an lircd does, for some of its sendings.
type stalling struct {
	*station
	stalls atomic.Int32
}

func (s *stalling) Send(ctx context.Context, f infrared.Frame) error {
	if s.stalls.Add(-1) >= 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.station.Send(ctx, f)
}

func TestAFarewellOutlivesOneHangingExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalling{station: &station{}}
		a := s.actuator(t)
		a.transmitter = s
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.run(ctx) }()
		orderTo(a, t, 1, 26)
		time.Sleep(time.Second)
		s.stalls.Store(1)
		a.leaving.Store(true)
		began := time.Now()
		cancel()
		require.NoError(t, <-done)
		require.LessOrEqual(t, time.Since(began), farewellMost)
		state, _, err := infrared.LG{}.Decode(s.frames[len(s.frames)-1])
		require.NoError(t, err)
		require.Equal(t, a.book.policy().FailCold, state.Setpoint)
	})
}

// A reload that takes long: what the former loop was told meanwhile is not forgotten.
func TestAReloadForgetsNoOrder(t *testing.T) {
	t.Parallel()
	former := newWatched(t)
	next := &actuator{
		room: former.a.room, ac: former.a.ac, profile: former.a.profile, transmitter: former.s, book: former.a.book,
		outbox: former.a.outbox, around: former.a.around, path: former.a.path, config: former.a.config,
		events: make(chan event, 64), cursor: -1,
	}
	next.recall()
	orderTo(former.a, t, 7, 23)
	former.carry()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- next.run(ctx) }()
	next.do(ctx, func(m *aircon.Machine, _ time.Time) aircon.Effects {
		if m.Memory().Revision != 7 {
			t.Error("the order is forgotten")
		}
		return aircon.Effects{}
	})
	require.Eventually(t, func() bool { return len(next.events) == 0 }, 5*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}
