package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"golang.org/x/sync/errgroup"

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
	volumes, err := e.volumeNames(ctx)
	if err != nil {
		return plan.Box{}, err
	}
	arch, variant := platform(info.Architecture)
	box := plan.Box{
		Name: e.box.Name, Reachable: true, EngineVersion: version.Version, APIVersion: version.APIVersion,
		OS: info.OSType, Arch: arch, Variant: variant, Process: isProcess(info),
		CPUs: float64(info.NCPU), MemoryBytes: info.MemTotal, FreeDisk: e.freeDisk(info), Images: digests(images), Volumes: volumes,
	}
	if state := info.Swarm.LocalNodeState; state == swarm.LocalNodeStateActive || state == swarm.LocalNodeStateLocked {
		box.Node, box.Manager = info.Swarm.NodeID, info.Swarm.ControlAvailable
		if info.Swarm.Cluster != nil { // only a manager says it
			box.Swarm = info.Swarm.Cluster.ID
		}
	}
	box.Containers = e.describeAll(ctx, containers)
	slices.SortFunc(box.Containers, func(a, b plan.Container) int { return strings.Compare(a.Name, b.Name) })
	return box, nil
}

// inspectsAtOnce bounds the questions about single containers; an engine answers each in 1 to 3 ms.
const inspectsAtOnce = 8

// describeAll leaves out our helpers. The engine's list says neither when a container was started nor what it
// may use, which costs another question for each that runs.
func (e *Engine) describeAll(ctx context.Context, listed []container.Summary) []plan.Container {
	listed = slices.DeleteFunc(slices.Clone(listed), func(one container.Summary) bool { return one.Labels[LabelHelper] != "" || pastTask(one) })
	if len(listed) == 0 {
		return nil
	}
	all := make([]plan.Container, len(listed))
	askEach(listed, func(i int, one container.Summary) {
		var full container.InspectResponse
		if one.State == container.StateRunning {
			full, _ = e.api.ContainerInspect(ctx, one.ID) // gone meanwhile: it is described by what the list said
		}
		all[i] = describe(one, full)
	})
	return all
}

// askEach asks for each container by itself, some at once.
func askEach(listed []container.Summary, ask func(i int, one container.Summary)) {
	var group errgroup.Group
	group.SetLimit(inspectsAtOnce)
	for i, one := range listed {
		group.Go(func() error {
			ask(i, one)
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
}

// describe is one container. full is empty for one that does not run.
func describe(one container.Summary, full container.InspectResponse) plan.Container {
	described := plan.Container{
		ID: one.ID, Name: nameOf(one), Service: one.Labels[LabelService], Function: one.Labels[LabelFunction],
		SpecHash: one.Labels[LabelSpecHash], Image: one.Image, State: one.State, Health: healthIn(one.Status),
		Created: one.Created, Started: started(full), Revision: number(one.Labels[LabelRevision]),
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
		described.CPUs, described.MemoryBytes = limits(full)
		return described
	}
	// What is no number there somebody else wrote: it reserves nothing and is replica 0.
	described.Replica = cmp.Or(number(one.Labels[LabelReplica]), slotOf(one.Labels))
	described.MemoryBytes = int64(number(one.Labels[LabelMemory]))
	if cpus, err := strconv.ParseFloat(one.Labels[LabelCPUs], 64); err == nil {
		described.CPUs = cpus
	}
	return described
}

// limits are a stranger's, zero when it has none: what it may use is all that can be known of its needs.
func limits(full container.InspectResponse) (cpus float64, memory int64) {
	if full.ContainerJSONBase == nil || full.HostConfig == nil {
		return 0, 0
	}
	return float64(full.HostConfig.NanoCPUs) / 1e9, full.HostConfig.Memory
}

// started is in unix seconds, zero when it is not known.
func started(full container.InspectResponse) int64 {
	if full.ContainerJSONBase == nil || full.State == nil {
		return 0
	}
	at, err := time.Parse(time.RFC3339Nano, full.State.StartedAt)
	if err != nil || at.Year() < 1971 { // the engine's zero time
		return 0
	}
	return at.Unix()
}

func isProcess(info system.Info) bool { return slices.Contains(info.Labels, labelBox) }

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
