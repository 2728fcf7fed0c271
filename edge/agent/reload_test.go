package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// serve runs an edge whose configuration may change; Alive's last word is in the returned channel's place.
func (w *world) serve(o Options) (changes chan Change) {
	ctx, cancel := context.WithCancel(w.t.Context())
	changes = make(chan Change)
	o.Changes = changes
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, w.config, o) }()
	w.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(w.t, err)
		case <-time.After(20 * time.Second):
			w.t.Error("the edge does not stop")
		}
	})
	return changes
}

func (w *world) status() Status {
	var s Status
	w.get("http://"+w.config.Listen+"/api/v1/status", &s)
	return s
}

// asked is the status of an edge that may not answer just now; then it is empty.
func (w *world) asked() (s Status) {
	response, err := http.Get("http://" + w.config.Listen + "/api/v1/status") // ours
	if err != nil {
		return s
	}
	defer response.Body.Close()
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(&s))
	return s
}

func (w *world) frames() int {
	var view server.View
	w.get(w.room+"/api/v1/room/hall", &view)
	return view.InfraredSent
}

func TestAReloadChangesWhatItTouchesAndTellsNoAirConditionerAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Rooms[0].Sensors = w.config.Rooms[0].Sensors[:1]
	w.startBroker()
	changes := w.serve(Options{})
	w.lease()
	w.order(1, 20)
	w.acks(has(wire.AckConfirmed, "command", 20))
	w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 3 })
	time.Sleep(settleMost) // the repetition that follows a start is over
	sent := w.frames()

	// A second sensor, and a title: neither is the air conditioner's affair.
	next := w.config
	next.Rooms = []spec.Room{hall()}
	next.Rooms[0].Title = "Hall"
	next.Rooms[0].Policy.BandLow = 24.5
	changes <- Change{Config: next}
	require.Eventually(t, func() bool { return len(w.status().Sensors) == 2 }, 5*time.Second, 20*time.Millisecond)
	first := w.status().Sensors[0].Looked
	require.Eventually(t, func() bool { return w.status().Sensors[0].Looked.After(first) }, 5*time.Second, 20*time.Millisecond, "the first goes on")
	time.Sleep(settleMost)
	require.Equal(t, sent, w.frames(), "no repetition, as after a start, and no farewell")
	w.lease()
	w.order(2, 19) // colder is never held back
	w.acks(has(wire.AckConfirmed, "command", 19))
	require.Equal(t, sent+1, w.frames(), "the order and nothing else")

	// And away again.
	next.Rooms = []spec.Room{hall()}
	next.Rooms[0].Sensors = next.Rooms[0].Sensors[1:]
	changes <- Change{Config: next}
	require.Eventually(t, func() bool {
		s := w.status().Sensors
		return len(s) == 1 && s[0].Sensor == 2
	}, 5*time.Second, 20*time.Millisecond)
	w.readings(w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 20 }))
}

// settleMost is more than a machine waits after a start before it repeats what it was told.
const settleMost = 6 * time.Second

func TestABadConfigurationIsReportedAndTheFormerOneGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	changes := w.serve(Options{})
	w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 3 })
	changes <- Change{Fault: errors.New("edge.yaml:3: unknown key")}
	changes <- Change{Fault: errors.New("edge.yaml:3: unknown key")}
	impossible := w.config
	impossible.Rooms = []spec.Room{hall()}
	impossible.Rooms[0].Sensors[0].Source = "nonsense"
	changes <- Change{Config: impossible}
	alerts := w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) >= 2 })
	one, err := wire.Decode[wire.Alert](alerts[0].Value)
	require.NoError(t, err)
	require.Equal(t, "configuration", one.Kind)
	require.Contains(t, one.Evidence, "edge.yaml:3: unknown key")
	two, err := wire.Decode[wire.Alert](alerts[1].Value)
	require.NoError(t, err)
	require.Contains(t, two.Evidence, "nonsense", "the same fault is told once, another one again")
	require.Equal(t, one.ID, two.ID)
	require.Len(t, w.status().Sensors, 2)

	changes <- Change{Config: w.config}
	alerts = w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) >= 3 })
	ended, err := wire.Decode[wire.Alert](alerts[2].Value)
	require.NoError(t, err)
	require.Equal(t, one.ID, ended.ID)
	require.NotZero(t, ended.EndedMillis)
	count := len(w.kept[wire.TopicTemp])
	w.readings(w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > count+5 }))
}

func TestOtherQueuesBeginAnewAndLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changes := w.serve(Options{})
	require.Eventually(t, func() bool {
		return w.asked().Queues[wire.TopicTemp].Depth > 5
	}, 10*time.Second, 20*time.Millisecond)
	before := w.status().Queues[wire.TopicTemp].Depth
	next := w.config
	next.Spool.Bytes *= 2
	changes <- Change{Config: next}
	require.Eventually(t, func() bool {
		q := w.asked().Queues[wire.TopicTemp]
		return q.Max == next.Spool.Bytes && q.Depth > before
	}, 10*time.Second, 20*time.Millisecond)
}

func TestEveryLoopHasAHeartAndAHungOneIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, err := openOutbox(w.config)
	require.NoError(t, err)
	d := &daemon{options: &Options{}, crew: newCrew(t.Context()), outbox: o}
	a, err := assemble(w.config, o, nil)
	require.NoError(t, err)
	a.crew = d.crew
	hang := make(chan struct{})
	d.become(t.Context(), a)
	t.Cleanup(func() {
		close(hang)
		d.crew.stop()
		require.NoError(t, o.close())
	})
	require.Eventually(t, func() bool {
		for name, m := range d.crew.members {
			if m.heart.beats.Load() == 0 {
				t.Logf("no beat yet: %s", name)
				return false
			}
		}
		return true
	}, 10*time.Second, 100*time.Millisecond, "every loop says how it goes")
	_, fault := a.check()
	require.NoError(t, fault)

	d.crew.start(unit{name: "sensor 9 of room hall", run: func(ctx context.Context) error {
		beat(ctx, -grace-time.Second) // as if that long ago
		<-hang                        // a system call that never returns
		return nil
	}})
	require.Eventually(t, func() bool {
		_, fault = a.check()
		return fault != nil
	}, 5*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, fault, "sensor 9 of room hall hangs")
	var metrics strings.Builder
	a.metrics(&metrics, time.Now())
	require.Contains(t, metrics.String(), "overcloud_edge_healthy 0\n")
}

func TestHeartsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t.Context())
		release := make(chan struct{})
		c.become([]unit{
			{name: "steady", run: func(ctx context.Context) error {
				for {
					beat(ctx, 10*time.Second)
					select {
					case <-ctx.Done():
						return nil
					case <-time.After(8 * time.Second):
					}
				}
			}},
			{name: "once", run: func(context.Context) error { return nil }},
			{name: "stubborn", run: func(ctx context.Context) error {
				beat(ctx, 2*time.Minute)
				<-release
				return nil
			}},
		})
		time.Sleep(100 * time.Second)
		synctest.Wait()
		require.NoError(t, c.hung(time.Now()), "it may take its two minutes, and one that has ended needs no heart")
		time.Sleep(36 * time.Second)
		synctest.Wait()
		require.ErrorContains(t, c.hung(time.Now()), "stubborn hangs: it is 16s late")

		began := time.Now()
		c.stop() // waits for the stubborn one, not for ever
		require.Equal(t, stopMost, time.Since(began))
		close(release)
		synctest.Wait()
	})
}

func TestAnUnchangedUnitKeepsRunningAndAFailedOneEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t.Context())
		var mu sync.Mutex
		started := map[string]int{}
		make := func(name string, from ...any) unit {
			return unit{name: name, from: from, object: name, run: func(ctx context.Context) error {
				mu.Lock()
				started[name]++
				mu.Unlock()
				<-ctx.Done()
				return ctx.Err()
			}}
		}
		c.become([]unit{make("a", 1), make("b", 1)})
		synctest.Wait()
		kept, ok := c.same("a", []any{1})
		require.True(t, ok)
		require.Equal(t, "a", kept)
		_, ok = c.same("a", []any{2})
		require.False(t, ok)
		ended := c.become([]unit{make("a", 1), make("b", 2), make("c")})
		synctest.Wait()
		require.Equal(t, map[string]int{"a": 1, "b": 2, "c": 1}, started)
		require.Len(t, ended, 1)
		require.Equal(t, "b", ended[0].name)
		require.Empty(t, c.failed, "to be stopped is no failure")
		c.become([]unit{{name: "d", run: func(context.Context) error { return errors.New("the port is taken") }}})
		require.EqualError(t, <-c.failed, "d: the port is taken")
		c.stop()
		_, none := (*crew)(nil).same("a", nil)
		require.False(t, none)
	})
}
