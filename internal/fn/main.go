package fn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// EnvLogLevel names the environment variable with the least level that is logged: debug, info (the
// default), warn or error.
const EnvLogLevel = "LOG_LEVEL"

// Program is the main of a small function: run it, `health` asks whether a running one is well, `--help`
// prints Help.
type Program struct {
	Name string
	// Help is everything that --help prints: what it does, its environment, examples.
	Help string
	// HealthPort is the container port of /healthz.
	HealthPort string
	// Run returns when ctx ends (nil) or when it cannot go on.
	Run func(ctx context.Context, getenv func(string) string) error
}

// Main runs the program with the process's arguments and ends the process: 0 when it ended in order, 1 with
// one sentence on stderr when it could not, 2 for arguments that it does not know.
func (p Program) Main() {
	os.Exit(p.main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func (p Program) main(args []string, getenv func(string) string, out, errs io.Writer) int {
	switch {
	case len(args) == 0:
		return Main(p.Name, getenv, errs, func(ctx context.Context) error { return p.Run(ctx, getenv) })
	case len(args) > 1:
		fmt.Fprintf(errs, "%s: %q: too many arguments (try %s --help)\n", p.Name, strings.Join(args, " "), p.Name)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		fmt.Fprintln(out, strings.TrimSpace(p.Help))
		return 0
	case "health":
		ctx, stop := Signals(context.Background())
		defer stop()
		if err := ProbeHealth(ctx, Listen(getenv, p.HealthPort)); err != nil {
			fmt.Fprintf(errs, "%s: %v\n", p.Name, err)
			return 1
		}
		return 0
	}
	fmt.Fprintf(errs, "%s: unknown argument %q (try %s --help)\n", p.Name, args[0], p.Name)
	return 2
}

// Main runs run with a context that SIGINT and SIGTERM end and with slog's default set to Log's, and says
// how it went by its exit code. An error that is only the end of that context is a good end.
func Main(name string, getenv func(string) string, errs io.Writer, run func(context.Context) error) int {
	log, err := Log(name, getenv, errs)
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return 2
	}
	slog.SetDefault(log)
	ctx, stop := Signals(context.Background())
	defer stop()
	began := time.Now()
	log.Info("started", "pid", os.Getpid())
	err = run(ctx)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		log.Error("ended by a fault", "cause", err.Error(), "after", time.Since(began).Round(time.Millisecond).String())
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return 1
	}
	log.Info("ended", "after", time.Since(began).Round(time.Millisecond).String())
	return 0
}

// Signals is a context that ends at the first SIGINT or SIGTERM; the second one kills as ever.
func Signals(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Log is the structured log of a function: JSON lines, each with where the function runs. Errors: a level
// that nobody knows.
func Log(name string, getenv func(string) string, out io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if text := getenv(EnvLogLevel); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("%s %q is none of debug, info, warn, error", EnvLogLevel, text)
		}
	}
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})).With("program", name)
	for _, at := range []struct{ key, env string }{{"function", EnvFunction}, {"replica", EnvReplica}, {"box", EnvBox}} {
		if value := getenv(at.env); value != "" {
			log = log.With(at.key, value)
		}
	}
	return log, nil
}
