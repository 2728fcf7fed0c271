// Package feed fills the Control Room's state: it follows the streams and asks the workflows, and notes when
// either is silent.
package feed

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// Workflows answers questions about the service. Errors: ErrUnreachable, ErrNotFound.
type Workflows interface {
	Status(ctx context.Context, service string) (workflows.Status, error)
	TuneState(ctx context.Context, service, room string) (workflows.TuneState, error)
}

// Config says what to follow.
type Config struct {
	Service   string
	Kafka     kafka.Config
	Workflows Workflows
	Store     *state.Store
	Log       *slog.Logger
}

// askEvery is how often the workflows are asked; what must be faster comes by the streams.
const askEvery = 2 * time.Second

// answer bounds one question.
const answer = 5 * time.Second

// back is how far the streams are read at the start: readings of the last minutes fill the tiles at once, and
// alerts and acks of the last day may still hold.
const (
	backReadings = 10 * time.Minute
	backMessages = 24 * time.Hour
	backAnswers  = 8 * 24 * time.Hour // an alert may be shelved for days
)

// Run follows until ctx ends.
func Run(ctx context.Context, config Config) error {
	now := time.Now()
	readings, err := kafka.NewTail(config.Kafka, now.Add(-backReadings), wire.TopicTemp, wire.TopicResource, wire.TopicPower)
	if err != nil {
		return err
	}
	defer readings.Close()
	messages, err := kafka.NewTail(config.Kafka, now.Add(-backMessages), wire.TopicAck, wire.TopicAlert, wire.TopicIntent, wire.TopicDecision)
	if err != nil {
		return err
	}
	defer messages.Close()
	answers, err := kafka.NewTail(config.Kafka, now.Add(-backAnswers), wire.TopicAnswer)
	if err != nil {
		return err
	}
	defer answers.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return config.follow(ctx, answers) })
	group.Go(func() error { return config.follow(ctx, readings) })
	group.Go(func() error { return config.follow(ctx, messages) })
	group.Go(func() error { config.ask(ctx); return nil })
	group.Go(func() error { config.ping(ctx); return nil })
	return group.Wait()
}

// follow hands records to the store. A record that cannot be read is logged and passed over: the sink keeps it
// in quarantine.
func (c Config) follow(ctx context.Context, tail *kafka.Tail) error {
	for {
		records, err := tail.Poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			c.Log.Warn("poll", "err", err)
			continue
		}
		for _, record := range records {
			if err := c.take(record); err != nil {
				c.Log.Warn("unreadable record", "topic", record.Topic, "offset", record.Offset, "err", err)
			}
		}
	}
}

func (c Config) take(r kafka.Record) error {
	switch r.Topic {
	case wire.TopicTemp:
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		reading.At = time.UnixMilli(measured(reading.At.UnixMilli(), r))
		return given(err, func() { c.Store.Reading(reading) })
	case wire.TopicResource:
		resource, err := wire.Decode[wire.Resource](r.Value)
		resource.TimeMillis = measured(resource.TimeMillis, r)
		return given(err, func() { c.Store.Resource(resource) })
	case wire.TopicAck:
		ack, err := wire.Decode[wire.Ack](r.Value)
		return given(err, func() { c.Store.Ack(ack) })
	case wire.TopicAlert:
		alert, err := wire.Decode[wire.Alert](r.Value)
		return given(err, func() { c.Store.Alert(alert) })
	case wire.TopicAnswer:
		answer, err := wire.Decode[wire.Answer](r.Value)
		return given(err, func() { c.Store.Answer(answer) })
	case wire.TopicPower:
		power, err := wire.Decode[wire.Power](r.Value)
		power.TimeMillis = measured(power.TimeMillis, r)
		return given(err, func() { c.Store.Power(power) })
	case wire.TopicDecision:
		decision, err := wire.Decode[wire.Decision](r.Value)
		return given(err, func() { c.Store.Decision(decision) })
	case wire.TopicIntent:
		intent, err := wire.Decode[wire.Intent](r.Value)
		return given(err, func() { c.Store.Intent(intent) })
	}
	return nil
}

// measured is when something was measured, Unix ms: nothing is after it came. A clock that is ahead would else keep a
// sensor fresh that is long dead, and hide what comes once the clock is right.
func measured(at int64, r kafka.Record) int64 {
	if r.Time.IsZero() {
		return at
	}
	return min(at, r.Time.UnixMilli())
}

func given(err error, take func()) error {
	if err == nil {
		take()
	}
	return err
}

// ask puts the questions that only workflows can answer.
func (c Config) ask(ctx context.Context) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		err := c.askAll(ctx)
		if ctx.Err() != nil {
			return
		}
		c.Store.Heard("temporal", time.Now(), err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// askAll asks the service and each room, all at once: one that does not answer keeps no other's news back. It tells the
// first fault, the service's before the rooms'.
func (c Config) askAll(ctx context.Context) error {
	rooms := c.Store.Rooms()
	faults := make([]error, 1+len(rooms))
	var group sync.WaitGroup
	group.Go(func() { faults[0] = c.askService(ctx) })
	for i, room := range rooms {
		group.Go(func() { faults[1+i] = c.askRoom(ctx, room) })
	}
	group.Wait()
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c Config) askService(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	status, err := c.Workflows.Status(ctx, c.Service)
	return given(err, func() { c.Store.Service(status) })
}

func (c Config) askRoom(ctx context.Context, room spec.Room) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	tune, err := c.Workflows.TuneState(ctx, c.Service, room.Name)
	return given(err, func() { c.Store.Tune(tune, time.Now()) })
}

// ping notes whether Kafka answers: a quiet stream and a dead broker look the same to a consumer.
func (c Config) ping(ctx context.Context) {
	ticker := time.NewTicker(answer)
	defer ticker.Stop()
	for {
		one, cancel := context.WithTimeout(ctx, answer)
		err := kafka.Ping(one, c.Kafka)
		cancel()
		if ctx.Err() != nil {
			return
		}
		c.Store.Heard("kafka", time.Now(), err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
