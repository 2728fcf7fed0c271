package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/spool"
)

// Status is what /metrics and /healthz tell of an edge.
type Status struct {
	Box             string           `json:"box"`
	Simulated       bool             `json:"simulated,omitempty"`
	ClockTrusted    bool             `json:"clock_trusted"`
	Queues          map[string]Queue `json:"queues"` // by topic
	Sensors         []SensorStatus   `json:"sensors"`
	AirConditioners []aircon.View    `json:"air_conditioners"`
	NoOrders        []string         `json:"no_orders,omitempty"` // rooms in fail-safe
}

// Queue is one spool with the age of its oldest record.
type Queue struct {
	spool.Stats
	OldestAgeS float64 `json:"oldest_age_s"`
}

// SensorStatus is one sensor with the age of its last good reading.
type SensorStatus struct {
	latest
	AgeS *float64 `json:"age_s"` // null when there was none yet
}

// status is cheap: it reads no device and asks no broker.
func (a *agent) status(now time.Time) Status {
	s := Status{Box: a.config.Box, Simulated: a.config.Simulation.URL != "", ClockTrusted: a.clock.trusted(), Queues: map[string]Queue{}}
	for topic, queue := range a.outbox.spools {
		q := Queue{Stats: queue.Stats()}
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
	for _, key := range a.keys() {
		s.AirConditioners = append(s.AirConditioners, a.actuators[key].now())
	}
	for _, g := range a.guards {
		g.mu.Lock()
		if g.watch.lost {
			s.NoOrders = append(s.NoOrders, g.room)
		}
		g.mu.Unlock()
	}
	return s
}

// check is healthy while the edge does its work: sampling goes on. A broker or a sensor that is away is no
// fault of the edge; those are alerts.
func (a *agent) check() (any, error) {
	now := time.Now()
	for _, l := range a.board.all() {
		// A sample may take three tries of two seconds.
		if most := 3*l.every + 30*time.Second; !l.Looked.IsZero() && now.Sub(l.Looked) > most {
			return a.status(now), fmt.Errorf("sensor %d of room %s was not looked at for %s", l.Sensor, l.Room, now.Sub(l.Looked).Round(time.Second))
		}
	}
	return a.status(now), nil
}

func (a *agent) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", fn.HealthHandler(a.check))
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// The asker may be gone; there is nobody left to tell.
		_ = json.NewEncoder(w).Encode(a.status(time.Now()))
	})
	return mux
}
