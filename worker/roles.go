package main

import (
	"context"
	"log/slog"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/worker/control"
	"github.com/overcloud/overcloud/worker/durable"
	"github.com/overcloud/overcloud/worker/sink"
)

const kafkaHelp = `
  KAFKA_BROKERS        host:port, more with commas between (127.0.0.1:9092)
  KAFKA_TLS, KAFKA_CA_FILE, KAFKA_USER, KAFKA_PASSWORD[_FILE], KAFKA_MECHANISM   for a cluster that wants them
  KAFKA_PREFIX         what the names of all topics and groups begin with, where several OverClouds share a cluster
  KAFKA_REPLICAS       brokers that keep each record of a topic that is made (0: as many as there are, up to 3)`

func roles() []role {
	return []role{
		{
			name: "workflows", port: portWorkflows, run: runWorkflows,
			short: "run the workflows and their activities (Temporal worker)",
			long: `workflows polls the Temporal task queue "overcloud" and does what the workflows ask of boxes, registries and streams.

Environment:
  TEMPORAL_ADDRESS     host:port (127.0.0.1:7233)
  TEMPORAL_NAMESPACE   (default)
  PROBE_IMAGE          image that proves connections of services which name none
  OVERCLOUD_SSH_KEY    private key for boxes that are reached over SSH (an agent's, then those in ~/.ssh)
  OVERCLOUD_SSH_KNOWN_HOSTS   files with their host keys (~/.ssh/known_hosts:/etc/ssh/ssh_known_hosts)
  INFLUX_URL           InfluxDB whose readings are rolled up (where the service's placement has put it)
  INFLUX_ORG, INFLUX_TOKEN[_FILE]   for it, when the service gives none
  HEALTH_PORT          port of GET /healthz (9104)` + kafkaHelp,
			example: "  TEMPORAL_ADDRESS=10.0.0.7:7233 worker workflows",
		},
		{
			name: "sink", port: portSink, run: runSink,
			short: "carry the streams from Kafka into InfluxDB",
			long: `sink writes readings, power, resources, commands, acks, alerts and answers into InfluxDB and commits their offsets
only after InfluxDB has accepted them. What cannot be stored goes to the topic quarantine with the reason.

Environment:
  INFLUX_URL           http://host:port (http://127.0.0.1:8086)
  INFLUX_ORG           (overcloud)
  INFLUX_BUCKET        bucket, or database/retention of InfluxDB 1.8 (overcloud/autogen)
  INFLUX_TOKEN[_FILE]  may be empty
  SINK_GROUP           consumer group: sinks of one share the load, each of another gets everything (overcloud-sink)
  OVERCLOUD_ROOMS      rooms as JSON: where readings of 2017 belong, which name only their sensor
  HEALTH_PORT          port of GET /healthz (9101)` + kafkaHelp,
			example: "  INFLUX_URL=http://10.0.0.7:8086 worker sink",
		},
		{
			name: "control", port: portControl, run: runControl,
			short: "decide setpoints from readings (the control loop)",
			long: `control reads temp, power and resource, decides by the rules of each room's policy, learns what cooling costs, signals
the rooms' TuneWorkflows, renews leases, judges boxes and forwards acks and alerts. In an emergency it commands the
air conditioners without waiting for Temporal. Several share the rooms, and take over from one another.

GET /healthz sums up; GET /rooms lists all rooms, GET /rooms/ROOM tells one with the reason of its last decision.

Environment:
  TEMPORAL_ADDRESS     host:port (127.0.0.1:7233)
  OVERCLOUD_SERVICE    the service whose rooms these are (smart-energy)
  OVERCLOUD_ROOMS      the rooms as JSON; or OVERCLOUD_ROOMS_FILE, a file with them. One of the two is required
  HEALTH_PORT          port of GET /healthz (9102)` + kafkaHelp,
			example: "  OVERCLOUD_ROOMS=\"$(cat rooms.json)\" worker control",
		},
		{
			name: "notify", port: portNotify, run: runNotify,
			short:   "tell people of alerts by mail and webhook",
			long:    notifyHelp,
			example: "  SMTP_ADDRESS=mail:25 SMTP_FROM=cooling@example.org SMTP_TO=ops@example.org worker notify",
		},
	}
}

func runWorkflows(ctx context.Context, getenv func(string) string) error {
	env := fn.NewEnv(getenv)
	cfg := durable.Config{
		TemporalAddress: env.Address("TEMPORAL_ADDRESS", "127.0.0.1:7233"), Namespace: env.String("TEMPORAL_NAMESPACE", ""),
		Kafka: kafka.ReadConfig(env, "workflows"), ProbeImage: env.String("PROBE_IMAGE", ""), Log: slog.Default(),
		Influx: influx.Config{URL: env.URL("INFLUX_URL", ""), Org: env.String("INFLUX_ORG", ""), Token: env.Secret("INFLUX_TOKEN")},
	}
	health := healthAddress(env, getenv, portWorkflows)
	if err := env.Err(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return durable.Run(ctx, cfg) })
	group.Go(func() error {
		return fn.ServeHealth(ctx, health, func() (any, error) { return map[string]string{"temporal": cfg.TemporalAddress}, nil })
	})
	return group.Wait()
}

// sinkMemory is where the garbage collector begins to work harder, in bytes, unless GOMEMLIMIT says otherwise. What
// a backlog needs at once is far below; without it the heap would grow to twice that before it is looked at.
const sinkMemory = 32 << 20

func runSink(ctx context.Context, getenv func(string) string) error {
	if getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(sinkMemory))
	}
	env := fn.NewEnv(getenv)
	streams := kafka.ReadConfig(env, "sink")
	store := influx.Config{
		URL: env.URL("INFLUX_URL", "http://127.0.0.1:8086"), Token: env.Secret("INFLUX_TOKEN"),
		Org: env.String("INFLUX_ORG", "overcloud"), Bucket: env.String("INFLUX_BUCKET", "overcloud/autogen"),
	}
	rooms, group := env.Rooms(), env.String("SINK_GROUP", sink.Group)
	health := healthAddress(env, getenv, portSink)
	if err := env.Err(); err != nil {
		return err
	}
	client, err := influx.New(store)
	if err != nil {
		return err
	}
	defer client.Close()
	s := sink.New(sink.Config{Kafka: streams, Group: group, Store: client, Rooms: rooms, Log: slog.Default()})
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return s.Run(ctx) })
	both.Go(func() error { return fn.ServeHealth(ctx, health, s.Check) })
	return both.Wait()
}

func runControl(ctx context.Context, getenv func(string) string) error {
	env := fn.NewEnv(getenv)
	if getenv(fn.EnvRoomsFile) == "" {
		env.Required(fn.EnvRooms)
	}
	cfg := control.Config{
		Kafka: kafka.ReadConfig(env, "overcloud-control"), TemporalAddress: env.Address("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
		Service: env.String(fn.EnvService, "smart-energy"), Rooms: env.Rooms(),
		HealthAddress: healthAddress(env, getenv, portControl), Log: slog.Default(),
	}
	if err := env.Err(); err != nil {
		return err
	}
	return control.Run(ctx, cfg)
}
