package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// SwarmNode is one box's Docker engine as a node of a swarm. Every method is safe to repeat. Those below Leave
// need a manager; on another engine they are ErrRejected, but for those about images.
type SwarmNode interface {
	// Member says what the engine is in a swarm. Errors: ErrUnreachable; ErrRejected for an engine that can be in
	// none (a process box).
	Member(ctx context.Context) (Member, error)
	// Init makes a swarm with this engine as its only node, labelled with the box and with the service that made it.
	Init(ctx context.Context, service string) error
	// Join takes the engine into a swarm as a worker. The ticket is a secret and is not kept.
	Join(ctx context.Context, ticket Ticket) error
	// Leave takes the engine out of its swarm. One that is in none is no error.
	Leave(ctx context.Context) error

	// Ticket is what an engine needs to join.
	Ticket(ctx context.Context) (Ticket, error)
	// Nodes are all nodes of the swarm, by ID.
	Nodes(ctx context.Context) ([]Node, error)
	// ChangeNode changes a node's role, availability and labels.
	ChangeNode(ctx context.Context, id string, change NodeChange) error
	// RemoveNode takes a node that has left, or is lost, off the list. One that is gone is no error.
	RemoveNode(ctx context.Context, id string) error

	// EnsureOverlay makes an attachable overlay network when it is absent, labelled with the service.
	EnsureOverlay(ctx context.Context, service, name string) error
	// EnsureSwarmService leaves one swarm service as wanted; the swarm then does the rest by itself. It is left
	// alone when it is so already. Errors: ErrRejected, ErrInvalid.
	EnsureSwarmService(ctx context.Context, want SwarmService) (SwarmServiceChange, error)
	// SwarmServiceState looks at a function's swarm service and its tasks. One that is not there is no error.
	SwarmServiceState(ctx context.Context, service, function string) (SwarmServiceState, error)
	// RevertSwarmService takes back what the change with this token did, and nothing else: a swarm service that it
	// made goes, one that it updated is rolled back.
	RevertSwarmService(ctx context.Context, service, function, change string) (done bool, err error)
	// RemoveSwarmService removes a function's swarm service and waits for its tasks to end.
	RemoveSwarmService(ctx context.Context, service, function string) error
	// SwarmFunctions are the functions of a service that have a swarm service, sorted.
	SwarmFunctions(ctx context.Context, service string) ([]string, error)
	// SweepSwarm removes swarm services, overlays, secrets and node labels of a service. It goes on past errors.
	SweepSwarm(ctx context.Context, service string) (removed, stayed []string)
	// ImageNames are the names under which the engine has a placement's image for good: those with its digest, and
	// those that TagImage gave. Errors: ErrNotFound.
	ImageNames(ctx context.Context, p plan.Placement) ([]string, error)
	// TagImage gives the image of a placement a name that no registry can serve. It is the same on every engine.
	TagImage(ctx context.Context, p plan.Placement) (name string, err error)
	// Foreign says whether a node runs tasks of another service than this one.
	Foreign(ctx context.Context, node, service string) (bool, error)
}

// SwarmNodes opens the engine of a box as a node. Opening connects to nothing; errors are ErrInvalid ones.
type SwarmNodes interface {
	OpenNode(box spec.Box) (SwarmNode, error)
}

// The states of a Member, as the engine names them.
const (
	MemberInactive = "inactive"
	MemberPending  = "pending"
	MemberActive   = "active"
	MemberError    = "error"
	MemberLocked   = "locked"
)

// Member is what an engine is in a swarm.
type Member struct {
	State   string `json:"state"`
	Node    string `json:"node,omitempty"`  // its node ID
	Swarm   string `json:"swarm,omitempty"` // the swarm's ID, which only managers know
	Manager bool   `json:"manager,omitempty"`
	Fault   string `json:"fault,omitempty"` // the engine's words
}

// Ticket lets an engine join a swarm. It is a secret: it never enters a history or a log.
type Ticket struct {
	Token   string
	Address string // host:port of a manager
}

// Node is one node as a manager knows it.
type Node struct {
	ID      string
	Box     string // by our label; empty for one that nobody labelled
	Joined  string // the service that took it into the swarm; empty for one that was there before
	Made    string // the service that made the swarm on it; empty
	Ready   bool
	Manager bool
	// Reachable is for managers: whether the others hear it.
	Reachable bool
	Active    bool // takes tasks
}

// NodeChange is what is to change of a node; nil and empty leave things as they are.
type NodeChange struct {
	Manager *bool
	Active  *bool
	Box     string // label
	Joined  string // label
}

// SwarmService is one function as a swarm service.
type SwarmService struct {
	Service  string
	Function string
	Revision int
	// Change is the token of who asks; RevertSwarmService takes back what was done under it.
	Change string
	// Image is how every node knows the image; it holds the digest, or is a name that no registry can move. Images are
	// all names that would do: one of them that is in force stays.
	Image  string
	Images []string
	// Placement is what all replicas have in common.
	Placement plan.Placement
	Replicas  int
	// MostPerNode and Nodes (IDs) bound where the replicas may be.
	MostPerNode int
	Nodes       []string
	// Boxes are the names of all nodes' boxes, by node ID: a task learns its own from them.
	Boxes  map[string]string
	Update *spec.Update
	// Completes says that ending well is the function's health, so it is not begun again.
	Completes bool
	Secrets   []SwarmSecret
	// KeepSecrets leaves secrets that are in use, whatever their values.
	KeepSecrets bool
}

// SwarmSecret is a resolved secret on its way into the swarm. It never enters a history.
type SwarmSecret struct {
	Name, Target string
	Value        []byte
}

// What EnsureSwarmService has done.
const (
	SwarmCreated = "created"
	SwarmUpdated = "updated"
	SwarmKept    = "kept"
)

// SwarmServiceChange says what was done, and why when something was.
type SwarmServiceChange struct {
	Done  string `json:"done"`
	Cause string `json:"cause,omitempty"`
	// Anew says that its specification is one that no task has run before: every failure of a task counts.
	Anew bool `json:"anew,omitempty"`
}

// SwarmServiceState is a swarm service at one moment.
type SwarmServiceState struct {
	There    bool
	Name     string
	Change   string // of the specification that is in force
	Hash     string
	Replicas int
	// Update is the state of the last update (updating, completed, paused, rollback_completed, …); empty after a
	// creation and after a change that touched no task.
	Update string
	Tasks  []SwarmTask // newest first within a slot
}

// SwarmTask is one task of a swarm service.
type SwarmTask struct {
	ID        string `json:"id"`
	Slot      int    `json:"slot"`
	Node      string `json:"node,omitempty"`
	Container string `json:"container,omitempty"` // its ID
	Name      string `json:"name"`                // of the container: <swarm service>.<slot>.<task ID>
	State     string `json:"state"`               // as the swarm names it: pending, preparing, running, failed, …
	Desired   string `json:"desired"`
	Fault     string `json:"fault,omitempty"`
	ExitCode  int    `json:"exit_code,omitempty"`
	Hash      string `json:"hash,omitempty"` // specification hash
}

// Swarm runs functions as swarm services on the boxes' engines, beside Boxes, which still looks, pulls and probes.
type Swarm struct {
	Nodes   SwarmNodes
	Engines Engines
	Secrets Secrets
	// Every is the pause between two looks; zero is 250 ms.
	Every time.Duration
	// Settle is how long a task without a health check must run to count as up; zero is 1 s.
	Settle time.Duration
	// Stuck is how long a task may find no node before the start has failed; zero is 30 s, in which an old task
	// that holds the port has ended.
	Stuck time.Duration
}

// seen is one box as a node, as it was just looked at.
type seen struct {
	box    spec.Box
	node   SwarmNode
	member Member
	err    error
}

// memberTimeout bounds the look at one engine.
const memberTimeout = 10 * time.Second

// look asks all boxes side by side what they are in a swarm, in their order.
func (s *Swarm) look(ctx context.Context, boxes []spec.Box) []seen {
	all := make([]seen, len(boxes))
	var looking sync.WaitGroup
	for i, box := range boxes {
		looking.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, memberTimeout)
			defer cancel()
			all[i].box = box
			all[i].node, all[i].err = s.Nodes.OpenNode(box)
			if all[i].err == nil {
				all[i].member, all[i].err = all[i].node.Member(ctx)
			}
		})
	}
	looking.Wait()
	return all
}

// manager is the first of the boxes that answers and manages a swarm. Errors: ErrUnreachable.
func (s *Swarm) manager(ctx context.Context, boxes []spec.Box) (SwarmNode, error) {
	var heard []string
	for _, box := range boxes {
		node, err := s.Nodes.OpenNode(box)
		if err != nil {
			return nil, err
		}
		within, cancel := context.WithTimeout(ctx, memberTimeout)
		member, err := node.Member(within)
		cancel()
		switch {
		case err != nil:
			heard = append(heard, box.Name+": "+err.Error())
		case member.Manager:
			return node, nil
		default:
			heard = append(heard, box.Name+": manages no swarm")
		}
	}
	return nil, fmt.Errorf("no manager of the swarm answers (%s): %w", strings.Join(heard, "; "), fault.ErrUnreachable)
}

// away says that an engine did not answer, as against one that said no.
func away(err error) bool {
	return errors.Is(err, fault.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
}
