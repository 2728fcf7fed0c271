package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/overcloud/overcloud/internal/fault"
)

// classify adds the sentinel of fault that an error of the client library means; its text stays.
func classify(ctx context.Context, err error) error {
	if known(err) {
		return err
	}
	var answer *transport.Error
	switch {
	case errors.As(err, &answer):
		return fmt.Errorf("%w: %w", meaning(answer), err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", fault.ErrUnreachable, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
}

func known(err error) bool {
	for _, sentinel := range []error{fault.ErrInvalid, fault.ErrSecret, fault.ErrNotFound, fault.ErrUnauthorised, fault.ErrUnreachable} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// meaning reads an HTTP answer. 429 and 5xx pass with time.
func meaning(answer *transport.Error) error {
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fault.ErrUnauthorised
	case code == http.StatusNotFound:
		return fault.ErrNotFound
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		return fault.ErrUnreachable
	}
	return fault.ErrInvalid
}

// several is the errors of several sources. It unwraps to one of them, so that an error means one thing: the
// first unreachable one if there is any (another attempt may succeed), else the last.
type several struct {
	counts error
	text   string
}

func (s several) Error() string { return s.text }
func (s several) Unwrap() error { return s.counts }

func together(faults []error) error {
	if len(faults) == 1 {
		return faults[0]
	}
	s := several{counts: faults[len(faults)-1]}
	for i, err := range faults {
		if i > 0 {
			s.text += "; "
		}
		s.text += err.Error()
	}
	for _, err := range faults {
		if errors.Is(err, fault.ErrUnreachable) {
			s.counts = err
			break
		}
	}
	return s
}
