package fakes

import "context"

// Runs are workflows that have ended. Log line: ended ID.
type Runs struct {
	Log
	Faults
}

// AwaitEnd implements activities.Waiter; the Subject of its Call is the workflow's ID.
func (r *Runs) AwaitEnd(ctx context.Context, workflowID string) error {
	if err := r.check(ctx, Call{Method: "AwaitEnd", Subject: workflowID}); err != nil {
		return err
	}
	r.Add("ended %s", workflowID)
	return nil
}
