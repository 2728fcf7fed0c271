package fakes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// EnsureOverlay implements activities.SwarmNode.
func (n *SwarmNode) EnsureOverlay(ctx context.Context, service, name string) error {
	if err := n.enter(ctx, "EnsureOverlay", name); err != nil {
		return err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	if n.all.overlays[name] == "" {
		n.all.Add("overlay %s", name)
	}
	n.all.overlays[name] = service
	return nil
}

// EnsureSwarmService implements activities.SwarmNode; the Subject of its Call is the function.
func (n *SwarmNode) EnsureSwarmService(ctx context.Context, want activities.SwarmService) (activities.SwarmServiceChange, error) {
	if err := n.enter(ctx, "EnsureSwarmService", want.Function); err != nil {
		return activities.SwarmServiceChange{}, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	name := want.Service + "_" + want.Function
	now := n.all.services[name]
	switch {
	case now == nil:
		n.all.services[name] = &swarmService{want: &want}
		n.all.Add("create %s", name)
		n.all.run(n.all.services[name])
		return activities.SwarmServiceChange{Done: activities.SwarmCreated, Cause: "not there", Anew: true}, nil
	case now.want.Placement.SpecHash == want.Placement.SpecHash && now.want.Replicas == want.Replicas && slices.Equal(now.want.Nodes, want.Nodes):
		return activities.SwarmServiceChange{Done: activities.SwarmKept}, nil
	}
	n.all.Add("update %s", name)
	now.want, now.before, now.update = &want, now.want, "completed"
	n.all.run(now)
	if n.all.Sick[want.Placement.SpecHash] { // the swarm takes it back by itself
		failed := now.tasks
		now.tasks = nil // what ended is kept for a while
		now.want, now.before, now.update = now.before, nil, "rollback_completed"
		n.all.run(now)
		now.tasks = append(now.tasks, failed...)
	}
	return activities.SwarmServiceChange{Done: activities.SwarmUpdated, Cause: "changed", Anew: true}, nil
}

// SwarmServiceState implements activities.SwarmNode.
func (n *SwarmNode) SwarmServiceState(ctx context.Context, service, function string) (activities.SwarmServiceState, error) {
	state := activities.SwarmServiceState{Name: service + "_" + function}
	if err := n.enter(ctx, "SwarmServiceState", function); err != nil {
		return state, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	if now := n.all.services[state.Name]; now != nil {
		state.There, state.Change, state.Hash, state.Replicas = true, now.want.Change, now.want.Placement.SpecHash, now.want.Replicas
		state.Update, state.Tasks = now.update, slices.Clone(now.tasks)
	}
	return state, nil
}

// RevertSwarmService implements activities.SwarmNode.
func (n *SwarmNode) RevertSwarmService(ctx context.Context, service, function, change string) (bool, error) {
	if err := n.enter(ctx, "RevertSwarmService", function); err != nil {
		return false, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	name := service + "_" + function
	now := n.all.services[name]
	if now == nil || now.want.Change != change {
		return false, nil
	}
	n.all.Add("revert %s", name)
	if now.before == nil {
		n.all.end(name)
		return true, nil
	}
	now.want, now.before, now.update = now.before, now.want, "rollback_completed"
	n.all.run(now)
	return true, nil
}

// RemoveSwarmService implements activities.SwarmNode.
func (n *SwarmNode) RemoveSwarmService(ctx context.Context, service, function string) error {
	if err := n.enter(ctx, "RemoveSwarmService", function); err != nil {
		return err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	n.all.Add("drop %s_%s", service, function)
	n.all.end(service + "_" + function)
	return nil
}

// SwarmFunctions implements activities.SwarmNode.
func (n *SwarmNode) SwarmFunctions(ctx context.Context, service string) ([]string, error) {
	if err := n.enter(ctx, "SwarmFunctions", service); err != nil {
		return nil, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	var functions []string
	for _, name := range slices.Sorted(maps.Keys(n.all.services)) {
		if one := n.all.services[name]; one.want.Service == service {
			functions = append(functions, one.want.Function)
		}
	}
	return functions, nil
}

// SweepSwarm implements activities.SwarmNode.
func (n *SwarmNode) SweepSwarm(ctx context.Context, service string) (removed, stayed []string) {
	if err := n.enter(ctx, "SweepSwarm", service); err != nil {
		return nil, []string{"the swarm: " + err.Error()}
	}
	n.all.Add("sweep-swarm %s", service)
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(n.all.services)) {
		if n.all.services[name].want.Service == service {
			n.all.end(name)
			removed = append(removed, "swarm service "+name+" on the swarm")
		}
	}
	return append(removed, drop(n.all.overlays, service, "network", "the swarm")...), nil
}

// ImageNames implements activities.SwarmNode.
func (n *SwarmNode) ImageNames(ctx context.Context, p plan.Placement) ([]string, error) {
	err := n.all.enter(ctx, Call{Method: "ImageNames", Box: n.box.Name, Subject: p.Image}, func(b *box) error {
		if !b.images[p.Digest] {
			return fmt.Errorf("image %s: %w", p.Image, fault.ErrNotFound)
		}
		return nil
	})
	host, path := spec.SplitImage(p.Image)
	return []string{host + "/" + path + "@" + p.Digest}, err
}

// TagImage implements activities.SwarmNode.
func (n *SwarmNode) TagImage(ctx context.Context, p plan.Placement) (string, error) {
	return "127.0.0.1:1/" + p.Function, n.enter(ctx, "TagImage", p.Image)
}

// Foreign implements activities.SwarmNode: no other service is in this swarm.
func (n *SwarmNode) Foreign(ctx context.Context, node, _ string) (bool, error) {
	return false, n.enter(ctx, "Foreign", node)
}
