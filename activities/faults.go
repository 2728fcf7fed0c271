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
	// The types of failed pulls, beside AUTH, NOT_FOUND, NO_PLATFORM and DIGEST_MISMATCH.
	TypeNetwork   = "NETWORK" // no way to the registry; permanent when it is not trusted
	TypeRateLimit = "RATE_LIMIT"
	TypeDiskFull  = "DISK_FULL"
	TypeStalled   = "STALLED"
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
		{fault.ErrDiskFull, TypeDiskFull},
		{fault.ErrUntrusted, TypeNetwork},
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

// passing lists the sentinels that another attempt may find gone.
func passing() []permanence {
	return []permanence{
		{fault.ErrNotConnected, TypeNotConnected},
		{fault.ErrRateLimited, TypeRateLimit},
		{fault.ErrStalled, TypeStalled},
		{fault.ErrNetwork, TypeNetwork},
		{fault.ErrUnreachable, TypeUnreachable},
	}
}

// Fault turns an adapter's error into the Temporal error that says whether to try again. Its result must be
// returned bare: wrapped once more, a permanent failure would be retried.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	options := temporal.ApplicationErrorOptions{}
	var pull *pullError
	if errors.As(err, &pull) && len(pull.checks) > 0 {
		options.Details = []any{pull.checks}
	}
	for _, p := range permanent() {
		if errors.Is(err, p.cause) {
			options.NonRetryable = true
			return temporal.NewApplicationErrorWithOptions(err.Error(), p.kind, options)
		}
	}
	for _, p := range passing() {
		if errors.Is(err, p.cause) {
			var wait *fault.RetryAfter
			if errors.As(err, &wait) {
				options.NextRetryDelay = wait.After
			}
			return temporal.NewApplicationErrorWithOptions(err.Error(), p.kind, options)
		}
	}
	return err
}
