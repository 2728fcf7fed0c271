package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

var _ activities.Glasses = (*Engines)(nil)

// What one inspection shows at most: it becomes a workflow's result, and a page.
const (
	containersShown = 200
	imagesShown     = 300
)

// Inspect implements activities.Glasses. It tells neither environment nor command of a container: secrets may be there.
func (e *Engines) Inspect(ctx context.Context, box spec.Box) (activities.Inspection, error) {
	engine, err := e.engine(box)
	if err != nil {
		return activities.Inspection{}, err
	}
	info, err := engine.api.Info(ctx)
	if err != nil {
		return activities.Inspection{}, classify(ctx, err)
	}
	now := time.Now()
	version, err := engine.api.ServerVersion(ctx)
	if err != nil {
		return activities.Inspection{}, classify(ctx, err)
	}
	containers, err := engine.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return activities.Inspection{}, classify(ctx, err)
	}
	images, err := engine.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return activities.Inspection{}, classify(ctx, err)
	}
	seen := activities.Inspection{Engine: factsOf(info, version.Version, version.APIVersion, now)}
	used := map[string]bool{}
	for _, one := range containers {
		used[one.ImageID] = true
	}
	containers = slices.DeleteFunc(containers, pastTask)
	slices.SortFunc(containers, func(a, b container.Summary) int {
		return cmp.Or(strings.Compare(b.Labels[LabelService], a.Labels[LabelService]), strings.Compare(nameOf(a), nameOf(b)))
	})
	slices.SortFunc(images, func(a, b image.Summary) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), strings.Compare(a.ID, b.ID))
	})
	seen.LeftOut = max(0, len(containers)-containersShown) + max(0, len(images)-imagesShown)
	seen.Containers = engine.inspectAll(ctx, containers[:min(len(containers), containersShown)])
	seen.Images = make([]activities.InspectedImage, 0, len(images))
	for _, one := range images[:min(len(images), imagesShown)] {
		shown := activities.InspectedImage{
			ID: one.ID, Names: named(one.RepoTags), Digests: named(one.RepoDigests), Bytes: one.Size, Used: used[one.ID],
		}
		if one.Created > 0 {
			shown.Created = time.Unix(one.Created, 0).UTC()
		}
		seen.Images = append(seen.Images, shown)
	}
	return seen, nil
}

// factsOf are an engine's words on itself. now is when it said them.
func factsOf(info system.Info, version, apiVersion string, now time.Time) activities.EngineFacts {
	arch, variant := platform(info.Architecture)
	facts := activities.EngineFacts{
		Version: version, API: apiVersion, OS: cmp.Or(info.OperatingSystem, info.OSType), Kernel: info.KernelVersion,
		Arch: strings.TrimSuffix(arch+"/"+variant, "/"), CPUs: info.NCPU, MemoryBytes: info.MemTotal, Root: info.DockerRootDir,
		Storage: info.Driver, Process: isProcess(info), Warnings: len(info.Warnings),
	}
	if info.Swarm.LocalNodeState == swarm.LocalNodeStateActive {
		facts.Swarm = "worker"
		if info.Swarm.ControlAvailable {
			facts.Swarm = "manager"
		}
	}
	if clock, err := time.Parse(time.RFC3339Nano, info.SystemTime); err == nil {
		facts.SkewS = clock.Sub(now).Round(time.Millisecond).Seconds()
	}
	return facts
}

// inspectAll asks for what a list does not say: since when, how it ended, how often it was started again.
func (e *Engine) inspectAll(ctx context.Context, listed []container.Summary) []activities.InspectedContainer {
	all := make([]activities.InspectedContainer, len(listed))
	askEach(listed, func(i int, one container.Summary) {
		full, _ := e.api.ContainerInspect(ctx, one.ID) // gone meanwhile: it is described by what the list said
		all[i] = inspected(one, full)
	})
	return all
}

func inspected(one container.Summary, full container.InspectResponse) activities.InspectedContainer {
	shown := activities.InspectedContainer{
		ID: one.ID, Name: nameOf(one), Service: one.Labels[LabelService], Function: one.Labels[LabelFunction],
		Helper: one.Labels[LabelHelper], Image: one.Image, State: one.State, Health: healthIn(one.Status),
	}
	if shown.Service != "" {
		shown.Replica = cmp.Or(number(one.Labels[LabelReplica]), slotOf(one.Labels))
	}
	if one.Created > 0 {
		shown.Created = time.Unix(one.Created, 0).UTC()
	}
	for _, port := range one.Ports {
		if port.PublicPort != 0 {
			shown.Ports = append(shown.Ports, fmt.Sprintf("%s:%d->%d/%s", port.IP, port.PublicPort, port.PrivatePort, port.Type))
		}
	}
	slices.Sort(shown.Ports)
	if full.ContainerJSONBase == nil || full.State == nil {
		return shown
	}
	shown.Restarts, shown.ExitCode = full.RestartCount, full.State.ExitCode
	since := full.State.StartedAt
	if !full.State.Running && full.State.FinishedAt != "" {
		since = full.State.FinishedAt
	}
	if at, err := time.Parse(time.RFC3339Nano, since); err == nil && at.Year() > 1970 { // else the engine's zero time
		shown.Since = at.UTC()
	}
	return shown
}
