package temporal

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/workflows"
)

// Which workflows a query is for.
const (
	running = enumspb.QUERY_REJECT_CONDITION_NOT_OPEN // only one that runs
	ended   = enumspb.QUERY_REJECT_CONDITION_NONE     // one that has ended too
)

// ask sends a query and decodes its answer.
func ask[T any](ctx context.Context, c *Client, id, query string, which enumspb.QueryRejectCondition, what string) (T, error) {
	var out T
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.question(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: id, QueryType: query, QueryRejectCondition: which,
	})
	switch {
	case err != nil:
	case answer.QueryRejected != nil:
		err = errClosed
	default:
		err = answer.QueryResult.Get(&out)
	}
	return out, c.fault(err, what)
}

// questionTime is when a question without an answer is asked again. An answer takes milliseconds; in a busy deploy one
// was seen to take longer than patience. Asking changes nothing, so it may be asked again.
const questionTime = patience / 4

// question sends a query, again when no answer comes, until ctx ends.
func (c *Client) question(ctx context.Context, request *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	for {
		once, cancel := context.WithTimeout(ctx, questionTime)
		answer, err := c.sdk.QueryWorkflowWithOptions(once, request)
		late := err != nil && once.Err() != nil && ctx.Err() == nil
		cancel()
		if !late {
			return answer, err
		}
	}
}

// updateAgain is the pause before an update is sent again of which Temporal says that it was not taken.
const updateAgain = 50 * time.Millisecond

// update sends an update and waits for its result. A run that hands over to the next one just then may refuse it with
// the whole of its task: nothing has come of it, and it is sent again under the same ID.
func update[T any](ctx context.Context, c *Client, id, name string, request any, what string) (T, error) {
	var out T
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	options := client.UpdateWorkflowOptions{
		UpdateID: rand.Text(), WorkflowID: id, UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	for {
		handle, err := c.sdk.UpdateWorkflow(ctx, options)
		if err == nil {
			err = handle.Get(ctx, &out)
		}
		var notTaken *serviceerror.WorkflowNotReady
		if !errors.As(err, &notTaken) {
			return out, c.fault(err, what)
		}
		select {
		case <-ctx.Done():
			return out, c.fault(ctx.Err(), what)
		case <-time.After(updateAgain):
		}
	}
}

func (c *Client) signal(ctx context.Context, id, name string, payload any, what string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.fault(c.sdk.SignalWorkflow(ctx, id, "", name, payload), what)
}

// run is the ID of the newest run of a workflow. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) run(ctx context.Context, id, what string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	described, err := c.sdk.DescribeWorkflowExecution(ctx, id, "")
	return described.GetWorkflowExecutionInfo().GetExecution().GetRunId(), c.fault(err, what)
}

// Pending are the running activities of a workflow with what their heartbeats say: the bytes of a pull, the
// fault of the attempt before. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Pending(ctx context.Context, workflowID string) ([]workflows.Pending, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	described, err := c.sdk.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return nil, c.fault(err, "workflow "+workflowID)
	}
	var all []workflows.Pending
	for _, activity := range described.GetPendingActivities() {
		one := workflows.Pending{
			ActivityID: activity.GetActivityId(), Attempt: int(activity.GetAttempt()),
			Fault: activity.GetLastFailure().GetMessage(),
		}
		if beats := activity.GetHeartbeatDetails().GetPayloads(); len(beats) > 0 && activity.GetActivityType().GetName() == "Pull" {
			var pull activities.PullProgress
			if read(beats[0], &pull) == nil { // else a heartbeat of another version: no progress to show
				one.Pull = pull
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// read decodes one payload; none leaves out as it is.
func read(payload *commonpb.Payload, out any) error {
	if payload == nil {
		return nil
	}
	return converter.GetDefaultDataConverter().FromPayload(payload, out)
}

func listRunning(namespace string, page []byte) *workflowservice.ListWorkflowExecutionsRequest {
	return &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: namespace, NextPageToken: page,
		Query: `WorkflowType = "ServiceWorkflow" AND ExecutionStatus = "Running"`,
	}
}
