// Command ui is the Control Room: one live page and its API.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/ui/feed"
	"github.com/overcloud/overcloud/ui/notices"
	"github.com/overcloud/overcloud/ui/server"
	"github.com/overcloud/overcloud/ui/state"
)

const help = `
ui is the Control Room: a live page of rooms, air conditioners, boxes and functions, and its API.

Usage:
  ui               serve until SIGTERM
  ui health        exit 0 when it answers
  ui user …        add, list, password, role, disable, enable, remove: who may sign in (ui user for more)
  ui token …       add, list, revoke: keys for programs (ui token for more)

Environment:
  OVERCLOUD_SERVICE  name of the service (smart-energy)
  OVERCLOUD_ROOMS    the rooms of the specification, JSON
  KAFKA_BROKERS      host:port, with commas between (127.0.0.1:9092); also KAFKA_TLS, KAFKA_CA_FILE,
                     KAFKA_USER, KAFKA_PASSWORD or KAFKA_PASSWORD_FILE, KAFKA_MECHANISM, KAFKA_PREFIX
  TEMPORAL_ADDRESS   host:port (127.0.0.1:7233)
  INFLUX_URL         http://host:port (http://127.0.0.1:8086)
  INFLUX_TOKEN       or INFLUX_TOKEN_FILE; empty for an InfluxDB without sign-in
  INFLUX_ORG         overcloud
  INFLUX_BUCKET      overcloud/autogen
  UI_PORT            8080
  UI_TEMPORAL_WEB    http://host:port of Temporal's Web UI as browsers reach it; empty: the page has no links to it
  UI_DATA            folder of users, tokens, the audit and plan pictures (/var/lib/ui)` + accessHelp + `
  LOG_LEVEL          debug, info, warn or error (info)

Examples:
  KAFKA_BROKERS=10.0.0.7:9092 TEMPORAL_ADDRESS=10.0.0.7:7233 ui
`

const defaultPort = "8080"

func main() {
	if code, done := command(os.Args[1:], os.Getenv, terminal{os.Stdin, os.Stdout, os.Stderr}); done {
		os.Exit(code)
	}
	fn.Program{Name: "ui", Help: help, HealthPort: cmp.Or(os.Getenv("UI_PORT"), defaultPort), Run: run}.Main()
}

type config struct {
	listen   string
	data     string
	access   access
	service  string
	rooms    []spec.Room
	kafka    kafka.Config
	temporal string
	web      string // of Temporal's Web UI; empty: none
	influx   influx.Config
}

func read(getenv func(string) string) (config, error) {
	env := fn.NewEnv(getenv)
	cfg := config{
		listen:   fn.Listen(getenv, env.Port("UI_PORT", defaultPort)),
		data:     env.Path(env.String("UI_DATA", "/var/lib/ui")),
		service:  env.String(fn.EnvService, "smart-energy"),
		rooms:    env.Rooms(),
		kafka:    kafka.ReadConfig(env, "ui"),
		temporal: env.Address("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
		web:      temporalWeb(env),
		influx: influx.Config{
			URL: env.URL("INFLUX_URL", "http://127.0.0.1:8086"), Token: env.Secret("INFLUX_TOKEN"),
			Org: env.String("INFLUX_ORG", "overcloud"), Bucket: env.String("INFLUX_BUCKET", "overcloud/autogen"),
		},
	}
	cfg.access = readAccess(env, cfg.listen, cfg.data)
	return cfg, env.Err()
}

// temporalWeb is the page of all workflows in Temporal's Web UI; empty when nobody has said where that is.
func temporalWeb(env *fn.Env) string {
	base := env.URL("UI_TEMPORAL_WEB", "")
	if base == "" {
		return ""
	}
	return base + "/namespaces/default/workflows"
}

func run(ctx context.Context, getenv func(string) string) error {
	cfg, err := read(getenv)
	if err != nil {
		return err
	}
	house, err := cfg.access.open()
	if err != nil {
		return err
	}
	client, err := temporal.Dial(temporal.Options{Address: cfg.temporal, Logger: slog.Default()})
	if err != nil {
		return err
	}
	defer client.Close()
	stored, err := influx.New(cfg.influx)
	if err != nil {
		return err
	}
	defer stored.Close()
	store := state.NewStore(cfg.rooms)
	board := notices.New(notices.Config{Kafka: cfg.kafka, Service: cfg.service, Log: slog.Default()})
	room := server.New(server.Options{
		Service: cfg.service, Store: store, People: house, Data: cfg.data,
		Operator: client, Graphs: client, Services: client, TemporalWeb: cfg.web,
		Stored: newStored(stored, cfg.influx.Bucket),
		Tunes:  client, Answers: client, AlertHistory: alertHistory{stored, cfg.influx.Bucket}, Notices: board,
		Boxes: client, BoxHistory: boxHistory{stored, cfg.influx.Bucket}, Logs: logs{client, cfg.kafka},
		Log: slog.Default(), Now: time.Now, Stopping: ctx.Done(),
	})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return fn.Serve(ctx, cfg.listen, room.Handler()) })
	group.Go(func() error { return house.Run(ctx) })
	group.Go(func() error { return cfg.access.serveLegacy(ctx, room) })
	group.Go(func() error { return board.Run(ctx) })
	group.Go(func() error {
		return feed.Run(ctx, feed.Config{
			Service: cfg.service, Kafka: cfg.kafka, Workflows: client, Store: store, Log: slog.Default(),
		})
	})
	return group.Wait()
}
