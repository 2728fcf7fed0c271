// Package control is the control loop as a process: readings from Kafka go in, the rules of internal/control
// decide each few seconds in memory, and what comes out are signals to the rooms' TuneWorkflows, leases, alerts
// and, in an emergency, commands. Nothing that is slow or away (Temporal, the broker) holds a decision up.
//
// It remembers nothing on disk. After a restart it reads a day of the streams back: the intents say what the
// setpoints, policies and overrides are, and the readings go on where the consumer group stopped.
//
// Several may run: the consumer group gives each room to one. The others leave it alone while its holder's
// leases go on.
package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/wire"
)

// Signaller sends a signal to a room's TuneWorkflow. Errors: fault.ErrNotFound when there is none,
// fault.ErrUnreachable.
type Signaller interface {
	SignalTune(ctx context.Context, service, room, name string, payload any) error
}

// Config is what the control loop needs. Service, Kafka's brokers and Rooms must be given.
type Config struct {
	Kafka           kafka.Config
	TemporalAddress string // host:port
	Service         string
	Rooms           []spec.Room
	// HealthAddress is where GET /healthz answers; empty means nowhere.
	HealthAddress string
	// Tick is the time between decisions; zero means the shortest sampling interval of the rooms, 1 to 60 s.
	Tick time.Duration
	// Holder names this process in its leases and must be its own; empty means host and process number.
	Holder string
	// Signaller replaces Temporal at TemporalAddress.
	Signaller Signaller
	Log       *slog.Logger // nil: slog's default
}

const (
	// readBack covers two publications of a quiet room's intent (each 12 h).
	readBack        = 25 * time.Hour
	readingsGroup   = "overcloud-control"
	forwardingGroup = "overcloud-control-acks"
)

// Run decides until ctx ends (nil) or something is wrong that waiting does not cure: a configuration, a port
// that is taken, a broker that refuses us.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if cfg.Signaller == nil {
		client, err := temporal.Dial(temporal.Options{Address: cfg.TemporalAddress, Logger: cfg.Log, Identity: cfg.Holder})
		if err != nil {
			return err
		}
		defer client.Close()
		cfg.Signaller = client
	}
	cfg.Kafka.Pulse = cmp.Or(cfg.Kafka.Pulse, &kafka.Pulse{})
	streams, err := open(cfg)
	if err != nil {
		return err
	}
	defer streams.close()
	l := newLoop(cfg)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return kafka.KeepTopics(ctx, streams.config, wire.Topics()) })
	group.Go(func() error { return l.readings(ctx, streams.readings) })
	group.Go(func() error { return l.tail(ctx, streams.tail) })
	group.Go(func() error { return l.run(ctx) })
	group.Go(func() error { return l.publish(ctx, streams.producer) })
	group.Go(func() error { return l.signal(ctx) })
	forward := &forwarder{service: cfg.Service, rooms: cfg.Rooms, signaller: cfg.Signaller, log: cfg.Log}
	group.Go(func() error { return forward.run(ctx, streams.words) })
	if cfg.HealthAddress != "" {
		group.Go(func() error { return fn.ServeHealth(ctx, cfg.HealthAddress, l.health) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (c Config) complete() (Config, error) {
	if c.Service == "" {
		return c, fmt.Errorf("%w: control: no service is named (%s)", fault.ErrInvalid, fn.EnvService)
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Holder == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "control"
		}
		c.Holder = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if c.Tick <= 0 {
		c.Tick = time.Minute
		for _, room := range c.Rooms {
			if every := room.Policy.SampleEvery.D(); every > 0 {
				c.Tick = min(c.Tick, every)
			}
		}
		c.Tick = max(time.Second, c.Tick)
	}
	return c, nil
}

// streams are the ends of everything that goes through Kafka.
type streams struct {
	config   kafka.Config
	readings *kafka.Group
	words    *kafka.Group // acks and alerts, for the workflows
	tail     *kafka.Tail
	producer *kafka.Producer
}

func open(cfg Config) (*streams, error) {
	config := cfg.Kafka
	config.ClientID = cmp.Or(config.ClientID, "overcloud-control")
	config.Log = cmp.Or(config.Log, cfg.Log)
	s := &streams{config: config}
	var errs [4]error
	s.readings, errs[0] = kafka.NewGroup(config, readingsGroup, wire.TopicTemp)
	s.words, errs[1] = kafka.NewGroup(config, forwardingGroup, wire.TopicAck, wire.TopicAlert)
	s.tail, errs[2] = kafka.NewTail(config, time.Now().Add(-readBack),
		wire.TopicIntent, wire.TopicControl, wire.TopicAck, wire.TopicLease, wire.TopicAlert)
	s.producer, errs[3] = kafka.NewProducer(config)
	for _, err := range errs {
		if err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *streams) close() {
	if s.readings != nil {
		s.readings.Close()
	}
	if s.words != nil {
		s.words.Close()
	}
	if s.tail != nil {
		s.tail.Close()
	}
	if s.producer != nil {
		s.producer.Close()
	}
}
