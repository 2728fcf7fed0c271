package box

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// defaultGrace is between the stop signal and SIGKILL; dockerd's.
const defaultGrace = 10 * time.Second

// stopping says how to stop.
type stopping struct {
	signal syscall.Signal
	grace  time.Duration // negative waits without end
	byUser bool
}

// asConfigured is what the container's configuration says.
func (c *container) asConfigured(byUser bool) stopping {
	config := c.copy().Config
	how := stopping{signal: syscall.SIGTERM, grace: defaultGrace, byUser: byUser}
	if config.StopSignal != "" {
		if signal, err := signalOf(config.StopSignal); err == nil { // checked when it was made
			how.signal = signal
		}
	}
	if config.StopTimeout != nil {
		how.grace = time.Duration(*config.StopTimeout) * time.Second
	}
	return how
}

// stop ends the container's process and waits until its end is recorded; 304 when it does not run. The
// grace is kept whatever becomes of the caller; only ctx, the box's, cuts it short.
func (c *container) stop(ctx context.Context, how stopping) error {
	c.transition.Lock()
	r, waited, err := c.halt(how.byUser)
	c.transition.Unlock()
	switch {
	case err != nil:
		return err
	case r == nil && waited:
		return nil
	case r == nil:
		return status.NotModified("container %s does not run", c.copy().Name)
	}
	c.tell(apievents.ActionKill, map[string]string{"signal": itoa(int(how.signal))})
	if err := r.process.StopWith(ctx, how.signal, how.grace); err != nil {
		return status.Failed("cannot stop container %s: %v", c.copy().Name, err)
	}
	<-r.done
	c.tell(apievents.ActionStop, nil)
	return nil
}

// shutdown is the box's end for the container, which its user did not ask for.
func (c *container) shutdown(ctx context.Context) error {
	if err := c.stop(ctx, c.asConfigured(false)); err != nil && status.Code(err) != http.StatusNotModified {
		return err
	}
	return nil
}

// kill sends a signal to the container's processes. One that means the end counts as a user's stop.
func (c *container) kill(signal syscall.Signal) error {
	how := c.asConfigured(true)
	final := signal == syscall.SIGKILL || signal == syscall.SIGTERM || signal == syscall.SIGINT || signal == how.signal
	c.transition.Lock()
	defer c.transition.Unlock()
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if final {
		var waited bool
		var err error
		if r, waited, err = c.halt(true); waited || err != nil {
			return err
		}
	}
	if r == nil {
		record := c.copy()
		return status.Conflict("cannot kill container: %s: container %s is not running", record.Name, record.ID)
	}
	c.tell(apievents.ActionKill, map[string]string{"signal": itoa(int(signal))})
	return r.process.Signal(signal)
}

// remove takes the container away, with its anonymous volumes if asked. A running one only by force.
func (c *container) remove(force, volumes bool) error {
	if force {
		err := c.stop(context.WithoutCancel(c.box.ctx), stopping{signal: syscall.SIGKILL, byUser: true})
		if err != nil && status.Code(err) != http.StatusNotModified {
			return err
		}
	}
	c.transition.Lock()
	c.mu.Lock()
	removed, live := c.removed, c.isLive()
	name, anonymous := c.record.Name, c.record.Anonymous
	if !removed && !live {
		c.removed = true
		c.record.State.Status = api.StateRemoving
	}
	c.mu.Unlock()
	c.transition.Unlock()
	switch {
	case removed:
		return status.Conflict("removal of container %s is already in progress", name)
	case live:
		return status.Conflict("cannot remove container %q: container is running: stop the container before removing or force remove", "/"+name)
	}
	err := c.discard()
	if volumes {
		for _, volume := range anonymous {
			err = errors.Join(err, c.box.removeVolume(volume, true))
		}
	}
	c.mu.Lock()
	c.cleared = true
	c.wake()
	c.mu.Unlock()
	c.tell(apievents.ActionDestroy, nil)
	if err != nil {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	return nil
}
