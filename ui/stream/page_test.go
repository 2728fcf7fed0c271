package stream

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// page is what a browser makes of the events: the state as core/live.js keeps it.
type page struct {
	t     *testing.T
	state map[string]any
	id    string
	kinds []string // of the events that came
	beats int
}

func (p *page) take(events []byte) {
	for _, text := range strings.Split(strings.TrimSuffix(string(events), "\n\n"), "\n\n") {
		var kind, data string
		for _, line := range strings.Split(text, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch name {
			case "id":
				p.id = value
			case "event":
				kind = value
			case "data":
				data = value
			}
		}
		p.event(kind, data)
	}
}

func (p *page) event(kind, data string) {
	p.kinds = append(p.kinds, kind)
	switch kind {
	case "heartbeat":
		p.beats++
	case "state":
		p.state = map[string]any{}
		require.NoError(p.t, json.Unmarshal([]byte(data), &p.state))
	case "patch":
		var patch struct {
			Version uint64         `json:"version"`
			Now     int64          `json:"now"`
			Set     map[string]any `json:"set"`
			Gone    []string       `json:"gone"`
		}
		require.NoError(p.t, json.Unmarshal([]byte(data), &patch))
		require.NotZero(p.t, patch.Now)
		for _, path := range patch.Gone {
			p.place(path, nil)
		}
		for path, value := range patch.Set {
			p.place(path, func() any { return value })
		}
		p.state["version"], p.state["now"] = float64(patch.Version), float64(patch.Now)
	default:
		require.Fail(p.t, "an event of an unknown kind", kind)
	}
}

// place is core/live.js's function of the same name; no value removes.
func (p *page) place(path string, value func() any) {
	words := strings.Split(path, "/")
	for i := range words {
		var err error
		words[i], err = url.PathUnescape(words[i])
		require.NoError(p.t, err)
	}
	switch {
	case len(words) == 1:
		p.state[words[0]] = value()
	case words[0] == "boxes":
		p.state["boxes"] = put(p.state["boxes"].([]any), "name", words[1], value)
	default:
		rooms := p.state["rooms"].([]any)
		i := slices.IndexFunc(rooms, func(r any) bool { return r.(map[string]any)["name"] == words[1] })
		room := rooms[i].(map[string]any)
		switch {
		case len(words) == 3 && value == nil:
			delete(room, words[2])
		case len(words) == 3:
			room[words[2]] = value()
		case words[2] == "sensors":
			room[words[2]] = put(room[words[2]].([]any), "id", words[3], value)
		default:
			room[words[2]] = put(room[words[2]].([]any), "name", words[3], value)
		}
	}
}

func put(list []any, key, name string, value func() any) []any {
	of := func(one any) string { return fmt.Sprint(one.(map[string]any)[key]) }
	i := slices.IndexFunc(list, func(one any) bool { return of(one) == name })
	switch {
	case value == nil && i < 0:
		return list // it came and went while the page was away
	case value == nil:
		return slices.Delete(list, i, i+1)
	case i >= 0:
		list[i] = value()
		return list
	}
	list = append(list, value())
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(of(a), of(b)) })
	return list
}

// same compares what a page has with the whole state; the times of last answers are rounded on the stream.
func (p *page) same(snapshot state.Snapshot) {
	p.t.Helper()
	text, err := json.Marshal(snapshot)
	require.NoError(p.t, err)
	var want map[string]any
	require.NoError(p.t, json.Unmarshal(text, &want))
	for _, s := range []map[string]any{want, p.state} {
		delete(s, "now")
		delete(s, "version")
		for _, source := range s["sources"].(map[string]any) {
			delete(source.(map[string]any), "heard_at")
		}
		for _, room := range s["rooms"].([]any) {
			delete(room.(map[string]any), "tune_heard_at")
		}
	}
	require.Equal(p.t, want, p.state)
}

func store() *state.Store {
	return state.NewStore([]spec.Room{{
		Name: "room/한 1", Policy: spec.DefaultPolicy(),
		Sensors:         []spec.Sensor{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 10}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}, {Name: "ac2", Min: 18, Max: 30}},
	}, {Name: "b", Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{{ID: 21}}}})
}

func hub(s *state.Store) *Hub { return New(s, time.Now, slog.New(slog.DiscardHandler)) }

// stir changes something at random.
func stir(s *state.Store, r *rand.Rand, now time.Time) {
	rooms := s.Rooms()
	switch r.IntN(8) {
	case 0, 1, 2:
		sensors := rooms[r.IntN(2)].Sensors
		s.Reading(wire.Reading{Sensor: sensors[r.IntN(len(sensors))].ID, At: now, Celsius: float64(r.IntN(300)) / 10, Bad: r.IntN(5) == 0, Reason: "a<b>&c"})
	case 3:
		s.Resource(wire.Resource{Box: "box " + strconv.Itoa(r.IntN(4)), TimeMillis: now.UnixMilli()})
	case 4:
		s.Ack(wire.Ack{Room: rooms[0].Name, AC: "ac" + strconv.Itoa(1+r.IntN(2)), Revision: now.UnixMilli(), State: wire.AckConfirmed, Setpoint: 18 + r.IntN(9), TimeMillis: now.UnixMilli()})
	case 5:
		alert := wire.Alert{ID: strconv.Itoa(r.IntN(5)), Room: "b", BeganMillis: now.UnixMilli(), Severity: wire.SeverityHigh}
		if r.IntN(2) == 0 {
			alert.EndedMillis = now.UnixMilli()
		}
		s.Alert(alert)
	case 6:
		// Boxes come and go with what the service says.
		status := workflows.Status{Service: "s", Phase: workflows.PhaseTuning, Revision: r.IntN(9)}
		for i := range r.IntN(4) {
			status.Boxes = append(status.Boxes, workflows.BoxStatus{Name: "pi/" + strconv.Itoa(i+r.IntN(3)), Reachable: r.IntN(2) == 0})
		}
		slices.SortFunc(status.Boxes, func(a, b workflows.BoxStatus) int { return strings.Compare(a.Name, b.Name) })
		status.Boxes = slices.CompactFunc(status.Boxes, func(a, b workflows.BoxStatus) bool { return a.Name == b.Name })
		s.Service(status)
	case 7:
		s.Tune(workflows.TuneState{Room: "b", Mode: []string{"auto", "override"}[r.IntN(2)], Policy: spec.DefaultPolicy()}, now)
	}
}

// next is what a reader has next.
func next(t *testing.T, r *Reader) []byte {
	t.Helper()
	out, err := r.Next(t.Context(), nil, nil)
	require.NoError(t, err)
	return out
}
