package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const (
	produceFor = 5 * time.Second  // one attempt; the queue tries for ever
	signalFor  = 10 * time.Second // one attempt
	pauseFirst = time.Second
	pauseMost  = 5 * time.Second
)

// loop owns the house; everything reaches it through channels.
type loop struct {
	cfg   Config
	house *house

	batches chan batch
	records *queue[kafka.Record]
	signals *queue[signal]

	mu     sync.Mutex
	status Status
}

// batch is what one poll brought; done is closed when it has been taken in.
type batch struct {
	records  []kafka.Record
	readings bool
	done     chan struct{}
}

type signal struct {
	room    string
	payload workflows.Recommendation
}

// Status is the detail of the health endpoint.
type Status struct {
	DecidedAt time.Time    `json:"decided_at"`
	Rooms     []RoomStatus `json:"rooms"`
	// Unpublished and Unsignalled wait for Kafka and for Temporal.
	Unpublished int `json:"unpublished"`
	Unsignalled int `json:"unsignalled"`
	// KafkaFault and TemporalFault are why the last attempt to tell them something failed; empty when it did not.
	KafkaFault    string     `json:"kafka_fault,omitempty"`
	TemporalFault string     `json:"temporal_fault,omitempty"`
	Kafka         kafka.Link `json:"kafka"`
}

// RoomStatus is one room of it.
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
}

func newLoop(cfg Config) *loop {
	return &loop{
		cfg: cfg, house: newHouse(cfg, time.Now()), batches: make(chan batch),
		records: newQueue[kafka.Record](), signals: newQueue[signal](),
		status: Status{DecidedAt: time.Now()},
	}
}

// run takes in what comes and decides at each tick.
func (l *loop) run(ctx context.Context) error {
	ticker := time.NewTicker(l.cfg.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-l.batches:
			l.take(b)
		case now := <-ticker.C:
			l.decide(now)
		}
	}
}

func (l *loop) take(b batch) {
	now := time.Now()
	for _, record := range b.records {
		if b.readings {
			l.house.reading(record, now)
		} else {
			l.house.learn(record)
		}
	}
	// What is critical does not wait for the next tick.
	for _, r := range l.house.rooms {
		if r.hot && r.mine {
			l.send(r.spec.Name, r.decide(now))
		}
		r.hot = false
	}
	close(b.done)
}

func (l *loop) decide(now time.Time) {
	link := l.cfg.Kafka.Pulse.Link()
	for _, r := range l.house.rooms {
		if r.reached(link, now) {
			l.send(r.spec.Name, r.decide(now))
		}
	}
	l.report(now)
}

// send gives the effects of a decision to those who carry them out. It never waits.
func (l *loop) send(room string, e effects) {
	for _, c := range e.commands {
		l.cfg.Log.Warn("emergency command", "room", room, "ac", c.AC, "setpoint", c.Setpoint, "revision", c.Revision, "reason", c.Reason)
		key := wire.ControlKey(c.Room, c.AC)
		l.records.put("command "+string(key), kafka.Record{Topic: wire.TopicControl, Key: key, Value: wire.Encode(c)}, true)
	}
	if e.lease != nil {
		l.records.put("lease "+room, kafka.Record{Topic: wire.TopicLease, Key: []byte(room), Value: wire.Encode(*e.lease)}, false)
	}
	for _, a := range e.alerts {
		l.cfg.Log.Info("alert", "id", a.ID, "severity", a.Severity, "ended", a.EndedMillis != 0, "evidence", a.Evidence)
		l.records.put("alert "+a.ID, kafka.Record{Topic: wire.TopicAlert, Key: []byte(room), Value: wire.Encode(a)}, false)
	}
	for _, ac := range e.dropped {
		l.signals.drop(room + "/" + ac)
	}
	for _, s := range e.signals {
		l.cfg.Log.Info("recommend", "room", room, "ac", s.AC, "setpoint", s.Setpoint, "reason", s.Reason)
		l.signals.put(room+"/"+s.AC, signal{room: room, payload: s}, s.Emergency)
	}
}

// readings hands readings to the loop and commits them when it has taken them in.
func (l *loop) readings(ctx context.Context, group *kafka.Group) error {
	for {
		records, err := group.Poll(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		if !l.hand(ctx, records, true) {
			return nil
		}
		if err := group.Commit(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.Warn("readings could not be committed; they are read again", "cause", err.Error())
		}
	}
}

// tail hands the other streams to the loop.
func (l *loop) tail(ctx context.Context, tail *kafka.Tail) error {
	for {
		records, err := tail.Poll(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		if !l.hand(ctx, records, false) {
			return nil
		}
	}
}

func (l *loop) hand(ctx context.Context, records []kafka.Record, readings bool) bool {
	b := batch{records: records, readings: readings, done: make(chan struct{})}
	select {
	case <-ctx.Done():
		return false
	case l.batches <- b:
	}
	<-b.done
	return true
}

// publish writes what waits, the newest of each kind, for as long as it takes.
func (l *loop) publish(ctx context.Context, producer *kafka.Producer) error {
	return drain(ctx, l.records, func(r kafka.Record) error {
		once, cancel := context.WithTimeout(ctx, produceFor)
		defer cancel()
		return l.fault(&l.status.KafkaFault, "publish to "+r.Topic, producer.Produce(once, r))
	})
}

// signal tells the workflows what waits.
func (l *loop) signal(ctx context.Context) error {
	return drain(ctx, l.signals, func(s signal) error {
		once, cancel := context.WithTimeout(ctx, signalFor)
		defer cancel()
		err := l.cfg.Signaller.SignalTune(once, l.cfg.Service, s.room, workflows.SignalRecommend, s.payload)
		return l.fault(&l.status.TemporalFault, "recommend to "+s.room, err)
	})
}

// drain sends one item after another, and what fails again after a pause, behind the others.
func drain[T any](ctx context.Context, q *queue[T], send func(T) error) error {
	wait := pauseFirst
	for {
		key, item, err := q.take(ctx)
		if err != nil {
			return nil // ctx has ended
		}
		if send(item) == nil {
			wait = pauseFirst
			continue
		}
		q.restore(key, item)
		if !pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, pauseMost)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// fault notes for the health endpoint how the last attempt went.
func (l *loop) fault(shown *string, doing string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	*shown = ""
	if err != nil {
		*shown = doing + ": " + err.Error()
	}
	return err
}

func (l *loop) report(now time.Time) {
	var rooms []RoomStatus
	for _, r := range l.house.rooms {
		s := RoomStatus{Room: r.spec.Name, Ours: r.mine, ReadingAgeSeconds: -1}
		if r.mine {
			s.Inlet, s.Fresh, s.Action, s.Reason = r.last.Inlet, r.last.Fresh, string(r.last.Action), r.last.Reason
		}
		if r.intent != nil {
			s.IntentRevision = r.intent.Revision
		}
		if newest := newestReading(r.readings); !newest.IsZero() {
			s.ReadingAgeSeconds = now.Sub(newest).Seconds()
		}
		rooms = append(rooms, s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Rooms, l.status.DecidedAt = rooms, now
}

func newestReading(readings map[int]rules.Reading) time.Time {
	var newest time.Time
	for _, r := range readings {
		if r.At.After(newest) {
			newest = r.At
		}
	}
	return newest
}

// health is well for as long as decisions are made: without readings or Temporal there is still something to
// decide, and a restart would cure neither.
func (l *loop) health() (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	status := l.status
	status.Kafka = l.cfg.Kafka.Pulse.Link()
	status.Unpublished, status.Unsignalled = l.records.size(), l.signals.size()
	if age := time.Since(status.DecidedAt); age > 3*l.cfg.Tick+5*time.Second {
		return status, fmt.Errorf("no decision for %s", age.Round(time.Second))
	}
	return status, nil
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
