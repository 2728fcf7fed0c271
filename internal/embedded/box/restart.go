package box

import (
	"context"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"
)

// dockerd's pauses between restarts: from 100 ms, doubled each time, to a minute; anew from 100 ms after a
// run of 10 s.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Minute
	goodRun    = 10 * time.Second
)

// waiting is a restart to come.
type waiting struct {
	ctx      context.Context
	pause    time.Duration
	restarts int
}

// decide records a run's end and says whether a restart follows.
func (c *container) decide(code int) *waiting {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().UTC()
	c.run = nil
	c.exits++
	var restart *waiting
	if !c.halted && wantsRestart(c.record.HostConfig.RestartPolicy, code, c.record.State.Restarts) {
		c.pause = min(max(firstPause, 2*c.pause), lastPause)
		if now.Sub(c.record.State.Started) >= goodRun {
			c.pause = firstPause
		}
		restart = &waiting{pause: c.pause, restarts: c.record.State.Restarts + 1}
		restart.ctx, c.pending = context.WithCancel(c.box.ctx)
	} else {
		c.pause = 0
	}
	err := c.set(func(record *record) {
		record.State.Status = api.StateExited
		if restart != nil {
			record.State.Status = api.StateRestarting
		}
		record.State.ExitCode, record.State.Finished = code, now
	})
	if err != nil {
		c.box.logger.Error("keep a container's state", "error", err)
	}
	return restart
}

func wantsRestart(policy api.RestartPolicy, code, restarts int) bool {
	switch policy.Name {
	case api.RestartPolicyAlways, api.RestartPolicyUnlessStopped:
		return true
	case api.RestartPolicyOnFailure:
		return code != 0 && (policy.MaximumRetryCount == 0 || restarts < policy.MaximumRetryCount)
	}
	return false
}

// restartAfter waits and starts, unless a stop, a removal or the box's end comes first.
func (c *container) restartAfter(w *waiting) {
	timer := time.NewTimer(w.pause)
	defer timer.Stop()
	select {
	case <-w.ctx.Done():
		return
	case <-timer.C:
	}
	c.transition.Lock()
	defer c.transition.Unlock()
	if c.box.accepting() != nil {
		return
	}
	c.mu.Lock()
	still := w.ctx.Err() == nil && c.record.State.Status == api.StateRestarting && !c.removed
	c.mu.Unlock()
	if !still {
		return
	}
	if err := c.launch(w.restarts); err != nil {
		// As with dockerd, one that cannot be started at all is not tried again; its state says why.
		c.box.logger.Warn("restart a container", "container", c.copy().Name, "error", err)
		return
	}
	c.tell(apievents.ActionRestart, nil)
}

// halt sees to it that no restart follows: neither the run's that is returned, nor one that was waited for
// (then waited is true). stopped marks the container as stopped by a user.
func (c *container) halt(stopped bool) (r *run, waited bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halted = true
	if c.pending != nil {
		c.pending()
		c.pending, c.pause, waited = nil, 0, c.record.State.Status == api.StateRestarting
	}
	if c.run == nil && !waited {
		return nil, false, nil
	}
	return c.run, waited, c.set(func(r *record) {
		if waited {
			r.State.Status = api.StateExited
		}
		r.State.Stopped = r.State.Stopped || stopped
	})
}
