package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// ready says whether a function may start, by the rules of stitch.ready.
func (s *swarmStitch) ready(name string) bool {
	for _, level := range s.in.Plan.Levels {
		if slices.Contains(level.Functions, name) {
			break
		}
		if !s.all(s.started, level.Functions...) {
			return false
		}
	}
	for _, dependency := range function(s.in.Service, name).DependsOn {
		have := s.started
		if dependency.Condition == conditionHealthy || dependency.Condition == conditionCompleted {
			have = s.settled
		}
		if !s.all(have, dependency.Function) {
			return false
		}
	}
	return true
}

// all says whether the functions have what is asked; one that is not placed has.
func (s *swarmStitch) all(have map[string]bool, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.functions, name) && !have[name] })
}

// bring starts one function when its time has come and waits for the health of its replicas.
func (s *swarmStitch) bring(ctx workflow.Context, name string) error {
	if err := workflow.Await(ctx, func() bool { return s.ready(name) }); err != nil {
		return err
	}
	replicas := s.placements(name)
	if held(replicas) == len(replicas) { // nothing is known of it, and nothing is to be done
		s.started[name], s.settled[name] = true, true
		s.mark(ctx, startSwarmID(name), StepDone, replicas[0].Cause)
		return nil
	}
	if action(replicas) != plan.ActionKeep {
		if err := s.approved.wait(ctx, s.progress, startSwarmID(name), "stitch"); err != nil {
			return err
		}
	}
	return s.run(ctx, startSwarmID(name), func() (string, error) {
		s.begun = append(s.begun, name)
		changed, err := s.start(ctx, name, replicas)
		if err != nil {
			return "", err
		}
		s.started[name] = true
		awaited, err := s.await(ctx, name, replicas, changed)
		s.tasks[name], s.settled[name] = slices.DeleteFunc(awaited.Tasks, s.silent), err == nil
		return cmp.Or(changed.Cause, "unchanged"), err
	})
}

func (s *swarmStitch) start(ctx workflow.Context, name string, replicas []plan.Placement) (activities.SwarmServiceChange, error) {
	var swarm *activities.Swarm
	in := activities.StartInSwarmInput{
		InSwarm: s.named(name), Revision: s.in.Revision, Change: s.change, Placements: replicas, Nodes: s.report.Nodes,
		Update: function(s.in.Service, name).Update, Completes: completes(s.in.Service, name),
		Secrets: replicas[0].References(s.in.Service.Secrets), Heal: s.in.Heal,
	}
	return call(ctx, as(start(), startSwarmID(name), name+" in the swarm"), swarm.StartInSwarm, in)
}

func (s *swarmStitch) named(name string) activities.InSwarm {
	return activities.InSwarm{Managers: s.report.Managers, Service: s.in.Service.Name, Function: name}
}

// await waits for what the swarm does. A function that was left alone is awaited all the same: a task of it may
// just be coming up.
func (s *swarmStitch) await(ctx workflow.Context, name string, replicas []plan.Placement, changed activities.SwarmServiceChange) (activities.AwaitInSwarmResult, error) {
	var swarm *activities.Swarm
	first, ends := replicas[0], completes(s.in.Service, name)
	in := activities.AwaitInSwarmInput{
		InSwarm: s.named(name), Hash: first.SpecHash, Replicas: len(replicas), Held: held(replicas), Nodes: s.report.Nodes,
		HasCheck: checked(first.Healthcheck), Completed: ends, Once: first.Restart == "" || first.Restart == "no",
		Deadline: swarmPatience(function(s.in.Service, name), replicas, ends), Secrets: first.References(s.in.Service.Secrets),
	}
	if changed.Done != activities.SwarmKept {
		in.Change, in.Anew = s.change, changed.Anew
	}
	id := "healthy/" + name
	s.doing(startSwarmID(name), id)
	return call(ctx, as(inSwarm(), id, name+" in the swarm"), swarm.AwaitInSwarm, in)
}

func held(replicas []plan.Placement) (count int) {
	for _, replica := range replicas {
		if replica.Action == plan.ActionHold {
			count++
		}
	}
	return count
}

// swarmPatience is how long all replicas of a function may take: each batch of an update its own health, monitor and
// pause, and twice that, since an update that fails is taken back in the same way. A swarm may also wait a whole minute
// for the end of an old task that never began.
func swarmPatience(wanted spec.Function, replicas []plan.Placement, ends bool) spec.Duration {
	batches, pause, monitor := len(replicas), time.Duration(0), 5*time.Second
	if update := wanted.Update; update != nil {
		pause, monitor = update.Delay.D(), cmp.Or(update.Monitor.D(), monitor)
		if update.Parallelism > 0 {
			batches = (len(replicas) + update.Parallelism - 1) / update.Parallelism
		} else {
			batches = 1
		}
	}
	one := patience(replicas[0].Healthcheck, ends).D() + pause + monitor
	return spec.Duration(min(2*time.Duration(batches)*one+2*time.Minute, 100*time.Minute))
}

// prove makes every connection of the plan from inside the tasks of its consumer, all of one task at once. All are
// tried, so that the fault names all that are missing.
func (s *swarmStitch) prove(ctx workflow.Context) error {
	failed := make([]error, len(s.in.Plan.Probes))
	var firsts []int // the first link of each consumer's replica
	for i, link := range s.in.Plan.Probes {
		if i == slices.IndexFunc(s.in.Plan.Probes, func(l plan.Probe) bool { return l.Consumer == link.Consumer && l.Replica == link.Replica }) {
			firsts = append(firsts, i)
		}
	}
	err := each(ctx, groundAtOnce, firsts, func(ctx workflow.Context, _ int, first int) error { return s.proveFrom(ctx, first, failed) })
	if err != nil {
		return err
	}
	return unproven(failed)
}

// proveFrom proves the connections of one replica of a consumer and notes what came of each. Its error is the end
// of the stitch by others.
func (s *swarmStitch) proveFrom(ctx workflow.Context, first int, failed []error) error {
	consumer := s.in.Plan.Probes[first]
	task, there := s.task(consumer)
	var links []int
	in := activities.ProbeInput{Box: task.Box, Service: s.in.Service.Name, Container: task.Name, Image: s.in.Service.ProbeImage}
	for i, link := range s.in.Plan.Probes {
		if link.Consumer != consumer.Consumer || link.Replica != consumer.Replica {
			continue
		}
		s.probes[i] = ProbeStatus{Provider: link.Provider, Address: link.Address, Fault: "not proven: it does not run"}
		if !there {
			s.mark(ctx, probeID(link), StepDone, s.probes[i].Fault)
			continue
		}
		s.begin(ctx, probeID(link))
		s.doing(probeID(link), probesID(link))
		links, in.Addresses = append(links, i), append(in.Addresses, link.Address)
	}
	if !there {
		return nil
	}
	var boxes *activities.Boxes
	proven, err := call(ctx, as(probe(), probesID(consumer), task.Name+" to "+strings.Join(in.Addresses, ", ")), boxes.Probe, in)
	if err != nil {
		proven = probedBefore(err)
	}
	for k, i := range links {
		failed[i] = err
		var connection activities.Connection
		if k < len(proven.Connections) {
			connection, failed[i] = proven.Connections[k], nil
		}
		if failed[i] == nil && !connection.Connected {
			failed[i] = typed(fmt.Sprintf("connect %s to %s on %s: %s", task.Name, in.Addresses[k], task.Box.Name, connection.Fault), activities.TypeNotConnected, nil)
		}
		s.probes[i].Connected, s.probes[i].Millis = failed[i] == nil, connection.Millis
		s.probes[i].Fault, _ = explain(failed[i])
		s.end(ctx, probeID(s.in.Plan.Probes[i]), fmt.Sprintf("%.1f ms from %s on %s", connection.Millis, task.Name, task.Box.Name), failed[i])
	}
	if temporal.IsCanceledError(err) {
		return err
	}
	return nil
}

// silent says that a task is on a box that does not answer, or that is none of ours.
func (s *swarmStitch) silent(task activities.PlacedTask) bool {
	away := slices.ContainsFunc(s.report.Nodes, func(n activities.BoxNode) bool { return n.Node == task.Node && n.Away })
	return away || task.Box.Name == ""
}

// task is where a consumer's replica runs: the swarm gives slots to boxes as it likes, so the replicas that are not
// held are taken in the order of their slots.
func (s *swarmStitch) task(link plan.Probe) (activities.PlacedTask, bool) {
	at := 0
	for _, replica := range s.placements(link.Consumer) {
		if replica.Action != plan.ActionHold && replica.Replica < link.Replica {
			at++
		}
	}
	tasks := s.tasks[link.Consumer]
	if at >= len(tasks) || tasks[at].State != "running" {
		return activities.PlacedTask{}, false
	}
	return tasks[at], true
}

// clear takes away the containers of the plan's removals that no swarm looks after: first those that hold a port
// that is needed, the rest when all is proven.
func (s *swarmStitch) clear(ctx workflow.Context, first bool) error {
	var boxes *activities.Boxes
	gone := slices.DeleteFunc(slices.Clone(s.in.Plan.Removals), func(r plan.Removal) bool {
		return r.First != first || isTask(s.in.Service.Name, r.Container)
	})
	return each(ctx, groundAtOnce, gone, func(ctx workflow.Context, _ int, removal plan.Removal) error {
		id := removeID(removal)
		s.expect(id, "stitch", "remove "+removal.Container+" from "+removal.Box, at(removal.Box))
		err := s.run(ctx, id, func() (string, error) {
			box, err := boxOf(s.in.Service, removal.Box)
			if err != nil {
				return "", err
			}
			in := activities.RemoveInput{Box: box, Container: removal.ID}
			return removal.Cause, act(ctx, as(start(), id, removal.Container+" from "+removal.Box), boxes.Remove, in)
		})
		if first || temporal.IsCanceledError(err) {
			return err
		}
		return nil
	})
}

// isTask says whether a container is a task's, which the swarm names <service>_<function>.<slot>.<ID>.
func isTask(service, container string) bool {
	return strings.HasPrefix(container, service+"_") && strings.Count(container, ".") == 2
}

// remove takes away the swarm services that nobody wants, when all is proven. One that does not go makes no good
// revision bad: the step says so, and the next reconcile tries again.
func (s *swarmStitch) remove(ctx workflow.Context) error {
	var swarm *activities.Swarm
	if err := s.clear(ctx, false); err != nil {
		return err
	}
	gone := slices.DeleteFunc(slices.Clone(s.report.Functions), func(name string) bool { return slices.Contains(s.functions, name) })
	return each(ctx, groundAtOnce, gone, func(ctx workflow.Context, _ int, name string) error {
		id := removeSwarmID(name)
		s.expect(id, "stitch", "remove "+name+" from the swarm", of(name))
		err := s.run(ctx, id, func() (string, error) {
			return "the plan has no replica of it", act(ctx, as(start(), id, name+" from the swarm"), swarm.RemoveFromSwarm, s.named(name))
		})
		if temporal.IsCanceledError(err) {
			return err
		}
		return nil
	})
}
