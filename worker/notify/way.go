package notify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// way is one channel with what its people know. Only its own goroutine looks at the ledger.
type way struct {
	*Notifier
	channel  Channel
	ledger   *ledger
	producer *kafka.Producer
	log      *slog.Logger

	mu    sync.Mutex
	inbox []kafka.Record
	rings chan struct{}

	failures int       // in a row
	retryAt  time.Time // after a failure
	owes     bool      // the channel owes somebody a notice
	settled  time.Time // when that was last tried
	noted    string    // ID of the notice whose beginning is in the journal
	unsaved  []wire.Notice
	worked   time.Time   // when it last took a notice
	lasting  *wire.Alert // that the channel fails
}

func newWay(n *Notifier, outlet Outlet) *way {
	name := outlet.Name()
	return &way{
		Notifier: n, channel: outlet.Channel, ledger: newLedger(name, outlet.Rules),
		log: n.config.Log.With("channel", name), rings: make(chan struct{}, 1),
	}
}

// post hands records over without waiting.
func (w *way) post(records ...kafka.Record) {
	w.mu.Lock()
	w.inbox = append(w.inbox, records...)
	w.mu.Unlock()
	select {
	case w.rings <- struct{}{}:
	default:
	}
}

func (w *way) serve(ctx context.Context) error {
	for tidied := w.config.Now(); ; {
		w.take(ctx)
		now := w.config.Now()
		if now.Sub(tidied) > time.Minute {
			tidied = now
			w.ledger.forget(now)
		}
		w.save(ctx)
		w.settle(ctx, now)
		notice, next := w.ledger.due(now)
		if notice != nil && !now.Before(w.retryAt) {
			if err := w.tell(ctx, *notice); err != nil {
				return err
			}
			continue
		}
		if notice != nil {
			next = w.retryAt
		}
		if len(w.unsaved) > 0 || w.owes {
			next = earliest(next, now.Add(w.config.RetryMost))
		}
		timer := time.NewTimer(max(next.Sub(now), time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-w.rings:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// settle lets a channel that put somebody off try again, each RetryMost.
func (w *way) settle(ctx context.Context, now time.Time) {
	debtor, can := w.channel.(interface {
		Owed(ctx context.Context) (left int, lost error)
	})
	if !can || !w.owes || now.Sub(w.settled) < w.config.RetryMost {
		return
	}
	w.settled = now
	left, lost := debtor.Owed(ctx)
	w.owes = left > 0
	if lost != nil && ctx.Err() == nil {
		w.log.Error("not everybody is told", "cause", lost.Error())
		w.health.lost(w.channel.Name(), lost)
	}
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// take brings the ledger up to what was said.
func (w *way) take(ctx context.Context) {
	w.mu.Lock()
	records := w.inbox
	w.inbox = nil
	w.mu.Unlock()
	for _, r := range records {
		var err error
		switch r.Topic {
		case wire.TopicAlert:
			err = w.takeAlert(ctx, r)
		case wire.TopicAnswer:
			var a wire.Answer
			if a, err = wire.Decode[wire.Answer](r.Value); err == nil {
				w.ledger.answer(a, r.Time)
			}
		case wire.TopicNotice:
			var n wire.Notice
			if n, err = wire.Decode[wire.Notice](r.Value); err == nil {
				w.ledger.notice(n, r.Time)
			}
		}
		if err != nil {
			w.log.Warn("passed over a record that is none", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "cause", err.Error())
		}
	}
	w.health.quiet(w.channel.Name(), w.ledger.quiet)
}

func (w *way) takeAlert(ctx context.Context, r kafka.Record) error {
	a, err := wire.Decode[wire.Alert](r.Value)
	switch {
	case err != nil:
		return err // the sink puts it into quarantine
	case isOwn(w.channel.Name(), a):
		w.recall(ctx, a)
	default:
		w.ledger.alert(a, r.Time)
	}
	return nil
}

// tell sends a notice once. Its only error is that of ctx.
func (w *way) tell(ctx context.Context, n wire.Notice) error {
	words := w.ledger.words(w.config.Service, n, w.config.Now())
	n.Subject = words.Subject
	if w.noted != n.ID {
		w.noted = n.ID
		w.journal(ctx, n) // people first: it is sent also when this fails
	}
	err := w.channel.Send(ctx, words)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	name, now := w.channel.Name(), w.config.Now()
	var partly Partly
	switch {
	case err == nil, errors.As(err, &partly):
		w.failures, w.retryAt, w.owes = 0, time.Time{}, true
		w.done(ctx, n, wire.NoticeTold, "")
		w.health.sent(name, now)
		w.log.Info("told", "notice", n.ID, "event", words.Event, "severity", words.Severity, "alerts", len(n.Matters))
		if err != nil {
			w.log.Error("not everybody is told", "notice", n.ID, "cause", err.Error())
			w.health.lost(name, err)
			w.fails(ctx, words.Alert.Room, err)
		} else {
			w.works(ctx)
		}
	case errors.Is(err, fault.ErrRejected), errors.Is(err, fault.ErrInvalid):
		w.failures, w.retryAt = 0, time.Time{}
		w.done(ctx, n, wire.NoticeLost, err.Error())
		w.health.lost(name, err)
		w.log.Error("an alert could not be told", "notice", n.ID, "severity", words.Severity, "cause", err.Error())
		w.fails(ctx, words.Alert.Room, err)
	default:
		w.failed(ctx, n, words, err)
	}
	return nil
}

// failed puts the next try off.
func (w *way) failed(ctx context.Context, n wire.Notice, words Notice, err error) {
	if w.health.failing(w.channel.Name(), err) {
		w.log.Warn("trying again to tell an alert", "notice", n.ID, "cause", err.Error())
	}
	w.failures++
	w.retryAt = w.config.Now().Add(min(w.config.RetryFirst<<min(w.failures-1, 20), w.config.RetryMost))
	if w.failures >= failsAfter {
		w.fails(ctx, words.Alert.Room, err)
	}
}

// done notes what became of a notice.
func (w *way) done(ctx context.Context, n wire.Notice, state, cause string) {
	now := w.config.Now()
	n.State, n.Cause, n.TimeMillis = state, clip(cause), now.UnixMilli()
	w.ledger.notice(n, now)
	w.unsaved = append(w.unsaved, n)
	w.save(ctx)
}

// mostUnsaved bounds what waits for Kafka to come back.
const mostUnsaved = 1000

// save writes to the journal what could not be written before.
func (w *way) save(ctx context.Context) {
	for len(w.unsaved) > 0 && w.journal(ctx, w.unsaved[0]) {
		w.unsaved = w.unsaved[1:]
	}
	if n := len(w.unsaved) - mostUnsaved; n > 0 {
		w.unsaved = w.unsaved[n:]
	}
}

func (w *way) journal(ctx context.Context, n wire.Notice) bool {
	ctx, cancel := context.WithTimeout(ctx, publishFor)
	defer cancel()
	err := w.producer.Produce(ctx, kafka.Record{Topic: wire.TopicNotice, Key: []byte(n.Channel), Value: wire.Encode(n)})
	if err != nil {
		w.log.Warn("a notice could not be noted: a restart may tell it again", "notice", n.ID, "cause", err.Error())
	}
	return err == nil
}

// clip keeps a cause inside what a record may hold.
func clip(text string) string {
	const most = 1000
	if len(text) > most {
		text = text[:most]
	}
	return text
}
