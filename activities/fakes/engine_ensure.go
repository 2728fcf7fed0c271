package fakes

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// EnsureContainer implements activities.Engine; the Subject of its Call is the function.
func (n *Engine) EnsureContainer(ctx context.Context, service string, p plan.Placement, secrets []activities.SecretFile) (id string, created bool, err error) {
	call := Call{Method: "EnsureContainer", Box: n.name, Subject: p.Function}
	err = n.all.enter(ctx, call, func(b *box) error {
		id, created, err = n.ensure(b, service, p, secrets)
		return err
	})
	return id, created, err
}

func (n *Engine) ensure(b *box, service string, p plan.Placement, secrets []activities.SecretFile) (string, bool, error) {
	old := b.find(service, p)
	if old != nil && old.SpecHash == p.SpecHash && old.has(secrets) {
		n.all.Add("keep %s %s", n.name, old.Name)
		old.State = "running"
		if p.Order != spec.OrderStartFirst {
			n.settle(b, old, p)
		}
		return old.ID, false, nil
	}
	name, verb := p.Container, "start"
	beside := old != nil && p.Order == spec.OrderStartFirst && old.State == "running" && clash(old.Ports, p.Ports) == 0
	if beside {
		name += plan.NextSuffix
	}
	if err := b.refuse(service, p); err != nil {
		return "", false, err
	}
	if old != nil && !beside {
		verb = "replace"
		delete(b.containers, old.Name)
	}
	n.all.serial++
	c := &made{placement: p, secrets: map[string][]byte{}, Container: plan.Container{
		ID: fmt.Sprintf("%s-%03d", p.Container, n.all.serial), Name: name, Service: service,
		Function: p.Function, Replica: p.Replica, SpecHash: p.SpecHash, Image: p.Image, State: "running",
		CPUs: p.Resources.CPUs, MemoryBytes: p.Resources.MemoryBytes, Ports: p.Ports, Revision: p.Revision,
	}}
	if check := p.Healthcheck; check != nil && !slices.Contains(check.Test, "NONE") {
		c.Health = "healthy"
	}
	for _, secret := range secrets {
		c.secrets[secret.Target] = secret.Value
	}
	b.containers[name] = c
	n.all.Add("%s %s %s", verb, n.name, name)
	return c.ID, true, nil
}

// has says whether a container was given these values.
func (m *made) has(secrets []activities.SecretFile) bool {
	return !slices.ContainsFunc(secrets, func(s activities.SecretFile) bool { return !bytes.Equal(m.secrets[s.Target], s.Value) })
}

// settle removes what a container has replaced, and gives it its name.
func (n *Engine) settle(b *box, c *made, p plan.Placement) {
	for name, other := range b.containers {
		if other != c && other.Service == c.Service && other.Function == c.Function && other.Replica == c.Replica {
			n.all.Add("remove %s %s", n.name, name)
			delete(b.containers, name)
		}
	}
	if c.Name != p.Container {
		n.all.Add("rename %s %s", n.name, c.Name)
		delete(b.containers, c.Name)
		c.Name = p.Container
		b.containers[c.Name] = c
	}
}

// find is the container of a placement: the one with its hash, else any.
func (b *box) find(service string, p plan.Placement) *made {
	var found *made
	for _, c := range b.containers {
		if c.Service == service && c.Function == p.Function && c.Replica == p.Replica && (found == nil || c.SpecHash == p.SpecHash) {
			found = c
		}
	}
	return found
}

// refuse says why a placement cannot start: image, networks, volumes, name and ports.
func (b *box) refuse(service string, p plan.Placement) error {
	if p.Digest != "" && !b.images[p.Digest] {
		return fmt.Errorf("image %s: %w", p.Image, fault.ErrNotFound)
	}
	for _, network := range p.Networks {
		if _, found := b.networks[network]; !found {
			return fmt.Errorf("network %s is not there: %w", network, fault.ErrRejected)
		}
	}
	for _, mount := range p.Mounts {
		if _, found := b.volumes[mount.Source]; mount.Kind == "volume" && !found {
			return fmt.Errorf("volume %s is not there: %w", mount.Source, fault.ErrRejected)
		}
	}
	for _, c := range b.containers {
		same := c.Service == service && c.Function == p.Function && c.Replica == p.Replica
		if same {
			continue
		}
		if c.Name == p.Container {
			return fmt.Errorf("name is taken by another container: %w", fault.ErrRejected)
		}
		if port := clash(c.Ports, p.Ports); port != 0 && c.State == "running" {
			return fmt.Errorf("port %d is held by %s: %w", port, c.Name, fault.ErrPortTaken)
		}
	}
	return nil
}

func clash(held, wanted []spec.Port) int {
	for _, h := range held {
		for _, w := range wanted {
			if h.Host != 0 && h.Host == w.Host && h.Protocol == w.Protocol {
				return h.Host
			}
		}
	}
	return 0
}
