package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/overcloud/overcloud/internal/fault"
)

// classify adds the sentinel of fault that an error of the client library means; its text stays. heard knows
// how long a registry asked to be left alone.
func classify(ctx context.Context, err error, heard *patience) error {
	if known(err) {
		return err
	}
	var answer *transport.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &answer):
		if sentinel := meaning(answer); !errors.Is(sentinel, fault.ErrRateLimited) {
			return fmt.Errorf("%w: %w", sentinel, err)
		}
		wait := heard.asked()
		return &fault.RetryAfter{Err: fmt.Errorf("%w, to be asked again in %s: %w", fault.ErrRateLimited, wait, err), After: wait}
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", fault.ErrNetwork, context.Cause(ctx))
	case errors.As(err, &untrusted), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w: %w", fault.ErrUntrusted, err)
	}
	return fmt.Errorf("%w: %w", fault.ErrNetwork, err)
}

func known(err error) bool {
	for _, sentinel := range []error{
		fault.ErrInvalid, fault.ErrSecret, fault.ErrNotFound, fault.ErrUnauthorised, fault.ErrNetwork, fault.ErrUntrusted,
		fault.ErrRateLimited,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// meaning reads an HTTP answer. 5xx passes with time.
func meaning(answer *transport.Error) error {
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fault.ErrUnauthorised
	case code == http.StatusNotFound:
		return fault.ErrNotFound
	case code == http.StatusTooManyRequests:
		return fault.ErrRateLimited
	case code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		return fault.ErrNetwork
	}
	return fault.ErrInvalid
}

// several is the errors of several sources. It unwraps to one of them, so that an error means one thing: the
// first that another attempt may find gone, if there is any, else the last.
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
		if errors.Is(err, fault.ErrNetwork) || errors.Is(err, fault.ErrRateLimited) {
			s.counts = err
			break
		}
	}
	return s
}
