// Package fault names the few ways in which the outside world fails. Adapters wrap these sentinels with what
// was being done and to what ("pull hub:2 on box-3: …"); activities turn them into Temporal errors and the
// Control Room turns them into status codes.
package fault

import "errors"

// The sentinels. Only ErrUnreachable is worth trying again.
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
	// ErrInvalid is bad input; its text is for the person who gave it.
	ErrInvalid = errors.New("invalid")
)
