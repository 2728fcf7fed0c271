// Package sink carries the streams from Kafka into InfluxDB: at least once, and since a point is known by its
// series and time, with the effect of once. Offsets are committed only after InfluxDB has accepted the batch.
// What cannot be stored goes to the topic quarantine, as it came, with the reason.
package sink

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Group is the sink's consumer group unless another is configured. Several sinks of a group share the partitions.
const Group = "overcloud-sink"

// batchLines is the size of a batch: InfluxDB is at its best with 5,000 lines a request.
const batchLines = 5000

// The back-off while InfluxDB is away.
const (
	retryFirst = 250 * time.Millisecond
	retryMost  = 10 * time.Second
)

// Store is what the sink needs of InfluxDB: package influx's Client.
type Store interface {
	Write(ctx context.Context, lines []byte) error
}

// Config says what the sink joins.
type Config struct {
	Kafka kafka.Config
	Group string // Group when empty
	Store Store
	// Rooms find the room of 2017 records, which have no key.
	Rooms []spec.Room
	Log   *slog.Logger
}

// Sink is one member of the sink's group.
type Sink struct {
	config  Config
	encoder encoder
	state   state
}

// New makes a sink; Run starts it.
func New(cfg Config) *Sink {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Group = cmp.Or(cfg.Group, Group)
	cfg.Kafka.Pulse = cmp.Or(cfg.Kafka.Pulse, &kafka.Pulse{})
	s := &Sink{config: cfg, encoder: encoder{rooms: wire.SensorRooms(cfg.Rooms)}}
	s.state.waiting("Kafka has not answered yet")
	return s
}

// Run works until ctx ends (nil). Kafka and InfluxDB may come late and go away; errors are those that waiting
// cannot cure: ErrInvalid configuration, ErrUnauthorised by Kafka.
func (s *Sink) Run(ctx context.Context) error {
	err := s.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Sink) run(ctx context.Context) error {
	if err := kafka.EnsureTopics(ctx, s.config.Kafka, wire.Topics()); err != nil {
		return err
	}
	producer, err := kafka.NewProducer(s.config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	group, err := kafka.NewGroup(s.config.Kafka, s.config.Group,
		wire.TopicTemp, wire.TopicResource, wire.TopicControl, wire.TopicAck, wire.TopicAlert,
		wire.TopicAnswer, wire.TopicPower)
	if err != nil {
		return err
	}
	defer group.Close()
	s.state.working()
	return newPipeline(s, group, producer).run(ctx)
}

// flush returns when InfluxDB has every record of the batch that it will ever take, and quarantine the others.
func (s *Sink) flush(ctx context.Context, producer *kafka.Producer, b *batch) error {
	if b.empty() {
		return nil
	}
	if err := b.write(ctx, s.write); err != nil {
		return err
	}
	if err := s.quarantine(ctx, producer, b.bad); err != nil {
		return err
	}
	s.state.flushed(len(b.records), b.line.Lines, len(b.bad))
	return nil
}

// write tries until InfluxDB takes the lines, refuses them for good (ErrRejected), or ctx ends. A database
// that is missing and a token that is wrong are waited out too: the records are good, and people can cure both.
func (s *Sink) write(ctx context.Context, lines []byte) error {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := s.config.Store.Write(ctx, lines)
		if err == nil {
			s.state.working()
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, fault.ErrRejected) {
			return err
		}
		if s.state.waiting(err.Error()) {
			s.config.Log.Warn("waiting for InfluxDB; nothing is committed meanwhile", "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
