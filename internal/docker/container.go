package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

const (
	// looks bounds how often EnsureContainer looks again after somebody else changed the box under it: an
	// engine gives a name away some 100 ms before it lists the container that has it.
	looks = 8
	// firstPause doubles from look to look, up to lastPause: 3.5 s in all.
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// EnsureContainer implements activities.Engine. A container is created and started, never only created:
// when the start fails, what this call made goes again.
func (e *Engine) EnsureContainer(ctx context.Context, service string, p plan.Placement, secrets []activities.SecretFile) (string, bool, error) {
	pause := firstPause
	for look := 1; ; look++ {
		id, created, err := e.ensure(ctx, service, p, secrets)
		if !errdefs.IsConflict(err) || look == looks {
			return id, created, classify(ctx, err)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
			return "", false, ctx.Err()
		}
	}
}

// ensure is one look and what follows from it. A conflict means that the box has changed since the look.
func (e *Engine) ensure(ctx context.Context, service string, p plan.Placement, secrets []activities.SecretFile) (string, bool, error) {
	keep, others, err := e.ours(ctx, service, p)
	if err != nil {
		return "", false, err
	}
	for _, other := range others {
		if err := e.Remove(ctx, other.ID, p.StopGrace.D()); err != nil {
			return "", false, fmt.Errorf("remove the old %s: %w", nameOf(other), err)
		}
	}
	if keep != nil {
		err := e.wake(ctx, *keep, secrets)
		if !errors.Is(err, fault.ErrDigestMismatch) {
			return keep.ID, false, err
		}
		// Its files were tampered with; the image may be whole still, and then a new container is too.
		if left := e.Remove(ctx, keep.ID, 0); left != nil {
			return "", false, fmt.Errorf("%w (and its container stayed: %s)", err, left.Error())
		}
	}
	id, err := e.create(ctx, service, p)
	if err != nil {
		return "", false, err
	}
	err = e.fill(ctx, id, secrets)
	if err == nil {
		err = e.api.ContainerStart(ctx, id, container.StartOptions{})
	}
	if err != nil {
		tidy, cancel := lasting(ctx)
		defer cancel()
		if left := e.Remove(tidy, id, 0); left != nil {
			return "", false, fmt.Errorf("%w (and its container stayed: %s)", classify(ctx, err), left.Error())
		}
		return "", false, notConflict(ctx, err)
	}
	return id, true, nil
}

// notConflict gives a failed start its sentinel at once, so that it is not taken for a lost race.
func notConflict(ctx context.Context, err error) error {
	if errdefs.IsNotFound(err) && !known(err) {
		return told(words(err), fault.ErrRejected) // "exec: not found": the image is there, its program is not
	}
	return classify(ctx, err)
}

// ours are the containers of one placement: the one to keep, if any has its hash, and those to remove.
func (e *Engine) ours(ctx context.Context, service string, p plan.Placement) (keep *container.Summary, others []container.Summary, err error) {
	match := ofService(service)
	match.Add("label", LabelFunction+"="+p.Function)
	match.Add("label", LabelReplica+"="+strconv.Itoa(p.Replica))
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return nil, nil, err
	}
	found = slices.DeleteFunc(found, func(one container.Summary) bool { return one.Labels[LabelHelper] != "" })
	slices.SortFunc(found, func(a, b container.Summary) int { return rank(b, p) - rank(a, p) })
	for i, one := range found {
		if i == 0 && rank(one, p) > 0 {
			keep = &found[0]
			continue
		}
		others = append(others, one)
	}
	return keep, others, nil
}

// rank is how well a container serves a placement; zero is not at all.
func rank(one container.Summary, p plan.Placement) int {
	if one.Labels[LabelSpecHash] != p.SpecHash {
		return 0
	}
	switch one.State {
	case container.StateRunning, container.StateRestarting:
		return 3
	case container.StatePaused:
		return 2
	case container.StateCreated, container.StateExited:
		return 1
	}
	return 0 // dead or being removed
}

// wake makes a container run that has the right hash.
func (e *Engine) wake(ctx context.Context, one container.Summary, secrets []activities.SecretFile) error {
	switch one.State {
	case container.StateRunning, container.StateRestarting:
		return nil
	case container.StatePaused:
		return e.api.ContainerUnpause(ctx, one.ID)
	}
	if err := e.fill(ctx, one.ID, secrets); err != nil {
		return err
	}
	return notConflict(ctx, e.api.ContainerStart(ctx, one.ID, container.StartOptions{}))
}

// create makes a container and joins it to its networks.
func (e *Engine) create(ctx context.Context, service string, p plan.Placement) (string, error) {
	image, err := e.imageFor(ctx, p)
	if err != nil {
		return "", err
	}
	config, host, joined := translate(service, p)
	suit(config, e.api.ClientVersion())
	made, err := e.api.ContainerCreate(ctx, config, host, joined, nil, p.Container)
	if errdefs.IsConflict(err) {
		return "", e.nameTaken(ctx, service, p, err)
	}
	if err != nil {
		return "", err
	}
	if err := e.settle(ctx, made.ID, image, p); err != nil {
		tidy, cancel := lasting(ctx)
		defer cancel()
		if left := e.Remove(tidy, made.ID, 0); left != nil {
			return "", fmt.Errorf("%w (and its container stayed: %s)", err, left.Error())
		}
		return "", err
	}
	return made.ID, nil
}

// settle checks that a new container is of the verified image, and joins the networks after the first.
func (e *Engine) settle(ctx context.Context, id, image string, p plan.Placement) error {
	full, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return classify(ctx, err)
	}
	if p.Digest != "" && full.ContainerJSONBase != nil && full.Image != image {
		return fmt.Errorf("container was made of image %s, wanted %s (%s): %w", full.Image, image, p.Digest, fault.ErrDigestMismatch)
	}
	for _, name := range p.Networks[min(1, len(p.Networks)):] {
		if err := e.api.NetworkConnect(ctx, name, id, &network.EndpointSettings{Aliases: []string{p.Function}}); err != nil {
			return fmt.Errorf("join network %s: %w", name, notConflict(ctx, err))
		}
	}
	return nil
}

// nameTaken says who has the container's name. One of our own service with other labels goes; then the
// conflict is handed back for another look.
func (e *Engine) nameTaken(ctx context.Context, service string, p plan.Placement, conflict error) error {
	holder, err := e.api.ContainerInspect(ctx, p.Container)
	if errdefs.IsNotFound(err) {
		return conflict // gone meanwhile
	}
	if err != nil {
		return err
	}
	owner := ""
	if holder.Config != nil {
		owner = holder.Config.Labels[LabelService]
	}
	if owner != service {
		return fmt.Errorf("the name %s is taken by a container that is not of service %s: remove or rename it: %w", p.Container, service, fault.ErrRejected)
	}
	same := holder.Config.Labels[LabelFunction] == p.Function && holder.Config.Labels[LabelReplica] == strconv.Itoa(p.Replica)
	if same {
		return conflict // somebody else, or an earlier try of ours, has just made it
	}
	if err := e.Remove(ctx, holder.ID, 0); err != nil {
		return fmt.Errorf("remove %s, which has the name: %w", p.Container, err)
	}
	return conflict
}

// Remove implements activities.Engine.
func (e *Engine) Remove(ctx context.Context, id string, grace time.Duration) error {
	var stop container.StopOptions
	if grace > 0 {
		seconds := int((grace + time.Second - 1) / time.Second)
		stop.Timeout = &seconds
	}
	if err := e.api.ContainerStop(ctx, id, stop); err != nil && !errdefs.IsNotModified(err) {
		if errdefs.IsNotFound(err) {
			return nil
		}
		if ctx.Err() != nil || unreachable(err) {
			return classify(ctx, err)
		}
		// Anything else (it hangs, it is dead) the forced removal below settles or reports.
	}
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
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
