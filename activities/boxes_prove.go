package activities

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// ProbeInput asks for connections from inside one consumer.
type ProbeInput struct {
	Box       spec.Box `json:"box"`
	Service   string   `json:"service"`
	Container string   `json:"container"` // the consumer's, name or ID
	Addresses []string `json:"addresses"` // host:port as the consumer uses them
	// Image is the image whose binary connects (spec.Service.ProbeImage); empty is the worker's choice.
	Image string `json:"image,omitempty"`
	// Timeout bounds each connecting; zero is 3 s.
	Timeout spec.Duration `json:"timeout,omitempty"`
}

// ProbeResult says of each address, in their order, what came of it. It is the details of a NOT_CONNECTED too.
type ProbeResult struct {
	Connections []Connection `json:"connections"`
}

// Probe connects by TCP from inside a consumer to its providers, all at once: one helper container serves them all,
// whose start is most of the cost. Error: NOT_CONNECTED, worth trying again, with what was tried and heard, and the
// ProbeResult as its details. A second run connects again.
func (b *Boxes) Probe(ctx context.Context, in ProbeInput) (ProbeResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return ProbeResult{}, err
	}
	defer beat(ctx, nil)()
	result := ProbeResult{}
	result.Connections, err = engine.Dial(ctx, Dial{
		Service: in.Service, Container: in.Container, Addresses: in.Addresses, Image: in.Image,
		Timeout: cmp.Or(in.Timeout.D(), 3*time.Second),
	})
	if err != nil {
		return ProbeResult{}, Fault(fmt.Errorf("look from %s on %s: %w", in.Container, in.Box.Name, err))
	}
	var missing []string
	for _, one := range result.Connections {
		if !one.Connected {
			missing = append(missing, fmt.Sprintf("to %s: %s", one.Address, one.Fault))
		}
	}
	if len(missing) > 0 {
		text := fmt.Sprintf("connect %s on %s %s: %v", in.Container, in.Box.Name, strings.Join(missing, "; "), fault.ErrNotConnected)
		return ProbeResult{}, temporal.NewApplicationErrorWithOptions(text, TypeNotConnected, temporal.ApplicationErrorOptions{Details: []any{result}})
	}
	return result, nil
}

// LastWordsInput names a container whose log is wanted.
type LastWordsInput struct {
	Box       spec.Box `json:"box"`
	Container string   `json:"container"` // name or ID
	// Secrets are those of the container: their values are blanked out.
	Secrets []spec.Secret `json:"secrets,omitempty"`
}

// LastWords are the last lines of a container's log, for an error text; empty when nobody can say. A second run
// reads again.
func (b *Boxes) LastWords(ctx context.Context, in LastWordsInput) (string, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return "", err
	}
	hide, unreadable := b.hidden(ctx, in.Secrets)
	if unreadable != "" {
		return "", nil // better no lines than a secret
	}
	return lastLines(ctx, engine, in.Container, hide), nil
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
