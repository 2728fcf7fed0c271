package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// EnsureSwarmInput names the boxes that are to be one swarm.
type EnsureSwarmInput struct {
	Service string     `json:"service"`
	Boxes   []spec.Box `json:"boxes"`
	// Known are boxes of specifications before: one of them may be the manager still.
	Known []spec.Box `json:"known,omitempty"`
	// There says that the service has run in a swarm: none is made then while a box is silent that may be in it.
	There bool `json:"there,omitempty"`
}

// SwarmReport is the swarm as it is now, with what was done to make it so.
type SwarmReport struct {
	Created  string   `json:"created,omitempty"`  // the box on which a swarm was made
	Joined   []string `json:"joined,omitempty"`   // boxes
	Promoted []string `json:"promoted,omitempty"` // boxes that manage it as well from now on
	// Managers are the boxes that manage it, in the order of the specification.
	Managers []spec.Box `json:"managers"`
	// Nodes are the boxes of the specification that are in it.
	Nodes []BoxNode `json:"nodes"`
	// Away are those that did not answer, with the reason.
	Away []string `json:"away,omitempty"`
	// Functions are those that have a swarm service.
	Functions []string `json:"functions,omitempty"`
}

// BoxNode is a box with its node's ID.
type BoxNode struct {
	Box  spec.Box `json:"box"`
	Node string   `json:"node"`
	// Away says that the box does not answer; the swarm may, for all that, hear its node.
	Away bool `json:"away,omitempty"`
}

// EnsureSwarm makes the boxes one swarm: it is made on the first box unless one of them manages it already, and
// the others join it. A box that does not answer is left out and joins at a later time. When all are members it
// is one look and changes nothing; so is a second run. A node of another swarm is REJECTED and never taken out of
// it. Join tokens stay within: they are read on the manager and given to the box here.
func (s *Swarm) EnsureSwarm(ctx context.Context, in EnsureSwarmInput) (SwarmReport, error) {
	defer beat(ctx, nil)()
	report, err := s.ensureSwarm(ctx, in)
	if err != nil {
		return SwarmReport{}, Fault(fmt.Errorf("make the boxes of %s one swarm: %w", in.Service, err))
	}
	return report, nil
}

func (s *Swarm) ensureSwarm(ctx context.Context, in EnsureSwarmInput) (report SwarmReport, err error) {
	known := slices.DeleteFunc(slices.Clone(in.Known), func(old spec.Box) bool {
		return slices.ContainsFunc(in.Boxes, func(b spec.Box) bool { return b.Name == old.Name || b.Engine == old.Engine })
	})
	all := s.look(ctx, append(slices.Clone(in.Boxes), known...))
	boxes := all[:len(in.Boxes)]
	for _, one := range boxes {
		switch {
		case one.err != nil && !away(one.err):
			return report, fmt.Errorf("box %s: %w", one.box.Name, one.err)
		case one.err != nil:
			report.Away = append(report.Away, one.box.Name+": "+one.err.Error())
		}
	}
	first, err := managing(all)
	if err != nil {
		return report, err
	}
	if first == nil {
		if first, err = s.create(ctx, in, report.Away, boxes); err != nil {
			return report, err
		}
		report.Created = first.box.Name
	}
	nodes, err := first.node.Nodes(ctx)
	if err != nil {
		return report, err
	}
	for i := range boxes {
		joined, err := s.admit(ctx, in.Service, first.node, &boxes[i], nodes)
		if err != nil {
			return report, fmt.Errorf("box %s: %w", boxes[i].box.Name, err)
		}
		if joined {
			report.Joined = append(report.Joined, boxes[i].box.Name)
		}
	}
	if len(report.Joined) > 0 || report.Created != "" {
		if nodes, err = first.node.Nodes(ctx); err != nil {
			return report, err
		}
	}
	if report.Promoted, err = promote(ctx, first.node, nodes, boxes); err != nil {
		return report, err
	}
	for _, one := range boxes {
		if one.err == nil {
			report.Nodes = append(report.Nodes, BoxNode{Box: one.box, Node: one.member.Node})
		} else if at := slices.IndexFunc(nodes, func(n Node) bool { return n.Box == one.box.Name }); at >= 0 {
			report.Nodes = append(report.Nodes, BoxNode{Box: one.box, Node: nodes[at].ID, Away: true})
		}
	}
	report.Managers = managers(all, first, report.Promoted)
	report.Functions, err = first.node.SwarmFunctions(ctx, in.Service)
	return report, err
}

// managing is the box through which the swarm is managed; nil when none of the boxes is in a swarm.
func managing(all []seen) (*seen, error) {
	var first *seen
	var silent []string
	for i := range all {
		one := &all[i]
		switch {
		case one.err != nil:
			silent = append(silent, one.box.Name)
		case one.member.State == MemberLocked:
			return nil, fmt.Errorf("the swarm of box %s is locked: unlock it there with `docker swarm unlock`: %w", one.box.Name, fault.ErrRejected)
		case one.member.Manager && first == nil:
			first = one
		case one.member.Manager && one.member.Swarm != first.member.Swarm:
			return nil, fmt.Errorf("boxes %s and %s manage different swarms: take one out of its own with `docker swarm leave --force`: %w", first.box.Name, one.box.Name, fault.ErrRejected)
		}
	}
	if first != nil {
		return first, nil
	}
	for _, one := range all {
		if one.err != nil || one.member.State != MemberActive {
			continue
		}
		if len(silent) > 0 {
			return nil, fmt.Errorf("box %s is in a swarm of which no manager answers (%s: no answer): %w", one.box.Name, strings.Join(silent, ", "), fault.ErrUnreachable)
		}
		return nil, fmt.Errorf("box %s is in a swarm that none of the boxes manages: take it out with `docker swarm leave`, or name its manager as a box: %w", one.box.Name, fault.ErrRejected)
	}
	return nil, nil
}

// create makes a swarm on the first box that answers and is not to be emptied.
func (s *Swarm) create(ctx context.Context, in EnsureSwarmInput, away []string, boxes []seen) (*seen, error) {
	if in.There && len(away) > 0 {
		return nil, fmt.Errorf("no manager of the swarm answers (%s): %w", strings.Join(away, "; "), fault.ErrUnreachable)
	}
	for i := range boxes {
		one := &boxes[i]
		if one.err != nil || one.member.State != MemberInactive || one.box.Availability == spec.AvailabilityDrain {
			continue
		}
		if err := one.node.Init(ctx, in.Service); err != nil {
			return nil, fmt.Errorf("make a swarm on box %s: %w", one.box.Name, err)
		}
		var err error
		if one.member, err = one.node.Member(ctx); err != nil {
			return nil, err
		}
		return one, nil
	}
	return nil, fmt.Errorf("no box answers on which a swarm could be made (%s): %w", strings.Join(away, "; "), fault.ErrUnreachable)
}

// admit takes one box into the swarm, unless it is in it.
func (s *Swarm) admit(ctx context.Context, service string, manager SwarmNode, one *seen, nodes []Node) (joined bool, err error) {
	if one.err != nil {
		return false, nil
	}
	switch one.member.State {
	case MemberActive:
		at := slices.IndexFunc(nodes, func(n Node) bool { return n.ID == one.member.Node })
		switch {
		case at < 0:
			return false, fmt.Errorf("it is a node of another swarm: take it out of that with `docker swarm leave`: %w", fault.ErrRejected)
		case nodes[at].Box == "":
			return false, manager.ChangeNode(ctx, one.member.Node, NodeChange{Box: one.box.Name})
		}
		return false, nil
	case MemberPending, MemberError:
		return false, fmt.Errorf("its swarm node is %s: %s: %w", one.member.State, cmp.Or(one.member.Fault, "no reason given"), fault.ErrUnreachable)
	}
	ticket, err := manager.Ticket(ctx)
	if err != nil {
		return false, err
	}
	if err := one.node.Join(ctx, ticket); err != nil {
		return false, fmt.Errorf("join the swarm at %s: %w", ticket.Address, err)
	}
	if one.member, err = one.node.Member(ctx); err != nil {
		return true, err
	}
	if err := s.awaitNode(ctx, manager, one.member.Node, func(n Node) bool { return n.Ready }); err != nil {
		return true, err
	}
	if err := manager.ChangeNode(ctx, one.member.Node, NodeChange{Box: one.box.Name, Joined: service}); err != nil {
		return true, err
	}
	return true, forget(ctx, manager, one, nodes)
}

// forget takes the nodes off the list that the box was before it lost its memory.
func forget(ctx context.Context, manager SwarmNode, one *seen, nodes []Node) error {
	for _, node := range nodes {
		if node.Box == one.box.Name && node.Joined != "" && node.ID != one.member.Node && !node.Ready && !node.Manager {
			if err := manager.RemoveNode(ctx, node.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// nodeTimeout is how long a node may take to become what it was told to: a manager hears a new one within a second.
const nodeTimeout = 30 * time.Second

// awaitNode waits until a manager sees a node as wanted.
func (s *Swarm) awaitNode(ctx context.Context, manager SwarmNode, id string, as func(Node) bool) error {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	looks := time.NewTicker(cmp.Or(s.Every, 250*time.Millisecond))
	defer looks.Stop()
	for {
		nodes, err := manager.Nodes(ctx)
		if err == nil && slices.ContainsFunc(nodes, func(n Node) bool { return n.ID == id && as(n) }) {
			return nil
		}
		select {
		case <-looks.C:
		case <-ctx.Done():
			if err != nil {
				return err
			}
			return fmt.Errorf("the swarm does not see node %s as it should after %s: %w", id, nodeTimeout, fault.ErrUnreachable)
		}
	}
}

// enoughManagers is how many managers a swarm of three boxes or more gets: with three, one may be lost. With two,
// either one lost would stop it, so fewer boxes get one.
const enoughManagers = 3

// promote makes boxes managers until there are enough, in a swarm that we made. Others manage theirs themselves.
func promote(ctx context.Context, manager SwarmNode, nodes []Node, boxes []seen) (promoted []string, err error) {
	managers, ready := 0, 0
	made := false
	for _, node := range nodes {
		made = made || node.Made != ""
		if node.Manager {
			managers++
		}
		if node.Ready {
			ready++
		}
	}
	if !made || ready < enoughManagers {
		return nil, nil
	}
	for _, one := range boxes {
		at := slices.IndexFunc(nodes, func(n Node) bool { return one.err == nil && n.ID == one.member.Node })
		if managers >= enoughManagers || at < 0 || nodes[at].Manager || !nodes[at].Ready || one.box.Availability == spec.AvailabilityDrain {
			continue
		}
		yes := true
		if err := manager.ChangeNode(ctx, nodes[at].ID, NodeChange{Manager: &yes}); err != nil {
			return promoted, fmt.Errorf("let box %s manage the swarm: %w", one.box.Name, err)
		}
		promoted = append(promoted, one.box.Name)
		managers++
	}
	return promoted, nil
}

// managers are the boxes to ask, the one that has just answered first.
func managers(all []seen, first *seen, promoted []string) []spec.Box {
	boxes := []spec.Box{first.box}
	for _, one := range all {
		if one.box.Name != first.box.Name && one.err == nil && (one.member.Manager || slices.Contains(promoted, one.box.Name)) {
			boxes = append(boxes, one.box)
		}
	}
	return boxes
}
