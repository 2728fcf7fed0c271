package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// ProbeInput asks for one connection from inside a consumer.
type ProbeInput struct {
	Box       spec.Box `json:"box"`
	Service   string   `json:"service"`
	Container string   `json:"container"` // the consumer's, name or ID
	Address   string   `json:"address"`   // host:port as the consumer uses it
	// Image is the image whose binary connects (spec.Service.ProbeImage); empty is the worker's choice.
	Image string `json:"image,omitempty"`
	// Timeout bounds the connecting; zero is 3 s.
	Timeout spec.Duration `json:"timeout,omitempty"`
}

// ProbeResult is a proven connection.
type ProbeResult struct {
	Millis float64 `json:"ms"`
}

// Probe connects by TCP from inside a consumer to its provider. Error: NOT_CONNECTED, worth trying again,
// with what was tried and heard. A second run connects again.
func (b *Boxes) Probe(ctx context.Context, in ProbeInput) (ProbeResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return ProbeResult{}, err
	}
	defer beat(ctx, nil)()
	took, err := engine.Dial(ctx, Dial{
		Service: in.Service, Container: in.Container, Address: in.Address, Image: in.Image,
		Timeout: cmp.Or(in.Timeout.D(), 3*time.Second),
	})
	if err != nil {
		return ProbeResult{}, Fault(fmt.Errorf("connect %s to %s on %s: %w", in.Container, in.Address, in.Box.Name, err))
	}
	return ProbeResult{Millis: float64(took.Microseconds()) / 1000}, nil
}

// RemoveInput names a container to stop and remove.
type RemoveInput struct {
	Box       spec.Box      `json:"box"`
	Container string        `json:"container"`       // name or ID
	Grace     spec.Duration `json:"grace,omitempty"` // zero is the container's own
}

// Remove stops and removes a container. A second run finds it gone, which is well.
func (b *Boxes) Remove(ctx context.Context, in RemoveInput) error {
	engine, err := b.open(in.Box)
	if err != nil {
		return err
	}
	defer beat(ctx, nil)()
	if err := engine.Remove(ctx, in.Container, in.Grace.D()); err != nil {
		return Fault(fmt.Errorf("remove %s on %s: %w", in.Container, in.Box.Name, err))
	}
	return nil
}

// SweepInput names what is to leave a box: all that is labelled with the service.
type SweepInput struct {
	Box     spec.Box `json:"box"`
	Service string   `json:"service"`
	Volumes bool     `json:"volumes,omitempty"` // the data too
}

// SweepResult says what went and what stayed, each with kind, name and box, the latter with the reason.
type SweepResult struct {
	Removed []string `json:"removed,omitempty"`
	Stayed  []string `json:"stayed,omitempty"`
}

// Sweep removes all of a service from a box and goes on past errors: what could not go is in Stayed, and no
// error. A second run tries again with what stayed.
func (b *Boxes) Sweep(ctx context.Context, in SweepInput) (SweepResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return SweepResult{}, err
	}
	defer beat(ctx, nil)()
	removed, stayed := engine.Sweep(ctx, in.Service, in.Volumes)
	if err := ctx.Err(); err != nil {
		return SweepResult{}, err
	}
	return SweepResult{Removed: removed, Stayed: stayed}, nil
}
