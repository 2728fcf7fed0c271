package fakes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// Engine is one box of Engines.
type Engine struct {
	all  *Engines
	name string
}

// Observe implements activities.Engine. An injected fault makes the box unreachable with the fault's text.
func (n *Engine) Observe(ctx context.Context) plan.Box {
	var seen plan.Box
	err := n.all.enter(ctx, Call{Method: "Observe", Box: n.name, Subject: n.name}, func(b *box) error {
		n.all.Add("observe %s", n.name)
		seen = b.seen
		seen.Images = slices.Sorted(maps.Keys(b.images))
		seen.Containers = b.list()
		return nil
	})
	if err != nil {
		return plan.Box{Name: n.name, Fault: err.Error()}
	}
	return seen
}

// Pull implements activities.Engine: the digest is on the box afterwards. Progress is called twice.
func (n *Engine) Pull(ctx context.Context, pull plan.Pull, from activities.Source, progress func(activities.PullProgress)) error {
	call := Call{Method: "Pull", Box: n.name, Subject: pull.Image}
	return n.all.enter(ctx, call, func(b *box) error {
		line := fmt.Sprintf("pull %s %s", n.name, pull.Image)
		if from.Repository != "" {
			line += " from " + from.Repository
		}
		if from.User != "" {
			line += " as " + from.User
		}
		n.all.Add("%s", line)
		half := activities.PullProgress{Layers: 2, LayersDone: 1, Bytes: pull.SizeBytes / 2, TotalBytes: pull.SizeBytes, Status: "Downloading"}
		full := activities.PullProgress{Layers: 2, LayersDone: 2, Bytes: pull.SizeBytes, TotalBytes: pull.SizeBytes, Status: "Pull complete"}
		if progress != nil {
			progress(half)
			progress(full)
		}
		b.images[pull.Digest] = true
		return nil
	})
}

// Verify implements activities.Engine: ErrNotFound unless the digest was pulled, ErrNoPlatform when the
// pull asks for another architecture than the box's.
func (n *Engine) Verify(ctx context.Context, pull plan.Pull) error {
	return n.all.enter(ctx, Call{Method: "Verify", Box: n.name, Subject: pull.Image}, func(b *box) error {
		n.all.Add("verify %s %s", n.name, pull.Image)
		if !b.images[pull.Digest] {
			return fmt.Errorf("verify %s on %s: %w", pull.Image, n.name, fault.ErrNotFound)
		}
		if pull.Arch != "" && pull.Arch != b.seen.Arch {
			return fmt.Errorf("verify %s on %s: is %s, the box is %s: %w", pull.Image, n.name, pull.Arch, b.seen.Arch, fault.ErrNoPlatform)
		}
		return nil
	})
}

// EnsureNetwork implements activities.Engine.
func (n *Engine) EnsureNetwork(ctx context.Context, service, name string) error {
	return n.all.enter(ctx, Call{Method: "EnsureNetwork", Box: n.name, Subject: name}, func(b *box) error {
		n.all.Add("network %s %s", n.name, name)
		b.networks[name] = service
		return nil
	})
}

// EnsureVolume implements activities.Engine.
func (n *Engine) EnsureVolume(ctx context.Context, service, name string) error {
	return n.all.enter(ctx, Call{Method: "EnsureVolume", Box: n.name, Subject: name}, func(b *box) error {
		n.all.Add("volume %s %s", n.name, name)
		b.volumes[name] = service
		return nil
	})
}

// State implements activities.Engine; see Engines.Script.
func (n *Engine) State(ctx context.Context, container string) (activities.ContainerState, error) {
	var state activities.ContainerState
	err := n.all.enter(ctx, Call{Method: "State", Box: n.name, Subject: container}, func(b *box) error {
		c := b.named(container)
		if c == nil {
			return fmt.Errorf("look at %s on %s: %w", container, n.name, fault.ErrNotFound)
		}
		state = activities.ContainerState{ID: c.ID, Status: c.State, Health: c.Health, ExitCode: c.exit, Address: "127.0.0.1"}
		script := n.all.states[c.Function]
		if len(script) > 0 && c.State == "running" {
			state = script[min(c.looks, len(script)-1)]
			state.ID = c.ID
			c.looks++
		}
		if state.Started.IsZero() {
			state.Started = time.Unix(0, 0).UTC()
		}
		return nil
	})
	return state, err
}

// named finds by name or ID.
func (b *box) named(container string) *made {
	if c := b.containers[container]; c != nil {
		return c
	}
	for _, c := range b.containers {
		if c.ID == container {
			return c
		}
	}
	return nil
}

// Dial implements activities.Engine: each connection takes 1 ms and fails only when injected (Subject is the address)
// or when the consumer's container is not running. An injected error that is no ErrNotConnected fails them all.
func (n *Engine) Dial(ctx context.Context, dial activities.Dial) ([]activities.Connection, error) {
	var all []activities.Connection
	for _, address := range dial.Addresses {
		one := activities.Connection{Address: address, Connected: true, Millis: 1}
		err := n.all.enter(ctx, Call{Method: "Dial", Box: n.name, Subject: address}, func(b *box) error {
			c := b.named(dial.Container)
			if c == nil || c.State != "running" {
				return fmt.Errorf("%s is not running: %w", dial.Container, fault.ErrNotConnected)
			}
			n.all.Add("dial %s %s %s", n.name, c.Name, address)
			return nil
		})
		switch {
		case errors.Is(err, fault.ErrNotConnected):
			one.Connected, one.Millis, one.Fault = false, 0, strings.TrimSuffix(err.Error(), ": "+fault.ErrNotConnected.Error())
		case err != nil:
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// EnsureForwards implements activities.Engine: the helper is remembered with the container; see Engines.Forwards.
func (n *Engine) EnsureForwards(ctx context.Context, _, container string, p plan.Placement, image string) error {
	return n.all.enter(ctx, Call{Method: "EnsureForwards", Box: n.name, Subject: p.Function}, func(b *box) error {
		c := b.named(container)
		if c == nil || c.State != "running" {
			return fmt.Errorf("%s does not run: %w", container, fault.ErrRejected)
		}
		c.forwards = p.Forwards
		n.all.Add("forward %s %s %d by %s", n.name, c.Name, len(p.Forwards), image)
		return nil
	})
}

// Remove implements activities.Engine; the Subject of its Call is the container as it was named.
func (n *Engine) Remove(ctx context.Context, container string, _ time.Duration) error {
	return n.all.enter(ctx, Call{Method: "Remove", Box: n.name, Subject: container}, func(b *box) error {
		if c := b.named(container); c != nil {
			n.all.Add("remove %s %s", n.name, c.Name)
			delete(b.containers, c.Name)
		}
		return nil
	})
}

// Sweep implements activities.Engine. A fault injected for Sweep lets everything stay; one injected for
// Remove with a container's name lets that container stay.
func (n *Engine) Sweep(ctx context.Context, service string, volumes bool) (removed, stayed []string) {
	err := n.all.enter(ctx, Call{Method: "Sweep", Box: n.name, Subject: service}, func(*box) error {
		n.all.Add("sweep %s %s", n.name, service)
		return nil
	})
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", n.name, err)}
	}
	for _, c := range n.all.Containers(n.name) {
		if c.Service != service {
			continue
		}
		if err := n.Remove(ctx, c.Name, 0); err != nil {
			stayed = append(stayed, fmt.Sprintf("container %s on %s: %v", c.Name, n.name, err))
			continue
		}
		removed = append(removed, fmt.Sprintf("container %s on %s", c.Name, n.name))
	}
	n.all.change(n.name, func(b *box) {
		removed = append(removed, drop(b.networks, service, "network", n.name)...)
		if volumes {
			removed = append(removed, drop(b.volumes, service, "volume", n.name)...)
		}
	})
	return removed, stayed
}

func drop(owned map[string]string, service, kind, boxName string) (removed []string) {
	for _, name := range slices.Sorted(maps.Keys(owned)) {
		if owned[name] == service {
			delete(owned, name)
			removed = append(removed, fmt.Sprintf("%s %s on %s", kind, name, boxName))
		}
	}
	return removed
}
