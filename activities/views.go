package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Glasses look at boxes and at what runs on them, for people; they change nothing.
type Glasses interface {
	// Inspect describes a box. Errors: ErrUnreachable, ErrInvalid (an address that can never work).
	Inspect(ctx context.Context, box spec.Box) (Inspection, error)
	// FollowLog hands take each line of the log of a replica's container, the oldest first, until the container ends or
	// ctx does (whose error it then returns). It says first whose log it is. Errors: ErrNotFound (no container of the
	// replica is on the box), ErrUnreachable, ErrInvalid.
	FollowLog(ctx context.Context, ask LogAsk, begun func(LogSource), take func(LogEntry)) error
}

// LogAsk says which log, and from where on.
type LogAsk struct {
	Box      spec.Box
	Service  string
	Function string
	Replica  int
	// Tail is how many of the last lines to begin with; what Since leaves out does not count. Negative is all.
	Tail int
	// Since leaves out what is older; zero leaves out nothing.
	Since time.Time
}

// LogSource is the container whose log is followed, and how it is.
type LogSource struct {
	Container string // its ID
	State     string // running, exited, …
	ExitCode  int
}

// LogEntry is one line of a log.
type LogEntry struct {
	At     time.Time // by the engine's clock
	Stream string    // wire.StreamOut or wire.StreamErr
	Text   string    // without its line end
	Cut    bool      // the rest of the line is left out
}

// Inspection is what an engine says of its box, for people to look at.
type Inspection struct {
	Box string    `json:"box"`
	At  time.Time `json:"at"` // by the worker's clock
	// Reachable false means that nobody knows; Fault says why. All below is empty then.
	Reachable  bool                 `json:"reachable"`
	Fault      string               `json:"fault,omitempty"`
	Engine     EngineFacts          `json:"engine,omitzero"`
	Containers []InspectedContainer `json:"containers"`
	Images     []InspectedImage     `json:"images"`
	// LeftOut is how many containers and images there are beyond those listed.
	LeftOut int `json:"left_out,omitempty"`
}

// EngineFacts are an engine's own words on itself.
type EngineFacts struct {
	Version     string  `json:"version"`
	API         string  `json:"api"`
	OS          string  `json:"os"` // as its maker calls it: Debian GNU/Linux 12
	Kernel      string  `json:"kernel,omitempty"`
	Arch        string  `json:"arch"`
	CPUs        int     `json:"cpus"`
	MemoryBytes int64   `json:"memory_bytes"`
	Root        string  `json:"root,omitempty"`     // its data root
	Storage     string  `json:"storage,omitempty"`  // its storage driver
	Process     bool    `json:"process,omitempty"`  // a process box
	Swarm       string  `json:"swarm,omitempty"`    // manager or worker, when it is in one
	SkewS       float64 `json:"skew_s,omitempty"`   // its clock minus the worker's, seconds; 0 when it does not tell
	Warnings    int     `json:"warnings,omitempty"` // that it gives about its own host
}

// InspectedContainer is one container on a box, ours or not. Times are zero when they are not known.
type InspectedContainer struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Service  string    `json:"service,omitempty"` // empty: it is nobody's of ours
	Function string    `json:"function,omitempty"`
	Replica  int       `json:"replica,omitempty"`
	Helper   string    `json:"helper,omitempty"` // what it does for a function: probe, forward
	Image    string    `json:"image"`
	State    string    `json:"state"`            // running, exited, …
	Health   string    `json:"health,omitempty"` // starting, healthy, unhealthy; empty without a check
	Since    time.Time `json:"since,omitzero"`   // of the state: when it started, or ended
	Created  time.Time `json:"created,omitzero"`
	ExitCode int       `json:"exit_code"`
	Restarts int       `json:"restarts"`
	Ports    []string  `json:"ports,omitempty"` // 127.0.0.1:8086->8086/tcp
}

// InspectedImage is one image on a box.
type InspectedImage struct {
	ID      string    `json:"id"`
	Names   []string  `json:"names,omitempty"`
	Digests []string  `json:"digests,omitempty"`
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created,omitzero"`
	Used    bool      `json:"used"`
}

// Whereabouts say where the parts of a running service are.
type Whereabouts struct {
	Boxes      []spec.Box
	Placements []Whereabout
	// Secrets are all those of its specification, as references.
	Secrets []spec.Secret
}

// Whereabout is one replica, with what must not be seen in its log.
type Whereabout struct {
	Function string
	Replica  int
	Box      string
	// Uses are the names of the secrets that it gets as files.
	Uses []string
	// Environment are its variables: those whose names speak of secrets are blanked out too.
	Environment []spec.Variable
}

// Placements says where the parts of services are. Errors: ErrNotFound, ErrUnreachable.
type Placements interface {
	Whereabouts(ctx context.Context, service string) (Whereabouts, error)
}

// Views shows people what is on boxes. Nobody who looks needs an engine's address or its socket: the worker has them.
type Views struct {
	Glasses    Glasses
	Placements Placements
	Secrets    Secrets
	Logs       LogStream
	// Pause is how long a follower waits before it looks for its container again; zero is 2 s.
	Pause time.Duration
	// Flush is the pace at which lines are published; zero is 250 ms.
	Flush time.Duration
}

// InspectInput names a box of a running service.
type InspectInput struct {
	Service string `json:"service"`
	Box     string `json:"box"`
}

// inspectMost bounds a look: an engine answers all of its questions within a second; on a Pi under load, in some.
const inspectMost = 10 * time.Second

// Inspect looks at a box. One that does not answer is a result, with Reachable false; a service that does not run, or
// has no such box, is an error (NOT_FOUND). A second run looks again.
func (v *Views) Inspect(ctx context.Context, in InspectInput) (Inspection, error) {
	defer beat(ctx, nil)()
	places, err := v.Placements.Whereabouts(ctx, in.Service)
	if err != nil {
		return Inspection{}, Fault(fmt.Errorf("ask service %s for its boxes: %w", in.Service, err))
	}
	box, err := places.box(in.Box)
	if err != nil {
		return Inspection{}, Fault(fmt.Errorf("service %s: %w", in.Service, err))
	}
	within, cancel := context.WithTimeout(ctx, inspectMost)
	defer cancel()
	seen, err := v.Glasses.Inspect(within, box)
	switch {
	case ctx.Err() != nil:
		return Inspection{}, ctx.Err() // else a cancelled look would say that the box is gone
	case err != nil:
		seen = Inspection{Fault: fmt.Sprintf("engine %s: %v", box.Engine, err)}
	}
	seen.Box, seen.At, seen.Reachable = box.Name, time.Now(), err == nil
	return seen, nil
}
