package command

import (
	"context"
	"flag"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/config"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/spec"
)

func runCommand() command {
	return command{
		name: "run",
		help: `edge run: run the daemon (the default)

It samples sensors and boxes, keeps everything on disk until Kafka has it,
carries out orders by infrared, and cools by itself when nobody orders. SIGTERM
stops it in order; SIGHUP, or a changed file, makes it take its settings anew.
Under systemd it says when it is ready and, as long as every loop goes round,
that it is alive.

Examples:
  edge                                  with /etc/overcloud/edge.yaml
  edge run --config ./edge.yaml
  OVERCLOUD_BOX=pi-1 KAFKA_BROKERS=127.0.0.1:9092 \
    SIMULATED_ROOM=http://127.0.0.1:8095 OVERCLOUD_ROOMS="$(cat rooms.json)" edge`,
		run: func(_ context.Context, c Call, flags *flag.FlagSet) int {
			if !c.none("run") {
				return exitUsage
			}
			agent.Frugal()
			loaded, ok := c.load(flags)
			if !ok {
				return exitUsage
			}
			return fn.Main("edge", named(c.Getenv, loaded.Settings), c.Errs, func(ctx context.Context) error {
				return run(ctx, loaded, c)
			})
		},
	}
}

// named lets the log begin as the settings say.
func named(getenv func(string) string, s config.Settings) func(string) string {
	return func(name string) string {
		switch name {
		case fn.EnvLogLevel:
			return s.Log
		case fn.EnvBox:
			return s.Box
		}
		return getenv(name)
	}
}

// run is the daemon under systemd's eyes, with settings that may change.
func run(ctx context.Context, loaded config.Loaded, c Call) error {
	agent.Frugal()
	changes := make(chan agent.Change)
	go config.Watch(ctx, loaded.File, c.Getenv, func(l config.Loaded, fault error) {
		select {
		case <-ctx.Done():
			return
		case changes <- agent.Change{Config: l.Agent, Fault: fault}:
		}
		if log, err := fn.Log("edge", named(c.Getenv, l.Settings), c.Errs); err == nil && fault == nil {
			slog.SetDefault(log)
		}
	})
	watchdog := newWatchdog(ctx)
	return agent.Serve(ctx, loaded.Agent, agent.Options{
		Changes: changes,
		Ready:   func() { notify(ctx, daemon.SdNotifyReady) },
		Leaving: func() { notify(ctx, daemon.SdNotifyStopping) },
		Alive:   watchdog.alive,
	})
}

// notify tells systemd; without it nothing happens.
func notify(ctx context.Context, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		slog.WarnContext(ctx, "systemd does not listen", "state", state, "error", err)
	}
}

// watchdog strokes systemd's as long as the daemon does its work. When it does not, silence has it killed and started
// again.
type watchdog struct {
	ctx   context.Context //nolint:containedctx // it logs by it
	every time.Duration   // zero: nobody asks
	next  time.Time
	fault string // that was logged
}

func newWatchdog(ctx context.Context) *watchdog {
	w := &watchdog{ctx: ctx}
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		slog.WarnContext(ctx, "systemd's watchdog is not understood", "error", err)
	}
	// Three strokes fit, so that one that is late on a busy machine does no harm.
	w.every = patience / 3
	return w
}

func (w *watchdog) alive(fault error) {
	if fault != nil {
		if w.fault == "" {
			slog.ErrorContext(w.ctx, "the edge does not do its work", "cause", fault.Error())
			notify(w.ctx, "STATUS="+fault.Error())
		}
		w.fault = fault.Error()
		return
	}
	if w.fault != "" {
		slog.InfoContext(w.ctx, "the edge does its work again")
		notify(w.ctx, "STATUS=")
		w.fault = ""
	}
	if now := time.Now(); w.every > 0 && !now.Before(w.next) {
		w.next = now.Add(w.every)
		notify(w.ctx, daemon.SdNotifyWatchdog)
	}
}

func suggest(name string) string {
	var known []string
	for _, one := range commands() {
		known = append(known, one.name)
	}
	return spec.Suggest(name, known)
}
