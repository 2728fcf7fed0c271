package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	name, gone := p.Container, others
	if beside(p, others) {
		name += plan.NextSuffix
		gone = slices.DeleteFunc(slices.Clone(others), func(one container.Summary) bool { return nameOf(one) != name }) // an earlier try's
	}
	if err := e.clear(ctx, gone, p.StopGrace.D()); err != nil {
		return "", false, err
	}
	if keep != nil {
		kept, err := e.keep(ctx, *keep, name, p, secrets)
		if kept || err != nil {
			return keep.ID, false, err
		}
	}
	id, err := e.create(ctx, service, name, p, secrets)
	if err != nil {
		return "", false, err
	}
	if err := e.begin(ctx, id, p, secrets); err != nil {
		tidy, cancel := lasting(ctx)
		defer cancel()
		if left := e.Remove(tidy, id, 0); left != nil {
			return "", false, fmt.Errorf("%w (and its container stayed: %s)", classify(ctx, err), left.Error())
		}
		return "", false, err
	}
	return id, true, nil
}

// begin gives a new container its secrets and starts it.
func (e *Engine) begin(ctx context.Context, id string, p plan.Placement, secrets []activities.SecretFile) error {
	if err := e.fill(ctx, id, secrets); err != nil {
		return err
	}
	return e.holder(ctx, p, notConflict(ctx, e.api.ContainerStart(ctx, id, container.StartOptions{})))
}

// clear removes what stands where a placement is to be.
func (e *Engine) clear(ctx context.Context, others []container.Summary, grace time.Duration) error {
	for _, other := range others {
		if err := e.Remove(ctx, other.ID, grace); err != nil {
			return fmt.Errorf("remove the old %s: %w", nameOf(other), err)
		}
	}
	return nil
}

// keep makes a container with the right hash serve the placement: it runs, under its name. It is not kept, and
// gone, when its secrets are others than those wanted, or when its files were tampered with: the image may be
// whole still, and then a new container is too.
func (e *Engine) keep(ctx context.Context, one container.Summary, name string, p plan.Placement, secrets []activities.SecretFile) (bool, error) {
	same, err := e.hasSecrets(ctx, one, secrets)
	if err != nil {
		return false, err
	}
	if !same {
		if err := e.Remove(ctx, one.ID, p.StopGrace.D()); err != nil {
			return false, fmt.Errorf("remove %s, which has old secrets: %w", nameOf(one), err)
		}
		return false, nil
	}
	err = e.wake(ctx, one, p, secrets)
	if errors.Is(err, fault.ErrDigestMismatch) {
		if left := e.Remove(ctx, one.ID, 0); left != nil {
			return false, fmt.Errorf("%w (and its container stayed: %s)", err, left.Error())
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if have := nameOf(one); have != name && name == p.Container {
		return true, e.rename(ctx, one.ID, have, name)
	}
	return true, nil
}

// rename gives the container that has replaced another its name. A conflict stays one: the name is free soon.
func (e *Engine) rename(ctx context.Context, id, have, name string) error {
	if err := e.api.ContainerRename(ctx, id, name); err != nil {
		return fmt.Errorf("rename %s to %s: %w", have, name, err)
	}
	return nil
}

// notConflict gives a failed start its sentinel at once, so that it is not taken for a lost race.
func notConflict(ctx context.Context, err error) error {
	if errdefs.IsNotFound(err) && !known(err) {
		return told(words(err), fault.ErrRejected) // "exec: not found": the image is there, its program is not
	}
	return classify(ctx, err)
}

// wake makes a container run that has the right hash. One that was never started may be the leaving of a worker
// that died right after making it: it is settled first.
func (e *Engine) wake(ctx context.Context, one container.Summary, p plan.Placement, secrets []activities.SecretFile) error {
	switch one.State {
	case container.StateRunning, container.StateRestarting:
		return nil
	case container.StatePaused:
		return e.api.ContainerUnpause(ctx, one.ID)
	case container.StateCreated:
		image, err := e.imageFor(ctx, p)
		if err != nil {
			return err
		}
		if err := e.settle(ctx, one.ID, image, p); err != nil {
			return err
		}
	}
	if folder := one.Labels[LabelFolder]; folder != "" {
		if err := e.fillFolder(ctx, one.Labels[LabelService], one.ImageID, folder, p.Runtime.User, inFolder(secrets)); err != nil {
			return err
		}
	}
	if err := e.fill(ctx, one.ID, secrets); err != nil {
		return err
	}
	return e.holder(ctx, p, notConflict(ctx, e.api.ContainerStart(ctx, one.ID, container.StartOptions{})))
}

// create makes a container and joins it to its networks.
func (e *Engine) create(ctx context.Context, service, name string, p plan.Placement, secrets []activities.SecretFile) (string, error) {
	image, err := e.imageFor(ctx, p)
	if err != nil {
		return "", err
	}
	config, host, joined := translate(service, p)
	suit(config, e.api.ClientVersion())
	if err := e.lend(ctx, service, image, p, secrets, config, host); err != nil {
		return "", err
	}
	made, err := e.api.ContainerCreate(ctx, config, host, joined, nil, name)
	if errdefs.IsConflict(err) {
		return "", e.nameTaken(ctx, service, name, p, err)
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
		if full.NetworkSettings != nil && full.NetworkSettings.Networks[name] != nil {
			continue // an earlier try came this far
		}
		if err := e.api.NetworkConnect(ctx, name, id, &network.EndpointSettings{Aliases: []string{p.Function}}); err != nil {
			return fmt.Errorf("join network %s: %w", name, notConflict(ctx, err))
		}
	}
	return nil
}

// nameTaken says who has the container's name. One of our own service with other labels goes; then the
// conflict is handed back for another look.
func (e *Engine) nameTaken(ctx context.Context, service, name string, p plan.Placement, conflict error) error {
	holder, err := e.api.ContainerInspect(ctx, name)
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
		return fmt.Errorf("the name %s is taken by a container that is not of service %s: remove or rename it: %w", name, service, fault.ErrRejected)
	}
	same := holder.Config.Labels[LabelFunction] == p.Function && holder.Config.Labels[LabelReplica] == strconv.Itoa(p.Replica)
	if same {
		return conflict // somebody else, or an earlier try of ours, has just made it
	}
	if err := e.Remove(ctx, holder.ID, 0); err != nil {
		return fmt.Errorf("remove %s, which has the name: %w", name, err)
	}
	return conflict
}
