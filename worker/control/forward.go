package control

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// forwarder brings the edges' acks and all alerts but the workflow's own to the workflows, in order, and
// commits them when they were taken. It holds one batch; the rest waits in Kafka.
//
// A room whose workflow does not run (the service is still being stitched, or was taken down) holds up no other:
// the newest word on each of its things is kept aside until the workflow is there. That lives in memory only;
// what a restart loses, a new workflow learns from what it tells itself.
type forwarder struct {
	service   string
	rooms     map[string]bool
	signaller Signaller
	log       *slog.Logger

	mu        sync.Mutex
	refreshed map[string]wire.Ack // the last ack of each air conditioner that was forwarded
	alerted   map[string]alerted  // the alerts that last, as they were forwarded, by ID
	aside     map[string]*shelf   // by room
}

// news is one thing to be told to one room's workflow. A newer one with the same key stands for it.
type news struct {
	room, key, name string
	payload         any
}

// alerted is an alert that was forwarded, and when.
type alerted struct {
	alert wire.Alert
	at    time.Time
}

// alertAgain: an alert that lasts is said again each hour or so for people's sake. A workflow that knows it hears of it
// again this often, should it have begun anew since; each hour would be 96 events a day in its history.
const alertAgain = 6 * time.Hour

// asideEvery is how often a workflow that did not run is looked for again.
const asideEvery = 5 * time.Second

// asideMost bounds the words that wait for one room: far more than it has machines and lasting alerts.
const asideMost = 500

func newForwarder(cfg Config) *forwarder {
	f := &forwarder{
		service: cfg.Service, rooms: make(map[string]bool, len(cfg.Rooms)), signaller: cfg.Signaller, log: cfg.Log,
		refreshed: map[string]wire.Ack{}, alerted: map[string]alerted{}, aside: map[string]*shelf{},
	}
	for _, room := range cfg.Rooms {
		f.rooms[room.Name] = true
	}
	return f
}

func (f *forwarder) run(ctx context.Context, group *kafka.Group) error {
	looked := time.Now()
	for {
		// Nothing waits aside, nothing to look for: sleep until words come.
		wait, cancel := ctx, context.CancelFunc(func() {})
		if len(f.aside) > 0 {
			wait, cancel = context.WithTimeout(ctx, asideEvery)
		}
		records, err := group.Poll(wait)
		late := wait.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil || err != nil && !late:
			return ended(ctx, err)
		case len(f.aside) > 0 && time.Since(looked) >= asideEvery:
			looked = time.Now()
			if !f.lookAgain(ctx) {
				return nil
			}
		}
		if !f.forward(ctx, records) {
			return nil // ctx has ended; what was not committed is read again
		}
		if len(records) > 0 {
			f.commit(ctx, group)
		}
	}
}

// commit makes what was forwarded count, also when ctx has ended meanwhile.
func (f *forwarder) commit(ctx context.Context, group *kafka.Group) {
	once, cancel := ctx, context.CancelFunc(func() {})
	if ctx.Err() != nil {
		once, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleFor)
	}
	defer cancel()
	if err := group.Commit(once); err != nil {
		f.log.Warn("acks could not be committed; they are forwarded again", "cause", err.Error())
	}
}

// forward signals records, or keeps them aside: those of one room one after another, several rooms at once. It is
// false when ctx has ended before all were.
func (f *forwarder) forward(ctx context.Context, records []kafka.Record) bool {
	var order []string
	rooms := map[string][]news{}
	for _, record := range records {
		if w, worth := f.read(record); worth {
			if len(rooms[w.room]) == 0 {
				order = append(order, w.room)
			}
			rooms[w.room] = append(rooms[w.room], w)
		}
	}
	var group errgroup.Group
	group.SetLimit(signallers)
	for _, room := range order {
		group.Go(func() error { return f.forwardRoom(ctx, rooms[room]) })
	}
	return group.Wait() == nil
}

// forwardRoom errs when ctx has ended before all were forwarded.
func (f *forwarder) forwardRoom(ctx context.Context, all []news) error {
	for _, w := range all {
		if f.repeats(w.payload) {
			continue
		}
		if f.waits(w.room) { // behind those that wait
			f.keep(w)
			continue
		}
		absent, goOn := f.deliver(ctx, w)
		if absent {
			f.log.Info("no tuning runs for a room: its acks and alerts wait", "room", w.room, "signal", w.name)
			f.keep(w)
		}
		if !goOn {
			return ctx.Err()
		}
	}
	return nil
}

func (f *forwarder) waits(room string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.aside[room] != nil
}

// deliver signals one piece of news, for as long as it takes. Absent says that no workflow runs that it is for; goOn is false
// when ctx has ended.
func (f *forwarder) deliver(ctx context.Context, w news) (absent, goOn bool) {
	for wait := pauseFirst; ; wait = min(2*wait, pauseMost) {
		once, cancel := context.WithTimeout(ctx, signalFor)
		err := f.signaller.SignalTune(once, f.service, w.room, w.name, w.payload)
		cancel()
		switch {
		case err == nil:
			f.remember(w.payload)
			return false, true
		case ctx.Err() != nil:
			return false, false
		case errors.Is(err, fault.ErrNotFound):
			return true, true
		}
		if !pause(ctx, wait) {
			return false, false
		}
	}
}

// lookAgain delivers what waits aside to the workflows that run now. It is false when ctx has ended.
func (f *forwarder) lookAgain(ctx context.Context) bool {
	for room, s := range f.aside {
		for len(s.keys) > 0 {
			absent, goOn := f.deliver(ctx, s.words[s.keys[0]])
			if !goOn {
				return false
			}
			if absent {
				break
			}
			s.remove(s.keys[0])
		}
		if len(s.keys) == 0 {
			f.log.Info("tuning runs again", "room", room)
			delete(f.aside, room)
		}
	}
	return true
}

func (f *forwarder) keep(w news) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.aside[w.room]
	if s == nil {
		s = &shelf{words: map[string]news{}}
		f.aside[w.room] = s
	}
	s.put(w)
}

// shelf holds the newest word of each key, in the order in which the newest came.
type shelf struct {
	keys  []string
	words map[string]news
}

func (s *shelf) put(w news) {
	s.remove(w.key)
	if len(s.keys) >= asideMost {
		s.remove(s.keys[0])
	}
	s.keys = append(s.keys, w.key)
	s.words[w.key] = w
}

func (s *shelf) remove(key string) {
	delete(s.words, key)
	s.keys = slices.DeleteFunc(s.keys, func(k string) bool { return k == key })
}

// read says what a record is and whether its room's workflow wants it.
func (f *forwarder) read(record kafka.Record) (w news, worth bool) {
	switch record.Topic {
	case wire.TopicAck:
		a, err := wire.Decode[wire.Ack](record.Value)
		if err != nil {
			f.log.Warn("an ack that cannot be read", "cause", err.Error())
			return news{}, false
		}
		return news{a.Room, "ack " + a.AC, workflows.SignalAck, a}, f.rooms[a.Room]
	case wire.TopicAlert:
		a, err := wire.Decode[wire.Alert](record.Value)
		if err != nil {
			f.log.Warn("an alert that cannot be read", "cause", err.Error())
			return news{}, false
		}
		// One that is a day old has long been dealt with: a group that begins anew reads the whole topic.
		old := !record.Time.IsZero() && time.Since(record.Time) > readBackOfCommands
		return news{a.Room, "alert " + a.ID, workflows.SignalAlert, a}, f.rooms[a.Room] && a.Source != "workflow" && !old
	}
	return news{}, false
}

// repeats says that an edge's periodic refresh tells nothing new (it would be 72 events a day in a history), or that an
// alert is one that lasts, said again.
func (f *forwarder) repeats(payload any) bool {
	if a, isAlert := payload.(wire.Alert); isAlert {
		return f.known(a, time.Now())
	}
	a, isAck := payload.(wire.Ack)
	if !isAck {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last, known := f.refreshed[a.Room+"/"+a.AC]
	return a.Source == "refresh" && known && last.State == wire.AckConfirmed && last.Revision == a.Revision &&
		last.Power == a.Power && last.Setpoint == a.Setpoint && a.State != wire.AckRejected
}

// known says that an alert is one that lasts, said again.
func (f *forwarder) known(a wire.Alert, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, lasts := f.alerted[a.ID]
	return lasts && a.EndedMillis == 0 && last.alert.BeganMillis == a.BeganMillis && last.alert.Severity == a.Severity &&
		now.Sub(last.at) < alertAgain
}

func (f *forwarder) remember(payload any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, isAlert := payload.(wire.Alert); isAlert {
		if a.EndedMillis != 0 {
			delete(f.alerted, a.ID)
		} else {
			f.alerted[a.ID] = alerted{alert: a, at: time.Now()}
		}
		return
	}
	if a, isAck := payload.(wire.Ack); isAck && (a.Source != "refresh" || a.State == wire.AckConfirmed) {
		f.refreshed[a.Room+"/"+a.AC] = a
	}
}
