package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
)

// session is what one client has on its way.
type session struct {
	*delivery
	sender *kafka.Sender
	flying []*load // oldest first
	free   []*load
	empty  bool // nothing more to read until something is appended and has lingered
}

func (s *session) run(ctx context.Context) error {
	tick := time.NewTicker(min(5*time.Second, s.stuckAfter))
	defer tick.Stop()
	var lingered <-chan time.Time
	for {
		beat(ctx, 2*time.Minute)
		for !s.empty && len(s.free) > 0 && (s.single == 0 || len(s.flying) == 0) {
			if err := s.launch(); err != nil {
				return err
			}
		}
		var landed <-chan struct{}
		if len(s.flying) > 0 {
			landed = s.flying[0].flight.Done()
		}
		appended := s.queue.Appended()
		if !s.empty || lingered != nil {
			appended = nil
		}
		select {
		case <-ctx.Done():
			return s.leave()
		case <-landed:
			if err := s.land(); err != nil {
				return err
			}
		case <-appended:
			lingered = time.After(s.linger)
		case <-lingered:
			lingered, s.empty = nil, false
		case now := <-tick.C:
			if err := s.stuck(ctx, now); err != nil {
				return err
			}
			s.refresh(ctx, now)
		}
	}
}

// launch sends the next batch, if there is one.
func (s *session) launch() error {
	l := s.free[len(s.free)-1]
	var after *spool.Batch
	if len(s.flying) > 0 {
		after = &s.flying[len(s.flying)-1].batch
	}
	most := loadRecords
	if s.single > 0 {
		most = 1
	}
	if err := s.queue.Next(&l.batch, after, most, loadBytes); err != nil {
		return err
	}
	if len(l.batch.Records) == 0 {
		s.empty, s.single = true, 0
		return nil
	}
	s.free = s.free[:len(s.free)-1]
	l.records = l.records[:0]
	for _, r := range l.batch.Records {
		if len(s.there) > 0 && s.there[s.hash(r.Key, r.Value)] {
			continue
		}
		// The record's time is the broker's matter; a value carries its own.
		l.records = append(l.records, kafka.Record{Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	l.sentAt = time.Now()
	s.sender.Send(&l.flight, l.records)
	s.flying = append(s.flying, l)
	return nil
}

// land takes the oldest batch off the queue, or begins to look for what of it was refused.
func (s *session) land() error {
	l := s.flying[0]
	if l.flight.AnyFailed() {
		return s.failed()
	}
	s.places = s.places.Reach(l.flight.Places())
	for i := 0; len(s.there) > 0 && i < len(l.batch.Records); i++ {
		delete(s.there, s.hash(l.batch.Records[i].Key, l.batch.Records[i].Value))
	}
	if len(s.there) == 0 { // all that was uncertain is off the queue
		s.places = s.places.Reach(s.ends)
	}
	if err := s.queue.Ack(&l.batch, s.places.Encode()); err != nil {
		slog.Error("what was delivered may come again after a restart", "topic", s.topic, "error", err)
	}
	s.single = max(0, s.single-1)
	s.flying, s.free = s.flying[1:], append(s.free, l)
	for _, other := range s.flying {
		other.sentAt = time.Now() // the broker gets on
	}
	return nil
}

// failed looks at everything on its way after a record was refused: what arrived is remembered, and all that did not
// goes out one by one. Records behind the refused one may thereby overtake those that it took with it.
func (s *session) failed() error {
	var refused error
	patience := time.NewTimer(farewell)
	defer patience.Stop()
	for _, l := range s.flying {
		select {
		case <-l.flight.Done():
		case <-patience.C: // the broker went away meanwhile: a fresh client finds out what arrived
			return fmt.Errorf("%w: a refused record, and no word on those behind it", fault.ErrUnreachable)
		}
		for i, r := range l.records {
			err := l.flight.Failed(i)
			switch {
			case err == nil:
				s.remember(r)
			case errors.Is(err, fault.ErrRejected):
				refused = err
			default:
				return err
			}
		}
	}
	if first := s.flying[0]; len(first.batch.Records) == 1 && refused != nil {
		slog.Error("the broker refuses a record for good; it is dropped", "topic", s.topic, "key", string(first.batch.Records[0].Key), "error", refused)
		s.outbox.refuse(s.topic)
		if err := s.queue.Ack(&first.batch, nil); err != nil {
			return err
		}
		s.single = max(0, s.single-1)
	} else {
		s.single = loadsMost * loadRecords
	}
	s.free, s.flying, s.empty = append(s.free, s.flying...), nil, false
	return nil
}

// leave waits a little for what is on its way, so that the next start need not look for it.
func (s *session) leave() error {
	patience := time.NewTimer(farewell)
	defer patience.Stop()
	for len(s.flying) > 0 {
		select {
		case <-s.flying[0].flight.Done():
			if s.flying[0].flight.AnyFailed() {
				return nil
			}
			if err := s.land(); err != nil {
				return err
			}
		case <-patience.C:
			return nil
		}
	}
	return nil
}

// stuck gives up a client that gets nowhere while the broker answers: one whose topic was made anew waits for the
// old one for ever.
func (s *session) stuck(ctx context.Context, now time.Time) error {
	if len(s.flying) == 0 || now.Sub(s.flying[0].sentAt) < s.stuckAfter {
		return nil
	}
	once, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.sender.Answers(once); err != nil {
		return nil // it is away: the client waits better than we do
	}
	return fmt.Errorf("%w: no acknowledgement for %s from a broker that answers", fault.ErrUnreachable, now.Sub(s.flying[0].sentAt).Round(time.Second))
}

// refresh moves the places on while nothing is on its way: others write to the topic too, and a restart would read
// all of theirs.
func (s *session) refresh(ctx context.Context, now time.Time) {
	if len(s.flying) > 0 || now.Sub(s.quiet) < placesOld {
		return
	}
	s.quiet = now
	once, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ends, err := kafka.Ends(once, s.broker, s.topic)
	if err != nil {
		return // the next time will do
	}
	s.note(s.places.Reach(ends))
}
