package temporal

import (
	"context"
	"errors"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/workflows"
)

// Graph is a service with the steps of its newest change, its functions and their connections. Errors: ErrNotFound,
// ErrUnreachable.
func (c *Client) Graph(ctx context.Context, service string) (workflows.Graph, error) {
	status, err := c.Status(ctx, service)
	if err != nil {
		return workflows.Graph{}, err
	}
	steps, runs, err := c.stepsOf(ctx, status)
	if err != nil {
		return workflows.Graph{}, err
	}
	var made *plan.Plan
	switch last, err := c.Plan(ctx, service); {
	case err == nil:
		made = &last
	case !errors.Is(err, fault.ErrNotFound): // none yet
		return workflows.Graph{}, err
	}
	graph := workflows.MakeGraph(status, steps, made, time.Now())
	if err := c.pulls(ctx, status, graph.Steps); err != nil {
		return workflows.Graph{}, err
	}
	if err := c.locate(ctx, runs, &graph); err != nil {
		return workflows.Graph{}, err
	}
	switch wanted, err := c.Running(ctx, service); {
	case err == nil:
		graph.Want(wanted.Service)
		run, err := c.run(ctx, workflows.ServiceID(service), "service "+service)
		if err != nil {
			return workflows.Graph{}, err
		}
		graph.Runs = append(graph.Runs, workflows.WorkflowRun{Workflow: workflows.ServiceID(service), Run: run})
	case !errors.Is(err, fault.ErrNotFound): // it has just ended
		return workflows.Graph{}, err
	}
	for _, function := range status.Tuned {
		tuning, err := c.Tuning(ctx, service, function)
		switch {
		case errors.Is(err, fault.ErrNotFound): // it begins, or has just ended
		case err != nil:
			return workflows.Graph{}, err
		default:
			graph.Tuned = append(graph.Tuned, tuning)
		}
	}
	return graph, nil
}

// Tuning is a function whose replicas follow its load, with the last measurement. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Tuning(ctx context.Context, service, function string) (workflows.FunctionTuning, error) {
	id, what := workflows.ScaleID(service, function), "tuning of "+function+" of "+service
	var tuning workflows.FunctionTuning
	var err error
	if tuning.ScaleState, err = ask[workflows.ScaleState](ctx, c, id, workflows.QueryState, running, what); err != nil {
		return tuning, err
	}
	described, err := c.describe(ctx, id, "")
	if err != nil {
		return tuning, err
	}
	for _, activity := range described.GetPendingActivities() {
		beats := activity.GetHeartbeatDetails().GetPayloads()
		var beat activities.WatchBeat
		if len(beats) == 0 || read(beats[0], &beat) != nil || beat.Last.At.IsZero() {
			continue // it has not measured yet
		}
		tuning.Load, tuning.Fault = &beat.Last, beat.Fault
	}
	return tuning, nil
}
