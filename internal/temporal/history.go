package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/workflows"
)

// historyMost bounds one run of a HistoryWorkflow, which ends by itself after some hours of work: a first one has years to
// roll up.
const historyMost = 12 * time.Hour

// EnsureHistory makes the schedule that rolls up a service's readings, and starts a run at once; or gives it another
// input and interval. Errors: ErrUnreachable.
func (s Schedules) EnsureHistory(ctx context.Context, in activities.HistoryInput) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := workflows.HistoryID(in.Service)
	times := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: in.Keep.WithDefaults().Every.D()}}}
	action := &client.ScheduleWorkflowAction{
		ID: id, Workflow: workflows.HistoryWorkflow, Args: []any{in}, TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: historyMost,
	}
	_, err := s.Client.sdk.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: times, Action: action, TriggerImmediately: true,
		// A run that was missed is made up for by the next one, which finds in InfluxDB where to go on.
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.Client.sdk.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := in.Description.Schedule
				schedule.Spec, schedule.Action = &times, action
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
	}
	return s.Client.fault(err, "schedule "+id)
}

// DeleteHistory removes that schedule and cancels its run; a schedule that is gone already is no error. Errors:
// ErrUnreachable.
func (s Schedules) DeleteHistory(ctx context.Context, service string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := workflows.HistoryID(service)
	handle := s.Client.sdk.ScheduleClient().GetHandle(ctx, id)
	seen, err := handle.Describe(ctx)
	if gone(err) {
		return nil
	}
	if err != nil {
		return s.Client.fault(err, "schedule "+id)
	}
	if err := handle.Delete(ctx); err != nil && !gone(err) {
		return s.Client.fault(err, "schedule "+id)
	}
	for _, run := range seen.Info.RunningWorkflows {
		if err := s.Client.sdk.CancelWorkflow(ctx, run.WorkflowID, ""); err != nil && !gone(err) {
			return s.Client.fault(err, "workflow "+run.WorkflowID)
		}
	}
	return nil
}
