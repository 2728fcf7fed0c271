package activities

import (
	"context"
	"fmt"
)

// Waiter waits for workflows that are nobody's children any more. Errors: ErrUnreachable.
type Waiter interface {
	// AwaitEnd returns when no workflow of this ID runs, however it ended.
	AwaitEnd(ctx context.Context, workflowID string) error
}

// Runs waits for the ends of workflows.
type Runs struct {
	Runs Waiter
}

// AwaitEndInput names the workflow.
type AwaitEndInput struct {
	Workflow string `json:"workflow"` // its ID
}

// AwaitEnd returns when the workflow has ended, at once when it never began. A second run waits again.
func (r *Runs) AwaitEnd(ctx context.Context, in AwaitEndInput) error {
	defer beat(ctx, nil)()
	if err := r.Runs.AwaitEnd(ctx, in.Workflow); err != nil {
		return Fault(fmt.Errorf("await the end of %s: %w", in.Workflow, err))
	}
	return nil
}
