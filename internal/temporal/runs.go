package temporal

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"
)

// Runs waits for workflows by their IDs.
type Runs struct{ Client *Client }

// AwaitEnd returns when no workflow of this ID runs, at once when there never was one. How it ended is no error.
// Errors: ErrUnreachable, and ctx's own when it ends first.
func (r Runs) AwaitEnd(ctx context.Context, workflowID string) error {
	err := r.Client.sdk.GetWorkflow(ctx, workflowID, "").Get(ctx, nil)
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) || gone(err) {
		return nil
	}
	return r.Client.fault(err, "workflow "+workflowID)
}
