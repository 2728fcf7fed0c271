package control

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
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
	rooms     []spec.Room
	signaller Signaller
	log       *slog.Logger
	refreshed map[string]wire.Ack // the last ack of each air conditioner that was forwarded
	aside     map[string]*shelf   // by room
}

// word is one thing to be told to one room's workflow. A newer one with the same key stands for it.
type word struct {
	room, key, name string
	payload         any
}

// asideEvery is how often a workflow that did not run is looked for again.
const asideEvery = 5 * time.Second

// asideMost bounds the words that wait for one room: far more than it has machines and lasting alerts.
const asideMost = 500

func (f *forwarder) run(ctx context.Context, group *kafka.Group) error {
	f.refreshed, f.aside = map[string]wire.Ack{}, map[string]*shelf{}
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
		for _, record := range records {
			if !f.forward(ctx, record) {
				return nil // ctx has ended; what was not committed is read again
			}
		}
		if len(records) == 0 {
			continue
		}
		if err := group.Commit(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("acks could not be committed; they are forwarded again", "cause", err.Error())
		}
	}
}

// forward signals one record, or keeps it aside. It is false when ctx has ended.
func (f *forwarder) forward(ctx context.Context, record kafka.Record) bool {
	w, worth := f.read(record)
	if !worth {
		return true
	}
	if f.aside[w.room] != nil { // behind those that wait
		f.keep(w)
		return true
	}
	absent, goOn := f.deliver(ctx, w)
	if absent {
		f.log.Info("no tuning runs for a room: its acks and alerts wait", "room", w.room, "signal", w.name)
		f.keep(w)
	}
	return goOn
}

// deliver signals one word, for as long as it takes. Absent says that no workflow runs that it is for; goOn is false
// when ctx has ended.
func (f *forwarder) deliver(ctx context.Context, w word) (absent, goOn bool) {
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

func (f *forwarder) keep(w word) {
	s := f.aside[w.room]
	if s == nil {
		s = &shelf{words: map[string]word{}}
		f.aside[w.room] = s
	}
	s.put(w)
}

// shelf holds the newest word of each key, in the order in which the newest came.
type shelf struct {
	keys  []string
	words map[string]word
}

func (s *shelf) put(w word) {
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
func (f *forwarder) read(record kafka.Record) (w word, worth bool) {
	switch record.Topic {
	case wire.TopicAck:
		a, err := wire.Decode[wire.Ack](record.Value)
		if err != nil {
			f.log.Warn("an ack that cannot be read", "cause", err.Error())
			return word{}, false
		}
		return word{a.Room, "ack " + a.AC, workflows.SignalAck, a}, f.ours(a.Room) && !f.repeats(a)
	case wire.TopicAlert:
		a, err := wire.Decode[wire.Alert](record.Value)
		if err != nil {
			f.log.Warn("an alert that cannot be read", "cause", err.Error())
			return word{}, false
		}
		// One that is a day old has long been dealt with: a group that begins anew reads the whole topic.
		old := !record.Time.IsZero() && time.Since(record.Time) > readBack
		return word{a.Room, "alert " + a.ID, workflows.SignalAlert, a}, f.ours(a.Room) && a.Source != "workflow" && !old
	}
	return word{}, false
}

func (f *forwarder) ours(room string) bool {
	return slices.ContainsFunc(f.rooms, func(r spec.Room) bool { return r.Name == room })
}

// repeats says that an edge's periodic refresh tells nothing new: it would be 72 events a day in a history.
func (f *forwarder) repeats(a wire.Ack) bool {
	last, known := f.refreshed[a.Room+"/"+a.AC]
	return a.Source == "refresh" && known && last.State == wire.AckConfirmed && last.Revision == a.Revision &&
		last.Power == a.Power && last.Setpoint == a.Setpoint && a.State != wire.AckRejected
}

func (f *forwarder) remember(payload any) {
	if a, isAck := payload.(wire.Ack); isAck && (a.Source != "refresh" || a.State == wire.AckConfirmed) {
		f.refreshed[a.Room+"/"+a.AC] = a
	}
}
