package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

// EnsureSwarmService implements activities.SwarmNode. It compares what the swarm was told with what it is to be
// told, so a swarm service that somebody scaled, edited or removed by hand comes back too.
func (n *Node) EnsureSwarmService(ctx context.Context, want activities.SwarmService) (activities.SwarmServiceChange, error) {
	for try := 1; ; try++ {
		change, err := n.ensureService(ctx, want)
		if (outOfSequence(err) || errdefs.IsConflict(err) && !known(err)) && try < looks {
			continue // somebody was faster: look again
		}
		return change, classifySwarm(ctx, err)
	}
}

func (n *Node) ensureService(ctx context.Context, want activities.SwarmService) (change activities.SwarmServiceChange, err error) {
	if err := n.labelNodes(ctx, want); err != nil {
		return change, err
	}
	next, err := n.serviceSpec(ctx, want)
	if err != nil {
		return change, err
	}
	now, found, err := n.findService(ctx, want.Service, want.Function)
	if err != nil {
		return change, err
	}
	if !found {
		if next.TaskTemplate.ContainerSpec.Secrets, err = n.secretsFor(ctx, want, nil); err != nil {
			return change, err
		}
		_, err = n.api.ServiceCreate(ctx, next, swarm.ServiceCreateOptions{})
		return activities.SwarmServiceChange{Done: activities.SwarmCreated, Cause: "not there", Anew: true}, err
	}
	if next.TaskTemplate.ContainerSpec.Secrets, err = n.secretsFor(ctx, want, now.Spec.TaskTemplate.ContainerSpec); err != nil {
		return change, err
	}
	next.TaskTemplate.ForceUpdate = now.Spec.TaskTemplate.ForceUpdate
	if image := now.Spec.TaskTemplate.ContainerSpec.Image; now.Spec.Labels[LabelDigest] == want.Placement.Digest && slices.Contains(want.Images, image) {
		next.TaskTemplate.ContainerSpec.Image = image
	}
	cause := differs(now.Spec, next)
	if cause == "" {
		idle, err := n.idle(ctx, now, want)
		if err != nil {
			return change, err
		}
		if !idle {
			return n.asBefore(ctx, now, want)
		}
		next.TaskTemplate.ForceUpdate++
		cause = "a task has ended, and the swarm does not begin it again"
	}
	if now.Spec.Labels[LabelSpecHash] == want.Placement.SpecHash { // the tasks that run keep what they were made with
		carry(now.Spec, &next)
	}
	_, err = n.api.ServiceUpdate(ctx, now.ID, now.Version, next, swarm.ServiceUpdateOptions{})
	return activities.SwarmServiceChange{Done: activities.SwarmUpdated, Cause: cause, Anew: anew(now.Spec, next)}, err
}

func anew(now, next swarm.ServiceSpec) bool {
	return now.Labels[LabelSpecHash] != next.Labels[LabelSpecHash]
}

// asBefore reports a swarm service that is as it should be: made so by this change, whose answer was lost, or kept.
func (n *Node) asBefore(ctx context.Context, now swarm.Service, want activities.SwarmService) (activities.SwarmServiceChange, error) {
	switch {
	case now.Spec.Labels[LabelChange] != want.Change:
		return activities.SwarmServiceChange{Done: activities.SwarmKept}, n.tidy(ctx, now, want)
	case now.PreviousSpec == nil:
		return activities.SwarmServiceChange{Done: activities.SwarmCreated, Cause: "not there", Anew: true}, nil
	}
	return activities.SwarmServiceChange{
		Done: activities.SwarmUpdated, Cause: differs(*now.PreviousSpec, now.Spec), Anew: anew(*now.PreviousSpec, now.Spec),
	}, nil
}

// carry keeps the revision in the labels of the containers, so that a change of scale replaces none.
func carry(now swarm.ServiceSpec, next *swarm.ServiceSpec) {
	if was, ok := now.TaskTemplate.ContainerSpec.Labels[LabelRevision]; ok {
		next.TaskTemplate.ContainerSpec.Labels[LabelRevision] = was
	}
}

// findService looks for a function's swarm service. One of that name which is not ours is ErrRejected.
func (n *Node) findService(ctx context.Context, service, function string) (swarm.Service, bool, error) {
	name := SwarmServiceName(service, function)
	found, _, err := n.api.ServiceInspectWithRaw(ctx, name, swarm.ServiceInspectOptions{})
	if errdefs.IsNotFound(err) {
		return swarm.Service{}, false, nil
	}
	if err != nil {
		return swarm.Service{}, false, classifySwarm(ctx, err)
	}
	if found.Spec.TaskTemplate.ContainerSpec == nil {
		found.Spec.TaskTemplate.ContainerSpec = &swarm.ContainerSpec{}
	}
	return found, true, ownedBy(found.Spec.Labels, "swarm service", name, service)
}

// differs says what is not as wanted; empty when all is.
func differs(now, next swarm.ServiceSpec) string {
	if was, is := now.Labels[LabelSpecHash], next.Labels[LabelSpecHash]; was != is {
		return fmt.Sprintf("specification hash changed %s -> %s", was, is)
	}
	if was, is := replicas(now), replicas(next); was != is {
		return fmt.Sprintf("%d replicas, wanted %d", was, is)
	}
	if !alike(secretNames(now), secretNames(next)) {
		return "a secret changed"
	}
	a, b := essence(now), essence(next)
	switch {
	case !alike(a.TaskTemplate.Placement, b.TaskTemplate.Placement):
		return "other boxes"
	case !alike(a.UpdateConfig, b.UpdateConfig):
		return "other rules of updating"
	case !alike(a, b):
		return "somebody changed it by hand"
	}
	return ""
}

func replicas(service swarm.ServiceSpec) uint64 {
	if service.Mode.Replicated == nil || service.Mode.Replicated.Replicas == nil {
		return 0
	}
	return *service.Mode.Replicated.Replicas
}

func secretNames(service swarm.ServiceSpec) (names []string) {
	for _, one := range service.TaskTemplate.ContainerSpec.Secrets {
		names = append(names, one.SecretName)
	}
	slices.Sort(names)
	return names
}

// essence is what decides whether two specifications are the same: without the names of who changed it when, and
// without the defaults that the swarm writes into what it was told.
func essence(service swarm.ServiceSpec) swarm.ServiceSpec {
	service.Labels, service.RollbackConfig = nil, nil
	task := *service.TaskTemplate.ContainerSpec
	task.Secrets, task.Isolation, task.DNSConfig = nil, "", nil
	task.Labels = map[string]string{}
	for name, value := range service.TaskTemplate.ContainerSpec.Labels {
		if name != LabelRevision {
			task.Labels[name] = value
		}
	}
	if task.StopGracePeriod != nil && *task.StopGracePeriod == defaultGrace {
		task.StopGracePeriod = nil
	}
	if task.Init != nil && !*task.Init {
		task.Init = nil
	}
	service.TaskTemplate.ContainerSpec = &task
	if policy := service.TaskTemplate.RestartPolicy; policy != nil {
		plain := *policy
		if plain.MaxAttempts != nil && *plain.MaxAttempts == 0 {
			plain.MaxAttempts = nil
		}
		plain.Window = nil
		service.TaskTemplate.RestartPolicy = &plain
	}
	return service
}

// alike says whether two values are written the same.
func alike(a, b any) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// idle says whether a replica has ended for good although it is wanted: after restart: no, or after as many
// restarts as were allowed.
func (n *Node) idle(ctx context.Context, now swarm.Service, want activities.SwarmService) (bool, error) {
	if want.Completes || now.Spec.TaskTemplate.RestartPolicy == nil ||
		now.Spec.TaskTemplate.RestartPolicy.Condition == swarm.RestartPolicyConditionAny ||
		now.UpdateStatus != nil && now.UpdateStatus.State == swarm.UpdateStateUpdating {
		return false, nil
	}
	tasks, err := n.tasksOf(ctx, now.ID)
	if err != nil {
		return false, err
	}
	alive, ended := 0, 0
	for _, task := range tasks {
		switch {
		case task.DesiredState == swarm.TaskStateRunning || task.DesiredState == swarm.TaskStateReady:
			alive++
		case task.Status.State == swarm.TaskStateFailed || task.Status.State == swarm.TaskStateComplete || task.Status.State == swarm.TaskStateRejected:
			ended++
		}
	}
	return alive < want.Replicas && ended > 0, nil
}

// labelNodes marks the nodes that a function of several boxes may run on.
func (n *Node) labelNodes(ctx context.Context, want activities.SwarmService) error {
	if len(want.Nodes) < 2 {
		return nil
	}
	label := setLabel(want)
	all, err := n.api.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		return err
	}
	for _, node := range all {
		wanted := slices.Contains(want.Nodes, node.ID)
		if wanted == (node.Spec.Labels[label] == "yes") {
			continue
		}
		err := n.editNode(ctx, node.ID, func(spec *swarm.NodeSpec) {
			if wanted {
				spec.Labels[label] = "yes"
			} else {
				delete(spec.Labels, label)
			}
		})
		if err != nil {
			return fmt.Errorf("label node %s: %w", node.ID, err)
		}
	}
	return nil
}

// tidy removes what a function no longer uses: neither now nor after the swarm has taken its last update back. It
// runs when nothing changes, so nobody is about to use it.
func (n *Node) tidy(ctx context.Context, now swarm.Service, want activities.SwarmService) error {
	if err := n.dropSecrets(ctx, now, want); err != nil {
		return err
	}
	used, prefix := []string{}, nodeLabels(want.Service, want.Function)
	for _, one := range []*swarm.ServiceSpec{&now.Spec, now.PreviousSpec} {
		if one != nil && one.TaskTemplate.Placement != nil {
			used = append(used, one.TaskTemplate.Placement.Constraints...)
		}
	}
	return n.unlabelNodes(ctx, func(label string) bool {
		return strings.HasPrefix(label, prefix) && !slices.Contains(used, constraintOf(label))
	})
}

// RevertSwarmService implements activities.SwarmNode.
func (n *Node) RevertSwarmService(ctx context.Context, service, function, change string) (bool, error) {
	for try := 1; ; try++ {
		done, err := n.revert(ctx, service, function, change)
		if outOfSequence(err) && try < looks {
			continue
		}
		return done, classifySwarm(ctx, err)
	}
}

func (n *Node) revert(ctx context.Context, service, function, change string) (bool, error) {
	now, found, err := n.findService(ctx, service, function)
	if errors.Is(err, fault.ErrRejected) {
		return false, nil // somebody else's: this change did not touch it
	}
	if err != nil || !found || now.Spec.Labels[LabelChange] != change {
		return false, err
	}
	if now.PreviousSpec == nil {
		return true, n.RemoveSwarmService(ctx, service, function)
	}
	_, err = n.api.ServiceUpdate(ctx, now.ID, now.Version, now.Spec, swarm.ServiceUpdateOptions{Rollback: "previous"})
	return true, err
}
