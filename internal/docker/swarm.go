package docker

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// The labels of nodes.
const (
	// LabelBox is the name of the node's box.
	LabelBox = "overcloud.box"
	// LabelJoined is the service that took the node into the swarm. Only such a node is ever taken out of it.
	LabelJoined = "overcloud.joined"
	// LabelMade is the service that made the swarm, on the node that it was made on.
	LabelMade = "overcloud.made"
)

// swarmPort is where managers of a swarm listen, as the engine's own default.
const swarmPort = "2377"

// Node is an engine as a node of a swarm.
type Node struct{ *Engine }

var (
	_ activities.SwarmNodes = (*Engines)(nil)
	_ activities.SwarmNode  = (*Node)(nil)
)

// OpenNode implements activities.SwarmNodes.
func (e *Engines) OpenNode(box spec.Box) (activities.SwarmNode, error) {
	opened, err := e.Open(box)
	if err != nil {
		return nil, err
	}
	engine, ok := opened.(*Engine)
	if !ok {
		return nil, fmt.Errorf("the engine of box %s is none of ours: %w", box.Name, fault.ErrInvalid)
	}
	return &Node{engine}, nil
}

// Member implements activities.SwarmNode.
func (n *Node) Member(ctx context.Context) (activities.Member, error) {
	info, err := n.api.Info(ctx)
	if err != nil {
		return activities.Member{}, classify(ctx, err)
	}
	if slices.Contains(info.Labels, labelBox) {
		return activities.Member{}, fmt.Errorf("a process box can be in no swarm: %w", fault.ErrRejected)
	}
	member := activities.Member{
		State: cmp.Or(string(info.Swarm.LocalNodeState), activities.MemberInactive), Node: info.Swarm.NodeID,
		Manager: info.Swarm.ControlAvailable, Fault: info.Swarm.Error,
	}
	if info.Swarm.Cluster != nil {
		member.Swarm = info.Swarm.Cluster.ID
	}
	return member, nil
}

// Init implements activities.SwarmNode. An engine that manages a swarm already is left as it is: an answer was lost.
func (n *Node) Init(ctx context.Context, service string) error {
	address, err := n.advertised(ctx)
	if err != nil {
		return err
	}
	id, err := n.api.SwarmInit(ctx, swarm.InitRequest{ListenAddr: "0.0.0.0:" + swarmPort, AdvertiseAddr: address})
	if err != nil {
		member, unseen := n.Member(ctx)
		if unseen != nil || !member.Manager {
			return classify(ctx, err)
		}
		id = member.Node
	}
	return n.editNode(ctx, id, func(spec *swarm.NodeSpec) {
		spec.Labels[LabelBox], spec.Labels[LabelJoined], spec.Labels[LabelMade] = n.box.Name, service, service
	})
}

// advertised is the address by which the other nodes know this one: the box's own. A loopback address is left out,
// which makes the engine choose: a swarm of this one box needs none.
func (n *Node) advertised(ctx context.Context) (string, error) {
	address := n.box.Address
	if address == "" {
		return "", nil
	}
	ip := net.ParseIP(address)
	if ip == nil {
		found, err := net.DefaultResolver.LookupIP(ctx, "ip", address)
		if err != nil || len(found) == 0 {
			return "", told(fmt.Sprintf("find the address %q of box %s, which its swarm needs as a number: %v", address, n.box.Name, err), fault.ErrRejected)
		}
		ip = found[0]
	}
	if ip.IsLoopback() {
		return "", nil
	}
	return ip.String(), nil
}

// Ticket implements activities.SwarmNode.
func (n *Node) Ticket(ctx context.Context) (activities.Ticket, error) {
	found, err := n.api.SwarmInspect(ctx)
	if err != nil {
		return activities.Ticket{}, classifySwarm(ctx, err)
	}
	info, err := n.api.Info(ctx)
	if err != nil {
		return activities.Ticket{}, classify(ctx, err)
	}
	address := net.JoinHostPort(info.Swarm.NodeAddr, swarmPort)
	for _, peer := range info.Swarm.RemoteManagers {
		if peer.NodeID == info.Swarm.NodeID {
			address = peer.Addr
		}
	}
	return activities.Ticket{Token: found.JoinTokens.Worker, Address: address}, nil
}

// Join implements activities.SwarmNode. An engine that is a member already is left as it is: an answer was lost.
func (n *Node) Join(ctx context.Context, ticket activities.Ticket) error {
	address, err := n.advertised(ctx)
	if err != nil {
		return err
	}
	err = n.api.SwarmJoin(ctx, swarm.JoinRequest{
		ListenAddr: "0.0.0.0:" + swarmPort, AdvertiseAddr: address,
		RemoteAddrs: []string{ticket.Address}, JoinToken: ticket.Token,
	})
	if err == nil {
		return nil
	}
	if member, unseen := n.Member(ctx); unseen == nil && member.State == activities.MemberActive {
		return nil
	}
	return joinFault(err, ticket.Token)
}

// joinFault says why an engine could not join, without the token.
func joinFault(err error, token string) error {
	text := strings.ReplaceAll(words(err), token, "[join token]")
	if says(text, "timeout was reached", "deadline exceeded", "connection refused", "no route") {
		return told(text, fault.ErrUnreachable)
	}
	return told(text, fault.ErrRejected)
}

// Leave implements activities.SwarmNode.
func (n *Node) Leave(ctx context.Context) error {
	err := n.api.SwarmLeave(ctx, false)
	if err != nil && says(err.Error(), "not part of a swarm") {
		return nil
	}
	return classifySwarm(ctx, err)
}

// Nodes implements activities.SwarmNode.
func (n *Node) Nodes(ctx context.Context) ([]activities.Node, error) {
	all, err := n.api.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		return nil, classifySwarm(ctx, err)
	}
	var nodes []activities.Node
	for _, one := range all {
		nodes = append(nodes, activities.Node{
			ID: one.ID, Box: one.Spec.Labels[LabelBox], Joined: one.Spec.Labels[LabelJoined], Made: one.Spec.Labels[LabelMade],
			Ready: one.Status.State == swarm.NodeStateReady, Manager: one.Spec.Role == swarm.NodeRoleManager,
			Reachable: one.ManagerStatus != nil && one.ManagerStatus.Reachability == swarm.ReachabilityReachable,
			Active:    one.Spec.Availability == swarm.NodeAvailabilityActive,
		})
	}
	slices.SortFunc(nodes, func(a, b activities.Node) int { return cmp.Compare(a.ID, b.ID) })
	return nodes, nil
}

// ChangeNode implements activities.SwarmNode.
func (n *Node) ChangeNode(ctx context.Context, id string, change activities.NodeChange) error {
	return n.editNode(ctx, id, func(spec *swarm.NodeSpec) {
		if change.Manager != nil {
			spec.Role = swarm.NodeRoleWorker
			if *change.Manager {
				spec.Role = swarm.NodeRoleManager
			}
		}
		if change.Active != nil {
			spec.Availability = swarm.NodeAvailabilityDrain
			if *change.Active {
				spec.Availability = swarm.NodeAvailabilityActive
			}
		}
		if change.Box != "" {
			spec.Labels[LabelBox] = change.Box
		}
		if change.Joined != "" {
			spec.Labels[LabelJoined] = change.Joined
		}
	})
}

// editNode changes a node's specification; it reads again when somebody was faster.
func (n *Node) editNode(ctx context.Context, id string, edit func(*swarm.NodeSpec)) error {
	for try := 1; ; try++ {
		node, _, err := n.api.NodeInspectWithRaw(ctx, id)
		if err != nil {
			return classifySwarm(ctx, err)
		}
		if node.Spec.Labels == nil {
			node.Spec.Labels = map[string]string{}
		}
		edit(&node.Spec)
		err = n.api.NodeUpdate(ctx, id, node.Version, node.Spec)
		if outOfSequence(err) && try < looks {
			continue
		}
		return classifySwarm(ctx, err)
	}
}

// RemoveNode implements activities.SwarmNode.
func (n *Node) RemoveNode(ctx context.Context, id string) error {
	err := n.api.NodeRemove(ctx, id, swarm.NodeRemoveOptions{Force: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return classifySwarm(ctx, err)
}

// Foreign implements activities.SwarmNode.
func (n *Node) Foreign(ctx context.Context, node, service string) (bool, error) {
	tasks, err := n.api.TaskList(ctx, swarm.TaskListOptions{Filters: filters.NewArgs(
		filters.Arg("node", node), filters.Arg("desired-state", "running"))})
	if err != nil {
		return false, classifySwarm(ctx, err)
	}
	return slices.ContainsFunc(tasks, func(t swarm.Task) bool {
		return t.Spec.ContainerSpec == nil || t.Spec.ContainerSpec.Labels[LabelService] != service
	}), nil
}

// outOfSequence says that somebody else changed the object since it was read.
func outOfSequence(err error) bool { return err != nil && says(err.Error(), "update out of sequence") }

// classifySwarm is classify for what only a manager answers.
func classifySwarm(ctx context.Context, err error) error {
	switch {
	case err == nil || known(err):
		return err
	case says(err.Error(), "being prepared", "no leader", "quorum", "context deadline exceeded", "rpc error: code = unavailable"):
		return told(words(err), fault.ErrUnreachable)
	case says(err.Error(), "is not a swarm manager"):
		return told(words(err), fault.ErrRejected)
	}
	return classify(ctx, err)
}
