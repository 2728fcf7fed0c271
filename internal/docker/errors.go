package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/overcloud/overcloud/internal/fault"
)

// told is an error of the engine, with its own words, under one of the project's sentinels. Words that end
// with the sentinel's say it once.
func told(words string, sentinel error) error {
	return fmt.Errorf("%s: %w", strings.TrimSuffix(words, ": "+sentinel.Error()), sentinel)
}

// words are what an engine said, without the client's preamble.
func words(err error) string {
	text := strings.TrimSpace(err.Error())
	return strings.TrimPrefix(text, "Error response from daemon: ")
}

// known reports whether an error has its sentinel already.
func known(err error) bool {
	sentinels := []error{
		fault.ErrUnreachable, fault.ErrNotFound, fault.ErrUnauthorised, fault.ErrNoPlatform, fault.ErrDigestMismatch,
		fault.ErrRejected, fault.ErrPortTaken, fault.ErrSecret, fault.ErrNotConnected, fault.ErrInvalid,
	}
	return slices.ContainsFunc(sentinels, func(sentinel error) bool { return errors.Is(err, sentinel) })
}

// classify gives an error of the engine's API its sentinel. One that it does not know stays as it is, which
// activities try again. A context's own end stays too, and so does a sentinel that is there.
func classify(ctx context.Context, err error) error {
	switch {
	case err == nil, known(err):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", words(err), ctx.Err())
	case unreachable(err):
		return told(words(err), fault.ErrUnreachable)
	case says(err.Error(), "was changed after it was unpacked"): // a process box checks before each start
		return told(words(err), fault.ErrDigestMismatch)
	case portTaken(err):
		return told(words(err), fault.ErrPortTaken)
	case errdefs.IsNotFound(err):
		return told(words(err), fault.ErrNotFound)
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err):
		return told(words(err), fault.ErrUnauthorised)
	case errdefs.IsInvalidArgument(err), errdefs.IsConflict(err), errdefs.IsNotImplemented(err), full(err.Error()):
		return told(words(err), fault.ErrRejected)
	}
	return err
}

func unreachable(err error) bool {
	var network net.Error
	return client.IsErrConnectionFailed(err) || errors.As(err, &network) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errdefs.IsUnavailable(err)
}

func portTaken(err error) bool {
	return says(err.Error(), "port is already allocated", "address already in use", "failed to bind host port", "port is taken")
}

func full(text string) bool { return says(text, "no space left", "disk quota exceeded") }

// classifyPull gives an error of a pull its sentinel, by its words: the engine passes on what the registry
// said, often under status 500 or in the middle of the stream.
func classifyPull(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || unreachable(err) {
		return classify(ctx, err)
	}
	text := words(err)
	for _, kind := range pullFaults() {
		if says(text, kind.words...) {
			return told(text, kind.sentinel)
		}
	}
	return classify(ctx, err)
}

type pullFault struct {
	sentinel error
	words    []string
}

// pullFaults are in the order in which they are looked for. The words are those of dockerd 20.10 to 28, with
// its own store and with containerd's, of containerd, and of the process box.
func pullFaults() []pullFault {
	return []pullFault{
		{fault.ErrDigestMismatch, []string{
			"verification failed for digest", "digest mismatch", "digest does not match", "unexpected commit digest",
			"does not match digest", "unexpected digest", "wrong diff id", "is damaged in the registry", "unpacked it has digest",
		}},
		{fault.ErrNoPlatform, []string{
			"no matching manifest", "no match for platform", "does not match the specified platform",
			"does not provide the specified platform", "no matching platform",
		}},
		{fault.ErrRejected, []string{
			"no space left", "disk quota exceeded", "gave http response to https client", "offers plain http", "x509:", "unsupported manifest",
			"invalid reference format",
		}},
		{fault.ErrUnreachable, []string{
			"connection refused", "no such host", "i/o timeout", "handshake timeout", "connection reset", "no route to host",
			"network is unreachable", "unexpected eof", "toomanyrequests", "too many requests", "server misbehaving",
			"500 internal server error", "502 bad gateway", "503 service unavailable", "504 gateway",
			"client.timeout exceeded",
		}},
		{fault.ErrUnauthorised, []string{
			"unauthorized", "authentication required", "access denied", "denied:", "no basic auth credentials",
			"403 forbidden", "401 ",
		}},
		{fault.ErrNotFound, []string{"manifest unknown", "name unknown", "not found", "does not exist", "no such image", "name_unknown"}},
	}
}

// says reports whether text holds one of the phrases, whatever their case.
func says(text string, phrases ...string) bool {
	text = strings.ToLower(text)
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
