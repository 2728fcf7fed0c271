// Command influxdb runs the real InfluxDB server for a function of OverCloud: it writes the server's
// configuration, starts it, makes the database and passes signals on.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
)

const help = `
influxdb runs InfluxDB 1.8 with Flux, so that clients of InfluxDB 2 work unchanged, and makes one database.

Usage:
  influxdb            run until SIGTERM
  influxdb health     exit 0 when the server answers and the database is there

Environment:
  INFLUXDB_DATABASE      the database to make when it is absent (overcloud)
  INFLUXDB_PORT          port of the server (8086)
  INFLUXDB_HEALTH_PORT   port of GET /healthz (8087)
  INFLUXDB_BACKUP_PORT   port for influxd backup (8088)
  INFLUXDB_DATA          folder of the data (/var/lib/influxdb)
  OVERCLOUD_INFLUXD      the influxd binary (/influxd, or influxd beside this program)
  LOG_LEVEL              debug, info, warn or error (info)

Examples:
  INFLUXDB_DATABASE=overcloud influxdb
  INFLUXDB_DATA=/tmp/influx OVERCLOUD_LISTEN_HOST=127.0.0.1 OVERCLOUD_INFLUXD=.overcloud/bin/influxd influxdb
`

const (
	defaultPort       = "8086"
	defaultHealthPort = "8087"
	defaultBackupPort = "8088"
)

func main() {
	fn.Program{
		Name: "influxdb", Help: help, HealthPort: cmp.Or(os.Getenv("INFLUXDB_HEALTH_PORT"), defaultHealthPort), Run: run,
	}.Main()
}

type config struct {
	binary   string
	database string
	data     string
	listen   string // host:port of the server
	backup   string // host:port
	health   string // host:port
}

func read(getenv func(string) string) (config, error) {
	env := fn.NewEnv(getenv)
	cfg := config{
		database: env.String("INFLUXDB_DATABASE", "overcloud"),
		data:     fn.Path(getenv, env.String("INFLUXDB_DATA", "/var/lib/influxdb")),
		listen:   fn.Listen(getenv, env.Port("INFLUXDB_PORT", defaultPort)),
		backup:   fn.Listen(getenv, env.Port("INFLUXDB_BACKUP_PORT", defaultBackupPort)),
		health:   fn.Listen(getenv, env.Port("INFLUXDB_HEALTH_PORT", defaultHealthPort)),
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(cfg.database) {
		env.Fault("INFLUXDB_DATABASE", "%.80q is no name (letters, digits, _ and -)", cfg.database)
	}
	var err error
	if cfg.binary, err = findServer(getenv); err != nil {
		env.Fault("OVERCLOUD_INFLUXD", "%v", err)
	}
	return cfg, env.Err()
}

// findServer finds the influxd binary.
func findServer(getenv func(string) string) (string, error) {
	if path := getenv("OVERCLOUD_INFLUXD"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("find the server: %w", err)
		}
		return path, nil
	}
	paths := []string{fn.Path(getenv, "/influxd")}
	if self, err := os.Executable(); err == nil {
		paths = append(paths, filepath.Join(filepath.Dir(self), "influxd"))
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("is not set, and influxd is at none of %q: %w", paths, fault.ErrNotFound)
}

// startMost is how long the server may take to open its data; 2 to 5 s are usual, a cold Pi is slower.
const startMost = 2 * time.Minute

func run(ctx context.Context, getenv func(string) string) error {
	cfg, err := read(getenv)
	if err != nil {
		return err
	}
	if err := awaitFree(ctx, cfg.listen, cfg.backup); err != nil {
		return err
	}
	file, err := writeConfiguration(cfg)
	if err != nil {
		return err
	}
	client := newClient(cfg)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return runServer(ctx, cfg.binary, file) })
	group.Go(func() error { return fn.ServeHealth(ctx, cfg.health, client.check) })
	group.Go(func() error {
		start, cancel := context.WithTimeout(ctx, startMost)
		defer cancel()
		began := time.Now()
		if err := client.prepare(start); err != nil {
			if ctx.Err() != nil {
				return nil // whatever ended it says why
			}
			return err
		}
		slog.Info("InfluxDB is ready", "listen", cfg.listen, "database", cfg.database, "data", cfg.data,
			"after", time.Since(began).Round(time.Millisecond).String())
		return nil
	})
	return group.Wait()
}

// awaitFree names a taken port before the server does in its own words. It gives a server that an earlier,
// killed run left behind a few seconds to end.
func awaitFree(ctx context.Context, addresses ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var config net.ListenConfig
	for _, address := range addresses {
		for {
			listener, err := config.Listen(context.WithoutCancel(ctx), "tcp", address)
			if err == nil {
				if err := listener.Close(); err != nil {
					return fmt.Errorf("try %s: %w", address, err)
				}
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("listen on %s: %w: %w", address, fault.ErrPortTaken, err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}
