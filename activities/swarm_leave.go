package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// LeaveSwarmInput names the boxes that a specification no longer has.
type LeaveSwarmInput struct {
	Service string     `json:"service"`
	Gone    []spec.Box `json:"gone"`
	Staying []spec.Box `json:"staying"`
}

// LeaveSwarm takes boxes out of the swarm that this service took into it: drained, left, and off the list of
// nodes. A box that was in the swarm before, or that runs tasks of another service, stays in it. One that manages
// the swarm hands that to a box that stays. What could not leave is in Stayed, and no error; a second run tries
// again with that.
func (s *Swarm) LeaveSwarm(ctx context.Context, in LeaveSwarmInput) (SweepResult, error) {
	defer beat(ctx, nil)()
	var result SweepResult
	all := s.look(ctx, append(slices.Clone(in.Staying), in.Gone...))
	for _, one := range all[len(in.Staying):] {
		what := "swarm node of " + one.box.Name
		left, err := s.leave(ctx, in, one, all[:len(in.Staying)])
		switch {
		case ctx.Err() != nil:
			return result, ctx.Err()
		case err != nil:
			result.Stayed = append(result.Stayed, what+": "+err.Error())
		case left:
			result.Removed = append(result.Removed, what)
		}
	}
	return result, nil
}

func (s *Swarm) leave(ctx context.Context, in LeaveSwarmInput, one seen, staying []seen) (left bool, err error) {
	if one.err == nil && one.member.State == MemberInactive {
		return false, nil
	}
	manager, err := s.manager(ctx, append(slices.Clone(in.Staying), in.Gone...))
	if err != nil {
		return false, err
	}
	nodes, err := manager.Nodes(ctx)
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(nodes, func(n Node) bool {
		if one.err != nil { // all that is known of a silent box is its label
			return n.Box == one.box.Name && !n.Ready
		}
		return n.ID == one.member.Node
	})
	if at < 0 || nodes[at].Joined != in.Service {
		return false, nil
	}
	node := nodes[at]
	if foreign, err := manager.Foreign(ctx, node.ID, in.Service); err != nil || foreign {
		return false, err
	}
	if node.Manager {
		if manager, err = s.handOver(ctx, manager, node, nodes, staying); err != nil {
			return false, err
		}
	}
	no := false
	if err := manager.ChangeNode(ctx, node.ID, NodeChange{Active: &no}); err != nil {
		return false, err
	}
	if one.err == nil {
		if err := one.node.Leave(ctx); err != nil {
			return false, err
		}
		if err := s.awaitNode(ctx, manager, node.ID, func(n Node) bool { return !n.Ready }); err != nil {
			return false, err
		}
	}
	return true, manager.RemoveNode(ctx, node.ID)
}

// handOver lets a box that stays manage the swarm and takes that from the node that goes.
func (s *Swarm) handOver(ctx context.Context, manager SwarmNode, node Node, nodes []Node, staying []seen) (SwarmNode, error) {
	yes, no := true, false
	for _, heir := range staying {
		at := slices.IndexFunc(nodes, func(n Node) bool { return heir.err == nil && n.ID == heir.member.Node })
		if at < 0 || !nodes[at].Ready {
			continue
		}
		if !nodes[at].Manager {
			if err := manager.ChangeNode(ctx, nodes[at].ID, NodeChange{Manager: &yes}); err != nil {
				return nil, fmt.Errorf("let box %s manage the swarm: %w", heir.box.Name, err)
			}
		}
		// The heir itself must answer as a manager before the other one stops.
		if err := s.awaitNode(ctx, heir.node, nodes[at].ID, func(n Node) bool { return n.Manager && n.Reachable }); err != nil {
			return nil, err
		}
		if err := heir.node.ChangeNode(ctx, node.ID, NodeChange{Manager: &no}); err != nil {
			return nil, err
		}
		return heir.node, s.awaitNode(ctx, heir.node, node.ID, func(n Node) bool { return !n.Manager })
	}
	return nil, errors.New("it is the only manager of the swarm, and no box that stays can take over")
}
