// Package workflows holds the durable stories: a service is matched, placed, stitched, tuned and healed for as long
// as it lives (ServiceWorkflow and its children), and each room keeps its intention (TuneWorkflow). Workflows only
// decide; every call to the world is an activity of package activities.
package workflows

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/spec"
)

// The activity options, each with the reason for its numbers. All begin their retries after 200 ms, so that a
// hiccup costs no visible time, and all wait for a cancelled activity to end: what a sweep removes must not
// come back from an activity that was still running.

// quick is for one short request to an engine, a registry or Temporal. An engine answers in milliseconds,
// 15 s covers a Pi under load; after two minutes somebody should be told.
func quick() workflow.ActivityOptions {
	return options(15*time.Second, 2*time.Minute, 0, 0, 5*time.Second)
}

// observe is for one look at a box. An engine answers in milliseconds; two attempts of 10 s are enough to call
// it unreachable for now, which is a result.
func observe() workflow.ActivityOptions {
	return options(10*time.Second, 30*time.Second, 0, 2, time.Second)
}

// pull is for an image. Half an hour covers 500 MB at 0.3 MB/s; the activity heartbeats with bytes, and 15 s
// without one means that it hangs (the SDK sends a heartbeat at most each 0.8 x 15 = 12 s). Twelve attempts
// with at most 30 s between them outlast a registry's restart.
func pull() workflow.ActivityOptions {
	return options(30*time.Minute, 2*time.Hour, 15*time.Second, 12, 30*time.Second)
}

// start is for creating and starting one container, the stop of the one it replaces included: two minutes
// cover a stop grace of 90 s. Attempts end after five minutes: a box that does not answer that long is gone. It
// heartbeats each second; 6 s without one is a dead worker, and another one goes on.
func start() workflow.ActivityOptions {
	return options(2*time.Minute, 5*time.Minute, 6*time.Second, 0, 5*time.Second)
}

// starting is start for a container whose stop, or that of the one it replaces, may take a grace: what is beyond the
// usual 90 s comes on top, of one attempt and of the whole.
func starting(grace spec.Duration) workflow.ActivityOptions {
	const usual = 90 * time.Second
	o := start()
	if more := grace.D() - usual; more > 0 {
		o.StartToCloseTimeout += more
		o.ScheduleToCloseTimeout += 2 * more
	}
	return o
}

// healthy is for the wait until a container is healthy. The activity itself ends by the health check's own
// numbers (start period, interval x retries); ten minutes bound a check that never decides.
func healthy() workflow.ActivityOptions {
	return options(10*time.Minute, 15*time.Minute, 6*time.Second, 0, 5*time.Second)
}

// probe is for the connections of one consumer. A healthy provider accepts at once; eight attempts at most 2 s apart (about
// 9 s in all, beside the dials) give a slow one its time.
func probe() workflow.ActivityOptions {
	return options(15*time.Second, time.Minute, 0, 8, 2*time.Second)
}

// sweep is for taking everything of a service off one box. Stops run one after another with 10 s grace each;
// five attempts reach a box that is rebooting, and a box that stays away is reported, not waited for.
func sweep() workflow.ActivityOptions {
	return options(10*time.Minute, 15*time.Minute, 15*time.Second, 5, 5*time.Second)
}

// ending is for the end of a workflow that was cancelled and has nothing to undo: milliseconds, or the seconds
// until another worker takes over. One that does not end is reported, not waited for.
func ending() workflow.ActivityOptions {
	return options(20*time.Second, 45*time.Second, 10*time.Second, 0, time.Second)
}

func options(once, inAll, heartbeat time.Duration, attempts int32, wait time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    once,
		ScheduleToCloseTimeout: inAll,
		HeartbeatTimeout:       heartbeat,
		WaitForCancellation:    true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    200 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    wait,
			MaximumAttempts:    attempts, // 0: until ScheduleToClose
		},
	}
}

// as names an activity: id finds it while it is pending, summary is what the Web UI shows.
func as(o workflow.ActivityOptions, id, summary string) workflow.ActivityOptions {
	o.ActivityID, o.Summary = id, summary
	return o
}

// call runs an activity and waits for its result; the compiler checks input and result.
func call[In, Out any](ctx workflow.Context, o workflow.ActivityOptions, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), activity, in).Get(ctx, &out)
	return out, err
}

// act is call for an activity without a result.
func act[In any](ctx workflow.Context, o workflow.ActivityOptions, activity func(context.Context, In) error, in In) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), activity, in).Get(ctx, nil)
}

// child begins a child workflow that is cancelled with its parent and waited for when it is.
func child[In, Out any](ctx workflow.Context, id, summary string, story func(workflow.Context, In) (Out, error), in In) workflow.ChildWorkflowFuture {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id,
		// A parent that is terminated still lets the child undo what it has begun.
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		// A revision that is healed runs the same children again.
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         summary,
	})
	return workflow.ExecuteChildWorkflow(ctx, story, in)
}

// result waits for a child that was begun with the same types.
func result[Out any](ctx workflow.Context, future workflow.ChildWorkflowFuture) (Out, error) {
	var out Out
	err := future.Get(ctx, &out)
	return out, err
}

// each runs work for every item, at most `most` at a time, begun in order. The first failure cancels the
// others; each returns it when all have ended.
func each[T any](ctx workflow.Context, most int, items []T, work func(ctx workflow.Context, index int, item T) error) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var first error
	next, group := 0, workflow.NewWaitGroup(ctx)
	runner := func(ctx workflow.Context) {
		defer group.Done()
		for next < len(items) && first == nil && ctx.Err() == nil {
			index := next
			next++
			if err := work(ctx, index, items[index]); err != nil && first == nil {
				first = err
				cancel()
			}
		}
	}
	for range min(most, len(items)) {
		group.Add(1)
		workflow.Go(ctx, runner)
	}
	group.Wait(ctx)
	if first == nil {
		return ctx.Err()
	}
	return first
}

// sleep waits, with a summary for those who read the history.
func sleep(ctx workflow.Context, d time.Duration, summary string) error {
	return workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}
