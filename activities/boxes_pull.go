package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// PullInput asks for one image on one box.
type PullInput struct {
	Box  spec.Box  `json:"box"`
	Pull plan.Pull `json:"pull"`
	// Registries give mirrors and credentials; Secrets are the references that these name.
	Registries []spec.Registry `json:"registries,omitempty"`
	Secrets    []spec.Secret   `json:"secrets,omitempty"`
}

// PullResult says what a pull brought.
type PullResult struct {
	Bytes    int64         `json:"bytes"`
	Layers   int           `json:"layers"`
	Duration spec.Duration `json:"duration"`
	// From is the repository that it came from; empty when it was there already.
	From string `json:"from,omitempty"`
}

// Pull brings an image to a box by digest, from the first mirror or registry that has it, and heartbeats
// PullProgress. Verify is still to be asked. A second run finds the layers there and brings only what lacks.
func (b *Boxes) Pull(ctx context.Context, in PullInput) (PullResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return PullResult{}, err
	}
	var meter newest[PullProgress]
	defer beat(ctx, func() any { return meter.now() })()
	if in.Pull.Present && engine.Verify(ctx, in.Pull) == nil {
		return PullResult{}, nil
	}
	begun := time.Now()
	from, err := b.pullFromFirst(ctx, engine, in, &meter)
	if err != nil {
		return PullResult{}, Fault(fmt.Errorf("pull %s on %s: %w", in.Pull.Image, in.Box.Name, err))
	}
	last := meter.now()
	return PullResult{
		Bytes: last.Bytes, Layers: last.Layers, From: from,
		Duration: spec.Duration(time.Since(begun).Round(time.Millisecond)),
	}, nil
}

// pullFromFirst tries the sources in order. When all fail and one of them could not be reached, the whole is
// worth trying again; else the registry itself, which is last, has the last word.
func (b *Boxes) pullFromFirst(ctx context.Context, engine Engine, in PullInput, meter *newest[PullProgress]) (string, error) {
	sources := spec.ImageSources(in.Pull.Image, in.Registries)
	var texts []string
	var last error
	again := false
	for _, place := range sources {
		from, err := b.source(ctx, place, in)
		if err == nil {
			err = b.pullUnlessStalled(ctx, engine, in.Pull, from, meter)
		}
		if err == nil {
			return place.Repository, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if len(sources) == 1 || errors.Is(err, fault.ErrNoPlatform) || errors.Is(err, fault.ErrRejected) {
			return "", err // the box or the image itself is the cause: no other source helps
		}
		texts = append(texts, fmt.Sprintf("from %s: %v", place.Repository, err))
		again = again || errors.Is(err, fault.ErrUnreachable)
		last = err
	}
	if again {
		return "", fmt.Errorf("no source has it: %s: %w", strings.Join(texts, "; "), fault.ErrUnreachable)
	}
	return "", fmt.Errorf("no source has it: %s; from %s: %w",
		strings.Join(texts[:len(texts)-1], "; "), sources[len(sources)-1].Repository, last)
}

// source adds the credentials of the source's host.
func (b *Boxes) source(ctx context.Context, place spec.ImageSource, in PullInput) (Source, error) {
	from := Source{Repository: place.Repository}
	if place.Credentials == "" {
		return from, nil
	}
	value, err := b.resolve(ctx, place.Credentials, in.Secrets)
	if err != nil {
		return from, err
	}
	user, password, found := strings.Cut(strings.TrimSpace(string(value)), ":")
	if !found {
		return from, fmt.Errorf("secret %s is not of the form user:password: %w", place.Credentials, fault.ErrSecret)
	}
	from.User, from.Password = user, password
	return from, nil
}

// pullUnlessStalled ends a pull that brings nothing for as long as Stall.
func (b *Boxes) pullUnlessStalled(ctx context.Context, engine Engine, pull plan.Pull, from Source, meter *newest[PullProgress]) error {
	patience := cmp.Or(b.Stall, 2*time.Minute)
	pulling, stop := context.WithCancel(ctx)
	defer stop()
	timer := time.AfterFunc(patience, stop)
	defer timer.Stop()
	var before PullProgress
	err := engine.Pull(pulling, pull, from, func(p PullProgress) {
		if p != before {
			before = p
			timer.Reset(patience)
		}
		meter.set(p)
	})
	if err != nil && pulling.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("stalled: nothing came for %s: %w", patience, fault.ErrUnreachable)
	}
	return err
}

// VerifyInput names an image that is to be on a box.
type VerifyInput struct {
	Box  spec.Box  `json:"box"`
	Pull plan.Pull `json:"pull"`
}

// Verify proves that the box has the image with the planned digest and architecture. A second run looks
// again.
func (b *Boxes) Verify(ctx context.Context, in VerifyInput) error {
	engine, err := b.open(in.Box)
	if err != nil {
		return err
	}
	if err := engine.Verify(ctx, in.Pull); err != nil {
		return Fault(fmt.Errorf("verify %s on %s: %w", in.Pull.Image, in.Box.Name, err))
	}
	return nil
}
