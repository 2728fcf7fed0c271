package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

const (
	// defaultGrace is the engine's own stop grace.
	defaultGrace = 10 * time.Second
	// endSlack is what the end of a task may take beside its grace.
	endSlack = 30 * time.Second
	// endPause is the pause between two looks whether tasks have ended.
	endPause = 250 * time.Millisecond
)

// EnsureOverlay implements activities.SwarmNode. The network is attachable, so that probes can join it.
func (n *Node) EnsureOverlay(ctx context.Context, service, name string) error {
	found, err := n.api.NetworkInspect(ctx, name, network.InspectOptions{Scope: "swarm"})
	if err == nil {
		return ownedBy(found.Labels, "network", name, service)
	}
	if !errdefs.IsNotFound(err) {
		return classifySwarm(ctx, err)
	}
	_, err = n.api.NetworkCreate(ctx, name, network.CreateOptions{
		Driver: "overlay", Scope: "swarm", Attachable: true, Labels: map[string]string{LabelService: service},
	})
	if errdefs.IsConflict(err) || err != nil && says(err.Error(), "already exists") {
		again, unseen := n.api.NetworkInspect(ctx, name, network.InspectOptions{Scope: "swarm"})
		if unseen == nil {
			return ownedBy(again.Labels, "network", name, service) // somebody was faster
		}
	}
	return classifySwarm(ctx, err)
}

// SwarmFunctions implements activities.SwarmNode.
func (n *Node) SwarmFunctions(ctx context.Context, service string) ([]string, error) {
	all, err := n.servicesOf(ctx, service)
	var functions []string
	for _, one := range all {
		functions = append(functions, one.Spec.Labels[LabelFunction])
	}
	slices.Sort(functions)
	return functions, err
}

func (n *Node) servicesOf(ctx context.Context, service string) ([]swarm.Service, error) {
	all, err := n.api.ServiceList(ctx, swarm.ServiceListOptions{Filters: ofService(service)})
	return all, classifySwarm(ctx, err)
}

// RemoveSwarmService implements activities.SwarmNode.
func (n *Node) RemoveSwarmService(ctx context.Context, service, function string) error {
	found, there, err := n.findService(ctx, service, function)
	if err != nil {
		return err
	}
	if there {
		if err := n.removeService(ctx, found); err != nil {
			return err
		}
	}
	secrets, err := n.secretsOf(ctx, service, function)
	if err != nil {
		return err
	}
	for _, one := range secrets {
		if err := n.api.SecretRemove(ctx, one.ID); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove secret %s: %w", one.Spec.Name, classifySwarm(ctx, err))
		}
	}
	return n.unlabelNodes(ctx, begins(nodeLabels(service, function)))
}

// removeService removes one and waits until its tasks have ended.
func (n *Node) removeService(ctx context.Context, one swarm.Service) error {
	if err := n.api.ServiceRemove(ctx, one.ID); err != nil && !errdefs.IsNotFound(err) {
		return classifySwarm(ctx, err)
	}
	patience := defaultGrace
	if made := one.Spec.TaskTemplate.ContainerSpec; made != nil && made.StopGracePeriod != nil {
		patience = *made.StopGracePeriod
	}
	return n.awaitEnd(ctx, one, patience+endSlack)
}

// awaitEnd waits until no task of a removed swarm service is on a node that answers. Its filter by service knows
// no service that is gone, so all tasks are asked for.
func (n *Node) awaitEnd(ctx context.Context, one swarm.Service, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	looks := time.NewTicker(endPause)
	defer looks.Stop()
	for {
		tasks, err := n.api.TaskList(ctx, swarm.TaskListOptions{})
		if err != nil {
			return classifySwarm(ctx, err)
		}
		nodes, err := n.Nodes(ctx)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(tasks, func(t swarm.Task) bool {
			silent := !slices.ContainsFunc(nodes, func(node activities.Node) bool { return node.ID == t.NodeID && node.Ready })
			return t.ServiceID != one.ID || t.NodeID == "" || silent || !alive(t.Status.State)
		})
		if len(left) == 0 {
			return nil
		}
		select {
		case <-looks.C:
		case <-ctx.Done():
			return fmt.Errorf("%d tasks of %s have not ended after %s: %w", len(left), one.Spec.Name, patience, fault.ErrUnreachable)
		}
	}
}

// alive says that a task may have a container that runs.
func alive(state swarm.TaskState) bool {
	switch state {
	case swarm.TaskStateComplete, swarm.TaskStateShutdown, swarm.TaskStateFailed, swarm.TaskStateRejected, swarm.TaskStateOrphaned, swarm.TaskStateRemove:
		return false
	}
	return true
}

// SweepSwarm implements activities.SwarmNode: swarm services first, since their tasks hold the rest.
func (n *Node) SweepSwarm(ctx context.Context, service string) (removed, stayed []string) {
	report := &report{box: "the swarm"}
	services, err := n.servicesOf(ctx, service)
	if err != nil {
		report.note("swarm services of", service, err)
	}
	for _, one := range services { // all are told to end before the first is waited for
		if err := n.api.ServiceRemove(ctx, one.ID); err != nil && !errdefs.IsNotFound(err) {
			report.note("swarm service", one.Spec.Name, classifySwarm(ctx, err))
		}
	}
	for _, one := range services {
		report.note("swarm service", one.Spec.Name, n.removeService(ctx, one))
	}
	n.sweepOverlays(ctx, service, report)
	secrets, err := n.secretsOf(ctx, service, "")
	if err != nil {
		report.note("secrets of", service, err)
	}
	for _, one := range secrets {
		report.note("secret", one.Spec.Name, gone(ctx, n.api.SecretRemove(ctx, one.ID)))
	}
	if err := n.unlabelNodes(ctx, begins(nodeLabels(service, ""))); err != nil {
		report.note("node labels of", service, err)
	}
	slices.Sort(report.stayed)
	return slices.Compact(slices.Sorted(slices.Values(report.removed))), slices.Compact(report.stayed)
}

// sweepOverlays removes overlay networks. A node lets go of one a moment after its last task has ended.
func (n *Node) sweepOverlays(ctx context.Context, service string, report *report) {
	all, err := n.api.NetworkList(ctx, network.ListOptions{Filters: ofService(service)})
	if err != nil {
		report.note("overlay networks of", service, classifySwarm(ctx, err))
		return
	}
	for _, one := range all {
		if one.Scope != "swarm" {
			continue
		}
		err := n.api.NetworkRemove(ctx, one.ID)
		for until := time.Now().Add(endSlack); err != nil && says(err.Error(), "in use", "active endpoints") && time.Now().Before(until); {
			select {
			case <-time.After(endPause):
				err = n.api.NetworkRemove(ctx, one.ID)
			case <-ctx.Done():
				until = time.Time{}
			}
		}
		report.note("network", one.Name, gone(ctx, err))
	}
}

// unlabelNodes takes labels off all nodes.
func (n *Node) unlabelNodes(ctx context.Context, off func(label string) bool) error {
	all, err := n.api.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		return classifySwarm(ctx, err)
	}
	for _, node := range all {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(node.Spec.Labels)), off) {
			continue
		}
		err := n.editNode(ctx, node.ID, func(spec *swarm.NodeSpec) {
			maps.DeleteFunc(spec.Labels, func(label, _ string) bool { return off(label) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func begins(prefix string) func(string) bool {
	return func(label string) bool { return strings.HasPrefix(label, prefix) }
}
