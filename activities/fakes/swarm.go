package fakes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Swarm is a swarm in memory over the boxes of Engines: tasks are containers there. It keeps the promises of
// activities.SwarmNode; what it is told to Fail, fails. Its lines go to the log of Engines:
//
//	init BOX          join BOX         leave BOX
//	overlay NAME      create NAME      update NAME     revert NAME     drop NAME     sweep-swarm SERVICE
type Swarm struct {
	*Engines

	mu       sync.Mutex
	nodes    map[string]*activities.Node // by box
	services map[string]*swarmService    // by <service>_<function>
	overlays map[string]string
	serial   int
	// Sick are specification hashes whose tasks fail; their updates the swarm takes back.
	Sick map[string]bool
}

type swarmService struct {
	want, before *activities.SwarmService
	update       string
	tasks        []activities.SwarmTask
}

// NewSwarm makes boxes that are in no swarm yet.
func NewSwarm(engines *Engines) *Swarm {
	return &Swarm{
		Engines: engines, nodes: map[string]*activities.Node{}, services: map[string]*swarmService{},
		overlays: map[string]string{}, Sick: map[string]bool{},
	}
}

// OpenNode implements activities.SwarmNodes.
func (s *Swarm) OpenNode(box spec.Box) (activities.SwarmNode, error) {
	if _, err := s.Open(box); err != nil {
		return nil, err
	}
	return &SwarmNode{all: s, box: box}, nil
}

// Services are the names of the swarm services, sorted.
func (s *Swarm) Services() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.services))
}

// Forget removes a swarm service as somebody would by hand.
func (s *Swarm) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(name)
}

// end stops the tasks of a swarm service and removes it.
func (s *Swarm) end(name string) {
	if service := s.services[name]; service != nil {
		s.stop(service)
		delete(s.services, name)
	}
}

func (s *Swarm) stop(service *swarmService) {
	for _, task := range service.tasks {
		s.change(task.Node, func(b *box) { delete(b.containers, task.Name) })
	}
	service.tasks = nil
}

// run starts the tasks of what is wanted now.
func (s *Swarm) run(service *swarmService) {
	s.stop(service)
	want := service.want
	for slot := range want.Replicas {
		s.serial++
		node := want.Nodes[slot%len(want.Nodes)]
		task := activities.SwarmTask{
			ID: fmt.Sprintf("t%03d", s.serial), Slot: slot + 1, Node: node, State: "running", Desired: "running", Hash: want.Placement.SpecHash,
		}
		task.Name = fmt.Sprintf("%s_%s.%d.%s", want.Service, want.Function, task.Slot, task.ID)
		task.Container = "c-" + task.ID
		if s.Sick[task.Hash] {
			task.State, task.Desired, task.Fault, task.ExitCode = "failed", "shutdown", "task: non-zero exit (3)", 3
		}
		service.tasks = append(service.tasks, task)
		state := plan.Container{
			ID: task.Container, Name: task.Name, Service: want.Service, Function: want.Function, Replica: task.Slot,
			SpecHash: task.Hash, State: "running", Revision: want.Revision,
		}
		if s.Sick[task.Hash] {
			state.State = "exited"
		}
		s.change(node, func(b *box) { b.containers[task.Name] = &made{Container: state, placement: want.Placement} })
	}
}

// SwarmNode is one box of Swarm. A node's ID is the name of its box.
type SwarmNode struct {
	all *Swarm
	box spec.Box
}

func (n *SwarmNode) enter(ctx context.Context, method, subject string) error {
	return n.all.enter(ctx, Call{Method: method, Box: n.box.Name, Subject: subject}, func(*box) error { return nil })
}

// Member implements activities.SwarmNode.
func (n *SwarmNode) Member(ctx context.Context) (activities.Member, error) {
	if err := n.enter(ctx, "Member", n.box.Name); err != nil {
		return activities.Member{}, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	node := n.all.nodes[n.box.Name]
	if node == nil {
		return activities.Member{State: activities.MemberInactive}, nil
	}
	return activities.Member{State: activities.MemberActive, Node: node.ID, Swarm: "swarm", Manager: node.Manager}, nil
}

// Init implements activities.SwarmNode.
func (n *SwarmNode) Init(ctx context.Context, service string) error {
	return n.become(ctx, "Init", &activities.Node{Made: service, Joined: service, Manager: true, Reachable: true})
}

// Join implements activities.SwarmNode.
func (n *SwarmNode) Join(ctx context.Context, _ activities.Ticket) error {
	return n.become(ctx, "Join", &activities.Node{})
}

func (n *SwarmNode) become(ctx context.Context, method string, node *activities.Node) error {
	if err := n.enter(ctx, method, n.box.Name); err != nil {
		return err
	}
	n.all.Add("%s %s", map[string]string{"Init": "init", "Join": "join"}[method], n.box.Name)
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	node.ID, node.Box, node.Ready, node.Active = n.box.Name, n.box.Name, true, true
	n.all.nodes[n.box.Name] = node
	return nil
}

// Leave implements activities.SwarmNode.
func (n *SwarmNode) Leave(ctx context.Context) error {
	if err := n.enter(ctx, "Leave", n.box.Name); err != nil {
		return err
	}
	n.all.Add("leave %s", n.box.Name)
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	if node := n.all.nodes[n.box.Name]; node != nil {
		node.Ready = false
	}
	return nil
}

// Ticket implements activities.SwarmNode.
func (n *SwarmNode) Ticket(ctx context.Context) (activities.Ticket, error) {
	return activities.Ticket{Token: "SWMTKN-secret", Address: n.box.Address + ":2377"}, n.enter(ctx, "Ticket", n.box.Name)
}

// Nodes implements activities.SwarmNode.
func (n *SwarmNode) Nodes(ctx context.Context) ([]activities.Node, error) {
	if err := n.enter(ctx, "Nodes", n.box.Name); err != nil {
		return nil, err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	var nodes []activities.Node
	for _, name := range slices.Sorted(maps.Keys(n.all.nodes)) {
		nodes = append(nodes, *n.all.nodes[name])
	}
	return nodes, nil
}

// ChangeNode implements activities.SwarmNode.
func (n *SwarmNode) ChangeNode(ctx context.Context, id string, change activities.NodeChange) error {
	if err := n.enter(ctx, "ChangeNode", id); err != nil {
		return err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	node := n.all.nodes[id]
	if change.Manager != nil {
		node.Manager, node.Reachable = *change.Manager, *change.Manager
	}
	if change.Active != nil {
		node.Active = *change.Active
	}
	if change.Joined != "" {
		node.Joined = change.Joined
	}
	return nil
}

// RemoveNode implements activities.SwarmNode.
func (n *SwarmNode) RemoveNode(ctx context.Context, id string) error {
	if err := n.enter(ctx, "RemoveNode", id); err != nil {
		return err
	}
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	delete(n.all.nodes, id)
	return nil
}
