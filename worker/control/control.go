// Package control is the control loop as a process: readings from Kafka go in, the rules of internal/control
// decide each few seconds in memory, and what comes out are signals to the rooms' TuneWorkflows, leases, alerts
// and, in an emergency, commands. Nothing that is slow or away (Temporal, the broker) holds a decision up.
//
// It remembers nothing on disk. After a restart it reads the streams back: the intents say what the setpoints,
// policies and overrides are, the decisions what the rules remembered, the alerts what lasts.
//
// Several may run: each belongs to a consumer group over the partitions of temp, and decides for the rooms whose
// partition is its own. All hear all rooms, so that whoever takes a room over knows it already.
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
	// Signaller replaces Temporal at TemporalAddress; Defender does so for the shedding of heat.
	Signaller Signaller
	Defender  Defender
	Log       *slog.Logger // nil: slog's default
}

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
		cfg.Signaller, cfg.Defender = client, client
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
	group.Go(func() error { return streams.member.Run(ctx, l.moved(ctx)) })
	l.past.left.Store(int32(streams.needed)) //nolint:gosec // a handful
	for i, tail := range streams.tails {
		caught := func() {}
		if i < streams.needed {
			caught = func() { l.past.left.Add(-1) }
		}
		group.Go(func() error { return l.tail(ctx, tail, caught) })
	}
	group.Go(func() error { return l.work(ctx, streams.producer) })
	for range signallers {
		group.Go(func() error { return l.signal(ctx) })
	}
	if cfg.Defender != nil {
		group.Go(func() error { return l.defend(ctx, cfg.Defender) })
	}
	forward := newForwarder(cfg)
	group.Go(func() error { return forward.run(ctx, streams.words) })
	if cfg.HealthAddress != "" {
		group.Go(func() error { return fn.Serve(ctx, cfg.HealthAddress, l.handler()) })
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
