package state

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// Store gathers the newest of everything. Its methods may be called from any goroutine.
type Store struct {
	rooms []spec.Room

	mu        sync.Mutex
	version   uint64
	changed   chan struct{} // closed and replaced at each change
	readings  map[int]wire.Reading
	resources map[string]wire.Resource
	acks      map[string]wire.Ack // by room/ac
	alerts    map[string]wire.Alert
	answers   map[string]wire.Answer // by alert ID, the newest
	tunes     map[string]tune        // by room
	intents   map[string]wire.Intent
	powers    map[string]wire.Power // by room/ac; room/ for its load
	decisions map[string]decided    // by room
	service   *workflows.Status
	sources   map[string]*Source
	pictures  map[string]string // tag of each room's plan picture
}

type tune struct {
	state workflows.TuneState
	heard time.Time
}

// NewStore makes a store for the rooms of a specification.
func NewStore(rooms []spec.Room) *Store {
	return &Store{
		rooms: rooms, changed: make(chan struct{}),
		readings: map[int]wire.Reading{}, resources: map[string]wire.Resource{}, acks: map[string]wire.Ack{},
		alerts: map[string]wire.Alert{}, tunes: map[string]tune{}, intents: map[string]wire.Intent{},
		answers: map[string]wire.Answer{}, pictures: map[string]string{},
		powers: map[string]wire.Power{}, decisions: map[string]decided{},
		sources: map[string]*Source{"kafka": {}, "temporal": {}},
	}
}

// Rooms are the rooms that the store was made for.
func (s *Store) Rooms() []spec.Room { return s.rooms }

// Room finds one by name.
func (s *Store) Room(name string) (spec.Room, bool) {
	i := slices.IndexFunc(s.rooms, func(r spec.Room) bool { return r.Name == name })
	if i < 0 {
		return spec.Room{}, false
	}
	return s.rooms[i], true
}

// Changed is closed at the next change after version.
func (s *Store) Changed(version uint64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != version {
		done := make(chan struct{})
		close(done)
		return done
	}
	return s.changed
}

// change runs under the lock and tells who waits.
func (s *Store) change(update func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !update() {
		return
	}
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// Reading takes a reading unless a newer one of the sensor is known.
func (s *Store) Reading(r wire.Reading) {
	s.change(func() bool {
		if old, known := s.readings[r.Sensor]; known && !r.At.After(old.At) {
			return false
		}
		s.readings[r.Sensor] = r
		return true
	})
}

// Resource takes a box's resources unless newer ones are known.
func (s *Store) Resource(r wire.Resource) {
	s.change(func() bool {
		if old, known := s.resources[r.Box]; known && r.TimeMillis <= old.TimeMillis {
			return false
		}
		s.resources[r.Box] = r
		return true
	})
}

// Ack takes an edge's word; a word on an older revision changes nothing.
func (s *Store) Ack(a wire.Ack) {
	s.change(func() bool {
		key := a.Room + "/" + a.AC
		if old, known := s.acks[key]; known && (a.Revision < old.Revision || (a.Revision == old.Revision && a.TimeMillis < old.TimeMillis)) {
			return false
		}
		s.acks[key] = a
		return true
	})
}

// Alert takes the begin or the end of a condition.
func (s *Store) Alert(a wire.Alert) {
	s.change(func() bool {
		old, known := s.alerts[a.ID]
		if known && (a.BeganMillis < old.BeganMillis || (a.BeganMillis == old.BeganMillis && old.EndedMillis != 0)) {
			return false
		}
		s.alerts[a.ID] = a
		return true
	})
}

// Answer takes what a person said to an alert, unless a newer answer to it is known.
func (s *Store) Answer(a wire.Answer) {
	s.change(func() bool {
		if old, known := s.answers[a.Alert]; known && a.TimeMillis <= old.TimeMillis {
			return false
		}
		s.answers[a.Alert] = a
		return true
	})
}

// answered is the answer to an alert that holds now; nil if there is none.
func (s *Store) answered(a wire.Alert, now time.Time) *wire.Answer {
	answer, known := s.answers[a.ID]
	switch {
	case !known:
		return nil
	case answer.Kind == wire.AnswerShelve && now.UnixMilli() < answer.UntilMillis:
	case answer.Kind == wire.AnswerAcknowledge && answer.TimeMillis >= a.BeganMillis:
	default:
		return nil
	}
	return &answer
}

// Intent takes what a room's tuning wants.
func (s *Store) Intent(i wire.Intent) {
	s.change(func() bool {
		if old, known := s.intents[i.Room]; known && i.Revision <= old.Revision {
			return false
		}
		s.intents[i.Room] = i
		return true
	})
}

// Tune takes a tuning workflow's own answer.
func (s *Store) Tune(t workflows.TuneState, at time.Time) {
	s.change(func() bool { s.tunes[t.Room] = tune{t, at}; return true })
}

// Picture takes the tag of a room's plan picture; an empty one says that there is none.
func (s *Store) Picture(room, tag string) {
	s.change(func() bool {
		if s.pictures[room] == tag {
			return false
		}
		s.pictures[room] = tag
		return true
	})
}

// Service takes the service workflow's own answer.
func (s *Store) Service(status workflows.Status) {
	s.change(func() bool { s.service = &status; return true })
}

// Heard notes that a source answered, or why it did not.
func (s *Store) Heard(source string, at time.Time, err error) {
	s.change(func() bool {
		known := s.sources[source]
		if err == nil {
			fresh := known.Fault != ""
			known.HeardAt, known.Fault = at.UnixMilli(), ""
			return fresh
		}
		if known.Fault == err.Error() {
			return false
		}
		known.Fault = err.Error()
		return true
	})
}

// Snapshot is everything as of now.
func (s *Store) Snapshot(now time.Time) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := Snapshot{
		Now: now.UnixMilli(), Version: s.version, Service: s.service, Sources: map[string]*Source{},
		Boxes: s.boxes(), Alerts: s.lasting(now), Rooms: make([]Room, 0, len(s.rooms)),
	}
	for name, source := range s.sources {
		known := *source
		snapshot.Sources[name] = &known
	}
	for _, room := range s.rooms {
		snapshot.Rooms = append(snapshot.Rooms, s.room(room, now))
	}
	return snapshot
}

func (s *Store) lasting(now time.Time) []Alert {
	alerts := []Alert{}
	for _, a := range s.alerts {
		if a.EndedMillis == 0 {
			alerts = append(alerts, Alert{a, s.answered(a, now)})
		}
	}
	slices.SortFunc(alerts, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(grave(a), grave(b)), cmp.Compare(b.BeganMillis, a.BeganMillis), strings.Compare(a.ID, b.ID))
	})
	return alerts
}

// grave is the place of an alert's severity, the worst first.
func grave(a Alert) int {
	switch a.Severity {
	case wire.SeverityCritical:
		return 0
	case wire.SeverityHigh:
		return 1
	}
	return 2
}

// boxes joins what the service workflow observed with what the edges measure.
func (s *Store) boxes() []Box {
	boxes := []Box{}
	seen := map[string]bool{}
	if s.service != nil {
		for _, b := range s.service.Boxes {
			box := Box{BoxStatus: b}
			if r, known := s.resources[b.Name]; known {
				box.Resource = &r
			}
			seen[b.Name] = true
			boxes = append(boxes, box)
		}
	}
	for name, r := range s.resources {
		if !seen[name] {
			boxes = append(boxes, Box{BoxStatus: workflows.BoxStatus{Name: name, Reachable: true}, Resource: &r})
		}
	}
	slices.SortFunc(boxes, func(a, b Box) int { return strings.Compare(a.Name, b.Name) })
	return boxes
}
