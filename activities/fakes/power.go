package fakes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Power is boxes that are switched off and on, with containers that are stopped and started: the engines and the shells
// of a Shedding. Log lines: stop BOX NAME, start BOX NAME, off BOX, on BOX.
type Power struct {
	Log
	Faults

	mu         sync.Mutex
	off        map[string]bool
	containers map[string][]activities.Switched // by box/function
	// Refuses are boxes whose SSH user may not shut them down.
	Refuses []string
}

// NewPower makes boxes that are on and run nothing.
func NewPower() *Power {
	return &Power{off: map[string]bool{}, containers: map[string][]activities.Switched{}}
}

// Has puts containers of a function on a box.
func (p *Power) Has(box, function string, containers ...activities.Switched) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.containers[box+"/"+function] = containers
}

// Off switches a box off, as a cut of its power does.
func (p *Power) Off(box string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off[box] = true
}

// Running are the containers that run, "box/name", sorted; none of a box that is off.
func (p *Power) Running() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for at, all := range p.containers {
		box, _, _ := strings.Cut(at, "/")
		for _, c := range all {
			if c.Running && !p.off[box] {
				names = append(names, box+"/"+c.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Switch implements activities.Switches.
func (p *Power) Switch(box spec.Box) (activities.Switch, error) { return outlet{p, box.Name}, nil }

// Forget implements activities.Shells.
func (p *Power) Forget(spec.Box) {}

// Run implements activities.Shells: it knows poweroff, "wake BOX", and questions.
func (p *Power) Run(ctx context.Context, box spec.Box, command string) (activities.Ran, error) {
	if err := p.check(ctx, Call{Method: "Run", Box: box.Name, Subject: command}); err != nil {
		return activities.Ran{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off[box.Name] {
		return activities.Ran{}, fmt.Errorf("box %s does not answer: %w", box.Name, fault.ErrUnreachable)
	}
	refused := slices.Contains(p.Refuses, box.Name)
	switch woken, wakes := strings.CutPrefix(command, "wake "); {
	case wakes:
		p.off[woken] = false
		p.Add("on %s", woken)
	case strings.Contains(command, "poweroff") && refused:
		return activities.Ran{Exit: 1, Err: "Operation not permitted"}, nil
	case strings.Contains(command, "poweroff"):
		p.off[box.Name] = true
		p.Add("off %s", box.Name)
	case strings.Contains(command, "sudo -n true") && refused:
		return activities.Ran{Out: "no"}, nil
	case strings.Contains(command, "sudo -n true"):
		return activities.Ran{Out: "yes"}, nil
	}
	return activities.Ran{}, nil
}

// outlet is the engine of one box.
type outlet struct {
	power *Power
	box   string
}

// Containers implements activities.Switch.
func (o outlet) Containers(ctx context.Context, _, function string) ([]activities.Switched, error) {
	if err := o.power.check(ctx, Call{Method: "Containers", Box: o.box, Subject: function}); err != nil {
		return nil, err
	}
	o.power.mu.Lock()
	defer o.power.mu.Unlock()
	if o.power.off[o.box] {
		return nil, fmt.Errorf("the engine of %s does not answer: %w", o.box, fault.ErrUnreachable)
	}
	return slices.Clone(o.power.containers[o.box+"/"+function]), nil
}

// Stop implements activities.Switch.
func (o outlet) Stop(ctx context.Context, id string) error { return o.set(ctx, "Stop", id, false) }

// StartAgain implements activities.Switch.
func (o outlet) StartAgain(ctx context.Context, id string) error {
	return o.set(ctx, "StartAgain", id, true)
}

func (o outlet) set(ctx context.Context, method, id string, running bool) error {
	if err := o.power.check(ctx, Call{Method: method, Box: o.box, Subject: id}); err != nil {
		return err
	}
	o.power.mu.Lock()
	defer o.power.mu.Unlock()
	for at, all := range o.power.containers {
		for i := range all {
			if strings.HasPrefix(at, o.box+"/") && all[i].ID == id {
				all[i].Running = running
				o.power.Add("%s %s %s", map[bool]string{true: "start", false: "stop"}[running], o.box, all[i].Name)
				return nil
			}
		}
	}
	return fmt.Errorf("container %s: %w", id, fault.ErrNotFound)
}

// Answers implements activities.Switch.
func (o outlet) Answers(context.Context) bool {
	o.power.mu.Lock()
	defer o.power.mu.Unlock()
	return !o.power.off[o.box]
}
