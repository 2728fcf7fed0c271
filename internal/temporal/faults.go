package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// sentence is an error that a person reads as it is; errors.Is finds its sentinel.
type sentence struct {
	text string
	kind error
}

func (s *sentence) Error() string { return s.text }
func (s *sentence) Unwrap() error { return s.kind }

func say(kind error, format string, values ...any) error {
	return &sentence{text: fmt.Sprintf(format, values...), kind: kind}
}

// errClosed says that a workflow was there and has ended.
var errClosed = errors.New("the workflow has ended")

// fault turns an error of Temporal into one of package fault. what is the thing that was asked for, as a
// person calls it: "service smart-energy", "room cold-aisle of smart-energy".
func (c *Client) fault(err error, what string) error {
	var (
		notFound    *serviceerror.NotFound
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		noWorker    *serviceerror.FailedPrecondition
		queryFailed *serviceerror.QueryFailed
		invalid     *serviceerror.InvalidArgument
		application *temporal.ApplicationError
		namespace   *serviceerror.NamespaceNotFound
		late        *client.WorkflowUpdateServiceTimeoutOrCanceledError
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &namespace):
		return say(fault.ErrNotFound, "Temporal at %s has no namespace %s", c.address, c.namespace)
	case errors.As(err, &notFound), errors.Is(err, errClosed):
		return say(fault.ErrNotFound, "no %s is running", what)
	case errors.As(err, &queryFailed):
		return say(fault.ErrNotFound, "%s: %s", what, queryFailed.Message)
	case errors.As(err, &application) && application.Type() == activities.TypeUnreachable:
		return say(fault.ErrUnreachable, "%s", application.Message())
	case errors.As(err, &application):
		return say(fault.ErrInvalid, "%s", application.Message())
	case errors.As(err, &invalid):
		return say(fault.ErrInvalid, "%s: %s", what, invalid.Message)
	case errors.As(err, &noWorker):
		return say(fault.ErrUnreachable, "no worker answers for %s on task queue %s of Temporal at %s", what, workflows.TaskQueue, c.address)
	case errors.As(err, &unavailable):
		return say(fault.ErrUnreachable, "Temporal at %s does not answer", c.address)
	case errors.As(err, &deadline), errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return say(fault.ErrUnreachable, "Temporal at %s, or its worker, did not answer for %s in time", c.address, what)
	}
	return fmt.Errorf("ask Temporal at %s for %s: %w", c.address, what, err)
}

// gone says that what was asked for does not exist.
func gone(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
