package workflows

import (
	"net"
	"slices"
	"strconv"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
)

// undo takes back what was begun, last first, on a disconnected context; it goes on when one cannot be taken back.
// What the swarm has taken back by itself it finds so. Healing is not undone: what was before it was broken, and the
// swarm goes on trying.
func (s *swarmStitch) undo(ctx workflow.Context, why error) {
	if s.in.Heal {
		return
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	s.hasty = temporal.IsCanceledError(why)
	for _, name := range slices.Backward(s.begun) {
		id := startSwarmID(name)
		undone, err := s.takeBack(ctx, name)
		if err != nil {
			reason, _ := explain(err)
			s.mark(ctx, id, StepFailed, "could not be undone: "+reason)
			workflow.GetLogger(ctx).Error("a step could not be undone", "step", id, "error", err)
			continue
		}
		if step := s.find(id); undone && step != nil && step.State == StepDone {
			s.mark(ctx, id, StepUndone, "undone")
		}
	}
}

// takeBack undoes one function's change and waits until what ran before runs again, unless the whole is cancelled:
// then a sweep follows.
func (s *swarmStitch) takeBack(ctx workflow.Context, name string) (bool, error) {
	var swarm *activities.Swarm
	id := "undo/" + name
	in := activities.UndoInSwarmInput{InSwarm: s.named(name), Change: s.change}
	undone, err := call(ctx, as(start(), id, "take back "+name), swarm.UndoInSwarm, in)
	if err != nil || !undone {
		return undone, err
	}
	before := slices.DeleteFunc(slices.Clone(s.in.Before), func(p plan.Placement) bool { return p.Function != name })
	if len(before) == 0 || s.hasty {
		return true, nil
	}
	ends := completes(s.in.Service, name)
	await := activities.AwaitInSwarmInput{
		InSwarm: s.named(name), Hash: before[0].SpecHash, Replicas: len(before), Held: held(before), Reverting: true, Nodes: s.report.Nodes,
		HasCheck: checked(before[0].Healthcheck), Completed: ends,
		Deadline: swarmPatience(function(s.in.Service, name), before, ends), Secrets: s.in.BeforeSecrets,
	}
	_, err = call(ctx, as(inSwarm(), "healthy/"+id, name+" as before"), swarm.AwaitInSwarm, await)
	return true, err
}

// statuses are the functions as they were proven, external ones too: the replicas of each in the order of their
// slots, then those that are held.
func (s *swarmStitch) statuses() []FunctionStatus {
	var all []FunctionStatus
	for _, name := range s.functions {
		live := slices.DeleteFunc(s.placements(name), func(p plan.Placement) bool { return p.Action == plan.ActionHold })
		for i, task := range s.tasks[name] {
			all = append(all, s.status(task, live[min(i, len(live)-1)]))
		}
		for _, replica := range s.placements(name) {
			if replica.Action == plan.ActionHold {
				all = append(all, FunctionStatus{
					Function: name, Replica: replica.Replica, Box: replica.Box, Container: replica.Container,
					Image: replica.Image, Digest: replica.Digest, State: StateHeld,
				})
			}
		}
	}
	for _, f := range s.in.Service.Functions {
		if f.External != "" {
			all = append(all, FunctionStatus{Function: f.Name, State: StateExternal, Addresses: []string{f.External}})
		}
	}
	return all
}

// status is one replica that runs as a task.
func (s *swarmStitch) status(task activities.PlacedTask, like plan.Placement) FunctionStatus {
	status := FunctionStatus{
		Function: like.Function, Replica: like.Replica, Box: task.Box.Name, Container: task.Name,
		Image: like.Image, Digest: like.Digest, State: taskWord(task, like),
	}
	for _, port := range like.Ports {
		status.Addresses = append(status.Addresses, net.JoinHostPort(task.Box.Address, strconv.Itoa(port.Host)))
	}
	for j, link := range s.in.Plan.Probes {
		if link.Consumer == like.Function && link.Replica == like.Replica {
			status.Probes = append(status.Probes, s.probes[j])
		}
	}
	return status
}

// taskWord is a task's state in the words of containers: the swarm calls a task with a check running when it is healthy.
func taskWord(task activities.PlacedTask, like plan.Placement) string {
	switch {
	case task.State == "complete":
		return StateCompleted
	case checked(like.Healthcheck):
		return "healthy"
	}
	return task.State
}
