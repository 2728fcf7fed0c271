package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

var (
	_ activities.Switches = (*Engines)(nil)
	_ activities.Switch   = (*Engine)(nil)
)

// Switch implements activities.Switches.
func (e *Engines) Switch(box spec.Box) (activities.Switch, error) {
	opened, err := e.Open(box)
	if err != nil {
		return nil, err
	}
	engine, ours := opened.(*Engine)
	if !ours {
		return nil, fmt.Errorf("box %s has no engine of ours: %w", box.Name, fault.ErrInvalid)
	}
	return engine, nil
}

// Containers implements activities.Switch. What only helps a container (its forwarders) stops and starts with it.
func (e *Engine) Containers(ctx context.Context, service, function string) ([]activities.Switched, error) {
	match := ofService(service)
	match.Add("label", LabelFunction+"="+function)
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return nil, classify(ctx, err)
	}
	var all []activities.Switched
	for _, one := range found {
		if one.Labels[LabelHelper] != "" {
			continue
		}
		name := one.ID
		if len(one.Names) > 0 {
			name = strings.TrimPrefix(one.Names[0], "/")
		}
		running := one.State == container.StateRunning || one.State == container.StateRestarting || one.State == container.StatePaused
		all = append(all, activities.Switched{ID: one.ID, Name: name, Running: running})
	}
	return all, nil
}

// Stop implements activities.Switch.
func (e *Engine) Stop(ctx context.Context, id string) error { return e.stop(ctx, id, 0) }

// StartAgain implements activities.Switch.
func (e *Engine) StartAgain(ctx context.Context, id string) error {
	err := e.api.ContainerStart(ctx, id, container.StartOptions{})
	if errdefs.IsNotModified(err) {
		return nil
	}
	return classify(ctx, err)
}

// Answers implements activities.Switch.
func (e *Engine) Answers(ctx context.Context) bool {
	_, err := e.api.Ping(ctx)
	return err == nil
}
