package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// InSwarm names one function's swarm service and who to ask about it.
type InSwarm struct {
	Managers []spec.Box `json:"managers"`
	Service  string     `json:"service"`
	Function string     `json:"function"`
}

// OverlayInput names an overlay network of a service.
type OverlayInput struct {
	Managers []spec.Box `json:"managers"`
	Service  string     `json:"service"`
	Name     string     `json:"name"`
}

// EnsureOverlay makes an overlay network unless it is there. A second run changes nothing.
func (s *Swarm) EnsureOverlay(ctx context.Context, in OverlayInput) error {
	manager, err := s.manager(ctx, in.Managers)
	if err == nil {
		err = manager.EnsureOverlay(ctx, in.Service, in.Name)
	}
	if err != nil {
		return Fault(fmt.Errorf("make overlay network %s: %w", in.Name, err))
	}
	return nil
}

// StartInSwarmInput asks for all replicas of one function.
type StartInSwarmInput struct {
	InSwarm
	Revision int `json:"revision"`
	// Change is the token by which UndoInSwarm knows what was done here.
	Change string `json:"change"`
	// Placements are the function's: equal but for box and replica.
	Placements []plan.Placement `json:"placements"`
	// Nodes are the boxes of the swarm.
	Nodes     []BoxNode     `json:"nodes"`
	Update    *spec.Update  `json:"update,omitempty"`
	Completes bool          `json:"completes,omitempty"`
	Secrets   []spec.Secret `json:"secrets,omitempty"`
	// Heal says that this brings back what was there: secrets in use are not compared with what their references
	// give now.
	Heal bool `json:"heal,omitempty"`
}

// StartInSwarm leaves one swarm service with as many replicas as there are placements, on their boxes; it does not
// wait for their health. It is left alone when it is so already; a second run finds that.
func (s *Swarm) StartInSwarm(ctx context.Context, in StartInSwarmInput) (SwarmServiceChange, error) {
	defer beat(ctx, nil)()
	change, err := s.start(ctx, in)
	if err != nil {
		return SwarmServiceChange{}, Fault(fmt.Errorf("start %s in the swarm: %w", in.Function, err))
	}
	return change, nil
}

func (s *Swarm) start(ctx context.Context, in StartInSwarmInput) (SwarmServiceChange, error) {
	want := SwarmService{
		Service: in.Service, Function: in.Function, Revision: in.Revision, Change: in.Change,
		Replicas: len(in.Placements), Update: in.Update, Completes: in.Completes, KeepSecrets: in.Heal, Boxes: map[string]string{},
	}
	if len(in.Placements) == 0 {
		return SwarmServiceChange{}, fmt.Errorf("the plan has no replica of it: %w", fault.ErrInvalid)
	}
	want.Placement = in.Placements[0]
	if fault := unfit(want.Placement); fault != nil {
		return SwarmServiceChange{}, fault
	}
	homes, most, err := homes(in)
	if err != nil {
		return SwarmServiceChange{}, err
	}
	want.MostPerNode = most
	for _, home := range homes {
		want.Nodes = append(want.Nodes, home.Node)
	}
	for _, node := range in.Nodes {
		want.Boxes[node.Node] = node.Box.Name
	}
	for _, use := range want.Placement.Secrets {
		at := slices.IndexFunc(in.Secrets, func(one spec.Secret) bool { return one.Name == use.Name })
		if at < 0 {
			return SwarmServiceChange{}, fmt.Errorf("secret %s is declared nowhere: %w", use.Name, fault.ErrSecret)
		}
		value, err := s.Secrets.Resolve(ctx, in.Secrets[at])
		if err != nil {
			return SwarmServiceChange{}, err
		}
		want.Secrets = append(want.Secrets, SwarmSecret{Name: use.Name, Target: use.Target, Value: value})
	}
	if want.Image, want.Images, err = s.image(ctx, want.Placement, homes); err != nil {
		return SwarmServiceChange{}, err
	}
	manager, err := s.manager(ctx, in.Managers)
	if err != nil {
		return SwarmServiceChange{}, err
	}
	return manager.EnsureSwarmService(ctx, want)
}

// unfit says what of a placement no swarm service can have.
func unfit(p plan.Placement) error {
	f := spec.Function{Privileged: p.Privileged, Devices: p.Devices, Runtime: p.Runtime}
	if why := f.UnfitForSwarm(); why != "" {
		return fmt.Errorf("%s: %w", why, fault.ErrInvalid)
	}
	return nil
}

// homes are the nodes of the placements' boxes, each once, and how many replicas the fullest has.
func homes(in StartInSwarmInput) (homes []BoxNode, most int, err error) {
	count := map[string]int{}
	for _, placement := range in.Placements {
		count[placement.Box]++
		most = max(most, count[placement.Box])
		if count[placement.Box] > 1 {
			continue
		}
		at := slices.IndexFunc(in.Nodes, func(n BoxNode) bool { return n.Box.Name == placement.Box })
		if at < 0 {
			return nil, 0, fmt.Errorf("box %s is not in the swarm: it did not answer: %w", placement.Box, fault.ErrUnreachable)
		}
		homes = append(homes, in.Nodes[at])
	}
	return homes, most, nil
}

// image is a name with the digest under which every home has the image, so that the swarm asks no registry and one
// that is down stops nothing, with all names that would do. Boxes that pulled from different mirrors have none in
// common; then the image gets a name there that no registry can serve. Boxes that do not answer are not asked.
func (s *Swarm) image(ctx context.Context, p plan.Placement, homes []BoxNode) (name string, others []string, err error) {
	if p.Digest == "" {
		return p.Image, []string{p.Image}, nil
	}
	var nodes []SwarmNode
	homes = slices.DeleteFunc(slices.Clone(homes), func(home BoxNode) bool { return home.Away })
	for i, home := range homes {
		node, err := s.Nodes.OpenNode(home.Box)
		if err != nil {
			return "", nil, err
		}
		names, err := node.ImageNames(ctx, p)
		if err != nil {
			return "", nil, fmt.Errorf("on %s: %w", home.Box.Name, err)
		}
		if i == 0 {
			others = slices.Clone(names)
		}
		others = slices.DeleteFunc(others, func(name string) bool { return !slices.Contains(names, name) })
		nodes = append(nodes, node)
	}
	host, path := spec.SplitImage(p.Image)
	if own := host + "/" + path + "@" + p.Digest; len(homes) == 0 || slices.Contains(others, own) {
		return own, others, nil
	}
	if len(others) > 0 {
		return slices.Min(others), others, nil
	}
	for i, node := range nodes {
		if name, err = node.TagImage(ctx, p); err != nil {
			return "", nil, fmt.Errorf("on %s: %w", homes[i].Box.Name, err)
		}
	}
	return name, []string{name}, nil
}

// UndoInSwarmInput names what one change did to a function.
type UndoInSwarmInput struct {
	InSwarm
	Change string `json:"change"`
}

// UndoInSwarm takes back what a change did: the swarm service that it made goes, one that it updated is rolled
// back to what ran before. What the swarm has rolled back by itself, or a later change has replaced, stays. A
// second run finds nothing to do.
func (s *Swarm) UndoInSwarm(ctx context.Context, in UndoInSwarmInput) (done bool, err error) {
	defer beat(ctx, nil)()
	manager, err := s.manager(ctx, in.Managers)
	if err == nil {
		done, err = manager.RevertSwarmService(ctx, in.Service, in.Function, in.Change)
	}
	if err != nil {
		return false, Fault(fmt.Errorf("take back the change of %s: %w", in.Function, err))
	}
	return done, nil
}

// RemoveFromSwarm removes a function's swarm service and waits until its tasks have ended. A second run finds it
// gone, which is well.
func (s *Swarm) RemoveFromSwarm(ctx context.Context, in InSwarm) error {
	defer beat(ctx, nil)()
	manager, err := s.manager(ctx, in.Managers)
	if err == nil {
		err = manager.RemoveSwarmService(ctx, in.Service, in.Function)
	}
	if err != nil {
		return Fault(fmt.Errorf("remove %s from the swarm: %w", in.Function, err))
	}
	return nil
}

// SweepSwarmInput names the boxes of a service whose swarm is swept.
type SweepSwarmInput struct {
	Service string     `json:"service"`
	Boxes   []spec.Box `json:"boxes"`
}

// SweepSwarm removes the swarm services, overlays, secrets and node labels of a service, and leaves the swarm
// standing: other services may be in it. It goes on past errors; what could not go is in Stayed. Boxes that are
// in no swarm have nothing to be swept. A second run tries again with what stayed.
func (s *Swarm) SweepSwarm(ctx context.Context, in SweepSwarmInput) (SweepResult, error) {
	defer beat(ctx, nil)()
	manager, err := s.manager(ctx, in.Boxes)
	if err == nil {
		removed, stayed := manager.SweepSwarm(ctx, in.Service)
		if err := ctx.Err(); err != nil {
			return SweepResult{}, err
		}
		return SweepResult{Removed: removed, Stayed: stayed}, nil
	}
	if !errors.Is(err, fault.ErrUnreachable) {
		return SweepResult{}, Fault(err)
	}
	for _, one := range s.look(ctx, in.Boxes) {
		if away(one.err) || one.err == nil && one.member.State != MemberInactive {
			return SweepResult{Stayed: []string{fmt.Sprintf("swarm services of %s: %v", in.Service, err)}}, ctx.Err()
		}
	}
	return SweepResult{}, ctx.Err()
}
