package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/spool"
)

// Status is what GET /api/v1/status and /healthz tell of an edge, and what /metrics is made from.
type Status struct {
	Box             string           `json:"box"`
	Simulated       bool             `json:"simulated,omitempty"`
	ClockTrusted    bool             `json:"clock_trusted"`
	Queues          map[string]Queue `json:"queues"` // by topic
	Sensors         []SensorStatus   `json:"sensors"`
	Boxes           []BoxStatus      `json:"boxes"`
	AirConditioners []aircon.View    `json:"air_conditioners"`
	Rooms           []RoomStatus     `json:"rooms,omitempty"`     // those with air conditioners here
	NoOrders        []string         `json:"no_orders,omitempty"` // rooms in fail-safe
	Alerts          []string         `json:"alerts,omitempty"`    // the IDs of those that last
}

// Queue is one spool with the age of its oldest record.
type Queue struct {
	spool.Stats
	OldestAgeS float64 `json:"oldest_age_s"`
	Refused    uint64  `json:"refused"` // records that the broker will never take
}

// SensorStatus is one sensor with the age of its last good reading.
type SensorStatus struct {
	latest
	AgeS *float64 `json:"age_s"` // null when there was none yet
}

// RoomStatus is who decides for a room.
type RoomStatus struct {
	Room string `json:"room"`
	// LeaseAgeS is the time since the last lease, or since the start while none has come.
	LeaseAgeS float64 `json:"lease_age_s"`
	Revision  int64   `json:"lease_revision"` // 0: none has come
	NoOrders  bool    `json:"no_orders,omitempty"`
}

// status is cheap: it reads no device and asks no broker.
func (a *agent) status(now time.Time) Status {
	s := Status{
		Box: a.config.Box, Simulated: a.config.Devices.Simulation.URL != "", ClockTrusted: a.clock.trusted(),
		Queues: map[string]Queue{}, Alerts: a.outbox.lasting.ids(),
	}
	for topic, queue := range a.outbox.spools {
		q := Queue{Stats: queue.Stats(), Refused: a.outbox.refusals(topic)}
		if !q.Oldest.IsZero() {
			q.OldestAgeS = max(0, now.Sub(q.Oldest).Seconds())
		}
		s.Queues[topic] = q
	}
	for _, l := range a.board.all() {
		sensor := SensorStatus{latest: l}
		if !l.At.IsZero() {
			sensor.AgeS = new(now.Sub(l.At).Seconds())
		}
		s.Sensors = append(s.Sensors, sensor)
	}
	slices.SortFunc(s.Sensors, func(x, y SensorStatus) int {
		return strings.Compare(fmt.Sprintf("%s/%09d", x.Room, x.Sensor), fmt.Sprintf("%s/%09d", y.Room, y.Sensor))
	})
	for _, p := range a.pollers {
		s.Boxes = append(s.Boxes, a.tally.box(p.box))
	}
	for _, key := range a.keys() {
		s.AirConditioners = append(s.AirConditioners, a.actuators[key].now())
	}
	for _, room := range a.rooms() {
		g, guarded := a.guards[room]
		if !guarded {
			continue
		}
		g.mu.Lock()
		r := RoomStatus{Room: room, LeaseAgeS: now.Sub(g.watch.last).Seconds(), Revision: g.watch.revision, NoOrders: g.watch.lost}
		g.mu.Unlock()
		s.Rooms = append(s.Rooms, r)
		if r.NoOrders {
			s.NoOrders = append(s.NoOrders, room)
		}
	}
	return s
}

// ids are the alerts that last, sorted.
func (l *lasting) ids() []string {
	var out []string
	for _, alert := range l.left() {
		out = append(out, alert.ID)
	}
	slices.Sort(out)
	return out
}

// refusals are the records of a topic that the broker will never take.
func (o *outbox) refusals(topic string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refused[topic]
}

// check is healthy while the edge does its work: every loop goes round and every sensor is looked at. A broker or a
// sensor that is away is no fault of the edge; those are alerts.
func (a *agent) check() (any, error) {
	now := time.Now()
	return a.status(now), a.fault(now)
}

func (a *agent) fault(now time.Time) error {
	if err := a.crew.hung(now); err != nil {
		return err
	}
	for _, l := range a.board.all() {
		// A sample may take three tries of two seconds.
		if most := 3*l.every + 30*time.Second; !l.Looked.IsZero() && now.Sub(l.Looked) > most {
			return fmt.Errorf("sensor %d of room %s was not looked at for %s", l.Sensor, l.Room, now.Sub(l.Looked).Round(time.Second))
		}
	}
	return nil
}

// handler answers for the generation that runs.
func handler(live *atomic.Pointer[agent]) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", fn.HealthHandler(func() (any, error) { return live.Load().check() }))
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// The asker may be gone; there is nobody left to tell.
		_ = json.NewEncoder(w).Encode(live.Load().status(time.Now()))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		live.Load().metrics(w, time.Now())
	})
	return mux
}

// server adds what answers over HTTP.
func (a *agent) server() {
	listen, live := a.config.Listen, a.live
	a.add(unit{name: "http", from: []any{listen}, run: func(ctx context.Context) error {
		beat(ctx, forever) // it waits for people
		return fn.Serve(ctx, listen, handler(live))
	}})
}
