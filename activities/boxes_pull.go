package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	// ProbeImage looks at the disk when a pull failed; empty is the worker's own.
	ProbeImage string `json:"probe_image,omitempty"`
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
// PullProgress; then it proves, on the box, that the image has the planned digest and architecture. A second run
// finds the layers there and brings only what lacks.
// When it fails, it looks for the cause: the error's sentence names the first link that does not hold, and its
// details are the PullChecks.
func (b *Boxes) Pull(ctx context.Context, in PullInput) (PullResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return PullResult{}, err
	}
	meter := newMeter()
	defer beat(ctx, func() any { return meter.now(time.Now()) })()
	if in.Pull.Present && engine.Verify(ctx, in.Pull) == nil {
		return PullResult{}, nil
	}
	p := pulling{boxes: b, engine: engine, in: in, meter: meter}
	begun := time.Now()
	from, err := p.fromFirst(ctx)
	if err != nil {
		return PullResult{}, Fault(p.explain(ctx, err))
	}
	if err := engine.Verify(ctx, in.Pull); err != nil {
		return PullResult{}, Fault(fmt.Errorf("verify %s on %s: %w", in.Pull.Image, in.Box.Name, err))
	}
	last := meter.now(time.Now())
	return PullResult{
		Bytes: last.Bytes, Layers: last.Layers, From: from,
		Duration: spec.Duration(time.Since(begun).Round(time.Millisecond)),
	}, nil
}

// pulling is one attempt.
type pulling struct {
	boxes  *Boxes
	engine Engine
	in     PullInput
	meter  *meter
	failed []sourceFault
}

// sourceFault is why one source gave nothing.
type sourceFault struct {
	place spec.ImageSource
	from  Source
	err   error
}

// fromFirst tries the sources in order and returns the repository that gave the image. The error is that of
// the source which decides; all of them are in failed.
func (p *pulling) fromFirst(ctx context.Context) (string, error) {
	for _, place := range spec.ImageSources(p.in.Pull.Image, p.in.Registries) {
		from, err := sourceAt(ctx, p.boxes.Secrets, place, p.in.Secrets)
		if err == nil {
			err = p.unlessStalled(ctx, from)
		}
		if err == nil {
			return place.Repository, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		p.failed = append(p.failed, sourceFault{place: place, from: from, err: err})
		if noSourceHelps(err) {
			return "", err
		}
	}
	return "", p.deciding().err
}

// noSourceHelps says that the box or the image itself is the cause.
func noSourceHelps(err error) bool {
	for _, cause := range []error{fault.ErrNoPlatform, fault.ErrRejected, fault.ErrDiskFull, fault.ErrUnreachable} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// deciding is the fault that the whole counts as: the last one that another attempt may cure, else the last:
// the registry itself has the last word.
func (p *pulling) deciding() *sourceFault {
	for i, one := range slices.Backward(p.failed) {
		if again(one.err) {
			return &p.failed[i]
		}
	}
	return &p.failed[len(p.failed)-1]
}

// again says whether another attempt may succeed.
func again(err error) bool {
	for _, cause := range []error{fault.ErrUnreachable, fault.ErrNetwork, fault.ErrRateLimited, fault.ErrStalled} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// unlessStalled ends a pull that brings nothing for as long as Stall. The time for the whole is the
// activity's own.
func (p *pulling) unlessStalled(ctx context.Context, from Source) error {
	patience := cmp.Or(p.boxes.Stall, 2*time.Minute)
	trying, stop := context.WithCancel(ctx)
	defer stop()
	timer := time.AfterFunc(patience, stop)
	defer timer.Stop()
	p.meter.from(from.Repository, p.in.Pull.SizeBytes)
	err := p.engine.Pull(trying, p.in.Pull, from, func(progress PullProgress) {
		if p.meter.set(time.Now(), progress) {
			timer.Reset(patience)
		}
	})
	if err != nil && trying.Err() != nil && ctx.Err() == nil {
		last := p.meter.now(time.Now())
		return fmt.Errorf("nothing came for %s, after %s of %s: %w", patience, megabytes(last.Bytes), megabytes(last.TotalBytes), fault.ErrStalled)
	}
	return err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
