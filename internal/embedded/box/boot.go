package box

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	api "github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/embedded/child"
)

const (
	// leftoverGrace is what processes of a killed box get between SIGTERM and SIGKILL.
	leftoverGrace = 5 * time.Second
	// bootStarts is how many containers are started at a time: each start hashes a program.
	bootStarts = 4
)

// load reads the containers and ends what an earlier run of the box left behind of them.
func (b *Box) load(ctx context.Context) error {
	dir := b.path("containers")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fmt.Errorf("make the folder of its containers: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read its containers: %w", err)
	}
	var list []*container
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		c, err := b.loadContainer(path)
		if errors.Is(err, fs.ErrNotExist) {
			// It was being made or removed: what may run of it is found by its root.
			err = errors.Join(endLeftover(ctx, child.Identity{}, envRoot+"="+filepath.Join(path, "root")), os.RemoveAll(path))
			if err != nil {
				return fmt.Errorf("clear a half-made container: %w", err)
			}
			continue
		}
		if err != nil {
			return err
		}
		list = append(list, c)
	}
	faults := make([]error, len(list))
	var all sync.WaitGroup
	for i, c := range list {
		b.containers[c.record.ID], b.names[c.record.Name] = c, c.record.ID
		if c.record.Address != 0 {
			b.addresses.used[c.record.Address] = true
		}
		all.Add(1)
		go func() {
			defer all.Done()
			faults[i] = c.recover(ctx)
		}()
	}
	all.Wait()
	return errors.Join(faults...)
}

func endLeftover(ctx context.Context, leader child.Identity, marker string) error {
	return child.End(ctx, leader, marker, leftoverGrace)
}

// recover ends the process that a killed box left, and records its end.
func (c *container) recover(ctx context.Context) error {
	if err := endLeftover(ctx, c.record.State.Process, c.marker()); err != nil {
		return fmt.Errorf("end what is left of container %s: %w", c.record.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isLive() {
		return nil
	}
	return c.set(func(r *record) {
		if r.State.Status == api.StateRunning { // one that waited for a restart has its exit code
			r.State.ExitCode = 128 + int(syscall.SIGKILL)
			r.State.Finished = time.Now().UTC()
		}
		r.State.Status = api.StateExited
	})
}

// boot starts what the restart policies say, as dockerd does when it starts.
func (b *Box) boot(ctx context.Context) {
	b.mu.Lock()
	list := b.all()
	b.mu.Unlock()
	slots := make(chan struct{}, bootStarts)
	var all sync.WaitGroup
	for _, c := range list {
		record := c.copy()
		switch {
		case record.HostConfig.AutoRemove && !record.State.Started.IsZero():
			if err := c.remove(false, true); err != nil {
				b.logger.Error("remove a container that ended with the box", "container", record.Name, "error", err)
			}
			continue
		case !startsAtBoot(record):
			continue
		}
		all.Add(1)
		go func() {
			defer all.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			if err := c.start(); err != nil {
				b.logger.Warn("start a container with the box", "container", record.Name, "error", err)
			}
		}()
	}
	all.Wait()
}

// startsAtBoot: always does, even after a user's stop; unless-stopped does without one; on-failure does after
// a failure. What never ran does not.
func startsAtBoot(r record) bool {
	if r.State.Started.IsZero() {
		return false
	}
	switch r.HostConfig.RestartPolicy.Name {
	case api.RestartPolicyAlways:
		return true
	case api.RestartPolicyUnlessStopped:
		return !r.State.Stopped
	case api.RestartPolicyOnFailure:
		return !r.State.Stopped && wantsRestart(r.HostConfig.RestartPolicy, r.State.ExitCode, r.State.Restarts)
	}
	return false
}
