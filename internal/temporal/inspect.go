package temporal

import (
	"context"
	"errors"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// inspecting bounds a look at a box with its retries.
const inspecting = 40 * time.Second

// Inspect looks at a box of a running service, by the worker, and waits for the answer. Those who ask while a look is
// under way share it. A box that does not answer is an answer. Errors: ErrNotFound (no such service, or it has no such
// box), ErrUnreachable.
func (c *Client) Inspect(ctx context.Context, service, box string) (activities.Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, inspecting)
	defer cancel()
	var seen activities.Inspection
	what := "the look at box " + box + " of " + service
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.InspectID(service, box), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionTimeout: inspecting, StaticSummary: what,
	}, workflows.InspectWorkflow, activities.InspectInput{Service: service, Box: box})
	if err != nil {
		return seen, c.fault(err, what)
	}
	err = run.Get(ctx, &seen)
	var application *temporal.ApplicationError
	switch {
	case errors.As(err, &application) && application.Type() == activities.TypeNotFound:
		return seen, say(fault.ErrNotFound, "%s", application.Message())
	case errors.As(err, &application) && application.Type() == workflows.TypeTimeout, isTimeout(err):
		return seen, say(fault.ErrUnreachable, "no worker has looked at box %s in time", box)
	}
	return seen, c.fault(err, what)
}

// isTimeout says that a workflow was ended by its time.
func isTimeout(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout)
}

// WatchLog says that somebody watches the log of a replica: it is published for workflows.WatchedFor from now, beginning
// with its last tail lines unless it is published already. Errors: ErrUnreachable.
func (c *Client) WatchLog(ctx context.Context, service, function string, replica, tail int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := workflows.LogsID(service, function, replica)
	_, err := c.sdk.SignalWithStartWorkflow(ctx, id, workflows.SignalWatch, nil, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.TaskQueue, StaticSummary: "log of " + function + " for those who watch it",
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, workflows.LogsWorkflow, workflows.LogsInput{Service: service, Function: function, Replica: replica, Tail: tail})
	return c.fault(err, "the log of "+function+" of "+service)
}

var _ activities.Placements = Services{}

// Whereabouts implements activities.Placements: of a replica that is being moved, the new place.
func (s Services) Whereabouts(ctx context.Context, service string) (activities.Whereabouts, error) {
	now, err := s.Client.Running(ctx, service)
	if err != nil {
		return activities.Whereabouts{}, err
	}
	places := activities.Whereabouts{Boxes: now.Service.Boxes, Secrets: now.Service.Secrets}
	for _, placement := range slices.Concat(now.Changing, now.Before) {
		one := activities.Whereabout{Function: placement.Function, Replica: placement.Replica, Box: placement.Box, Environment: placement.Environment}
		for _, use := range placement.Secrets {
			one.Uses = append(one.Uses, use.Name)
		}
		known := slices.ContainsFunc(places.Placements, func(p activities.Whereabout) bool {
			return p.Function == one.Function && p.Replica == one.Replica
		})
		if !known {
			places.Placements = append(places.Placements, one)
		}
	}
	return places, nil
}
