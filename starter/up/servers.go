package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/embedded/box"
	"github.com/overcloud/overcloud/internal/embedded/child"
	"github.com/overcloud/overcloud/internal/embedded/images"
	"github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/embedded/temporal"
)

// servers are the embedded defaults that live in this process or as its children.
type servers struct {
	temporal *temporal.Server
	registry *registry.Registry
	boxes    []*box.Box
}

// reap ends the Temporal that an earlier run left behind when it was killed, so that its ports are free
// again. Boxes end what was left in them by themselves.
func (o Options) reap() error {
	if err := child.Reap(temporal.PidFile(o.dir("temporal"))); err != nil {
		return fmt.Errorf("end the Temporal server of an earlier run: %w", err)
	}
	return nil
}

// start brings the servers up side by side and fills the registry with OverCloud's own images. On failure it
// stops what it had started.
func (o Options) start(ctx context.Context, log *slog.Logger, report *report) (*servers, error) {
	s := &servers{}
	group, started := errgroup.WithContext(ctx)
	group.Go(func() error {
		return report.during("temporal", func() (err error) {
			s.temporal, err = temporal.Start(started, temporal.Options{
				Binary: o.BinDir + "/temporal", Dir: o.dir("temporal"), Port: o.TemporalPort, UIPort: o.TemporalUIPort,
			})
			return err
		})
	})
	group.Go(func() error {
		return report.during("registry", func() error { return s.startRegistry(started, o, log, report) })
	})
	group.Go(func() error {
		return report.during("boxes", func() error { return s.startBoxes(started, o, log) })
	})
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, s.stop(ctx))
	}
	return s, nil
}

func (s *servers) startRegistry(ctx context.Context, o Options, log *slog.Logger, report *report) error {
	server, err := registry.Start(ctx, registry.Options{Address: o.registry(), Dir: o.dir("registry"), Log: log})
	if err != nil {
		return err
	}
	s.registry = server
	return images.Publish(ctx, o.registry(), version, o.BinDir, o.dir("images"), func(image string) {
		report.detail("registry", image)
	})
}

func (s *servers) startBoxes(ctx context.Context, o Options, log *slog.Logger) error {
	for i, name := range boxNames() {
		b, err := box.New(box.Options{
			Name: name, Dir: o.dir("boxes", name), Index: o.index(i), Logger: log.With("box", name),
			ListenAddr: net.JoinHostPort("127.0.0.1", strconv.Itoa(o.BoxPort+i)),
		})
		if err != nil {
			return fmt.Errorf("box %s: %w", name, err)
		}
		if err := b.Start(ctx); err != nil {
			return fmt.Errorf("box %s: %w", name, err)
		}
		s.boxes = append(s.boxes, b)
	}
	return nil
}

// index gives each box its own 127.77.x.0 addresses, apart from those of another OverCloud on this machine
// that has its boxes on other ports.
func (o Options) index(box int) int { return (o.BoxPort + box) % 256 }

// grace bounds the stop of everything: functions have 10 s each and stop side by side.
const grace = 30 * time.Second

// stop ends the servers in order: first the functions on the boxes, which may still want to say something to
// Kafka and Temporal, then the registry, then Temporal.
func (s *servers) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	faults := make([]error, len(s.boxes))
	var group errgroup.Group
	for i, b := range s.boxes {
		group.Go(func() error { faults[i] = b.Close(ctx); return nil })
	}
	all := []error{group.Wait()}
	all = append(all, faults...)
	if s.registry != nil {
		all = append(all, s.registry.Close(ctx))
	}
	if s.temporal != nil {
		all = append(all, s.temporal.Stop(ctx))
	}
	return errors.Join(all...)
}
