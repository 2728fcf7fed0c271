package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
)

// Reading answers GET /api/v1/room/{room}/sensors/{id}.
type Reading struct {
	Sensor    int       `json:"sensor"`
	Celsius   float64   `json:"celsius"`
	Humidity  float64   `json:"humidity"` // % relative
	Time      time.Time `json:"time"`     // real time of the simulated measurement
	Simulated bool      `json:"simulated"`
}

// View answers GET /api/v1/room/{room}: everything, the hidden truth too.
type View struct {
	Room         string     `json:"room"`
	Title        string     `json:"title,omitempty"`
	Simulated    bool       `json:"simulated"`
	Speed        float64    `json:"speed"`
	Time         time.Time  `json:"time"`
	Sensors      []Reading  `json:"sensors"`
	State        room.State `json:"state"`
	CoolingKWh   float64    `json:"cooling_kwh"`
	InfraredSent int        `json:"infrared_sent"`
	InfraredLost int        `json:"infrared_lost"`
	// InfraredIgnored counts frames that a machine heard and did not understand.
	InfraredIgnored int `json:"infrared_ignored"`
}

type handler func(w http.ResponseWriter, r *http.Request, s *space) (any, error)

// Handler serves the rooms.
func (b *Building) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "ok", "simulated": true, "rooms": len(b.rooms)})
	})
	mux.HandleFunc("GET /api/v1/room", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string][]string{"rooms": slices.Sorted(maps.Keys(b.rooms))})
	})
	mux.HandleFunc("GET /api/v1/clock", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, b.clock()) })
	mux.HandleFunc("POST /api/v1/clock", func(w http.ResponseWriter, r *http.Request) {
		body, err := b.setClock(w, r)
		if err != nil {
			answer(w, status(err), map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, body)
	})
	for pattern, h := range map[string]handler{
		"GET /api/v1/room/{room}":                 b.view,
		"GET /api/v1/room/{room}/sensors/{id}":    sensor,
		"POST /api/v1/room/{room}/ir/{ac}":        transmit,
		"GET /api/v1/room/{room}/ir/{ac}/heard":   receive,
		"POST /api/v1/room/{room}/ac/{ac}/remote": handRemote,
		"PUT /api/v1/room/{room}/ac/{ac}/fail":    failAC,
		"GET /api/v1/room/{room}/ac/{ac}/power":   power,
		"GET /api/v1/room/{room}/load":            load,
		"PUT /api/v1/room/{room}/load":            setLoad,
		"PUT /api/v1/room/{room}/outdoor":         setOutdoor,
		"PUT /api/v1/room/{room}/door":            setDoor,
		"PUT /api/v1/room/{room}/infrared":        setLoss,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s, err := b.room(r.PathValue("room"))
			var body any
			if err == nil {
				body, err = h(w, r, s)
			}
			if err != nil {
				answer(w, status(err), map[string]string{"error": err.Error()})
				return
			}
			answer(w, http.StatusOK, body)
		})
	}
	return mux
}

func status(err error) int {
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, fault.ErrInvalid):
		return http.StatusBadRequest
	default:
		return http.StatusInternalServerError
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// The caller may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// read takes a JSON body of at most 64 KiB without unknown fields.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is not what %s %s takes: %s: %w", r.Method, r.URL.Path, err.Error(), fault.ErrInvalid)
	}
	return nil
}

func (b *Building) view(_ http.ResponseWriter, _ *http.Request, s *space) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := View{
		Room: s.spec.Name, Title: s.spec.Title, Simulated: true, Speed: b.config.Speed, Time: time.Now(),
		State: s.model.State(), InfraredSent: s.sent, InfraredLost: s.lost, InfraredIgnored: s.ignored,
	}
	v.CoolingKWh = v.State.CoolingJ / 3.6e6
	for _, sensor := range s.spec.Sensors {
		reading, err := s.read(sensor.ID)
		if err != nil {
			return nil, err
		}
		v.Sensors = append(v.Sensors, reading)
	}
	return v, nil
}

func (s *space) read(id int) (Reading, error) {
	celsius, humidity, err := s.model.Read(id)
	return Reading{Sensor: id, Celsius: celsius, Humidity: humidity, Time: s.measured, Simulated: true}, err
}

func sensor(_ http.ResponseWriter, r *http.Request, s *space) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("sensor %q is no number: %w", r.PathValue("id"), fault.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(id)
}

func power(_ http.ResponseWriter, r *http.Request, s *space) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	watts, err := s.model.Power(r.PathValue("ac"))
	return map[string]any{"watts": watts, "simulated": true}, err
}

// load is what a meter of the boxes' power shows.
func load(_ http.ResponseWriter, _ *http.Request, s *space) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"watts": s.model.Load(), "simulated": true}, nil
}

func transmit(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var frame infrared.Frame
	if err := read(w, r, &frame); err != nil {
		return nil, err
	}
	return map[string]bool{"sent": true, "simulated": true}, s.send(r.PathValue("ac"), frame)
}

func receive(_ http.ResponseWriter, r *http.Request, s *space) (any, error) {
	since := int64(0)
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("since=%q is no sequence number: %w", text, fault.ErrInvalid)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.heard[r.PathValue("ac")]
	if !ok {
		return nil, fmt.Errorf("air conditioner %q in simulated room %s: %w", r.PathValue("ac"), s.spec.Name, fault.ErrNotFound)
	}
	return map[string]any{"last": e.last, "heard": e.since(since), "simulated": true}, nil
}

func handRemote(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body Remote
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	return done(), s.remote(r.PathValue("ac"), body)
}

func done() map[string]bool { return map[string]bool{"done": true, "simulated": true} }
