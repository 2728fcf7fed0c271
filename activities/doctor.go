package activities

import (
	"context"
	"net"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Shells run commands on boxes over SSH.
type Shells interface {
	// Run runs a command line by the shell of the box's SSH user. Another exit code than 0 is a result. Errors:
	// ErrUnreachable, ErrUnauthorised (no key fits), ErrRejected (the host key is not the known one), ErrInvalid
	// (no SSH access, no key). Each is a sentence that says what to do.
	Run(ctx context.Context, box spec.Box, command string) (Ran, error)
	// Forget lets the next use log in anew: a user's groups are fixed at the login.
	Forget(box spec.Box)
}

// Ran is the end of a command.
type Ran struct {
	Exit     int
	Out, Err string // the last 64 KiB of each, without white space around them
}

// EngineChecks ask engines what a Doctor wants to know.
type EngineChecks interface {
	// Ask says what an engine tells of itself. Errors as those of an Engine: ErrUnreachable, ErrUnauthorised, …
	Ask(ctx context.Context, box spec.Box) (EngineAnswer, error)
	// FreeDisk is what is free in the engine's data root, bytes; negative when it cannot be known. image is the
	// service's probe image, which looks where the engine's API does not; it may be empty.
	FreeDisk(ctx context.Context, box spec.Box, image string) int64
	// Reach lets the engine itself ask the registry of an image for it. Errors: ErrNotFound and ErrUnauthorised,
	// which are the registry's own answers, ErrUnreachable, ErrRejected (TLS, or an engine that cannot ask).
	Reach(ctx context.Context, box spec.Box, ref string, from Source) error
}

// EngineAnswer is what an engine tells of itself.
type EngineAnswer struct {
	Version     string // 20.10.24
	API         string // the newest that it speaks: 1.41
	OldestAPI   string // the oldest; empty when it does not say
	OurAPI      string // the newest that our client speaks
	OS, Arch    string
	Root        string // its data root, on the box
	Process     bool   // a process box
	MemoryLimit bool   // the kernel can limit a container's memory
	// Clock is the box's time between Asked and Answered, which are ours; zero when it does not say.
	Clock, Asked, Answered time.Time
}

// Doctor looks at boxes, and installs engines where there are none. As Boxes, it is named through a nil pointer and
// every method may be run again at any moment.
type Doctor struct {
	Engines EngineChecks
	Shells  Shells
	Secrets Secrets
	// Poll is the pause between two looks at an installation; zero is 1 s.
	Poll time.Duration
}

// ExamineInput names a box, and what it should reach.
type ExamineInput struct {
	Box        spec.Box        `json:"box"`
	Registries []spec.Registry `json:"registries,omitempty"`
	// Secrets are the references that the registries' credentials name.
	Secrets []spec.Secret `json:"secrets,omitempty"`
	// Images are the references of the service: the box's engine asks their registries for the first of each.
	Images []string `json:"images,omitempty"`
	// ProbeImage is the service's, which measures the disk; it may be empty.
	ProbeImage string `json:"probe_image,omitempty"`
}

// Examination is the outcome for one box.
type Examination struct {
	Box    string        `json:"box"`
	Engine string        `json:"engine"`
	Checks []Check       `json:"checks"`
	Took   spec.Duration `json:"took"`
}

// Check is one thing that was looked at.
type Check struct {
	Name  string `json:"name"`  // address, ssh, engine, api, tls, disk, clock, registry HOST
	State string `json:"state"` // pass, warn, fail, skip
	// Seen is what was seen, on one line; of a skipped check, why.
	Seen string `json:"seen"`
	// Advice is what to do about it, in one sentence; empty when nothing is to be done.
	Advice string `json:"advice,omitempty"`
}

// The states of a Check.
const (
	CheckPass = "pass"
	CheckWarn = "warn"
	CheckFail = "fail"
	CheckSkip = "skip"
)

// The names of the checks, in the order in which they are listed; registries follow, each by its host.
const (
	CheckAddress  = "address"
	CheckSSH      = "ssh"
	CheckEngine   = "engine"
	CheckAPI      = "api"
	CheckTLS      = "tls"
	CheckDisk     = "disk"
	CheckClock    = "clock"
	CheckRegistry = "registry"
)

// Failed says whether a check failed.
func (e Examination) Failed() bool {
	for _, check := range e.Checks {
		if check.State == CheckFail {
			return true
		}
	}
	return false
}

// Bounds of the looks. A healthy box answers each in milliseconds, a Pi under load in a second; a registry that is
// far away gets longer, and the engine's own patience with one that is silent is 15 s or more.
const (
	examineTimeout = 5 * time.Second
	reachTimeout   = 10 * time.Second
)

// Examine looks at a box in the order in which things can go wrong: address, SSH, engine, API version, TLS, disk,
// clock, and each registry as the box reaches it. What depends on a check that failed is skipped. A box with faults
// is a result; Examine itself fails only when it is cancelled. A second run looks again.
func (d *Doctor) Examine(ctx context.Context, in ExamineInput) (Examination, error) {
	began := time.Now()
	defer beat(ctx, nil)()
	e := examination{doctor: d, in: in}
	e.address(ctx)
	e.ssh(ctx)
	e.engine(ctx)
	e.tls(ctx)
	e.disk(ctx)
	e.clock()
	e.registries(ctx)
	if err := ctx.Err(); err != nil {
		return Examination{}, err // else a cancelled look would say that the box is ill
	}
	return Examination{Box: in.Box.Name, Engine: in.Box.Engine, Checks: e.checks, Took: spec.Duration(time.Since(began))}, nil
}

// examination is one that is going on.
type examination struct {
	doctor *Doctor
	in     ExamineInput
	checks []Check
	answer EngineAnswer
	root   string // the engine's data root, when it is known
}

func (e *examination) note(name, state, seen, advice string) {
	e.checks = append(e.checks, Check{Name: name, State: state, Seen: seen, Advice: advice})
}

// state is that of a check that was done; empty when it was not.
func (e *examination) state(name string) string {
	for _, check := range e.checks {
		if check.Name == name {
			return check.State
		}
	}
	return ""
}

// dial connects to a TCP port or a socket, once.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}
