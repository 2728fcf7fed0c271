package activities

import (
	"context"
	_ "embed" // the script that runs on the box
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// installScript runs on the box as root; see its head.
//
//go:embed doctor_install.sh
var installScript string

// Where an installation leaves its traces on the box. The lock is held while it runs, so that it is found again by
// whoever comes after a worker that died.
const (
	installLock   = "/run/overcloud-install.lock"
	installStatus = "/run/overcloud-install.status" // its exit code, once it has ended
	installLog    = "/var/log/overcloud-install.log"
)

// InstallInput names a box that shall have an engine.
type InstallInput struct {
	Box spec.Box `json:"box"`
	// Who asked; it is written into the box's log.
	Who string `json:"who,omitempty"`
}

// InstallResult is what was done.
type InstallResult struct {
	Box string `json:"box"`
	// Already says that there was nothing to do.
	Already      bool   `json:"already,omitempty"`
	Distribution string `json:"distribution,omitempty"`
	Engine       string `json:"engine,omitempty"` // its version
	// Advice is what is left for a person to do, in one sentence; empty when nothing is.
	Advice string `json:"advice,omitempty"`
}

// InstallProgress is the heartbeat of InstallEngine: the last line of the box's log.
type InstallProgress struct {
	Box  string `json:"box"`
	Line string `json:"line"`
}

// InstallEngine gives a box an engine from its distribution's packages, starts it now and at every boot, and lets the
// SSH user use it. It needs SSH access as root, or as a user with sudo without a password. What is there already
// stays as it is, so a second run changes nothing; the installation runs on the box by itself, so a worker that dies
// interrupts nothing, and the next run waits for the same one. Errors: INVALID (no SSH access), AUTH (no key fits),
// REJECTED (host key, distribution, no root, the installation failed), UNREACHABLE.
func (d *Doctor) InstallEngine(ctx context.Context, in InstallInput) (InstallResult, error) {
	var now newest[InstallProgress]
	now.set(InstallProgress{Box: in.Box.Name, Line: "looking at the box"})
	defer beat(ctx, func() any { return now.now() })()
	result, err := d.install(ctx, in, func(line string) { now.set(InstallProgress{Box: in.Box.Name, Line: line}) })
	switch {
	case ctx.Err() != nil:
		return InstallResult{}, ctx.Err() // on the box it goes on
	case err != nil:
		return InstallResult{}, Fault(fmt.Errorf("install an engine on %s: %w", in.Box.Name, err))
	}
	return result, nil
}

func (d *Doctor) install(ctx context.Context, in InstallInput, say func(string)) (InstallResult, error) {
	access, ok := in.Box.SSHAccess()
	if !ok {
		return InstallResult{}, fmt.Errorf("the box has no SSH access, write `ssh: user@host`: %w", fault.ErrInvalid)
	}
	if version, err := d.askAgain(ctx, in.Box, 0); err == nil {
		return InstallResult{Box: in.Box.Name, Already: true, Engine: version}, nil
	}
	ran, err := d.Shells.Run(ctx, in.Box, hostScript)
	if err != nil {
		return InstallResult{}, err
	}
	host := readHost(ran.Out)
	result := InstallResult{Box: in.Box.Name, Distribution: host.Pretty}
	local := overSSH(in.Box, access)
	if version, err := d.askAgain(ctx, local, 0); err == nil {
		result.Already, result.Engine = true, version
		result.Advice = d.adviceAfter(ctx, in.Box)
		return result, nil
	}
	if err := installable(host, in.Box); err != nil {
		return InstallResult{}, err
	}
	if err := d.carryOut(ctx, in, host, say); err != nil {
		return InstallResult{}, err
	}
	d.Shells.Forget(in.Box) // so that the new group counts
	say("asking the engine")
	if result.Engine, err = d.askAgain(ctx, local, engineComes); err != nil {
		return InstallResult{}, fmt.Errorf("the installation ended well, but the engine does not answer: %w", err)
	}
	result.Advice = d.adviceAfter(ctx, in.Box)
	if host.Init == initNone {
		result.Advice = strings.TrimSpace("the box has neither systemd nor OpenRC, so start dockerd at every boot yourself. " + result.Advice)
	}
	activity.GetLogger(ctx).Info("engine installed", "box", in.Box.Name, "who", in.Who, "engine", result.Engine)
	return result, nil
}

// engineComes is how long an engine may take to answer after its start: a Pi's takes some 10 s.
const engineComes = 30 * time.Second

// askAgain asks an engine for its version until it answers or patience ends.
func (d *Doctor) askAgain(ctx context.Context, box spec.Box, patience time.Duration) (version string, err error) {
	for until := time.Now().Add(patience); ; {
		asking, cancel := context.WithTimeout(ctx, examineTimeout)
		answer, err := d.Engines.Ask(asking, box)
		cancel()
		if err == nil {
			return answer.Version, nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return "", err
		}
		if err := d.pause(ctx); err != nil {
			return "", err
		}
	}
}

func (d *Doctor) pause(ctx context.Context) error {
	poll := d.Poll
	if poll == 0 {
		poll = time.Second
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// overSSH is the same box with its engine's socket reached by SSH, whatever its `engine` says: an installation does
// not open a port.
func overSSH(box spec.Box, access spec.SSHAccess) spec.Box {
	if _, through := box.EngineSSH(); through {
		return box
	}
	box.Engine, box.TLS = "ssh://"+access.User+"@"+access.Address(), ""
	return box
}

// adviceAfter says what is left to do when the engine runs on the box but not at the address of the specification.
func (d *Doctor) adviceAfter(ctx context.Context, box spec.Box) string {
	if _, through := box.EngineSSH(); through {
		return ""
	}
	if _, err := d.askAgain(ctx, box, 0); err == nil {
		return ""
	}
	access, _ := box.SSHAccess()
	return fmt.Sprintf("the engine runs but does not answer at %s: write `engine: ssh://%s`, or give dockerd TLS and that port as docs/boxes.md says",
		box.Engine, access)
}

// carryOut begins the installation, or finds the one that runs, and waits for its end. One that failed (a package
// could not be fetched just then) or ended without a word (the box was switched off) is begun once more.
func (d *Doctor) carryOut(ctx context.Context, in InstallInput, host host, say func(string)) error {
	for again := 0; ; again++ {
		ran, err := d.Shells.Run(ctx, in.Box, host.asRoot(launchScript(in, host)))
		if err != nil {
			return err
		}
		if ran.Exit != 0 {
			return fmt.Errorf("the installation did not begin: %s: %w", firstLine(ran.Err+ran.Out), fault.ErrRejected)
		}
		state, err := d.follow(ctx, in.Box, host, say)
		switch {
		case err != nil:
			return err
		case state.code == "0":
			return nil
		case again == 0:
			say("beginning once more")
		case state.code != "":
			return fmt.Errorf("the installation failed twice (all of it is in %s on the box): %s: %w", installLog, strings.Join(state.lines, " | "), fault.ErrRejected)
		default:
			return fmt.Errorf("the installation was interrupted twice (what it did is in %s on the box): %w", installLog, fault.ErrUnreachable)
		}
	}
}

// installState is how far an installation is.
type installState struct {
	running bool
	code    string   // its exit code; empty while it runs, or when it was interrupted
	lines   []string // the last ones of its log
}

// follow looks at the installation once a second until it has ended.
func (d *Doctor) follow(ctx context.Context, box spec.Box, host host, say func(string)) (installState, error) {
	for {
		ran, err := d.Shells.Run(ctx, box, host.asRoot(followScript))
		if err != nil {
			return installState{}, err // the next attempt finds the same installation
		}
		state := readInstall(ran.Out)
		if len(state.lines) > 0 {
			say(state.lines[len(state.lines)-1])
		}
		if !state.running {
			return state, nil
		}
		if err := d.pause(ctx); err != nil {
			return installState{}, err
		}
	}
}
