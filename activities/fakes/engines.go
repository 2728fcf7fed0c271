package fakes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Engines are boxes in memory that keep the promises of activities.Engine: images must be pulled before a
// container starts, networks and volumes must be there, ports are given once, a container is found again by
// its specification hash. What they are told to Fail, fails.
//
// The lines of Log:
//
//	observe BOX                          verify BOX IMAGE            pull BOX IMAGE from REPOSITORY [as USER]
//	network BOX NAME                     volume BOX NAME
//	start BOX CONTAINER                  keep BOX CONTAINER          replace BOX CONTAINER
//	dial BOX CONTAINER ADDRESS           remove BOX CONTAINER        sweep BOX SERVICE
type Engines struct {
	Log
	Faults

	mu     sync.Mutex
	boxes  map[string]*box
	states map[string][]activities.ContainerState // by function
	logs   map[string]string                      // by function
	serial int
}

// box is one box in memory.
type box struct {
	seen       plan.Box // what Observe answers, but for images and containers
	images     map[string]bool
	containers map[string]*made // by name
	networks   map[string]string
	volumes    map[string]string
	lost       bool
	evidence   *activities.Evidence // of Inquire; nil: every link holds
}

// made is a container on a box.
type made struct {
	plan.Container
	placement plan.Placement
	secrets   map[string][]byte
	looks     int // how often State was asked
	exit      int
	forwards  []plan.Forward
}

// NewEngines makes boxes as Observe is to report them. Reachable is set; use Lose for a box that is not.
// An empty OS, Arch, CPUs, MemoryBytes or FreeDisk becomes linux, amd64, 4, 8 GiB or 50 GiB.
func NewEngines(boxes ...plan.Box) *Engines {
	e := &Engines{
		boxes:  map[string]*box{},
		states: map[string][]activities.ContainerState{},
		logs:   map[string]string{},
	}
	for _, b := range boxes {
		e.boxes[b.Name] = newBox(b)
	}
	return e
}

func newBox(b plan.Box) *box {
	b.Reachable = true
	if b.OS == "" {
		b.OS = "linux"
	}
	if b.Arch == "" {
		b.Arch = "amd64"
	}
	if b.CPUs == 0 {
		b.CPUs = 4
	}
	if b.MemoryBytes == 0 {
		b.MemoryBytes = 8 << 30
	}
	if b.FreeDisk == 0 {
		b.FreeDisk = 50 << 30
	}
	made1 := &box{
		seen: b, images: map[string]bool{}, containers: map[string]*made{},
		networks: map[string]string{}, volumes: map[string]string{},
	}
	for _, digest := range b.Images {
		made1.images[digest] = true
	}
	for _, c := range b.Containers {
		made1.containers[c.Name] = &made{Container: c}
	}
	return made1
}

// Open implements activities.Engines. A box that NewEngines was not given is ErrInvalid.
func (e *Engines) Open(b spec.Box) (activities.Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, found := e.boxes[b.Name]; !found {
		return nil, fmt.Errorf("open box %s: no such box: %w", b.Name, fault.ErrInvalid)
	}
	return &Engine{all: e, name: b.Name}, nil
}

// Script says what State answers for containers of a function, one after the other; the last stays. ID and
// Started are filled in when empty. Without a script a running container is healthy when it has a check.
func (e *Engines) Script(function string, states ...activities.ContainerState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.states[function] = states
}

// SetLogs says what Logs answers for containers of a function.
func (e *Engines) SetLogs(function, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logs[function] = text
}

// Lose makes a box unreachable: it observes as such and every other call answers ErrUnreachable. Find
// brings it back with all it had.
func (e *Engines) Lose(boxName string) { e.change(boxName, func(b *box) { b.lost = true }) }

// Find makes a lost box reachable again.
func (e *Engines) Find(boxName string) { e.change(boxName, func(b *box) { b.lost = false }) }

// Exit lets a container end with an exit code.
func (e *Engines) Exit(boxName, container string, code int) {
	e.change(boxName, func(b *box) {
		if c := b.containers[container]; c != nil {
			c.State, c.Health, c.exit = "exited", "", code
		}
	})
}

// Sicken makes a running container's check fail.
func (e *Engines) Sicken(boxName, container string) {
	e.change(boxName, func(b *box) { b.named(container).Health = "unhealthy" })
}

// Put lays a container on a box that no workflow made there (an orphan, or someone else's).
func (e *Engines) Put(boxName string, c plan.Container) {
	e.change(boxName, func(b *box) { b.containers[c.Name] = &made{Container: c} })
}

// Spoil takes an image off a box.
func (e *Engines) Spoil(boxName, digest string) {
	e.change(boxName, func(b *box) { delete(b.images, digest) })
}

func (e *Engines) change(boxName string, do func(*box)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b := e.boxes[boxName]; b != nil {
		do(b)
	}
}

// Running are the names of the running containers of a box, sorted.
func (e *Engines) Running(boxName string) []string {
	var names []string
	for _, c := range e.Containers(boxName) {
		if c.State == "running" {
			names = append(names, c.Name)
		}
	}
	return names
}

// Containers are all containers of a box, sorted by name.
func (e *Engines) Containers(boxName string) []plan.Container {
	var all []plan.Container
	e.change(boxName, func(b *box) { all = b.list() })
	return all
}

// Placement is what a container was started with.
func (e *Engines) Placement(boxName, container string) (p plan.Placement, found bool) {
	e.change(boxName, func(b *box) {
		if c := b.containers[container]; c != nil {
			p, found = c.placement, true
		}
	})
	return p, found
}

// Secrets are the secrets a container was started with, by target.
func (e *Engines) Secrets(boxName, container string) (secrets map[string][]byte) {
	e.change(boxName, func(b *box) {
		if c := b.containers[container]; c != nil {
			secrets = maps.Clone(c.secrets)
		}
	})
	return secrets
}

// Forwards are those of a container's helper, as EnsureForwards was last asked for them.
func (e *Engines) Forwards(boxName, container string) (forwards []plan.Forward) {
	e.change(boxName, func(b *box) {
		if c := b.named(container); c != nil {
			forwards = c.forwards
		}
	})
	return forwards
}

// Images are the digests on a box, sorted.
func (e *Engines) Images(boxName string) (digests []string) {
	e.change(boxName, func(b *box) { digests = slices.Sorted(maps.Keys(b.images)) })
	return digests
}

// Networks are the networks of a box, sorted.
func (e *Engines) Networks(boxName string) (names []string) {
	e.change(boxName, func(b *box) { names = slices.Sorted(maps.Keys(b.networks)) })
	return names
}

// Volumes are the volumes of a box, sorted.
func (e *Engines) Volumes(boxName string) (names []string) {
	e.change(boxName, func(b *box) { names = slices.Sorted(maps.Keys(b.volumes)) })
	return names
}

func (b *box) list() []plan.Container {
	var all []plan.Container
	for _, name := range slices.Sorted(maps.Keys(b.containers)) {
		all = append(all, b.containers[name].Container)
	}
	return all
}

// enter runs hooks and injected faults, then do with the box, unless it is lost.
func (e *Engines) enter(ctx context.Context, call Call, do func(*box) error) error {
	if err := e.check(ctx, call); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.boxes[call.Box]
	if b.lost {
		return fmt.Errorf("box %s: connection refused: %w", call.Box, fault.ErrUnreachable)
	}
	return do(b)
}

// Logs implements activities.Engine; see Engines.SetLogs.
func (n *Engine) Logs(ctx context.Context, container string, lines int) (text string, err error) {
	err = n.all.enter(ctx, Call{Method: "Logs", Box: n.name, Subject: container}, func(b *box) error {
		c := b.named(container)
		if c == nil {
			return fmt.Errorf("logs of %s on %s: %w", container, n.name, fault.ErrNotFound)
		}
		all := strings.Split(strings.TrimRight(n.all.logs[c.Function], "\n"), "\n")
		text = strings.Join(all[max(0, len(all)-lines):], "\n")
		return nil
	})
	return text, err
}
