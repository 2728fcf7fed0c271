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
		fault.ErrRejected, fault.ErrPortTaken, fault.ErrSecret, fault.ErrNotConnected, fault.ErrInvalid, fault.ErrDiskFull,
		fault.ErrNetwork, fault.ErrUntrusted, fault.ErrRateLimited,
	}
	return slices.ContainsFunc(sentinels, func(sentinel error) bool { return errors.Is(err, sentinel) })
}

// classify gives an error of the engine's API its sentinel. One that it does not know stays as it is, which
// activities try again. A context's own end stays too, and so does a sentinel that is there.
func classify(ctx context.Context, err error) error {
	var via *viaFault
	switch {
	case errors.As(err, &via):
		return via.error
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
	case full(err.Error()):
		return told(words(err), fault.ErrDiskFull)
	case errdefs.IsNotFound(err):
		return told(words(err), fault.ErrNotFound)
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err):
		return told(words(err), fault.ErrUnauthorised)
	case errdefs.IsInvalidArgument(err), errdefs.IsConflict(err), errdefs.IsNotImplemented(err):
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
// said, often under status 500 or in the middle of the stream. Its result is then a *fault.Pull.
func classifyPull(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || unreachable(err) {
		return classify(ctx, err)
	}
	if meant := fault.OfPull(words(err)); meant != nil {
		return meant
	}
	return classify(ctx, err)
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
