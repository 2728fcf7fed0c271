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
	// bytes arrive. Errors: ErrUnreachable (the engine), ErrNetwork (the registry), ErrUntrusted,
	// ErrRateLimited, ErrNotFound, ErrUnauthorised, ErrNoPlatform, ErrDigestMismatch, ErrDiskFull,
	// ErrRejected; those that the engine or the registry worded are *fault.Pull.
	Pull(ctx context.Context, pull plan.Pull, from Source, progress func(PullProgress)) error
	// Inquire collects evidence on why a pull failed, from the box's point of view.
	Inquire(ctx context.Context, pull plan.Pull, from Source) Evidence
	// FreeDisk is what is free in the engine's data root, bytes; negative when that cannot be known. image is
	// the probe image, which looks where the engine's API does not; empty is the adapter's own choice.
	FreeDisk(ctx context.Context, image string) int64
	// Verify checks digest and architecture of an image on the box. Errors: ErrNotFound,
	// ErrDigestMismatch, ErrNoPlatform.
	Verify(ctx context.Context, pull plan.Pull) error
	// EnsureNetwork and EnsureVolume make them when absent, labelled with the service.
	EnsureNetwork(ctx context.Context, service, name string) error
	EnsureVolume(ctx context.Context, service, name string) error
	// EnsureContainer leaves exactly one running container for the placement, with the secrets as they are now:
	// found by label and specification hash, else made (one with another hash, or with other secrets, is stopped
	// and removed first). Where the placement's Order is start-first and no host port is in the way, a container
	// with another hash is left beside it; calling again without that order removes it and gives the new one its
	// name. Created says that this call made it. Errors: ErrRejected, ErrPortTaken with who holds it, ErrNotFound
	// (image).
	EnsureContainer(ctx context.Context, service string, placement plan.Placement, secrets []SecretFile) (id string, created bool, err error)
	// EnsureForwards leaves exactly the helpers that pass on the placement's Forwards to its running container
	// (name or ID), and none when it has no Forwards: the name and port of each provider then reach it. They
	// listen when it returns, also after the container has been started again. image is the probe's; empty is
	// the adapter's own choice. Errors: ErrRejected, ErrNotFound (the container or the image).
	EnsureForwards(ctx context.Context, service, container string, placement plan.Placement, image string) error
	// State looks at one container by name or ID. Errors: ErrNotFound.
	State(ctx context.Context, container string) (ContainerState, error)
	// Dial makes connections from inside a container, all side by side, and says of each in the order of the
	// addresses what came of it. Errors: ErrNotConnected when nothing could be tried, ErrNotFound (the
	// probe's image).
	Dial(ctx context.Context, dial Dial) ([]Connection, error)
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

// Dial names connections to prove from inside one container.
type Dial struct {
	Service   string
	Container string   // name or ID of the consumer's
	Addresses []string // host:port
	// Image is the image whose binary connects; empty is the adapter's own choice.
	Image   string
	Timeout time.Duration // of each
}

// Connection is what came of one of them.
type Connection struct {
	Address   string  `json:"address"` // as it was asked for
	Connected bool    `json:"connected"`
	Millis    float64 `json:"ms"` // name and connecting together
	// Fault says why not, with every address that was tried.
	Fault string `json:"fault,omitempty"`
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
	// CA is a PEM file of the registry's authority on the worker; empty is the system's. Engines have their own.
	CA string
}

// Evidence is what a look for the cause of a failed pull found. Nil errors are links that hold.
type Evidence struct {
	Dial error // of the engine's address; nil where there is none to dial
	Ping error // of the engine
	// Asked says that the engine asked the registry for the image's manifest, and Registry what came of it.
	Asked    bool
	Registry error
	// FreeDisk is in the engine's data root, bytes; negative when that cannot be known.
	FreeDisk int64
}

// PullProgress is the heartbeat of a pull.
type PullProgress struct {
	Layers     int    `json:"layers"`
	LayersDone int    `json:"layers_done"`
	Bytes      int64  `json:"bytes"`
	TotalBytes int64  `json:"total_bytes"`
	Status     string `json:"status"`
	// Rate is bytes a second over the last few seconds.
	Rate float64 `json:"rate,omitempty"`
	// From is the repository that it comes from.
	From string `json:"from,omitempty"`
	// Extracted is how far the engine is with unpacking, in its own unit. It only tells work from a standstill.
	Extracted int64 `json:"extracted,omitempty"`
	// Each are the layers, in the order in which the engine named them; at most 32.
	Each []LayerProgress `json:"each,omitempty"`
}

// LayerProgress is one layer of a pull.
type LayerProgress struct {
	ID     string `json:"id"` // the engine's short one
	Bytes  int64  `json:"bytes"`
	Total  int64  `json:"total"`  // zero: not known yet
	Status string `json:"status"` // LayerWaiting, …
}

// The states of a layer, in order.
const (
	LayerWaiting     = "waiting"
	LayerDownloading = "downloading"
	LayerDownloaded  = "downloaded"
	LayerExtracting  = "extracting"
	LayerDone        = "done"
)

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
