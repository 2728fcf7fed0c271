package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// Schedules keeps the Temporal Schedules that reconcile services.
type Schedules struct{ Client *Client }

// catchUp is the least that Temporal allows.
const catchUp = 10 * time.Second

// telling bounds a ReconcileWorkflow, which sends one signal: long enough for a worker's restart.
const telling = time.Minute

// EnsureReconcile makes the service's schedule, or gives it another interval. Errors: ErrInvalid for an
// interval under 10 s, ErrUnreachable.
func (s Schedules) EnsureReconcile(ctx context.Context, service string, every time.Duration) error {
	if every < workflows.ScheduleLeast {
		return say(fault.ErrInvalid, "reconciling %s every %s is too often: %s is the least", service, every, workflows.ScheduleLeast)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := workflows.ReconcileID(service)
	times := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	_, err := s.Client.sdk.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: times,
		// A reconcile that was missed is not made up for: the next one sees the same world.
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
		Action: &client.ScheduleWorkflowAction{
			ID: id, Workflow: workflows.ReconcileWorkflow, Args: []any{service}, TaskQueue: workflows.TaskQueue,
			WorkflowExecutionTimeout: telling,
		},
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.Client.sdk.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := in.Description.Schedule
				schedule.Spec = &times
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
	}
	return s.Client.fault(err, "schedule "+id)
}

// DeleteReconcile removes the service's schedule; one that is gone already is no error. Errors: ErrUnreachable.
func (s Schedules) DeleteReconcile(ctx context.Context, service string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := workflows.ReconcileID(service)
	err := s.Client.sdk.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	if gone(err) {
		return nil
	}
	return s.Client.fault(err, "schedule "+id)
}
