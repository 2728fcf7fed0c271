package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// The types of the application errors that workflows, the Web UI and people see.
const (
	TypeNotFound       = "NOT_FOUND"
	TypeUnauthorised   = "AUTH"
	TypeNoPlatform     = "NO_PLATFORM"
	TypeDigestMismatch = "DIGEST_MISMATCH"
	TypeRejected       = "REJECTED"
	TypeUnhealthy      = "UNHEALTHY"
	TypeExited         = "EXITED"
	TypePortTaken      = "PORT_TAKEN"
	TypeSecret         = "SECRET"
	TypeNotConnected   = "NOT_CONNECTED"
	TypeNoBox          = "NO_BOX"
	TypeSpecification  = "SPECIFICATION"
	TypeInvalid        = "INVALID"
	TypeUnreachable    = "UNREACHABLE"
)

type permanence struct {
	cause error
	kind  string
}

// permanent lists the sentinels that no retry can cure.
func permanent() []permanence {
	return []permanence{
		{fault.ErrNotFound, TypeNotFound},
		{fault.ErrUnauthorised, TypeUnauthorised},
		{fault.ErrNoPlatform, TypeNoPlatform},
		{fault.ErrDigestMismatch, TypeDigestMismatch},
		{fault.ErrRejected, TypeRejected},
		{fault.ErrUnhealthy, TypeUnhealthy},
		{fault.ErrExited, TypeExited},
		{fault.ErrPortTaken, TypePortTaken},
		{fault.ErrSecret, TypeSecret},
		{fault.ErrInvalid, TypeInvalid},
		{plan.ErrNoBox, TypeNoBox},
		{plan.ErrSpecification, TypeSpecification},
	}
}

// Fault turns an adapter's error into the Temporal error that says whether to try again. Its result must be
// returned bare: wrapped once more, a permanent failure would be retried.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	for _, p := range permanent() {
		if errors.Is(err, p.cause) {
			return temporal.NewNonRetryableApplicationError(err.Error(), p.kind, nil)
		}
	}
	switch {
	case errors.Is(err, fault.ErrNotConnected):
		return temporal.NewApplicationError(err.Error(), TypeNotConnected)
	case errors.Is(err, fault.ErrUnreachable):
		return temporal.NewApplicationError(err.Error(), TypeUnreachable)
	}
	return err
}
