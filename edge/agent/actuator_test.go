package agent

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// leases renews the room's lease until the test ends.
func (w *world) leases() {
	producer, err := kafka.NewProducer(w.broker)
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	w.t.Cleanup(func() { cancel(); <-done; producer.Close() })
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			lease := wire.Lease{Room: "hall", Revision: time.Now().UnixMilli(), TTLMillis: 60_000, Holder: "test"}
			if err := producer.Produce(ctx, kafka.Record{Topic: wire.TopicLease, Key: []byte("hall"), Value: wire.Encode(lease)}); err != nil && ctx.Err() == nil {
				w.t.Errorf("a lease cannot be sent: %v", err)
			}
			pause(ctx, 500*time.Millisecond)
		}
	}()
}

// ready waits until the edge reads and delivers: an order that comes before is one that a start finds, or does not.
func (w *world) ready() {
	w.t.Helper()
	w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 2 })
}

func (w *world) alert(kind string, ended bool) wire.Alert {
	w.t.Helper()
	var found wire.Alert
	w.until(wire.TopicAlert, func(records []kafka.Record) bool {
		for _, r := range records {
			a, err := wire.Decode[wire.Alert](r.Value)
			require.NoError(w.t, err)
			if a.Kind == kind && (a.EndedMillis != 0) == ended {
				found = a
				return true
			}
		}
		return false
	})
	return found
}

func TestWithoutReadingsTheRoomIsCooledWhoeverDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target, err := url.Parse(w.room)
	require.NoError(t, err)
	var broken atomic.Bool
	through := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if broken.Load() && strings.Contains(r.URL.Path, "/sensors/") {
			http.Error(rw, "no sensor here", http.StatusServiceUnavailable)
			return
		}
		through.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.config.Devices.Simulation.URL = proxy.URL
	w.config.Rooms[0].Policy.StaleAfter = spec.Duration(2 * time.Second)
	w.config.Rooms[0].Policy.LeaseTTL = spec.Duration(time.Minute)
	w.startBroker()
	w.leases()
	w.start()
	w.ready()
	w.order(1, 26)
	w.acks(has(wire.AckConfirmed, "command", 26))
	before := len(w.kept[wire.TopicAck])

	broken.Store(true)
	w.acks(has(wire.AckConfirmed, "fail-safe", 22))
	require.Equal(t, 22, w.machine().Setpoint)
	began := w.alert("no-readings", false)
	require.Equal(t, "hall/no-readings/pi-1", began.ID)

	broken.Store(false)
	w.until(wire.TopicAck, func(r []kafka.Record) bool {
		last, err := wire.Decode[wire.Ack](r[len(r)-1].Value)
		require.NoError(t, err)
		return len(r) > before && last.Source == "command" && last.State == wire.AckConfirmed && last.Setpoint == 26
	})
	require.Equal(t, 26, w.machine().Setpoint, "it is given back")
	require.Equal(t, began.BeganMillis, w.alert("no-readings", true).BeganMillis)
}

func TestAStopLeavesTheRoomSafeAndAStartGivesItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	w.config.Rooms[0].Policy.LeaseTTL = spec.Duration(time.Minute)
	w.leases()
	stop := w.start()
	w.ready()
	w.order(1, 26)
	w.acks(has(wire.AckConfirmed, "command", 26))
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 8*time.Second)
	require.Equal(t, 22, w.machine().Setpoint, "nobody looks after it now")
	w.start()
	w.acks(has(wire.AckSent, "fail-safe", 22))
	require.Eventually(t, func() bool { return w.machine().Setpoint == 26 }, 15*time.Second, 50*time.Millisecond)
}

func TestAStopLeavesWhatIsColder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	w.config.Rooms[0].Policy.LeaseTTL = spec.Duration(time.Minute)
	w.leases()
	stop := w.start()
	w.ready()
	w.order(1, 20)
	w.acks(has(wire.AckConfirmed, "command", 20))
	stop()
	require.Equal(t, 20, w.machine().Setpoint)
}

func TestAnOrderByCoAPReachesTheMachineAndTheNextCommandWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.CoAP.Listen = "127.0.0.1:" + itoa(freePort(t))
	w.startBroker()
	w.leases()
	w.start()
	w.ready()
	w.order(1, 25)
	w.acks(has(wire.AckConfirmed, "command", 25))
	cc, err := udp.Dial(w.config.CoAP.Listen)
	require.NoError(t, err)
	defer cc.Close()
	put := func(name, temperature string) codes.Code {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		answer, err := cc.Put(ctx, "/", message.TextPlain, nil,
			message.Option{ID: message.URIQuery, Value: []byte("name=" + name)},
			message.Option{ID: message.URIQuery, Value: []byte("temperature=" + temperature)})
		require.NoError(t, err)
		return answer.Code()
	}
	require.Equal(t, codes.NotFound, put("ac2", "20"), "it stands on another box")
	require.Equal(t, codes.BadRequest, put("ac1", "29"), "outside its limits")
	require.Equal(t, codes.Changed, put("ac1", "21"))
	acks := w.acks(has(wire.AckConfirmed, "coap", 21))
	require.EqualValues(t, 1, acks[len(acks)-1].Revision)
	require.Equal(t, 21, w.machine().Setpoint)
	w.order(2, 24)
	w.acks(has(wire.AckConfirmed, "command", 24))
	require.Equal(t, codes.Changed, put("hall/ac1", "on"))
	w.acks(has(wire.AckConfirmed, "coap", 24))
}

// station is an actuator with devices of the test's own.
type station struct {
	mu      sync.Mutex
	frames  []infrared.Frame
	hang    chan struct{} // what blocks the transmitter; nil for nothing
	watts   float64
	hanging bool // the meter
	broken  error
}

func (s *station) Send(_ context.Context, f infrared.Frame) error {
	if s.hang != nil {
		<-s.hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.frames = append(s.frames, f)
	return nil
}

func (s *station) Watts(context.Context) (float64, error) {
	if s.hanging {
		select {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) == 0 {
		return 3, nil
	}
	return s.watts, nil
}

func (s *station) actuator(t *testing.T) *actuator {
	t.Helper()
	r := hall()
	r.Policy.EvidenceWindow = spec.Duration(5 * time.Minute)
	dir := t.TempDir()
	book := newRulebook(dir, r)
	o, err := openOutbox(Config{Box: "pi-1", Dir: dir, Spool: Spool{Bytes: 1 << 20, SyncEvery: time.Second}})
	require.NoError(t, err)
	o.tally = newTally()
	t.Cleanup(func() { require.NoError(t, o.close()) })
	a := &actuator{
		room: r, ac: r.AirConditioners[0], profile: infrared.LG{}, transmitter: s, book: book, outbox: o,
		around: &around{
			room: "hall", ac: r.AirConditioners[0], board: &board{sensors: map[string]latest{}},
			meter: &metering{room: "hall", ac: "ac1", meter: s, publish: o.power},
		},
		path: filepath.Join(dir, "ac.json"), events: make(chan event, 64), cursor: -1,
	}
	a.config = aircon.Config{Room: "hall", AC: "ac1", Profile: infrared.LG{}, Deaf: true, Spacing: time.Millisecond}
	a.recall()
	return a
}

func orderTo(a *actuator, t *testing.T, revision int64, setpoint int) {
	a.do(t.Context(), func(m *aircon.Machine, now time.Time) aircon.Effects {
		return m.Order(now, wire.Command{
			ID: "c" + itoa(int(revision)), Revision: revision, Room: "hall", AC: "ac1", Power: true, Setpoint: setpoint, Mode: "cool", Fan: "auto", TTLMillis: 60_000,
		}, 0)
	})
}

func TestAPowerMeterConfirmsWhereThereIsNoReceiver(t *testing.T) {
	t.Parallel()
	s := &station{watts: 820}
	a := s.actuator(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	go func() { done <- a.around.meter.run(ctx, observeLeast) }()
	require.Eventually(t, func() bool { return a.around.meter.value(time.Now()).Known }, 5*time.Second, 10*time.Millisecond)
	time.Sleep(2 * observeLeast) // it was seen to rest before it is told
	orderTo(a, t, 1, 22)
	require.Eventually(t, func() bool { return a.now().Standing == "confirmed" }, 10*time.Second, 20*time.Millisecond)
	require.Contains(t, a.now().Finding, "power 820 W above 150 W")
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}

func TestAMeterThatHangsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	s := &station{hanging: true}
	a := s.actuator(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	go func() { _ = a.around.meter.run(ctx, observeLeast) }()
	orderTo(a, t, 1, 22)
	require.Eventually(t, func() bool { return a.now().Standing == "sent" }, 5*time.Second, 10*time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("it does not stop")
	}
}

// A transmitter that never returns stops the heart of its loop, and of no other: the watchdog then ends the process.
func TestAHangingTransmitterIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{hang: make(chan struct{})}
		a := s.actuator(t)
		ctx, cancel := context.WithCancel(t.Context())
		h := newHeart()
		done := make(chan error, 1)
		go func() { done <- a.run(withHeart(ctx, h)) }()
		time.Sleep(time.Minute)
		require.NoError(t, hung("ac1", h, time.Now()))
		orderTo(a, t, 1, 22)
		time.Sleep(time.Minute)
		require.ErrorContains(t, hung("ac1", h, time.Now()), "ac1 hangs")
		for range 2 * cap(a.events) {
			a.offer(func(*aircon.Machine, time.Time) aircon.Effects { return aircon.Effects{} }) // the guard does not wait
		}
		close(s.hang)
		time.Sleep(time.Second)
		require.NoError(t, hung("ac1", h, time.Now()))
		cancel()
		require.NoError(t, <-done)
	})
}

// The daemon ends while the transmitter fails: it tries again, and gives up in time.
func TestAFarewellIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{}
		a := s.actuator(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.run(ctx) }()
		orderTo(a, t, 1, 26)
		time.Sleep(time.Second)
		s.mu.Lock()
		require.Len(t, s.frames, 1)
		s.broken = context.DeadlineExceeded
		s.mu.Unlock()
		a.leaving.Store(true)
		began := time.Now()
		cancel()
		require.NoError(t, <-done)
		require.LessOrEqual(t, time.Since(began), farewellMost+time.Second)
	})
}

func TestCoAPForEverybodyIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.CoAP.Listen = "0.0.0.0:5683"
	err := Serve(t.Context(), w.config, Options{})
	require.ErrorContains(t, err, "coap: 0.0.0.0:5683 is not on loopback")
}
