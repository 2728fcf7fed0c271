package activities

import (
	"context"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// EnsureInput names a network or a volume of a service on a box.
type EnsureInput struct {
	Box     spec.Box `json:"box"`
	Service string   `json:"service"`
	Name    string   `json:"name"`
}

// EnsureNetwork makes a network unless it is there. A second run changes nothing.
func (b *Boxes) EnsureNetwork(ctx context.Context, in EnsureInput) error {
	engine, err := b.open(in.Box)
	if err != nil {
		return err
	}
	if err := engine.EnsureNetwork(ctx, in.Service, in.Name); err != nil {
		return Fault(fmt.Errorf("make network %s on %s: %w", in.Name, in.Box.Name, err))
	}
	return nil
}

// EnsureVolume makes a volume unless it is there. A second run changes nothing.
func (b *Boxes) EnsureVolume(ctx context.Context, in EnsureInput) error {
	engine, err := b.open(in.Box)
	if err != nil {
		return err
	}
	if err := engine.EnsureVolume(ctx, in.Service, in.Name); err != nil {
		return Fault(fmt.Errorf("make volume %s on %s: %w", in.Name, in.Box.Name, err))
	}
	return nil
}

// StartInput asks for one placement to run.
type StartInput struct {
	Box       spec.Box       `json:"box"`
	Service   string         `json:"service"`
	Placement plan.Placement `json:"placement"`
	// Secrets are the references that the placement's secrets name; values are resolved on the worker.
	Secrets []spec.Secret `json:"secrets,omitempty"`
	// Revision is the revision of the service that starts it; zero is not labelled.
	Revision int `json:"revision,omitempty"`
	// ProbeImage is the image whose binary passes on the placement's Forwards; empty is the worker's choice.
	ProbeImage string `json:"probe_image,omitempty"`
	// Settle waits until a container that has no health check has run for Boxes.Settle.
	Settle bool `json:"settle,omitempty"`
}

// StartResult is the container that runs.
type StartResult struct {
	ID string `json:"id"`
	// Created says that this attempt made it. False after a lost answer too: it tells what happened, not
	// who is to undo it.
	Created bool `json:"created"`
	// State is set when the container has settled: AwaitHealthy has nothing more to wait for.
	State *ContainerState `json:"state,omitempty"`
}

// Start leaves exactly one running container for a placement, with its secrets as they are now, and its forwarder;
// it does not wait for health, unless Settle says so. Errors are those of AwaitHealthy too then. Where the placement's Order is start-first, the old container may still run beside
// it, until Start runs once more without that order. Running it twice leaves one container: what the placement
// Replaces is named by its ID, which no other container gets.
func (b *Boxes) Start(ctx context.Context, in StartInput) (StartResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return StartResult{}, err
	}
	defer beat(ctx, nil)() // a replaced container may take its whole grace to stop
	result, err := b.start(ctx, engine, in)
	if err != nil {
		return StartResult{}, Fault(fmt.Errorf("start %s on %s: %w", in.Placement.Container, in.Box.Name, err))
	}
	if in.Settle {
		result.State, err = b.settled(ctx, engine, in, result.ID)
	}
	return result, err
}

// settled waits for a container that has just been started, unless its image brings a check of its own: that may
// take longer than a start.
func (b *Boxes) settled(ctx context.Context, engine Engine, in StartInput, id string) (*ContainerState, error) {
	wait := AwaitInput{Box: in.Box, Container: in.Placement.Container, ID: id, Secrets: in.Placement.References(in.Secrets), unlessChecked: true}
	var seen newest[ContainerState]
	state, err := b.upOrWhyNot(ctx, engine, wait, &seen)
	if err != nil || state.Health != "" {
		return nil, err
	}
	return &state, nil
}

func (b *Boxes) start(ctx context.Context, engine Engine, in StartInput) (StartResult, error) {
	var secrets []SecretFile
	for _, use := range in.Placement.Secrets {
		value, err := b.resolve(ctx, use.Name, in.Secrets)
		if err != nil {
			return StartResult{}, err
		}
		secrets = append(secrets, SecretFile{Target: use.Target, Value: value})
	}
	placement := in.Placement
	placement.Revision = in.Revision
	if old := placement.Replaces; old != "" {
		if err := engine.Remove(ctx, old, placement.StopGrace.D()); err != nil {
			return StartResult{}, fmt.Errorf("remove the one before: %w", err)
		}
	}
	id, created, err := engine.EnsureContainer(ctx, in.Service, placement, secrets)
	if err != nil {
		return StartResult{}, err
	}
	if len(placement.Forwards) > 0 {
		if err := engine.EnsureForwards(ctx, in.Service, id, placement, in.ProbeImage); err != nil {
			return StartResult{}, err
		}
	}
	return StartResult{ID: id, Created: created}, nil
}

// ForwardInput asks for the forwarder of a container that is kept.
type ForwardInput struct {
	Box        spec.Box       `json:"box"`
	Service    string         `json:"service"`
	Placement  plan.Placement `json:"placement"`
	ProbeImage string         `json:"probe_image,omitempty"` // as in StartInput
}

// Forward leaves one forwarder for a running container, which serves the network namespace that the container has
// now. A second run changes nothing.
func (b *Boxes) Forward(ctx context.Context, in ForwardInput) error {
	engine, err := b.open(in.Box)
	if err != nil {
		return err
	}
	defer beat(ctx, nil)()
	if err := engine.EnsureForwards(ctx, in.Service, in.Placement.Container, in.Placement, in.ProbeImage); err != nil {
		return Fault(fmt.Errorf("pass on the ports of %s on %s: %w", in.Placement.Container, in.Box.Name, err))
	}
	return nil
}

// resolve finds a secret's value by its name.
func (b *Boxes) resolve(ctx context.Context, name string, references []spec.Secret) ([]byte, error) {
	for _, reference := range references {
		if reference.Name == name {
			return b.Secrets.Resolve(ctx, reference)
		}
	}
	return nil, fmt.Errorf("secret %s is declared nowhere: %w", name, fault.ErrSecret)
}
