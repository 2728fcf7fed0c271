package workflows

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
)

const sinkRef = "127.0.0.1:5000/overcloud/sink:dev"

func entryOf(t *testing.T, status Status, what string) AuditEntry {
	t.Helper()
	at := slices.IndexFunc(status.Audit, func(e AuditEntry) bool { return e.What == what })
	require.GreaterOrEqual(t, at, 0, "no %q in %+v", what, status.Audit)
	return status.Audit[at]
}

func (w *world) revisions() []Revision {
	w.t.Helper()
	value, err := w.QueryWorkflow(QueryRevisions)
	require.NoError(w.t, err)
	var all []Revision
	require.NoError(w.t, value.Get(&all))
	return all
}

func (w *world) running() Running {
	w.t.Helper()
	value, err := w.QueryWorkflow(QueryRunning)
	require.NoError(w.t, err)
	var now Running
	require.NoError(w.t, value.Get(&now))
	return now
}

func numbers(all []Revision) []int {
	var numbers []int
	for _, one := range all {
		numbers = append(numbers, one.Revision)
	}
	return numbers
}

// commanded is the chain with a command of ui: each is another revision.
func commanded(command string) spec.Service {
	return edit("ui", func(f *spec.Function) { f.Command = []string{command} })
}

// crash lets ui exit and tells the service to look.
func (w *world) crash() {
	w.engines.Exit("rack-2", "smart-energy-ui-1", 1)
	w.SignalWorkflow(SignalReconcile, nil)
}

// uiRuns waits, in an activity, until ui runs again.
func (w *world) uiRuns(ctx context.Context) error {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if slices.Contains(w.engines.Running("rack-2"), "smart-energy-ui-1") {
			return nil
		}
	}
	return fmt.Errorf("ui was not healed meanwhile")
}

// hang makes the pulls of sink's new image wait until ui runs again, which crashes as soon as the first pull begins.
func (w *world) hang() (healed *bool) {
	healed = new(bool)
	w.registry.Set(image("sink", "new"))
	w.once("Pull", w.crash)
	w.engines.Before(fakes.Call{Method: "Pull", Subject: sinkRef}, func(ctx context.Context, _ fakes.Call) error {
		err := w.uiRuns(ctx)
		*healed = err == nil
		return err
	})
	return healed
}
