package docker

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// removals is how many containers of one box are stopped at a time: each may take its grace.
const removals = 4

// EnsureNetwork implements activities.Engine.
func (e *Engine) EnsureNetwork(ctx context.Context, service, name string) error {
	_, err := e.api.NetworkInspect(ctx, name, network.InspectOptions{})
	if err == nil || !errdefs.IsNotFound(err) {
		return classify(ctx, err)
	}
	_, err = e.api.NetworkCreate(ctx, name, network.CreateOptions{
		Driver: "bridge", Labels: map[string]string{LabelService: service},
	})
	if errdefs.IsConflict(err) {
		return nil // somebody was faster
	}
	return classify(ctx, err)
}

// EnsureVolume implements activities.Engine: for the engine, making a volume that is there is no change.
func (e *Engine) EnsureVolume(ctx context.Context, service, name string) error {
	_, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: map[string]string{LabelService: service}})
	return classify(ctx, err)
}

// report collects what went and what stayed.
type report struct {
	box string

	mu              sync.Mutex
	removed, stayed []string
}

func (r *report) note(kind, name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := fmt.Sprintf("%s %s on %s", kind, name, r.box)
	if err != nil {
		r.stayed = append(r.stayed, fmt.Sprintf("%s: %v", what, err))
		return
	}
	r.removed = append(r.removed, what)
}

// Sweep implements activities.Engine: containers (helpers too) first, since they hold the rest.
func (e *Engine) Sweep(ctx context.Context, service string, volumes bool) (removed, stayed []string) {
	report := &report{box: e.box.Name}
	e.sweepContainers(ctx, service, volumes, report)
	e.sweepNetworks(ctx, service, report)
	if volumes {
		e.sweepVolumes(ctx, service, report)
	}
	slices.Sort(report.removed)
	slices.Sort(report.stayed)
	return report.removed, report.stayed
}

func (e *Engine) sweepContainers(ctx context.Context, service string, volumes bool, report *report) {
	all, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: ofService(service)})
	if err != nil {
		report.note("containers of", service, classify(ctx, err))
		return
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, removals)
	for _, one := range all {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			report.note("container", nameOf(one), e.remove(ctx, one.ID, 0, volumes))
		})
	}
	running.Wait()
}

func (e *Engine) sweepNetworks(ctx context.Context, service string, report *report) {
	all, err := e.api.NetworkList(ctx, network.ListOptions{Filters: ofService(service)})
	if err != nil {
		report.note("networks of", service, classify(ctx, err))
		return
	}
	for _, one := range all {
		report.note("network", one.Name, gone(ctx, e.api.NetworkRemove(ctx, one.ID)))
	}
}

func (e *Engine) sweepVolumes(ctx context.Context, service string, report *report) {
	all, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: ofService(service)})
	if err != nil {
		report.note("volumes of", service, classify(ctx, err))
		return
	}
	for _, one := range all.Volumes {
		report.note("volume", one.Name, gone(ctx, e.api.VolumeRemove(ctx, one.Name, false)))
	}
}

// gone is the outcome of a removal, for which nothing there is well.
func gone(ctx context.Context, err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return classify(ctx, err)
}
