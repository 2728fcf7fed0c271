package docker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/fault"
)

// Remove implements activities.Engine. Volumes without a name stay, as in Compose: a replaced container's may hold
// data that nobody thought of.
func (e *Engine) Remove(ctx context.Context, id string, grace time.Duration) error {
	return e.remove(ctx, id, grace, false)
}

// remove takes volumes without a name along when asked. The secrets in the container's folder go before it does, since its label is
// how the folder is known, and its forwarders, which would serve nobody, with it. From a full disk, which has no room for
// the emptying of a folder, it goes first.
func (e *Engine) remove(ctx context.Context, id string, grace time.Duration, volumes bool) error {
	full, err := e.api.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return classify(ctx, err)
	}
	if err := e.stop(ctx, id, grace); err != nil {
		return err
	}
	if full.ContainerJSONBase == nil || full.Config == nil || full.Config.Labels[LabelHelper] != "" {
		return e.take(ctx, id, true)
	}
	again := func() error { return nil }
	if folder := full.Config.Labels[LabelFolder]; folder != "" {
		wipe := func() error { return e.wipe(ctx, full.Config.Labels[LabelService], full.Image, folder) }
		err := wipe()
		if errors.Is(err, fault.ErrDiskFull) { // it gets room by what is removed
			again = wipe
		} else if err != nil {
			return err
		}
	}
	if err := e.removeForwarders(ctx, full); err != nil {
		return err
	}
	if err := e.take(ctx, id, volumes); err != nil {
		return err
	}
	return again()
}

// stop ends a container within its grace.
func (e *Engine) stop(ctx context.Context, id string, grace time.Duration) error {
	var stop container.StopOptions
	if grace > 0 {
		seconds := int((grace + time.Second - 1) / time.Second)
		stop.Timeout = &seconds
	}
	err := e.api.ContainerStop(ctx, id, stop)
	if err != nil && (ctx.Err() != nil || unreachable(err)) {
		return classify(ctx, err)
	}
	return nil // whatever else (it hangs, it is dead, it has gone) the forced removal settles or reports
}

// take removes a container by force, perhaps with its volumes without a name.
func (e *Engine) take(ctx context.Context, id string, volumes bool) error {
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: volumes})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress"):
		return e.awaitGone(ctx, id)
	}
	return classify(ctx, err)
}

// awaitGone waits until a removal that somebody else began has ended.
func (e *Engine) awaitGone(ctx context.Context, id string) error {
	ended, failed := e.api.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-ended:
		return nil
	case err := <-failed:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return classify(ctx, err)
	}
}
