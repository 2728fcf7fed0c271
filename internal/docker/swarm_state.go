package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The engine's own labels on the containers of tasks.
const (
	labelTask     = "com.docker.swarm.task.id"
	labelTaskName = "com.docker.swarm.task.name" // <swarm service>.<slot>.<task ID>
)

// SwarmServiceState implements activities.SwarmNode.
func (n *Node) SwarmServiceState(ctx context.Context, service, function string) (activities.SwarmServiceState, error) {
	state := activities.SwarmServiceState{Name: SwarmServiceName(service, function)}
	found, there, err := n.findService(ctx, service, function)
	if err != nil || !there {
		return state, err
	}
	state.There, state.Change, state.Hash = true, found.Spec.Labels[LabelChange], found.Spec.Labels[LabelSpecHash]
	state.Replicas = int(replicas(found.Spec))
	if found.UpdateStatus != nil {
		state.Update = string(found.UpdateStatus.State)
	}
	tasks, err := n.tasksOf(ctx, found.ID)
	if err != nil {
		return state, err
	}
	for _, task := range tasks {
		state.Tasks = append(state.Tasks, describeTask(state.Name, task))
	}
	return state, nil
}

func describeTask(service string, task swarm.Task) activities.SwarmTask {
	described := activities.SwarmTask{
		ID: task.ID, Slot: task.Slot, Node: task.NodeID, Name: fmt.Sprintf("%s.%d.%s", service, task.Slot, task.ID),
		State: string(task.Status.State), Desired: string(task.DesiredState), Fault: task.Status.Err,
	}
	if ran := task.Status.ContainerStatus; ran != nil {
		described.Container, described.ExitCode = ran.ContainerID, ran.ExitCode
	}
	if task.Spec.ContainerSpec != nil {
		described.Hash = task.Spec.ContainerSpec.Labels[LabelSpecHash]
	}
	return described
}

// tasksOf are the tasks of a swarm service, by slot and newest first within one.
func (n *Node) tasksOf(ctx context.Context, id string) ([]swarm.Task, error) {
	tasks, err := n.api.TaskList(ctx, swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", id))})
	if err != nil {
		return nil, classifySwarm(ctx, err)
	}
	slices.SortFunc(tasks, func(a, b swarm.Task) int {
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return tasks, nil
}

// localRegistry is an address at which nothing listens and nothing can: what is named after it is never pulled, and
// asking it takes no time.
const localRegistry = "127.0.0.1:1"

// localName is the name of a placement's image that no registry can serve.
func localName(p plan.Placement) string {
	_, path := spec.SplitImage(p.Image)
	return localRegistry + "/" + path + ":" + strings.ReplaceAll(p.Digest, ":", "-")
}

// ImageNames implements activities.SwarmNode.
func (n *Node) ImageNames(ctx context.Context, p plan.Placement) ([]string, error) {
	found, err := n.find(ctx, p.Image, p.Digest, p.Manifest)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range found.RepoDigests {
		if strings.HasSuffix(name, "@"+p.Digest) {
			names = append(names, withHost(name))
		}
	}
	if local := localName(p); slices.Contains(found.RepoTags, local) {
		names = append(names, local)
	}
	slices.Sort(names)
	return names, nil
}

// withHost spells out what the engine leaves out of a name of Docker Hub.
func withHost(name string) string {
	first, _, found := strings.Cut(name, "/")
	switch {
	case !found:
		return "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		return "docker.io/" + name
	}
	return name
}

// TagImage implements activities.SwarmNode.
func (n *Node) TagImage(ctx context.Context, p plan.Placement) (string, error) {
	found, err := n.find(ctx, p.Image, p.Digest, p.Manifest)
	if err != nil {
		return "", err
	}
	return localName(p), n.tag(ctx, found.ID, localName(p))
}

// pastTask says whether a container is what is left of a task that ended: the swarm keeps a few of them. The good
// end of a function that others wait for is no past.
func pastTask(one container.Summary) bool {
	if one.Labels[labelTask] == "" || one.State == container.StateRunning {
		return false
	}
	switch one.State {
	case container.StateExited, container.StateDead, container.StateRemoving:
		return one.Labels[LabelCompletes] == "" || !strings.HasPrefix(one.Status, "Exited (0)")
	}
	return time.Since(time.Unix(one.Created, 0)) > helperAge // created, and never started
}

// slotOf is the replica of a task's container; zero for another's.
func slotOf(labels map[string]string) int {
	name := labels[labelTaskName]
	if id := labels[labelTask]; id != "" {
		name = strings.TrimSuffix(name, "."+id)
	}
	return number(name[strings.LastIndex(name, ".")+1:])
}
