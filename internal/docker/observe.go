package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// unknownDisk is the FreeDisk of an engine whose disk we cannot see.
const unknownDisk = -1

// Observe implements activities.Engine. Helper containers of ours are not reported.
func (e *Engine) Observe(ctx context.Context) plan.Box {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	box, err := e.observe(ctx)
	if err != nil {
		reason := classify(ctx, err)
		if errors.Is(reason, context.DeadlineExceeded) {
			reason = errors.New("did not answer in time")
		}
		return plan.Box{Name: e.box.Name, Fault: fmt.Sprintf("engine %s: %v", e.box.Engine, reason)}
	}
	return box
}

func (e *Engine) observe(ctx context.Context) (plan.Box, error) {
	info, err := e.api.Info(ctx)
	if err != nil {
		return plan.Box{}, err
	}
	version, err := e.api.ServerVersion(ctx)
	if err != nil {
		return plan.Box{}, err
	}
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return plan.Box{}, err
	}
	images, err := e.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return plan.Box{}, err
	}
	arch, variant := platform(info.Architecture)
	box := plan.Box{
		Name: e.box.Name, Reachable: true, EngineVersion: version.Version, APIVersion: version.APIVersion,
		OS: info.OSType, Arch: arch, Variant: variant, Process: slices.Contains(info.Labels, labelBox),
		CPUs: float64(info.NCPU), MemoryBytes: info.MemTotal, FreeDisk: e.freeDisk(info), Images: digests(images),
	}
	for _, one := range containers {
		if one.Labels[LabelHelper] == "" {
			box.Containers = append(box.Containers, e.describe(ctx, one))
		}
	}
	slices.SortFunc(box.Containers, func(a, b plan.Container) int { return strings.Compare(a.Name, b.Name) })
	return box, nil
}

// freeDisk looks at the engine's data root, when that is on this machine: behind a socket, or in a process
// box, which lives where its worker does unless it was told otherwise.
func (e *Engine) freeDisk(info system.Info) int64 {
	local := strings.HasPrefix(e.box.Engine, "unix://") || slices.Contains(info.Labels, labelBox)
	if !local || info.DockerRootDir == "" {
		return unknownDisk
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(info.DockerRootDir, &disk); err != nil {
		return unknownDisk
	}
	return int64(disk.Bavail) * disk.Bsize
}

// describe is one container. What a stranger may use is only in its limits, which cost another question.
func (e *Engine) describe(ctx context.Context, one container.Summary) plan.Container {
	described := plan.Container{
		ID: one.ID, Name: nameOf(one), Service: one.Labels[LabelService], Function: one.Labels[LabelFunction],
		SpecHash: one.Labels[LabelSpecHash], Image: one.Image, State: one.State, Health: healthIn(one.Status),
	}
	for _, port := range one.Ports {
		if port.PublicPort == 0 {
			continue
		}
		described.Ports = append(described.Ports, spec.Port{
			Container: int(port.PrivatePort), Host: int(port.PublicPort), HostIP: port.IP, Protocol: port.Type,
		})
	}
	slices.SortFunc(described.Ports, func(a, b spec.Port) int {
		return strings.Compare(fmt.Sprintf("%05d%s%s", a.Host, a.Protocol, a.HostIP), fmt.Sprintf("%05d%s%s", b.Host, b.Protocol, b.HostIP))
	})
	if described.Service == "" {
		if one.State == "running" {
			described.CPUs, described.MemoryBytes = e.limits(ctx, one.ID)
		}
		return described
	}
	// What is no number there somebody else wrote: it reserves nothing and is replica 0.
	described.Replica = number(one.Labels[LabelReplica])
	described.MemoryBytes = int64(number(one.Labels[LabelMemory]))
	if cpus, err := strconv.ParseFloat(one.Labels[LabelCPUs], 64); err == nil {
		described.CPUs = cpus
	}
	return described
}

// limits are a container's, zero when it has none or is gone.
func (e *Engine) limits(ctx context.Context, id string) (cpus float64, memory int64) {
	full, err := e.api.ContainerInspect(ctx, id)
	if err != nil || full.ContainerJSONBase == nil || full.HostConfig == nil {
		return 0, 0
	}
	return float64(full.HostConfig.NanoCPUs) / 1e9, full.HostConfig.Memory
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

func nameOf(one container.Summary) string {
	if len(one.Names) == 0 {
		return one.ID
	}
	return strings.TrimPrefix(one.Names[0], "/")
}

// healthIn reads the health out of a list's status text: "Up 5 seconds (health: starting)".
func healthIn(status string) string {
	for _, health := range []string{"unhealthy", "healthy", "starting"} {
		if strings.Contains(status, health+")") {
			return health
		}
	}
	return ""
}

// digests are those of all images, sorted, each once.
func digests(images []image.Summary) []string {
	var all []string
	for _, one := range images {
		for _, digest := range one.RepoDigests {
			if _, hash, found := strings.Cut(digest, "@"); found {
				all = append(all, hash)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// platform turns a machine's name (uname -m) into the words of image manifests.
func platform(machine string) (arch, variant string) {
	switch machine {
	case "x86_64", "amd64":
		return "amd64", ""
	case "aarch64", "arm64":
		return "arm64", ""
	case "armv7l", "armhf":
		return "arm", "v7"
	case "armv6l", "armel":
		return "arm", "v6"
	case "arm":
		return "arm", ""
	}
	return machine, ""
}
