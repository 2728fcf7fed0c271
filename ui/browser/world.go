package browser

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// scenery is what a running Smart Energy said of itself: its service as the workflow tells it, and as a graph.
//
//go:embed testdata/rooms.json testdata/service.json testdata/graph.json
var scenery embed.FS

// Scene is how the rooms fare.
type Scene string

// The scenes.
const (
	Calm Scene = "calm" // everything is as it should be
	Busy Scene = "busy" // an override, two alerts, a sensor that nobody believes, one that is silent, a box that is gone
)

// World is what the stage's rooms are like: it plays the streams and the workflows. Its methods may be called from any
// goroutine.
type World struct {
	mu      sync.Mutex
	scene   Scene
	rooms   []spec.Room
	service workflows.Status
	graph   workflows.Graph
	tunes   map[string]*workflows.TuneState
	begun   time.Time
	still   map[int]time.Time // sensors that say nothing, by when they did last
	warmer  float64           // K that a test adds to every inlet
	alerts  map[string]wire.Alert
	answers []wire.Answer
	asked   []string // what people asked, newest last
}

// NewWorld sets a scene as of now.
func NewWorld(scene Scene, now time.Time) (*World, error) {
	w := &World{scene: scene, tunes: map[string]*workflows.TuneState{}, begun: now, still: map[int]time.Time{}, alerts: map[string]wire.Alert{}}
	for name, into := range map[string]any{"rooms": &w.rooms, "service": &w.service, "graph": &w.graph} {
		text, err := scenery.ReadFile("testdata/" + name + ".json")
		if err != nil {
			return nil, fmt.Errorf("read the scenery: %w", err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("read the scenery %s: %w", name, err)
		}
	}
	w.move(now.Add(-3 * time.Hour).Sub(w.service.Since))
	for i := range w.rooms {
		w.rooms[i].Policy = spec.DefaultPolicy()
		w.tunes[w.rooms[i].Name] = tuning(w.rooms[i], now)
	}
	if scene == Busy {
		w.trouble(now)
	}
	return w, nil
}

// move shifts what the scenery remembers, so that the deploy was not months ago.
func (w *World) move(by time.Duration) {
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	shift(&w.service.Since)
	shift(&w.graph.Since)
	for i := range w.service.Steps {
		shift(&w.service.Steps[i].Started)
		shift(&w.service.Steps[i].Ended)
	}
	for i := range w.graph.Steps {
		shift(&w.graph.Steps[i].Started)
		shift(&w.graph.Steps[i].Ended)
	}
	for i := range w.service.Audit {
		shift(&w.service.Audit[i].At)
	}
}

// calm is what the rules say of a room that is inside its band.
const calm = "inlet 25.7 °C is inside the band 25 to 26.5"

// tuning is a room that the rules hold at 24 and 25 °C.
func tuning(room spec.Room, now time.Time) *workflows.TuneState {
	t := &workflows.TuneState{Service: "smart-energy", Room: room.Name, Mode: "auto", Policy: room.Policy, Revision: 1}
	for i, ac := range room.AirConditioners {
		setpoint, since := 24+i, now.Add(-time.Duration(20+10*i)*time.Minute)
		t.ACs = append(t.ACs, workflows.ACState{
			Name: ac.Name, Min: ac.Min, Max: ac.Max, Auto: setpoint, AutoSince: since, Desired: setpoint, DesiredSince: since,
			AutoReason: calm, Reason: calm,
			Origin: wire.OriginRules, Ruled: true, Settled: setpoint, Sent: &setpoint, SentAt: since.Add(time.Second),
			Confirmed: &setpoint, ConfirmedAt: since.Add(2 * time.Second), Evidence: "infrared echo 0x880095E", Revision: 7,
		})
	}
	t.Audit = []workflows.AuditEntry{
		{At: now.Add(-26 * time.Hour), Who: "lee", What: "override ac2 to 22 °C for 1h", Why: "filter change", Outcome: "accepted"},
		{At: now.Add(-25 * time.Hour), Who: "lee", What: "override ac2 to 50 °C for 1h", Why: "slip", Outcome: "refused: setpoint 50 is outside 18 to 27 °C"},
	}
	return t
}

// trouble is the scene Busy.
func (w *World) trouble(now time.Time) {
	t := w.tunes[w.rooms[0].Name]
	w.hold(t, &t.ACs[0], workflows.ActiveOverride{
		Override: workflows.Override{AC: "ac1", Setpoint: 21, For: spec.Duration(time.Hour), Who: "kim", Why: "rack B is being moved", ID: "o-1"},
		From:     now.Add(-22 * time.Minute), Until: now.Add(38 * time.Minute),
	}, now.Add(-22*time.Minute))
	t.ACs[1].Confirmed, t.ACs[1].Desired, t.ACs[1].DesiredSince = nil, 23, now.Add(-40*time.Second)
	t.ACs[1].Reason, t.ACs[1].Attempts = "mean inlet 26.8 °C is above the band 25 to 26.5 for 5m0s: 25 -> 23 °C", 3
	t.ACs[1].Auto, t.ACs[1].AutoReason, t.ACs[1].AutoSince = 23, t.ACs[1].Reason, t.ACs[1].DesiredSince
	w.still[3] = now.Add(-2 * time.Minute)
	begun := now.Add(-9 * time.Minute)
	w.alerts["server-room/unconfirmed/ac2"] = wire.Alert{
		ID: "server-room/unconfirmed/ac2", Room: "server-room", Kind: "unconfirmed", Severity: wire.SeverityHigh, BeganMillis: begun.UnixMilli(),
		Evidence: "23 °C was sent 3 times and not confirmed", Source: "workflow",
	}
	w.alerts["server-room/sensor/3"] = wire.Alert{
		ID: "server-room/sensor/3", Room: "server-room", Kind: "sensor", Severity: wire.SeverityWarning, BeganMillis: begun.Add(-time.Hour).UnixMilli(),
		Evidence: "sensor 3 is silent for 2m0s", Source: "control",
	}
	w.answers = append(w.answers, wire.Answer{
		Room: "server-room", Alert: "server-room/sensor/3", Kind: wire.AnswerAcknowledge, Who: "kim", Why: "the cable is ordered",
		TimeMillis: now.Add(-30 * time.Minute).UnixMilli(),
	})
	for i := range w.service.Boxes {
		if w.service.Boxes[i].Name == "rack-2" {
			w.service.Boxes[i].Reachable, w.service.Boxes[i].Absent = false, now.Add(-4*time.Minute)
			w.service.Boxes[i].Fault = "box rack-2 at tcp://127.0.0.1:23752: connection refused"
		}
	}
	w.graph.Boxes = w.service.Boxes
}

// hold makes an override the one that holds.
func (w *World) hold(t *workflows.TuneState, ac *workflows.ACState, o workflows.ActiveOverride, now time.Time) {
	ac.Overrides = append([]workflows.ActiveOverride{o}, ac.Overrides...)
	w.settle(t, ac, now)
}

// settle works out what one machine is to hold, as the tuning does, and lets the machine obey at once.
func (w *World) settle(t *workflows.TuneState, ac *workflows.ACState, now time.Time) {
	desired, reason := ac.Auto, ac.AutoReason
	if len(ac.Overrides) > 0 {
		o := ac.Overrides[0]
		desired, reason = o.Setpoint, fmt.Sprintf("override by %s until %s: %s", o.Who, o.Until.UTC().Format("15:04:05Z"), o.Why)
	}
	if desired != ac.Desired {
		ac.DesiredSince = now
	}
	ac.Desired, ac.Reason = desired, reason
	ac.Sent, ac.SentAt, ac.Confirmed, ac.ConfirmedAt = &desired, now, &desired, now
	ac.Revision++
	t.Revision++
	t.Mode = "auto"
	for _, one := range t.ACs {
		if len(one.Overrides) > 0 {
			t.Mode = "override"
		}
	}
}

// Fill gives a store all that is known as of now; what it has already it keeps.
func (w *World) Fill(s *state.Store, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(now)
	s.Service(w.service)
	for _, t := range w.tunes {
		s.Tune(copied(*t), now)
	}
	for _, room := range w.rooms {
		for _, sensor := range room.Sensors {
			at, still := w.still[sensor.ID]
			if !still {
				at = now
			}
			s.Reading(w.reading(room, sensor, at))
		}
	}
	for i, box := range w.service.Boxes {
		if box.Reachable {
			s.Resource(w.resource(box.Name, i, now))
		}
	}
	for _, room := range w.rooms {
		w.meter(s, room, now)
		s.Decision(w.decision(room, now))
	}
	for _, a := range w.alerts {
		s.Alert(a)
	}
	for _, a := range w.answers {
		s.Answer(a)
	}
	s.Heard("kafka", now, nil)
	s.Heard("temporal", now, nil)
}

// copied has slices of its own, so that the store's readers see no later change.
func copied(t workflows.TuneState) workflows.TuneState {
	acs := make([]workflows.ACState, len(t.ACs))
	copy(acs, t.ACs)
	for i := range acs {
		acs[i].Overrides = append([]workflows.ActiveOverride(nil), acs[i].Overrides...)
	}
	t.ACs = acs
	t.Audit = append([]workflows.AuditEntry(nil), t.Audit...)
	return t
}

// expire ends overrides whose time is over.
func (w *World) expire(now time.Time) {
	for _, t := range w.tunes {
		for i := range t.ACs {
			ac := &t.ACs[i]
			var left []workflows.ActiveOverride
			for _, o := range ac.Overrides {
				if now.Before(o.Until) {
					left = append(left, o)
				}
			}
			if len(left) != len(ac.Overrides) {
				ac.Overrides = left
				w.settle(t, ac, now)
			}
		}
	}
}
