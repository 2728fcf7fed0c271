package docker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-units"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The labels of swarm services.
const (
	// LabelChange is the token of the change that changed it last.
	LabelChange = "overcloud.change"
	// LabelCompletes marks the containers of functions whose good end others wait for.
	LabelCompletes = "overcloud.completes"
)

const (
	// restartDelay is the pause before a task that ended is begun again. The swarm's own is 5 s.
	restartDelay = time.Second
	// updateMonitor is how long a replaced task must stay up: the swarm's own default.
	updateMonitor = 5 * time.Second
)

// SwarmServiceName is the name of a function's swarm service.
func SwarmServiceName(service, function string) string { return service + "_" + function }

// serviceSpec turns a wanted function into what the swarm is asked for. Networks go by their IDs, as the swarm
// hands them back.
func (n *Node) serviceSpec(ctx context.Context, want activities.SwarmService) (swarm.ServiceSpec, error) {
	replicas := uint64(want.Replicas)
	service := swarm.ServiceSpec{
		Annotations: swarm.Annotations{
			Name: SwarmServiceName(want.Service, want.Function),
			Labels: map[string]string{
				LabelService: want.Service, LabelFunction: want.Function, LabelSpecHash: want.Placement.SpecHash,
				LabelDigest: want.Placement.Digest, LabelRevision: strconv.Itoa(want.Revision), LabelChange: want.Change,
			},
		},
		Mode:           swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &replicas}},
		UpdateConfig:   updateConfig(want),
		RollbackConfig: &swarm.UpdateConfig{Parallelism: 0, FailureAction: swarm.UpdateFailureActionPause, Monitor: updateMonitor, Order: swarm.UpdateOrderStopFirst},
		EndpointSpec:   endpoint(want.Placement.Ports),
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: n.containerSpec(want), Resources: resources(want.Placement.Resources), RestartPolicy: restarts(want),
			Placement: &swarm.Placement{Constraints: constraints(want), MaxReplicas: uint64(want.MostPerNode)},
			Runtime:   swarm.RuntimeContainer,
		},
	}
	for node, box := range want.Boxes {
		service.Labels[plan.SwarmBoxLabel+node] = box
	}
	for _, name := range want.Placement.Networks {
		found, err := n.api.NetworkInspect(ctx, name, network.InspectOptions{Scope: "swarm"})
		if err != nil {
			return service, fmt.Errorf("find network %s: %w", name, classify(ctx, err))
		}
		service.TaskTemplate.Networks = append(service.TaskTemplate.Networks, swarm.NetworkAttachmentConfig{
			Target: found.ID, Aliases: []string{want.Function},
		})
	}
	return service, nil
}

func (n *Node) containerSpec(want activities.SwarmService) *swarm.ContainerSpec {
	p := want.Placement
	run := p.Runtime
	made := &swarm.ContainerSpec{
		Image: want.Image, Labels: taskLabels(want), Command: p.Entrypoint, Args: p.Command,
		Mounts: swarmMounts(want.Service, p), Healthcheck: health(p.Healthcheck), Hosts: hostsFile(p.ExtraHosts),
		User: run.User, Dir: run.WorkingDir, Hostname: run.Hostname, Groups: run.Groups, ReadOnly: run.ReadOnly,
		CapabilityAdd: run.CapAdd, CapabilityDrop: run.CapDrop,
	}
	if versions.LessThan(n.api.ClientVersion(), "1.44") && made.Healthcheck != nil {
		made.Healthcheck.StartInterval = 0
	}
	if run.Init {
		made.Init = &run.Init
	}
	for _, variable := range p.Environment {
		made.Env = append(made.Env, variable.Name+"="+variable.Value)
	}
	for _, limit := range run.Ulimits {
		made.Ulimits = append(made.Ulimits, &units.Ulimit{Name: limit.Name, Soft: limit.Soft, Hard: limit.Hard})
	}
	for _, one := range run.Sysctls {
		if made.Sysctls == nil {
			made.Sysctls = map[string]string{}
		}
		made.Sysctls[one.Name] = one.Value
	}
	if p.StopGrace > 0 {
		grace := p.StopGrace.D()
		made.StopGracePeriod = &grace
	}
	return made
}

// taskLabels are the labels of the containers. The replica is not among them: it is in the task's name.
func taskLabels(want activities.SwarmService) map[string]string {
	all := labels(want.Service, want.Placement)
	delete(all, LabelReplica)
	all[LabelRevision] = strconv.Itoa(want.Revision)
	if want.Completes {
		all[LabelCompletes] = "true"
	}
	return all
}

func swarmMounts(service string, p plan.Placement) []mount.Mount {
	all := mounts(p.Mounts)
	for i := range all {
		if all[i].Type == mount.TypeVolume {
			all[i].VolumeOptions = &mount.VolumeOptions{Labels: map[string]string{LabelService: service}}
		}
	}
	if size := p.Runtime.ShmBytes; size > 0 { // a swarm has no shm_size; a tmpfs in its place is the same
		all = append(all, mount.Mount{Type: mount.TypeTmpfs, Target: "/dev/shm", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: size, Mode: 0o1777}})
	}
	for _, one := range p.Runtime.Tmpfs {
		path, options, _ := strings.Cut(one, ":")
		all = append(all, mount.Mount{Type: mount.TypeTmpfs, Target: path, TmpfsOptions: tmpfs(options)})
	}
	return all
}

// tmpfs reads size= and mode= of Compose's options; a swarm takes no others.
func tmpfs(options string) *mount.TmpfsOptions {
	read := &mount.TmpfsOptions{}
	for option := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "size":
			if bytes, err := units.RAMInBytes(value); err == nil {
				read.SizeBytes = bytes
			}
		case "mode":
			if mode, err := strconv.ParseUint(value, 8, 32); err == nil {
				read.Mode = os.FileMode(mode)
			}
		}
	}
	return read
}

// hostsFile turns name:ip into lines of /etc/hosts, as a swarm wants them.
func hostsFile(extra []string) []string {
	var lines []string
	for _, one := range extra {
		if name, ip, found := strings.Cut(one, ":"); found {
			lines = append(lines, ip+" "+name)
		}
	}
	return lines
}

func resources(r spec.Resources) *swarm.ResourceRequirements {
	return &swarm.ResourceRequirements{
		Limits:       &swarm.Limit{NanoCPUs: int64(r.LimitCPUs * 1e9), MemoryBytes: r.LimitMemoryBytes},
		Reservations: &swarm.Resources{NanoCPUs: int64(r.CPUs * 1e9), MemoryBytes: r.MemoryBytes},
	}
}

// restarts reads Compose's restart. A function that is to complete is begun again only when it failed.
func restarts(want activities.SwarmService) *swarm.RestartPolicy {
	delay := restartDelay
	policy := &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone, Delay: &delay}
	name, count, _ := strings.Cut(want.Placement.Restart, ":")
	switch name {
	case "always", "unless-stopped":
		policy.Condition = swarm.RestartPolicyConditionAny
		if want.Completes {
			policy.Condition = swarm.RestartPolicyConditionOnFailure
		}
	case "on-failure":
		policy.Condition = swarm.RestartPolicyConditionOnFailure
		if most, err := strconv.ParseUint(count, 10, 64); err == nil && most > 0 {
			policy.MaxAttempts = &most
		}
	}
	return policy
}

// updateConfig is how the swarm replaces tasks. Unless somebody says otherwise a failed update is taken back by
// the swarm itself, where its own default is to stop half way.
func updateConfig(want activities.SwarmService) *swarm.UpdateConfig {
	config := &swarm.UpdateConfig{
		Parallelism: 1, FailureAction: swarm.UpdateFailureActionRollback, Monitor: updateMonitor, Order: swarm.UpdateOrderStopFirst,
	}
	if order := want.Placement.Order; order != "" {
		config.Order = order
	}
	update := want.Update
	if update == nil {
		return config
	}
	config.Parallelism, config.Delay = uint64(max(update.Parallelism, 0)), update.Delay.D()
	config.Monitor = cmp.Or(update.Monitor.D(), updateMonitor)
	config.FailureAction = cmp.Or(update.FailureAction, swarm.UpdateFailureActionRollback)
	config.MaxFailureRatio = float32(update.MaxFailureRatio)
	config.Order = cmp.Or(want.Placement.Order, update.Order, swarm.UpdateOrderStopFirst)
	return config
}

// endpoint publishes ports on the boxes that run the tasks, where the plan has found them free, and lets names
// resolve to the tasks themselves: that needs no IPVS in the kernel. Only a port in mode ingress asks for the
// swarm's own virtual address and its mesh.
func endpoint(ports []spec.Port) *swarm.EndpointSpec {
	made := &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR}
	for _, port := range ports {
		config := swarm.PortConfig{
			Protocol: swarm.PortConfigProtocol(cmp.Or(port.Protocol, "tcp")), TargetPort: uint32(port.Container),
			PublishedPort: uint32(port.Host), PublishMode: swarm.PortConfigPublishModeHost,
		}
		if port.Mode == string(swarm.PortConfigPublishModeIngress) {
			config.PublishMode, made.Mode = swarm.PortConfigPublishModeIngress, swarm.ResolutionModeVIP
		}
		made.Ports = append(made.Ports, config)
	}
	return made
}

// constraints bind a function to its nodes: to one by its ID, to several by a label that names this set of nodes,
// so that the tasks that run elsewhere stay until the swarm has replaced them.
func constraints(want activities.SwarmService) []string {
	if len(want.Nodes) == 1 {
		return []string{"node.id==" + want.Nodes[0]}
	}
	return []string{constraintOf(setLabel(want))}
}

func constraintOf(label string) string { return "node.labels." + label + "==yes" }

// setLabel is the node label of a set of nodes.
func setLabel(want activities.SwarmService) string {
	nodes := slices.Sorted(slices.Values(want.Nodes))
	sum := sha256.Sum256([]byte(strings.Join(nodes, " ")))
	return nodeLabels(want.Service, want.Function) + hex.EncodeToString(sum[:4])
}

// nodeLabels begins every node label of a function, or of a whole service when function is empty.
func nodeLabels(service, function string) string {
	prefix := "overcloud.on." + service + "."
	if function != "" {
		prefix += function + "."
	}
	return prefix
}

// ownedBy says that a swarm object is not the service's.
func ownedBy(labels map[string]string, kind, name, service string) error {
	if labels[LabelService] == service {
		return nil
	}
	return fmt.Errorf("%s %s is there and not of service %s: remove or rename it: %w", kind, name, service, fault.ErrRejected)
}
