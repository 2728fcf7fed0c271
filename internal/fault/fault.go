// Package fault names the few ways in which the outside world fails. Adapters wrap these sentinels with what
// was being done and to what ("pull hub:2 on box-3: …"); activities turn them into Temporal errors and the
// Control Room turns them into status codes.
package fault

import (
	"errors"
	"time"
)

// The sentinels. ErrUnreachable, ErrNetwork, ErrRateLimited and ErrStalled are worth trying again.
var (
	ErrUnreachable    = errors.New("unreachable")
	ErrNotFound       = errors.New("not found")
	ErrUnauthorised   = errors.New("not authorised")
	ErrNoPlatform     = errors.New("no matching platform")
	ErrDigestMismatch = errors.New("digest does not match")
	ErrRejected       = errors.New("rejected")
	ErrUnhealthy      = errors.New("unhealthy")
	ErrExited         = errors.New("exited")
	ErrPortTaken      = errors.New("port is taken")
	ErrSecret         = errors.New("secret is not readable")
	ErrNotConnected   = errors.New("not connected")
	ErrDiskFull       = errors.New("disk is full")
	// ErrRateLimited is a registry that asks for patience; see RetryAfter.
	ErrRateLimited = errors.New("rate limit")
	// ErrStalled is a transfer that brought nothing for too long.
	ErrStalled = errors.New("stalled")
	// ErrNetwork is a registry that cannot be reached, or that answers with its own faults. ErrUnreachable is
	// for what this project runs or drives: engines, Temporal.
	ErrNetwork = errors.New("registry does not answer")
	// ErrUntrusted is a registry whose certificate is not trusted, or that has none: somebody must act.
	ErrUntrusted = errors.New("certificate is not trusted")
	// ErrInvalid is bad input; its text is for the person who gave it.
	ErrInvalid = errors.New("invalid")
)

// RetryAfter is an error that says how long to wait before the next try.
type RetryAfter struct {
	Err   error
	After time.Duration
}

// Error is the error's own text.
func (r *RetryAfter) Error() string { return r.Err.Error() }

// Unwrap gives the error.
func (r *RetryAfter) Unwrap() error { return r.Err }
