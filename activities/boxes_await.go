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

// AwaitInput names a container to wait for.
type AwaitInput struct {
	Box       spec.Box `json:"box"`
	Container string   `json:"container"` // its name
	// ID is looked at rather than the name, when it is known.
	ID string `json:"id,omitempty"`
	// HasCheck says that the container has a health check; without one, running for a second is up.
	HasCheck bool `json:"has_check,omitempty"`
	// Completed waits for exit code 0 instead (depends_on: service_completed_successfully).
	Completed bool `json:"completed,omitempty"`
	// Since, when set, is the start of the run that is awaited: another run means that it has crashed since.
	Since time.Time `json:"since,omitzero"`
	// Deadline is how long to wait, counted from the beginning of each attempt; zero is 1 min.
	Deadline spec.Duration `json:"deadline,omitempty"`
	// Secrets are those of the container: their values are blanked out of the log lines in an error.
	Secrets []spec.Secret `json:"secrets,omitempty"`

	unlessChecked bool // do not wait for a check that the image brings
}

// mostRestarts is how often a container may be restarted by its engine while it is awaited. Restarts from before
// do not count: in its months a container may have had some.
const mostRestarts = 3

// AwaitHealthy waits until a container is up, or has ended well, and heartbeats its ContainerState. Errors:
// UNHEALTHY and EXITED, with the container's last log lines, and NOT_FOUND. A second run waits again.
func (b *Boxes) AwaitHealthy(ctx context.Context, in AwaitInput) (ContainerState, error) {
	engine, err := b.open(in.Box)
	if err != nil {
		return ContainerState{}, err
	}
	var seen newest[ContainerState]
	defer beat(ctx, func() any { return seen.now() })()
	return b.upOrWhyNot(ctx, engine, in, &seen)
}

// upOrWhyNot waits, and says with the container's last words why it will not be up.
func (b *Boxes) upOrWhyNot(ctx context.Context, engine Engine, in AwaitInput, seen *newest[ContainerState]) (ContainerState, error) {
	state, err := b.await(ctx, engine, in, seen)
	switch {
	case err == nil:
		state.HealthLog = "" // it may hold a secret, and results are in histories
		return state, nil
	case errors.Is(err, fault.ErrUnhealthy) || errors.Is(err, fault.ErrExited):
		err = b.withLastWords(ctx, engine, in, state, err)
	}
	return ContainerState{}, Fault(fmt.Errorf("await %s on %s: %w", in.Container, in.Box.Name, err))
}

func (b *Boxes) await(ctx context.Context, engine Engine, in AwaitInput, seen *newest[ContainerState]) (ContainerState, error) {
	patience := cmp.Or(in.Deadline.D(), time.Minute)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	looks := time.NewTicker(cmp.Or(b.Every, 250*time.Millisecond))
	defer looks.Stop()
	var run run
	for {
		state, err := engine.State(ctx, cmp.Or(in.ID, in.Container))
		if err != nil {
			return state, err
		}
		shown := state
		shown.HealthLog = "" // it may hold a secret, and heartbeats are kept
		seen.set(shown)
		state.Restarts = run.restarts(state)
		up, err := judge(in, state, run.lasted(state, time.Now()) >= cmp.Or(b.Settle, time.Second))
		if up || err != nil {
			return state, err
		}
		select {
		case <-looks.C:
		case <-deadline.C:
			return state, tooLate(in, state, patience)
		case <-ctx.Done():
			return state, ctx.Err()
		}
	}
}

// judge says whether a container is as awaited, or why it never will be.
func judge(in AwaitInput, state ContainerState, settled bool) (up bool, err error) {
	ended := state.Status == "exited" || state.Status == "dead"
	switch {
	case ended && in.Completed && state.ExitCode == 0:
		return true, nil
	case ended:
		return false, fmt.Errorf("%w with code %d", fault.ErrExited, state.ExitCode)
	case state.Status == "removing":
		return false, fmt.Errorf("%w: somebody is removing it", fault.ErrExited)
	case !in.Since.IsZero() && state.Status == "running" && !state.Started.Equal(in.Since):
		return false, fmt.Errorf("%w and was restarted by its engine, last with code %d", fault.ErrExited, state.ExitCode)
	case state.Restarts >= mostRestarts:
		return false, fmt.Errorf("%w and was restarted %d times, last with code %d", fault.ErrExited, state.Restarts, state.ExitCode)
	case state.Status != "running" || in.Completed:
		return false, nil
	case state.Health == "unhealthy":
		return false, fmt.Errorf("%w by its check", fault.ErrUnhealthy)
	case state.Health == "healthy", in.unlessChecked && state.Health != "":
		return true, nil
	case in.HasCheck || state.Health != "":
		return false, nil
	}
	return settled, nil
}

func tooLate(in AwaitInput, state ContainerState, patience time.Duration) error {
	if in.Completed {
		return fmt.Errorf("%w: not ended after %s", fault.ErrUnhealthy, patience)
	}
	word := state.Status
	if state.Health != "" {
		word += ", " + state.Health
	}
	return fmt.Errorf("%w: still %s after %s", fault.ErrUnhealthy, word, patience)
}

// withLastWords adds what the check and the container said last. It keeps the sentinel.
func (b *Boxes) withLastWords(ctx context.Context, engine Engine, in AwaitInput, state ContainerState, err error) error {
	hide, unreadable := b.hidden(ctx, in.Secrets)
	if unreadable != "" {
		return fmt.Errorf("%w; its log is not shown, since secret %s cannot be blanked out", err, unreadable)
	}
	if said := redact(state.HealthLog, hide); said != "" && errors.Is(err, fault.ErrUnhealthy) {
		err = fmt.Errorf("%w; its check said: %s", err, said)
	}
	if lines := lastLines(ctx, engine, cmp.Or(in.ID, in.Container), hide); lines != "" {
		err = fmt.Errorf("%w; its last lines:\n%s", err, lines)
	}
	return err
}

// hidden are the values to blank out, by name; unreadable is one that nobody can read now.
func (b *Boxes) hidden(ctx context.Context, secrets []spec.Secret) (hide map[string][]byte, unreadable string) {
	hide = map[string][]byte{}
	for _, secret := range secrets {
		value, err := b.Secrets.Resolve(ctx, secret)
		if err != nil {
			return nil, secret.Name
		}
		hide[secret.Name] = value
	}
	return hide, ""
}

// run measures how long one run of a container has been seen, by our clock: the engine's may differ.
type run struct {
	started time.Time // by the engine
	seen    time.Time // by us
	known   bool
	before  int // restarts before the first look
}

// restarts are those since the first look.
func (r *run) restarts(state ContainerState) int {
	if !r.known {
		r.known, r.before = true, state.Restarts
	}
	return state.Restarts - r.before
}

func (r *run) lasted(state ContainerState, now time.Time) time.Duration {
	if state.Status != "running" {
		r.seen = time.Time{}
		return 0
	}
	if r.seen.IsZero() || !r.started.Equal(state.Started) {
		r.started, r.seen = state.Started, now
	}
	return now.Sub(r.seen)
}
