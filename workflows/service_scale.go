package workflows

import (
	"cmp"
	"net"
	"slices"
	"strconv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// tuneFunctions sees to it that each function with `tune` of the good revision has its running ScaleWorkflow that knows
// how it is placed, and no other function has. They outlive the runs of ServiceWorkflow, as the tunings of rooms do.
// All functions are tried; the first failure is returned.
func (s *service) tuneFunctions(ctx workflow.Context) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // the end of a change must not cancel what it has started
	var first error
	var names []string
	for _, f := range s.good.Service.Functions {
		if f.Tune == nil || f.External != "" {
			continue
		}
		names = append(names, f.Name)
		if err := s.tuneFunction(ctx, f); err != nil && first == nil {
			first = failure(err, "tune "+f.Name, nil)
		}
	}
	gone := slices.DeleteFunc(slices.Clone(s.status.Tuned), func(name string) bool { return slices.Contains(names, name) })
	stayed := s.untuneFunctions(ctx, gone)
	if len(stayed) > 0 {
		workflow.GetLogger(ctx).Warn("functions that left the service are still tuned", "functions", stayed)
	}
	s.status.Tuned = names
	return first
}

func (s *service) tuneFunction(ctx workflow.Context, f spec.Function) error {
	in := watchOf(s.good.Service, s.good.Plan, f)
	at := slices.IndexFunc(s.watched, func(w activities.WatchInput) bool { return w.Function == f.Name })
	if at >= 0 && same(s.watched[at], in) {
		return nil
	}
	id := ScaleID(s.status.Service, f.Name)
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "replicas of " + f.Name + " by " + f.Tune.Metric,
	}), ScaleWorkflow, ScaleInput{Watch: in})
	err := future.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		err = workflow.SignalExternalWorkflow(ctx, id, "", SignalWatch, in).Get(ctx, nil)
	}
	if err != nil {
		return err
	}
	if at < 0 {
		s.watched = append(s.watched, in)
	} else {
		s.watched[at] = in
	}
	return nil
}

// untuneFunctions ends the tunings of functions and waits until they have ended; one that does not is returned, with
// the reason.
func (s *service) untuneFunctions(ctx workflow.Context, names []string) (stayed []string) {
	var runs *activities.Runs
	failed := make([]error, len(names))
	err := each(ctx, groundAtOnce, names, func(ctx workflow.Context, i int, name string) error {
		id := ScaleID(s.status.Service, name)
		if err := workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a function's tuning had ended already", "function", name, "answer", err)
		}
		failed[i] = act(ctx, as(ending(), "untune/function/"+name, "end of "+id), runs.AwaitEnd, activities.AwaitEndInput{Workflow: id})
		return nil
	})
	for i, name := range names {
		if failed[i] == nil && err == nil {
			s.watched = slices.DeleteFunc(s.watched, func(w activities.WatchInput) bool { return w.Function == name })
			continue
		}
		reason, _ := explain(cmp.Or(failed[i], err))
		stayed = append(stayed, "tuning of function "+name+": "+reason)
	}
	return stayed
}

// tunedFunctions are those that may be tuned, whatever has begun and not ended.
func (s *service) tunedFunctions() []string {
	names := slices.Clone(s.status.Tuned)
	for _, w := range s.watched {
		names = append(names, w.Function)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// watchOf is a function as it was placed, for those who measure it.
func watchOf(service spec.Service, p plan.Plan, f spec.Function) activities.WatchInput {
	in := activities.WatchInput{Service: service.Name, Function: f.Name, Tune: *f.Tune}
	for _, placement := range p.Placements {
		if placement.Function != f.Name {
			continue
		}
		in.Replicas++
		in.CPUs = cmp.Or(placement.Resources.CPUs, placement.Resources.LimitCPUs, 1)
		known := func(b spec.Box) bool { return b.Name == placement.Box }
		if box, err := boxOf(service, placement.Box); err == nil && !slices.ContainsFunc(in.Boxes, known) {
			in.Boxes = append(in.Boxes, box)
		}
	}
	if f.Tune.Metric == scale.KafkaLag {
		in.Brokers = brokersOf(service, p, f)
	}
	return in
}

// brokersOf are the addresses at which the worker reaches the Kafka of a function's tuning: the published port that
// the function consumes, else the first.
func brokersOf(service spec.Service, p plan.Plan, f spec.Function) []string {
	kafka := function(service, f.Tune.Kafka)
	if kafka.External != "" {
		return []string{kafka.External}
	}
	wanted := 0
	for _, edge := range f.Consumes {
		if edge.Function == kafka.Name {
			wanted = edge.Port
		}
	}
	var brokers []string
	for _, placement := range p.Placements {
		if placement.Function != kafka.Name {
			continue
		}
		at := slices.IndexFunc(placement.Ports, func(port spec.Port) bool { return port.Container == wanted || wanted == 0 })
		if box, err := boxOf(service, placement.Box); err == nil && at >= 0 {
			brokers = append(brokers, net.JoinHostPort(box.Address, strconv.Itoa(placement.Ports[at].Host)))
		}
	}
	return brokers
}

// outsideTuning says why a person may not scale a function to a number that its tuning would take back.
func outsideTuning(f spec.Function, replicas int) error {
	if f.Tune == nil || scale.Clamp(replicas, *f.Tune) == replicas {
		return nil
	}
	return invalid("%s is tuned by %s between %d and %d replicas: change its bounds in the specification to have %d",
		f.Name, f.Tune.Metric, f.Tune.Least, f.Tune.Most, replicas)
}
