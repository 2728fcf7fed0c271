package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
)

// Status is the detail of the health endpoint.
type Status struct {
	DecidedAt time.Time `json:"decided_at"`
	// RoomsTotal counts the rooms, Ours those for which this process decides; Actions is what it does with how many.
	RoomsTotal int            `json:"rooms_total"`
	Ours       int            `json:"ours"`
	Actions    map[string]int `json:"actions"`
	// Partitions are the shares of the rooms that the consumer group has given to this process, of so many in all.
	Partitions []int32 `json:"partitions"`
	Of         int32   `json:"of_partitions"`
	// Rooms are all rooms of a small house; of a large one those in trouble, at most 32 of them. GET /rooms has all, and
	// GET /rooms/<room> one with its air conditioners.
	Rooms []RoomStatus `json:"rooms"`
	// Readings and Decisions count since the start; Lessons those of the optimiser, and Missed what it had no time for.
	Readings  int64 `json:"readings"`
	Decisions int64 `json:"decisions"`
	Lessons   int64 `json:"lessons"`
	Missed    int64 `json:"missed_lessons"`
	// Unpublished and Unsignalled wait for Kafka and for Temporal, or are on their way.
	Unpublished int `json:"unpublished"`
	Unsignalled int `json:"unsignalled"`
	// KafkaFault and TemporalFault are why the last attempt to tell them something failed; empty when it did not.
	KafkaFault    string     `json:"kafka_fault,omitempty"`
	TemporalFault string     `json:"temporal_fault,omitempty"`
	Kafka         kafka.Link `json:"kafka"`
}

// RoomStatus is one room.
type RoomStatus struct {
	Room           string  `json:"room"`
	Ours           bool    `json:"ours"` // false: another process decides
	Inlet          float64 `json:"inlet"`
	Fresh          int     `json:"fresh"`
	Action         string  `json:"action"`
	Reason         string  `json:"reason"`
	IntentRevision int64   `json:"intent_revision"` // 0: the workflow has not been heard
	// ReadingAgeSeconds is the age of the newest reading; -1 when there is none.
	ReadingAgeSeconds float64 `json:"reading_age_s"`
	// Rivals counts decisions of other processes while the room was this one's.
	Rivals int `json:"rivals,omitempty"`
}

// RoomDetail is one room with all that its decisions are made of.
type RoomDetail struct {
	RoomStatus
	Partition int32            `json:"partition"`
	ACs       []ACStatus       `json:"acs"`
	LoadW     float64          `json:"load_w,omitempty"`
	Advice    *rules.Advice    `json:"advice,omitempty"`
	Outlook   *rules.Outlook   `json:"outlook,omitempty"`
	Alerts    []string         `json:"alerts,omitempty"` // IDs of those of control loops that last
	Memory    *json.RawMessage `json:"memory,omitempty"`
}

// ACStatus is one air conditioner of it.
type ACStatus struct {
	AC         string `json:"ac"`
	Auto       int    `json:"auto"`    // what the rules wanted last, as the workflow took it
	Desired    int    `json:"desired"` // what holds
	Overridden bool   `json:"overridden,omitempty"`
	// Wants is what the rules want now, and Reason why in one sentence.
	Wants  int     `json:"wants"`
	Reason string  `json:"reason"`
	Watts  float64 `json:"watts,omitempty"`
	// Lost are the reasons why it does not count on: by the kind of alert.
	Lost map[string]string `json:"lost,omitempty"`
}

// faults are how the last attempts went.
type faults struct{ kafka, temporal string }

// fault notes how an attempt went.
func (l *loop) fault(shown *string, doing string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	*shown = ""
	if err != nil {
		*shown = doing + ": " + err.Error()
	}
	return err
}

// listMost is how many rooms the health endpoint lists.
const listMost = 32

// handler serves GET /healthz, /rooms and /rooms/<room>.
func (l *loop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", fn.HealthHandler(l.health))
	mux.HandleFunc("GET /rooms", func(w http.ResponseWriter, r *http.Request) {
		var rooms []RoomStatus
		err := l.ask(r.Context(), func() {
			now := time.Now()
			for _, room := range l.house.rooms {
				rooms = append(rooms, room.status(now))
			}
		})
		answer(w, rooms, err)
	})
	mux.HandleFunc("GET /rooms/{room...}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("room")
		if l.house.named[name] == nil { // the map never changes
			http.Error(w, fmt.Sprintf("there is no room %q", name), http.StatusNotFound)
			return
		}
		var detail RoomDetail
		err := l.ask(r.Context(), func() { detail = l.house.named[name].detail(time.Now()) })
		answer(w, detail, err)
	})
	return mux
}

func answer(w http.ResponseWriter, value any, err error) {
	var body []byte
	if err == nil {
		body, err = json.Marshal(value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(append(body, '\n')); err != nil {
		return // the asker is gone
	}
}

func (r *room) status(now time.Time) RoomStatus {
	s := RoomStatus{Room: r.spec.Name, Ours: r.mine, ReadingAgeSeconds: -1, Rivals: r.rivals}
	switch {
	case r.mine:
		s.Fresh, s.Action, s.Reason = r.last.Fresh, string(r.last.Action), r.last.Reason
		if s.Fresh > 0 {
			s.Inlet = r.last.Inlet
		}
	case r.memory != nil: // what its holder said
		s.Inlet, s.Fresh, s.Action, s.Reason = r.memory.Inlet, r.memory.Fresh, r.memory.Action, r.memory.Reason
	}
	if r.intent != nil {
		s.IntentRevision = r.intent.Revision
	}
	if newest := r.newest(); !newest.IsZero() {
		s.ReadingAgeSeconds = now.Sub(newest).Seconds()
	}
	return s
}

func (r *room) detail(now time.Time) RoomDetail {
	policy := r.policyAt(now)
	d := RoomDetail{RoomStatus: r.status(now), Partition: r.home}
	for i, m := range r.machines {
		ac := r.standing(m, policy, now)
		s := ACStatus{AC: ac.Name, Auto: ac.Auto, Desired: ac.Desired, Overridden: ac.Overridden, Watts: ac.Watts}
		if r.mine && i < len(r.last.ACs) {
			s.Wants, s.Reason = r.last.ACs[i].Setpoint, r.last.ACs[i].Reason
		}
		if len(m.faults) > 0 {
			s.Lost = make(map[string]string, len(m.faults))
			for kind, why := range m.faults {
				s.Lost[kind] = why
			}
		}
		d.ACs = append(d.ACs, s)
	}
	if r.load.fresh(now, policy) {
		d.LoadW = r.load.watts
	}
	if o := r.outcome.Load(); o != nil {
		d.Advice, d.Outlook = o.at(now, policy)
	}
	for _, a := range r.raised() {
		d.Alerts = append(d.Alerts, a.ID)
	}
	if memory := encodeState(r.state); r.mine && memory != nil {
		d.Memory = &memory
	}
	return d
}

// trouble orders the rooms of a health page.
func (r *room) trouble() int {
	switch {
	case !r.mine:
		return 0
	case r.last.Action.Urgent():
		return 3
	case r.last.Fresh == 0:
		return 2
	case len(r.lasting) > 0:
		return 1
	}
	return 0
}

func (l *loop) summary(now time.Time) Status {
	s := Status{
		RoomsTotal: len(l.house.rooms), Actions: map[string]int{}, Partitions: slices.Clone(l.share.Mine), Of: l.share.Partitions,
	}
	var listed []*room
	for _, r := range l.house.rooms {
		if r.mine {
			s.Ours++
			s.Actions[string(r.last.Action)]++
		}
		if len(l.house.rooms) <= listMost || r.trouble() > 0 {
			listed = append(listed, r)
		}
	}
	if len(listed) > listMost {
		slices.SortStableFunc(listed, func(a, b *room) int { return b.trouble() - a.trouble() })
		listed = listed[:listMost]
	}
	for _, r := range listed {
		s.Rooms = append(s.Rooms, r.status(now))
	}
	return s
}

// health is well for as long as decisions are made: without readings or Temporal there is still something to
// decide, and a restart would cure neither.
func (l *loop) health() (any, error) {
	var status Status
	asked := l.ask(context.Background(), func() { status = l.summary(time.Now()) })
	status.DecidedAt = time.Unix(0, l.decidedAt.Load())
	status.Readings, status.Decisions = l.readings.Load(), l.decisions.Load()
	status.Lessons, status.Missed = l.advisor.running.Load(), l.advisor.missed.Load()
	status.Unpublished, status.Unsignalled = l.records.size()+l.commands.size(), l.signals.size()
	status.Kafka = l.cfg.Kafka.Pulse.Link()
	l.mu.Lock()
	status.KafkaFault, status.TemporalFault = l.faults.kafka, l.faults.temporal
	l.mu.Unlock()
	if age := time.Since(status.DecidedAt); age > 3*l.cfg.Tick+5*time.Second {
		return status, fmt.Errorf("no decision for %s", age.Round(time.Second))
	}
	return status, asked
}
