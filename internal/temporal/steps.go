package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// Steps are all steps of a service's newest change: those in the status with what the children that still run say, by
// their IDs and in order, each with the attempts of its activity. Errors: as Status.
func (c *Client) Steps(ctx context.Context, status workflows.Status) ([]workflows.Step, error) {
	steps, _, err := c.stepsOf(ctx, status)
	return steps, err
}

// stepsOf is Steps with the runs of the children that they are of, by workflow ID.
func (c *Client) stepsOf(ctx context.Context, status workflows.Status) ([]workflows.Step, map[string]string, error) {
	steps := slices.Clone(status.Steps)
	if under(status.Phase) { // else the status has them all, and a child of that ID may be a later repair's
		for _, id := range status.Children {
			progress, err := c.Progress(ctx, id)
			switch {
			case errors.Is(err, fault.ErrNotFound): // not begun
			case err != nil:
				return nil, nil, err
			default:
				steps = workflows.MergeSteps(steps, progress.Steps...)
			}
		}
	}
	runs := map[string]string{}
	for _, id := range status.Children {
		run, err := c.count(ctx, id, steps)
		if err != nil {
			return nil, nil, err
		}
		if run != "" {
			runs[id] = run
		}
	}
	return steps, runs, nil
}

// under says that a change is under way in a phase.
func under(phase string) bool {
	return phase == workflows.PhaseMatching || phase == workflows.PhasePlacing || phase == workflows.PhaseStitching
}

// tries is what a history says of one activity: how often it was tried, and why it was tried again. A history keeps
// only the last reason of each activity that was started.
type tries struct {
	count   int
	retries []string
	event   int64 // that scheduled the first of its activities
}

// histories remembers what was read: a run that has ended does not change, one that goes on is read again after a
// while.
type histories struct {
	mu   sync.Mutex
	runs map[string]*history // by run ID
	whys map[string][]reason // by run and step: of tries that failed, as they were heard while they ran
}

type history struct {
	read  time.Time
	ended bool
	steps map[string]*tries // by step ID
}

const (
	// rereadAfter bounds how often the history of a run that goes on is read; its pending attempts are always new.
	rereadAfter = 2 * time.Second
	// runsMost bounds what is remembered: some dozens of changes, a few KB each.
	runsMost = 200
)

// count fills in the attempts of the steps that a child's activities ran, and returns the child's run. A child that has
// not begun, or whose history is no longer kept, counts nothing and has none.
func (c *Client) count(ctx context.Context, child string, steps []workflows.Step) (string, error) {
	var first time.Time // of the child's steps
	for _, step := range steps {
		if strings.HasPrefix(child, step.Phase) && !step.Started.IsZero() && (first.IsZero() || step.Started.Before(first)) {
			first = step.Started
		}
	}
	if first.IsZero() {
		return "", nil
	}
	run, _, err := c.runBefore(ctx, child, first)
	if err != nil || run == "" {
		return "", err
	}
	return run, c.countRun(ctx, child, run, steps)
}

// countRun is count for a run that is known.
func (c *Client) countRun(ctx context.Context, child, run string, steps []workflows.Step) error {
	read, err := c.history(ctx, child, run)
	if err != nil {
		return err
	}
	pending, err := c.pendingOf(ctx, child, run, read)
	if err != nil {
		return err
	}
	for i := range steps {
		step := &steps[i]
		if known := read.of(step.ID); known != nil {
			step.Attempts, step.Retries = known.count, known.retries
		}
		for _, one := range pending {
			if activity := stepOf(one.ActivityID); activity != step.ID && activity != proof(step.ID) {
				continue
			}
			step.Attempts = max(step.Attempts, one.Attempt)
			c.histories.heard(run, step.ID, reason{one.ActivityID, one.Attempt - 1, one.Fault})
		}
		step.Retries = c.histories.retries(run, step.ID, step.Retries)
	}
	return nil
}

// stepOf is the step that an activity belongs to. Most have the step's ID; those that follow in the same step have one
// of their own.
func stepOf(activityID string) string {
	if rest, found := strings.CutPrefix(activityID, "healthy/"); found {
		return "start/" + rest
	}
	return activityID
}

// proof is the activity that proves a connection together with all others of its consumer; empty for other steps.
func proof(step string) string {
	parts := strings.SplitN(step, "/", 4) // probe/consumer/replica/provider/address
	if len(parts) < 4 || parts[0] != "probe" {
		return ""
	}
	return strings.Join(parts[:3], "/")
}

// of is what is known of a step.
func (h *history) of(step string) *tries {
	if known := h.steps[step]; known != nil {
		return known
	}
	return h.steps[proof(step)]
}

// runBefore is the run of a child that was under way at a time, when a step of it began for example, and when it began:
// repairs run children of the same ID again. Empty when there is none (any more). A run that has just begun may not be in the index yet, so the newest is
// asked for itself.
func (c *Client) runBefore(ctx context.Context, child string, at time.Time) (run string, begun time.Time, err error) {
	described, err := c.describe(ctx, child, "")
	if errors.Is(err, fault.ErrNotFound) {
		return "", time.Time{}, nil
	}
	if err != nil {
		return "", time.Time{}, err
	}
	newest := described.GetWorkflowExecutionInfo()
	if begun := newest.GetStartTime().AsTime(); !begun.After(at) {
		return newest.GetExecution().GetRunId(), begun, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	listed, err := c.sdk.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: c.namespace, PageSize: runsMost,
		Query: fmt.Sprintf("WorkflowId = '%s' AND StartTime <= '%s'", child, at.UTC().Format(time.RFC3339Nano)),
	})
	if err != nil {
		return "", time.Time{}, c.fault(err, "the runs of "+child)
	}
	for _, one := range listed.GetExecutions() {
		if start := one.GetStartTime().AsTime(); start.After(begun) {
			run, begun = one.GetExecution().GetRunId(), start
		}
	}
	return run, begun, nil
}

func (c *Client) describe(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	described, err := c.sdk.DescribeWorkflowExecution(ctx, id, run)
	return described, c.fault(err, "workflow "+id)
}

// pendingOf are the activities that run now; none of a run that has ended.
func (c *Client) pendingOf(ctx context.Context, child, run string, read *history) ([]workflows.Pending, error) {
	if read.ended {
		return nil, nil
	}
	described, err := c.describe(ctx, child, run)
	if err != nil {
		return nil, err
	}
	var all []workflows.Pending
	for _, activity := range described.GetPendingActivities() {
		all = append(all, workflows.Pending{
			ActivityID: activity.GetActivityId(), Attempt: int(activity.GetAttempt()), Fault: root(activity.GetLastFailure()),
		})
	}
	return all, nil
}

// history is what a run's history says of its activities, read or remembered.
func (c *Client) history(ctx context.Context, child, run string) (*history, error) {
	c.histories.mu.Lock()
	known := c.histories.runs[run]
	c.histories.mu.Unlock()
	if known != nil && (known.ended || time.Since(known.read) < rereadAfter) {
		return known, nil
	}
	read, err := c.readHistory(ctx, child, run)
	if err != nil {
		return nil, err
	}
	c.histories.mu.Lock()
	defer c.histories.mu.Unlock()
	if len(c.histories.runs) >= runsMost || c.histories.runs == nil {
		c.histories.runs = map[string]*history{} // what is still asked for is read once more
	}
	c.histories.runs[run] = read
	return read, nil
}

func (c *Client) readHistory(ctx context.Context, child, run string) (*history, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	read := &history{read: time.Now(), steps: map[string]*tries{}}
	scheduled := map[int64]string{} // step by the event that scheduled its activity
	events := c.sdk.GetWorkflowHistory(ctx, child, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, c.fault(err, "workflow "+child)
		}
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			step := stepOf(event.GetActivityTaskScheduledEventAttributes().GetActivityId())
			scheduled[event.GetEventId()] = step
			read.at(step, event.GetEventId())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			started := event.GetActivityTaskStartedEventAttributes()
			read.add(scheduled[started.GetScheduledEventId()], int(started.GetAttempt()), root(started.GetLastFailure()))
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
			read.ended = true
		}
	}
	return read, nil
}

// at notes the event that scheduled an activity; the first of a step is the step's.
func (h *history) at(step string, event int64) {
	if h.steps[step] == nil {
		h.steps[step] = &tries{event: event}
	}
}

// add counts an activity that was started. The first of a step counts as its tries; one that follows adds only what it
// had to try again, so that a step whose two activities went well at once counts one.
func (h *history) add(step string, attempt int, why string) {
	h.at(step, 0)
	known := h.steps[step]
	if known.count == 0 {
		known.count = 1
	}
	if known.count += attempt - 1; why != "" {
		known.retries = append(known.retries, why)
	}
}

// root is the innermost sentence of a failure: what the activity said, or that its time was over.
func root(failure *failurepb.Failure) string {
	for failure.GetCause() != nil && failure.GetApplicationFailureInfo() == nil {
		failure = failure.GetCause()
	}
	return failure.GetMessage()
}
