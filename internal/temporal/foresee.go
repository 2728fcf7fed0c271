package temporal

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// Foresee says what a change of a service would do, and changes nothing: the change is matched against the world as it is
// now with what the service itself would match it with. Errors: ErrInvalid with every reason when it cannot be made,
// ErrNotFound, ErrUnreachable.
func (c *Client) Foresee(ctx context.Context, service string, question workflows.Question) (workflows.Foreseen, error) {
	var seen workflows.Foreseen
	running, err := c.Running(ctx, service)
	if errors.Is(err, fault.ErrNotFound) && question.Kind == workflows.AskApply {
		running, err = workflows.Running{}, nil // it would be started
	}
	if err != nil {
		return seen, err
	}
	var to *workflows.Kept
	if question.Kind == workflows.AskRollback || question.Kind == workflows.AskRetry {
		kept, err := c.Kept(ctx, service, question)
		if err != nil {
			return seen, err
		}
		to = &kept
	}
	in, err := question.Match(running, to)
	if err != nil {
		return seen, c.fault(err, "service "+service)
	}
	seen.Before, seen.Revision = running.Before, running.Revision
	seen.MatchResult, err = c.match(ctx, in)
	return seen, err
}

// Kept is the revision that a rollback or a retry would bring. Errors: ErrInvalid for one that is not kept or when none
// has failed, ErrNotFound, ErrUnreachable.
func (c *Client) Kept(ctx context.Context, service string, question workflows.Question) (workflows.Kept, error) {
	var kept workflows.Kept
	revision := question.Revision
	if question.Kind == workflows.AskRetry {
		status, err := c.Status(ctx, service)
		if err != nil {
			return kept, err
		}
		if status.Failed == nil {
			return kept, say(fault.ErrInvalid, "no revision of %s has failed", service)
		}
		revision = status.Failed.Revision
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.question(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: workflows.ServiceID(service), QueryType: workflows.QueryKept, QueryRejectCondition: running, Args: []any{revision},
	})
	switch {
	case err != nil:
	case answer.QueryRejected != nil:
		err = errClosed
	default:
		err = answer.QueryResult.Get(&kept)
	}
	return kept, c.fault(err, "service "+service)
}

// AskDown asks for the end of a service and does not wait for it: whoever asks may be a function of it. Errors:
// ErrNotFound, ErrUnreachable.
func (c *Client) AskDown(ctx context.Context, service string, request workflows.DownRequest) error {
	return c.signal(ctx, workflows.ServiceID(service), workflows.SignalDown, request, "service "+service)
}
