// Command kafka is the embedded Kafka broker for development and small sites: one broker, one data folder,
// the real protocol (franz-go's kfake). A production service points KAFKA_BROKERS at a real cluster instead.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/overcloud/overcloud/internal/fn"
)

const help = `
kafka is OverCloud's embedded development broker: a single Kafka broker that keeps its records and the
offsets of consumer groups in one folder, written through to disk. For production use a real cluster.

Usage:
  kafka            run until SIGTERM
  kafka health     exit 0 when the broker answers

Environment:
  KAFKA_ADVERTISED     host:port that clients are told to come back to (default: where it listens)
  KAFKA_PORT           port of the broker (9092)
  KAFKA_HEALTH_PORT    port of GET /healthz (9093)
  KAFKA_DATA           folder of the records (/var/lib/kafka)
  KAFKA_RETENTION      how long records are kept (168h)
  KAFKA_RETENTION_MB   at most this much of each partition, in MiB (512)
  LOG_LEVEL            debug, info, warn or error (info)

Examples:
  KAFKA_ADVERTISED=192.168.0.7:9092 kafka
  KAFKA_DATA=/tmp/kafka OVERCLOUD_LISTEN_HOST=127.0.0.1 kafka
`

const (
	defaultPort       = "9092"
	defaultHealthPort = "9093"
)

func main() {
	fn.Program{Name: "kafka", Help: help, HealthPort: cmp.Or(os.Getenv("KAFKA_HEALTH_PORT"), defaultHealthPort), Run: run}.Main()
}

// config is where the broker is and what it keeps.
type config struct {
	listen     string // host:port
	health     string // host:port
	advertised string // host:port; empty is listen
	data       string
	retention  time.Duration
	// retentionBytes bounds each partition.
	retentionBytes int
}

func read(getenv func(string) string) (config, error) {
	env := fn.NewEnv(getenv)
	cfg := config{
		listen:         fn.Listen(getenv, env.Port("KAFKA_PORT", defaultPort)),
		health:         fn.Listen(getenv, env.Port("KAFKA_HEALTH_PORT", defaultHealthPort)),
		advertised:     env.Address("KAFKA_ADVERTISED", ""),
		data:           fn.Path(getenv, env.String("KAFKA_DATA", "/var/lib/kafka")),
		retention:      env.Duration("KAFKA_RETENTION", 7*24*time.Hour),
		retentionBytes: env.Int("KAFKA_RETENTION_MB", 512, 1, math.MaxInt32) << 20,
	}
	return cfg, env.Err()
}

func run(ctx context.Context, getenv func(string) string) error {
	cfg, err := read(getenv)
	if err != nil {
		return err
	}
	broker, err := open(cfg)
	if err != nil {
		return err
	}
	defer broker.close()
	slog.Warn("this is the embedded development broker; use a real Kafka cluster in production",
		"listen", cfg.listen, "advertised", broker.advertised, "data", cfg.data, "retention", cfg.retention.String())
	go broker.keepRetention(ctx)
	return fn.ServeHealth(ctx, cfg.health, broker.check)
}
