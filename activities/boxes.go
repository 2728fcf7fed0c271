// Package activities holds what workflows do to the world: one struct for each outside system, and the small
// interface that it needs of that system's adapter. Every activity may be run again at any moment and says
// what a second run does; every one returns its error through Fault, which decides whether to try again.
package activities

import (
	"context"
	"time"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Engine is one box's Docker engine, as far as the workflows need it. Every method is safe to repeat.
type Engine interface {
	// Observe looks at the box; an engine that does not answer is a Box with Reachable false, not an error.
	Observe(ctx context.Context) plan.Box
	// Pull brings an image, by digest, from one source and tags it with its name. It calls progress as
	// bytes arrive. Errors: ErrUnreachable, ErrNotFound, ErrUnauthorised, ErrNoPlatform,
	// ErrDigestMismatch, ErrRejected.
	Pull(ctx context.Context, pull plan.Pull, from Source, progress func(PullProgress)) error
	// Verify checks digest and architecture of an image on the box. Errors: ErrNotFound,
	// ErrDigestMismatch, ErrNoPlatform.
	Verify(ctx context.Context, pull plan.Pull) error
	// EnsureNetwork and EnsureVolume make them when absent, labelled with the service.
	EnsureNetwork(ctx context.Context, service, name string) error
	EnsureVolume(ctx context.Context, service, name string) error
	// EnsureContainer leaves exactly one running container for the placement: found by label and
	// specification hash, else made (one with another hash is stopped and removed first). Created says
	// that this call made it. Errors: ErrRejected, ErrPortTaken, ErrNotFound (image).
	EnsureContainer(ctx context.Context, service string, placement plan.Placement, secrets []SecretFile) (id string, created bool, err error)
	// State looks at one container by name or ID. Errors: ErrNotFound.
	State(ctx context.Context, container string) (ContainerState, error)
	// Dial proves a connection from inside a container and says how long it took. Errors: ErrNotConnected
	// with what was tried and heard, ErrNotFound (the container or the probe's image).
	Dial(ctx context.Context, dial Dial) (time.Duration, error)
	// Remove stops (within grace; zero is the engine's default) and removes a container by ID or name.
	// One that is gone already is no error.
	Remove(ctx context.Context, container string, grace time.Duration) error
	// Sweep removes what is labelled with the service: containers, networks and, if asked, volumes. It goes
	// on past errors and reports what went and what stayed.
	Sweep(ctx context.Context, service string, volumes bool) (removed []string, stayed []string)
	// Logs are the last lines of a container's output.
	Logs(ctx context.Context, container string, lines int) (string, error)
}

// Engines opens the engine of a box. Opening connects to nothing; errors are ErrInvalid ones.
type Engines interface {
	Open(box spec.Box) (Engine, error)
}

// Dial is one connection to prove.
type Dial struct {
	Service   string
	Container string // name or ID of the consumer's
	Address   string // host:port
	// Image is the image whose binary connects; empty is the adapter's own choice.
	Image   string
	Timeout time.Duration
}

// SecretFile is a resolved secret on its way into a container. It never enters a history.
type SecretFile struct {
	Target string
	Value  []byte
}

// Source is where an engine pulls an image from. It holds a password, so it never enters a history.
type Source struct {
	// Repository is host/path, without tag and digest, at the registry or at one of its mirrors; empty is
	// the image's own.
	Repository string
	// User and Password are for the registry's host; both empty is anonymous.
	User, Password string
}

// PullProgress is the heartbeat of a pull.
type PullProgress struct {
	Layers     int    `json:"layers"`
	LayersDone int    `json:"layers_done"`
	Bytes      int64  `json:"bytes"`
	TotalBytes int64  `json:"total_bytes"`
	Status     string `json:"status"`
}

// ContainerState is a container's state at one moment.
type ContainerState struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`           // created, running, exited, …
	Health   string    `json:"health,omitempty"` // starting, healthy, unhealthy; empty without a check
	ExitCode int       `json:"exit_code"`
	Started  time.Time `json:"started"`
	// Address is the container's own address on its network.
	Address string `json:"address,omitempty"`
	// HealthLog is the last output of the health check.
	HealthLog string `json:"health_log,omitempty"`
	Restarts  int    `json:"restarts,omitempty"`
}
