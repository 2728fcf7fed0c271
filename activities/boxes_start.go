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
}

// StartResult is the container that runs.
type StartResult struct {
	ID string `json:"id"`
	// Created says that this attempt made it. False after a lost answer too: it tells what happened, not
	// who is to undo it.
	Created bool `json:"created"`
}

// Start leaves exactly one running container for a placement; it does not wait for health. Running it
// twice leaves one container: what the placement Replaces is named by its ID, which no other container gets.
func (b *Boxes) Start(ctx context.Context, in StartInput) (StartResult, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return StartResult{}, err
	}
	defer beat(ctx, nil)() // a replaced container may take its whole grace to stop
	what := fmt.Sprintf("start %s on %s", in.Placement.Container, in.Box.Name)
	var secrets []SecretFile
	for _, use := range in.Placement.Secrets {
		value, err := b.resolve(ctx, use.Name, in.Secrets)
		if err != nil {
			return StartResult{}, Fault(fmt.Errorf("%s: %w", what, err))
		}
		secrets = append(secrets, SecretFile{Target: use.Target, Value: value})
	}
	if old := in.Placement.Replaces; old != "" {
		if err := engine.Remove(ctx, old, in.Placement.StopGrace.D()); err != nil {
			return StartResult{}, Fault(fmt.Errorf("%s: remove the one before: %w", what, err))
		}
	}
	id, created, err := engine.EnsureContainer(ctx, in.Service, in.Placement, secrets)
	if err != nil {
		return StartResult{}, Fault(fmt.Errorf("%s: %w", what, err))
	}
	return StartResult{ID: id, Created: created}, nil
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
