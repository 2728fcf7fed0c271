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

// AwaitInSwarmInput names a function whose replicas are to come up.
type AwaitInSwarmInput struct {
	InSwarm
	// Change and Hash are those of the specification that is to be in force; Change is empty when it was left alone.
	Change string `json:"change,omitempty"`
	// Anew says that failures of tasks count from the beginning; else only those since the first look.
	Anew     bool   `json:"anew,omitempty"`
	Hash     string `json:"hash"`
	Replicas int    `json:"replicas"`
	// Held is how many of the replicas are on boxes that do not answer: they are not waited for.
	Held int `json:"held,omitempty"`
	// Reverting says that the swarm was told to take its update back: that is what is awaited.
	Reverting bool      `json:"reverting,omitempty"`
	Nodes     []BoxNode `json:"nodes"`
	// HasCheck says that the function has a health check: the swarm calls a task running when it is healthy.
	HasCheck bool `json:"has_check,omitempty"`
	// Completed waits for exit code 0 of every replica instead.
	Completed bool `json:"completed,omitempty"`
	// Once says that a task that ended is not begun again (restart: no).
	Once bool `json:"once,omitempty"`
	// Deadline is how long to wait, counted from the beginning of each attempt; zero is 1 min.
	Deadline spec.Duration `json:"deadline,omitempty"`
	// Secrets are those of the function: their values are blanked out of the log lines in an error.
	Secrets []spec.Secret `json:"secrets,omitempty"`
}

// AwaitInSwarmResult is where the replicas run, by slot.
type AwaitInSwarmResult struct {
	Name  string       `json:"name"` // of the swarm service
	Tasks []PlacedTask `json:"tasks"`
}

// PlacedTask is a task with the box that it runs on.
type PlacedTask struct {
	SwarmTask
	Box spec.Box `json:"box"`
}

// AwaitInSwarm waits until every replica of a function is up (the swarm calls a task with a health check running
// only when it is healthy) and the swarm's own update has ended, and heartbeats. Errors: UNHEALTHY and EXITED with
// the task, its box, the swarm's reason and the last log lines; NOT_FOUND when somebody removed it. A second run
// waits again.
func (s *Swarm) AwaitInSwarm(ctx context.Context, in AwaitInSwarmInput) (AwaitInSwarmResult, error) {
	var newest newest[string]
	defer beat(ctx, func() any { return newest.now() })()
	manager, err := s.manager(ctx, in.Managers)
	if err != nil {
		return AwaitInSwarmResult{}, Fault(fmt.Errorf("await %s in the swarm: %w", in.Function, err))
	}
	w := &swarmWait{in: in, settle: cmp.Or(s.Settle, time.Second), stuck: cmp.Or(s.Stuck, 30*time.Second)}
	state, err := s.awaitTasks(ctx, manager, w, &newest)
	if err != nil {
		if errors.Is(err, fault.ErrUnhealthy) || errors.Is(err, fault.ErrExited) {
			err = s.withTaskWords(ctx, in, w.worst, err)
		}
		return AwaitInSwarmResult{}, Fault(fmt.Errorf("start %s: %w", cmp.Or(state.Name, in.Function), err))
	}
	result := AwaitInSwarmResult{Name: state.Name}
	for _, task := range current(state.Tasks, in) {
		result.Tasks = append(result.Tasks, PlacedTask{SwarmTask: task, Box: boxOfNode(in.Nodes, task.Node)})
	}
	return result, nil
}

func (s *Swarm) awaitTasks(ctx context.Context, manager SwarmNode, w *swarmWait, newest *newest[string]) (SwarmServiceState, error) {
	patience := cmp.Or(w.in.Deadline.D(), time.Minute)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	looks := time.NewTicker(cmp.Or(s.Every, 250*time.Millisecond))
	defer looks.Stop()
	for {
		state, err := manager.SwarmServiceState(ctx, w.in.Service, w.in.Function)
		if err != nil {
			return state, err
		}
		up, err := w.judge(state, time.Now())
		if up || err != nil {
			return state, err
		}
		newest.set(w.summary(state))
		select {
		case <-looks.C:
		case <-deadline.C:
			return state, w.tooLate(state, patience)
		case <-ctx.Done():
			return state, ctx.Err()
		}
	}
}

// withTaskWords adds the last log lines of the task that failed. It keeps the sentinel.
func (s *Swarm) withTaskWords(ctx context.Context, in AwaitInSwarmInput, task SwarmTask, err error) error {
	box := boxOfNode(in.Nodes, task.Node)
	if task.Container == "" || box.Name == "" {
		return err
	}
	hide := map[string][]byte{}
	for _, secret := range in.Secrets {
		value, unreadable := s.Secrets.Resolve(ctx, secret)
		if unreadable != nil {
			return fmt.Errorf("%w; its log is not shown, since secret %s cannot be blanked out", err, secret.Name)
		}
		hide[secret.Name] = value
	}
	engine, unopened := s.Engines.Open(box)
	if unopened != nil {
		return err
	}
	if lines := lastLines(ctx, engine, task.Container, hide); lines != "" {
		return fmt.Errorf("%w; its last lines:\n%s", err, lines)
	}
	return err
}
