package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Switch stops and starts containers that exist, and leaves them where they are. Errors: ErrUnreachable, ErrNotFound.
type Switch interface {
	// Containers are those of a function, running or not.
	Containers(ctx context.Context, service, function string) ([]Switched, error)
	// Stop stops a container; the engine does not start it again by itself. One that does not run is no error.
	Stop(ctx context.Context, container string) error
	// StartAgain starts a container that was stopped. One that runs is no error.
	StartAgain(ctx context.Context, container string) error
	// Answers says that the engine answers.
	Answers(ctx context.Context) bool
}

// Switches opens the switch of a box's engine. Errors are ErrInvalid.
type Switches interface {
	Switch(box spec.Box) (Switch, error)
}

// Switched is one container.
type Switched struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Running bool   `json:"running"`
}

// Shedding gives up functions and boxes so that a room without cooling warms more slowly, and brings them back. Every
// method may run again at any moment: what is off stays off, what is on stays on.
type Shedding struct {
	Switches Switches
	Shells   Shells
	// Every is the pause between two looks at a box that goes down or comes up; zero is 2 s.
	Every time.Duration
}

// RunningInput names a function on one box.
type RunningInput struct {
	Service  string   `json:"service"`
	Function string   `json:"function"`
	Box      spec.Box `json:"box"`
}

// Given is what is given up on one box: what must be brought back.
type Given struct {
	Box        string     `json:"box"`
	Containers []Switched `json:"containers,omitempty"`
	Words      string     `json:"words,omitempty"` // what was seen, for people
}

// Running says which containers of a function run on a box now. It is asked before anything is stopped, so that just
// those are brought back.
func (s *Shedding) Running(ctx context.Context, in RunningInput) (Given, error) {
	running, all, err := s.running(ctx, in)
	if err != nil {
		return Given{}, Fault(err)
	}
	given := Given{Box: in.Box.Name, Containers: running}
	if all > 0 { // a box without any says nothing
		given.Words = fmt.Sprintf("%d of %d containers run on %s", len(running), all, in.Box.Name)
	}
	return given, nil
}

func (s *Shedding) running(ctx context.Context, in RunningInput) (running []Switched, all int, err error) {
	engine, err := s.Switches.Switch(in.Box)
	if err != nil {
		return nil, 0, fmt.Errorf("open box %s: %w", in.Box.Name, err)
	}
	found, err := engine.Containers(ctx, in.Service, in.Function)
	if err != nil {
		return nil, 0, fmt.Errorf("look for %s on %s: %w", in.Function, in.Box.Name, err)
	}
	for _, c := range found {
		if c.Running {
			running = append(running, c)
		}
	}
	return running, len(found), nil
}

// StopFunction stops every container of a function that runs on a box, and confirms that none runs.
func (s *Shedding) StopFunction(ctx context.Context, in RunningInput) error {
	defer beat(ctx, nil)()
	engine, err := s.Switches.Switch(in.Box)
	if err != nil {
		return Fault(fmt.Errorf("open box %s: %w", in.Box.Name, err))
	}
	for range 2 { // the second look confirms, and stops what was started meanwhile
		running, _, err := s.running(ctx, in)
		if err != nil {
			return Fault(err)
		}
		if len(running) == 0 {
			return nil
		}
		for _, c := range running {
			if err := engine.Stop(ctx, c.ID); err != nil {
				return Fault(fmt.Errorf("stop %s on %s: %w", c.Name, in.Box.Name, err))
			}
		}
	}
	running, _, err := s.running(ctx, in)
	if err == nil && len(running) > 0 {
		err = fmt.Errorf("stop %s on %s: it is started again and again by somebody else", running[0].Name, in.Box.Name)
	}
	return Fault(err)
}

// StartFunctionInput names what ran before StopFunction.
type StartFunctionInput struct {
	Box        spec.Box   `json:"box"`
	Containers []Switched `json:"containers"`
}

// StartFunction starts those containers again. One that is gone was replaced meanwhile, and is no error.
func (s *Shedding) StartFunction(ctx context.Context, in StartFunctionInput) error {
	defer beat(ctx, nil)()
	engine, err := s.Switches.Switch(in.Box)
	if err != nil {
		return Fault(fmt.Errorf("open box %s: %w", in.Box.Name, err))
	}
	for _, c := range in.Containers {
		if err := engine.StartAgain(ctx, c.ID); err != nil && !errors.Is(err, fault.ErrNotFound) {
			return Fault(fmt.Errorf("start %s on %s again: %w", c.Name, in.Box.Name, err))
		}
	}
	return nil
}

// ShutDownInput names a box that is switched off.
type ShutDownInput struct {
	Box spec.Box `json:"box"`
	// Command does it; empty is DefaultShutDown.
	Command string `json:"command,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// DefaultShutDown powers a box off: by systemd where there is one, else by init; as root, or by sudo without a password.
const DefaultShutDown = `if [ "$(id -u)" = 0 ]; then s=; else s="sudo -n"; fi; $s systemctl poweroff 2>/dev/null || $s shutdown -h now`

// mayShutDown asks whether the command could be given, without giving it.
const mayShutDown = `if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then echo yes; else echo no; fi`

// ShutDown tells a box over SSH to switch itself off, and waits until neither its SSH nor its engine answers. The
// connection's breaking is what a shutdown looks like. A second run finds it down, or tells it again. A dry run logs in
// and asks whether the user may do it.
func (s *Shedding) ShutDown(ctx context.Context, in ShutDownInput) (Given, error) {
	defer beat(ctx, nil)()
	given := Given{Box: in.Box.Name}
	if in.DryRun {
		ran, err := s.Shells.Run(ctx, in.Box, mayShutDown)
		switch {
		case err != nil:
			return given, Fault(fmt.Errorf("log in to %s: %w", in.Box.Name, err))
		case ran.Out != "yes":
			return given, Fault(fmt.Errorf("box %s: its SSH user is not root and may not use sudo without a password: %w", in.Box.Name, fault.ErrRejected))
		}
		given.Words = "its SSH answers and the user may; it would be shut down"
		return given, nil
	}
	ran, err := s.Shells.Run(ctx, in.Box, cmp.Or(in.Command, DefaultShutDown))
	switch {
	case errors.Is(err, fault.ErrUnreachable):
		// It goes down already, or nobody can tell it: the look decides.
	case err != nil:
		return given, Fault(fmt.Errorf("shut down %s: %w", in.Box.Name, err))
	case ran.Exit != 0:
		return given, Fault(fmt.Errorf("shut down %s: the command ended with %d: %s: %w", in.Box.Name, ran.Exit, firstLine(cmp.Or(ran.Err, ran.Out)), fault.ErrRejected))
	}
	if err := s.await(ctx, in.Box, false); err != nil {
		return given, err
	}
	given.Words = "neither its SSH nor its engine answers"
	return given, nil
}

// WakeInput names a box that is switched on again.
type WakeInput struct {
	Box spec.Box `json:"box"`
	// Command is run on From: wakeonlan, ipmitool, a switched socket.
	Command string   `json:"command"`
	From    spec.Box `json:"from"`
}

// Wake switches a box on and waits until its SSH answers. A second run finds it up.
func (s *Shedding) Wake(ctx context.Context, in WakeInput) error {
	defer beat(ctx, nil)()
	if !s.up(ctx, in.Box) {
		ran, err := s.Shells.Run(ctx, in.From, in.Command)
		switch {
		case err != nil:
			return Fault(fmt.Errorf("wake %s from %s: %w", in.Box.Name, in.From.Name, err))
		case ran.Exit != 0:
			return Fault(fmt.Errorf("wake %s from %s: the command ended with %d: %s: %w", in.Box.Name, in.From.Name, ran.Exit, firstLine(cmp.Or(ran.Err, ran.Out)), fault.ErrRejected))
		}
	}
	return s.await(ctx, in.Box, true)
}

// await looks until the box is up, or down, or ctx ends. Down takes two looks in a row: one alone may be a hiccup.
func (s *Shedding) await(ctx context.Context, box spec.Box, up bool) error {
	every := cmp.Or(s.Every, 2*time.Second)
	for agreed := 0; ; {
		if s.up(ctx, box) == up {
			agreed++
		} else {
			agreed = 0
		}
		if ctx.Err() == nil && (agreed >= 2 || up && agreed == 1) {
			return nil
		}
		select {
		case <-ctx.Done():
			state := map[bool]string{true: "does not answer", false: "still answers"}[up]
			return Fault(fmt.Errorf("box %s %s: %w", box.Name, state, fault.ErrUnreachable))
		case <-time.After(every):
		}
	}
}

// up says that a box answers: by SSH, or its engine does.
func (s *Shedding) up(ctx context.Context, box spec.Box) bool {
	const most = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	s.Shells.Forget(box) // an old connection says nothing of now
	if _, err := s.Shells.Run(ctx, box, "true"); err == nil {
		return true
	}
	engine, err := s.Switches.Switch(box)
	return err == nil && engine.Answers(ctx)
}
