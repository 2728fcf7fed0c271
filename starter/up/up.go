package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/spec/compose"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/starter/follow"
	"github.com/overcloud/overcloud/starter/screen"
	"github.com/overcloud/overcloud/worker/durable"
	"github.com/overcloud/overcloud/workflows"
)

// Run brings everything up, shows the deploy, prints the addresses and stays until ctx ends; then it stops
// everything in order. With once it stops as soon as the service runs. Bad options, a bad specification and
// taken ports are told before anything is started or written.
func Run(ctx context.Context, options Options, environ []string, display *screen.Screen, once bool) (err error) {
	if err := options.validate(); err != nil {
		return err
	}
	for _, dir := range []*string{&options.StateDir, &options.BinDir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return fmt.Errorf("find %s: %w", *dir, err)
		}
	}
	if err := options.binaries(); err != nil {
		return err
	}
	service, err := options.load(ctx, environ)
	if err != nil {
		return err
	}
	release, err := lock(options.StateDir)
	if err != nil {
		return err
	}
	defer release()
	if err := options.reap(); err != nil {
		return err
	}
	if err := free(ctx, append(options.servers(), options.published(service)...)); err != nil {
		return err
	}
	log, closeLog, err := openLog(options.dir("starter.log"))
	if err != nil {
		return err
	}
	defer closeLog()
	return options.run(ctx, service, log, display, once)
}

func (o Options) load(ctx context.Context, environ []string) (spec.Service, error) {
	return compose.Load(ctx, compose.Options{
		Path: o.Specification, Env: o.environment(environ), Profiles: []string{"simulated"},
	})
}

func (o Options) run(ctx context.Context, service spec.Service, log *slog.Logger, display *screen.Screen, once bool) (err error) {
	began := time.Now()
	report := newReport(display)
	s, err := o.start(ctx, log, report)
	if err != nil {
		display.Freeze()
		return interrupted(ctx, err, service.Name)
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	worked := make(chan error, 1)
	go func() { worked <- durable.Run(work, o.worker(log)) }()
	alive, end := o.watch(ctx, s, worked)
	defer func() {
		end(nil)
		display.Freeze()
		display.Print("\nstopping …")
		stopping := time.Now()
		stopWork() // first: it would start what is being stopped
		if workErr := <-worked; workErr != nil && !errors.Is(workErr, context.Canceled) {
			err = errors.Join(err, fmt.Errorf("stop the worker: %w", workErr))
		}
		err = errors.Join(err, s.stop(ctx))
		display.Print(fmt.Sprintf("stopped in %.1f s; the data is kept in %s", time.Since(stopping).Seconds(), o.StateDir))
	}()
	if err := o.deploy(alive, service, report); err != nil {
		if cause := context.Cause(alive); cause != nil && ctx.Err() == nil {
			return cause
		}
		return interrupted(ctx, err, service.Name)
	}
	display.Freeze()
	display.Print(o.addresses(service, time.Since(began)))
	if once {
		return nil
	}
	<-alive.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(alive)
}

// watch makes a context that ends with ctx, and when a server that nothing goes on without has ended by
// itself; the cause then says which.
func (o Options) watch(ctx context.Context, s *servers, worked chan error) (context.Context, context.CancelCauseFunc) {
	alive, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-alive.Done():
		case <-s.temporal.Done():
			end(ended("temporal", s.temporal.Err(), o.dir("temporal", "temporal.log")))
		case err := <-worked:
			end(ended("the worker", err, o.dir("starter.log")))
			worked <- nil // told; the run waits for it once more
		}
	}()
	return alive, end
}

func ended(what string, err error, log string) error {
	if err == nil {
		return fmt.Errorf("%s ended by itself; its log is %s", what, log)
	}
	return fmt.Errorf("%s ended by itself, its log is %s: %w", what, log, err)
}

// interrupted says what a stop in the middle of a deploy means; any other error stays.
func interrupted(ctx context.Context, err error, service string) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("interrupted before %s ran: the next starter up goes on with it", service)
}

func (o Options) worker(log *slog.Logger) durable.Config {
	return durable.Config{
		TemporalAddress: o.temporal(), KafkaBrokers: []string{o.kafka()}, Log: log,
	}
}

// deploy starts the service, or gives the running one what the specification says now, and shows it until it
// runs.
func (o Options) deploy(ctx context.Context, service spec.Service, report *report) error {
	client, err := temporal.Dial(temporal.Options{Address: o.temporal()})
	if err != nil {
		return err
	}
	defer client.Close()
	o.others(ctx, client, service.Name, report)
	accepted, err := client.Apply(ctx, workflows.ApplyRequest{Service: service, Who: "starter up"})
	if errors.Is(err, fault.ErrUnreachable) { // both were started here, so it is neither the address nor the network
		return fmt.Errorf("%w; the log is %s", err, o.dir("starter.log"))
	}
	if err != nil {
		return err
	}
	_, err = follow.Until(ctx, client, service.Name, accepted.Revision, report, func(step string) string {
		return fmt.Sprintf("starter approve %s --step %s --address %s", service.Name, step, o.temporal())
	})
	return err
}

// others says which services the kept state still runs beside the one that is brought up, and how to take them down:
// they are somebody's, so they are not taken down for having another name.
func (o Options) others(ctx context.Context, client *temporal.Client, service string, report *report) {
	all, err := client.List(ctx)
	if err != nil {
		return // Apply says why
	}
	for _, other := range all {
		if other.Service != service {
			report.Print(fmt.Sprintf("service %s still runs from before (revision %d, %s); take it down with:\n  starter down %s --address %s",
				other.Service, other.Revision, other.Phase, other.Service, o.temporal()))
		}
	}
}

// maxLog is where the log is set aside as starter.log.1 before the next run, in bytes.
const maxLog = 10 << 20

func openLog(path string) (*slog.Logger, func(), error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, nil, fmt.Errorf("set the old log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log %s: %w", path, err)
	}
	return slog.New(slog.NewJSONHandler(file, nil)), func() { file.Close() }, nil
}
