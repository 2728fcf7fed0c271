package activities

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// swarmWait judges what one wait for a swarm service sees, look by look.
type swarmWait struct {
	in            AwaitInSwarmInput
	settle, stuck time.Duration

	before    map[string]bool // tasks that had failed before the first look
	failed    map[string]bool // tasks that have failed since
	running   time.Time       // since when the same tasks have been up
	ups       string
	homeless  time.Time // since when a task has found no node
	lingering time.Time // since when all is up and an unwanted task still runs
	worst     SwarmTask // the task to tell about
}

// judge says whether all is as awaited, or why it never will be.
func (w *swarmWait) judge(state SwarmServiceState, now time.Time) (up bool, err error) {
	if !state.There {
		return false, fmt.Errorf("it is gone: somebody removed it: %w", fault.ErrNotFound)
	}
	w.count(state)
	switch {
	case state.Update == "rollback_started":
		return false, nil
	case strings.HasPrefix(state.Update, "rollback") && !w.past(state):
		return false, fmt.Errorf("the swarm took the update back: %s: %w", w.tell(), w.kind())
	case state.Update == "paused":
		return false, fmt.Errorf("the swarm paused the update: %s: %w", w.tell(), w.kind())
	case w.in.Change != "" && state.Change != w.in.Change:
		return false, fmt.Errorf("somebody else has changed it meanwhile: %w", fault.ErrUnhealthy)
	}
	tasks := current(state.Tasks, w.in)
	switch {
	case state.Update != "updating" && len(tasks) >= w.in.Replicas-w.in.Held && w.settled(tasks, now):
		return !w.lingers(state, now), nil
	case w.missing(state):
		return false, fmt.Errorf("%s: %w", w.tell(), fault.ErrNotFound)
	case state.Update == "updating":
		return false, nil // the swarm counts failures itself, and takes the update back
	case len(w.failed) >= mostRestarts || w.in.Once && len(w.failed) > 0:
		return false, fmt.Errorf("%s: %w", w.tell(), w.kind())
	}
	return false, w.findsNoNode(state, now)
}

// past says that a finished rollback is what was asked for, or an old story: the specification that it brought back
// is the one that is wanted.
func (w *swarmWait) past(state SwarmServiceState) bool {
	return state.Update == "rollback_completed" && (w.in.Reverting || w.in.Change == "")
}

// count notes the tasks that have failed. Unless their specification is a new one, those of before the first look do
// not count: a swarm remembers a few of them for ever.
func (w *swarmWait) count(state SwarmServiceState) {
	first := w.before == nil
	if first {
		w.before, w.failed = map[string]bool{}, map[string]bool{}
	}
	for _, task := range state.Tasks {
		if task.State != "failed" && task.State != "rejected" || task.Hash != w.in.Hash {
			continue
		}
		switch {
		case w.before[task.ID]:
		case first && !w.in.Anew:
			w.before[task.ID] = true
		case !w.failed[task.ID]:
			w.failed[task.ID], w.worst = true, task
		}
	}
}

// missing says that a node has not got the image.
func (w *swarmWait) missing(state SwarmServiceState) bool {
	return len(w.failed) > 0 && state.Update != "updating" && strings.Contains(w.worst.Fault, "No such image")
}

// settled says whether tasks that no check vouches for have been up long enough.
func (w *swarmWait) settled(tasks []SwarmTask, now time.Time) bool {
	if w.in.HasCheck || w.in.Completed {
		return true
	}
	ups := ""
	for _, task := range tasks {
		ups += task.ID + " "
	}
	if ups != w.ups || w.running.IsZero() {
		w.ups, w.running = ups, now
	}
	return now.Sub(w.running) >= w.settle
}

// lingers says that a task which nobody wants any more still runs on a box that answers. It is waited for, so that
// the next look finds what was planned, but not for ever: nothing is wrong with what is wanted.
func (w *swarmWait) lingers(state SwarmServiceState, now time.Time) bool {
	left := slices.ContainsFunc(state.Tasks, func(t SwarmTask) bool {
		there := slices.ContainsFunc(w.in.Nodes, func(n BoxNode) bool { return n.Node == t.Node && !n.Away })
		return there && t.State == "running" && t.Desired != "running"
	})
	if left && w.lingering.IsZero() {
		w.lingering = now
	}
	return left && now.Sub(w.lingering) < w.stuck
}

// findsNoNode is the swarm's reason when a task has waited too long for a node.
func (w *swarmWait) findsNoNode(state SwarmServiceState, now time.Time) error {
	homeless := slices.DeleteFunc(slices.Clone(state.Tasks), func(t SwarmTask) bool {
		return t.State != "pending" || t.Fault == "" || t.Hash != w.in.Hash
	})
	if len(homeless) <= w.in.Held {
		w.homeless = time.Time{}
		return nil
	}
	w.worst = homeless[0]
	if w.homeless.IsZero() {
		w.homeless = now
	}
	if now.Sub(w.homeless) < w.stuck {
		return nil
	}
	kind := fault.ErrRejected
	if strings.Contains(w.worst.Fault, "port already in use") {
		kind = fault.ErrPortTaken
	}
	return fmt.Errorf("%s: %w", w.tell(), kind)
}

// tell is the task that failed last, in words.
func (w *swarmWait) tell() string {
	if w.worst.ID == "" {
		return "no task has failed"
	}
	where := boxOfNode(w.in.Nodes, w.worst.Node).Name
	if where != "" {
		where = " on " + where
	}
	return fmt.Sprintf("task %d%s is %s: %s", w.worst.Slot, where, w.worst.State, cmp.Or(w.worst.Fault, "no reason given"))
}

// kind is what the failure of the worst task means.
func (w *swarmWait) kind() error {
	switch {
	case strings.Contains(w.worst.Fault, "non-zero exit"):
		return fault.ErrExited
	case w.worst.State == "rejected":
		return fault.ErrRejected
	}
	return fault.ErrUnhealthy
}

func (w *swarmWait) tooLate(state SwarmServiceState, patience time.Duration) error {
	for _, task := range state.Tasks {
		if w.worst.ID == "" && task.Hash == w.in.Hash && task.State != "running" && task.Desired != "shutdown" {
			w.worst = task
		}
	}
	return fmt.Errorf("%s after %s; %s: %w", w.summary(state), patience, w.tell(), fault.ErrUnhealthy)
}

func (w *swarmWait) summary(state SwarmServiceState) string {
	text := fmt.Sprintf("%d of %d replicas are up", len(current(state.Tasks, w.in)), w.in.Replicas)
	if state.Update != "" {
		text += ", update " + state.Update
	}
	return text
}

// current are the tasks that are as awaited, one for each slot, by slot.
func current(tasks []SwarmTask, in AwaitInSwarmInput) []SwarmTask {
	state := "running"
	if in.Completed {
		state = "complete"
	}
	var found []SwarmTask
	for _, task := range tasks {
		same := func(one SwarmTask) bool { return one.Slot == task.Slot }
		if task.State == state && task.Hash == in.Hash && (in.Completed || task.Desired == "running") && !slices.ContainsFunc(found, same) {
			found = append(found, task)
		}
	}
	slices.SortFunc(found, func(a, b SwarmTask) int { return cmp.Compare(a.Slot, b.Slot) })
	return found
}

// boxOfNode is the box of a node; the zero box for one that the specification does not have.
func boxOfNode(nodes []BoxNode, id string) spec.Box {
	for _, one := range nodes {
		if one.Node == id {
			return one.Box
		}
	}
	return spec.Box{}
}
