package temporal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// lingering registers the workflows, with tunings that take a second to end.
type lingering struct{ worker.Worker }

func (l lingering) RegisterWorkflow(story any) {
	tune, found := story.(func(workflow.Context, workflows.TuneInput) error)
	if !found {
		l.Worker.RegisterWorkflow(story)
		return
	}
	l.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.TuneInput) error {
		err := tune(ctx, in)
		last, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		return errors.Join(err, workflow.Sleep(last, time.Second))
	}, workflow.RegisterOptions{Name: "TuneWorkflow"})
}

// A service that is started at once when it is down has tunings that run: none that was still ending is taken for
// one of its own.
func TestDownFollowedByUp(t *testing.T) {
	l := newLab(t)
	l.workWith(t, func(w worker.Worker) { workflows.Register(lingering{w}) })
	ctx := t.Context()
	rooms := service()
	for _, name := range []string{"lab", "attic", "cellar"} {
		room := rooms.Rooms[0]
		room.Name = name
		rooms.Rooms = append(rooms.Rooms, room)
	}
	var slowest time.Duration
	for range 3 {
		_, err := l.StartService(ctx, rooms)
		require.NoError(t, err)
		l.await(t, tuning)
		for _, room := range rooms.Rooms {
			_, err = l.TuneState(ctx, "smart-energy", room.Name)
			require.NoError(t, err)
		}
		begun := time.Now()
		report, err := l.Down(ctx, "smart-energy", workflows.DownRequest{})
		require.NoError(t, err)
		require.Empty(t, report.Stayed)
		slowest = max(slowest, time.Since(begun))
		for _, room := range rooms.Rooms {
			_, err = l.TuneState(ctx, "smart-energy", room.Name)
			require.ErrorIs(t, err, fault.ErrNotFound, "down means that its tunings have ended")
		}
	}
	t.Logf("the slowest down with four rooms took %s", slowest.Round(time.Millisecond))
	require.NoError(t, Runs{Client: l.Client}.AwaitEnd(ctx, "never/begun"))
}

func TestApplyOfAPlanThatWasShown(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	_, err := l.Apply(ctx, workflows.ApplyRequest{Service: service(), PlanHash: "stale", Who: "ann"})
	require.NoError(t, err)
	status := l.await(t, func(s workflows.Status) bool { return s.Phase == workflows.PhaseFailed })
	require.Equal(t, workflows.TypePlanChanged, status.FaultType)
	require.Empty(t, l.engines.Containers("rack-1"), "the condition holds for the very first plan")

	shown := make(chan string, 2)
	for range 2 { // two people look at once
		go func() {
			match, err := l.Preview(ctx, service())
			shown <- match.Plan.Hash + fmt.Sprint(err)
		}()
	}
	one, other := <-shown, <-shown
	require.Equal(t, one, other)
	hash, found := strings.CutSuffix(one, "<nil>")
	require.True(t, found, one)

	accepted, err := l.Apply(ctx, workflows.ApplyRequest{Service: service(), PlanHash: hash})
	require.NoError(t, err)
	status = l.await(t, tuning)
	require.Equal(t, accepted.Revision, status.Revision)
	require.Equal(t, hash, status.PlanHash)

	// Nothing has changed since, so the plan is still the one that was shown.
	_, err = l.Apply(ctx, workflows.ApplyRequest{Service: service(), PlanHash: hash})
	require.NoError(t, err)
	l.await(t, func(s workflows.Status) bool { return tuning(s) && s.Revision == accepted.Revision+1 })
}

// The longest specification that is accepted also runs, is changed, and is taken down.
func TestTheLongestSpecificationRuns(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	long := func(value string) spec.Service {
		s := service()
		s.Functions[0].Environment = []spec.Variable{{Name: "BLOB", Value: strings.Repeat(value, workflows.SpecificationMost-8<<10)}}
		return s
	}
	for revision, value := range []string{"a", "b", "c"} {
		_, err := l.StartService(ctx, long(value))
		require.NoError(t, err)
		l.await(t, func(s workflows.Status) bool { return tuning(s) && s.Revision == revision+1 })
	}
	_, err := l.Down(ctx, "smart-energy", workflows.DownRequest{})
	require.NoError(t, err)

	over := long("a")
	over.Functions[0].Environment[0].Value += strings.Repeat("a", 8<<10)
	_, err = l.StartService(ctx, over)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "512 KiB is the most")
	_, err = l.Status(ctx, "smart-energy")
	require.ErrorIs(t, err, fault.ErrNotFound, "nothing was started")
	_, err = l.Preview(ctx, over)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestAPreviewSaysWhichRegistryIsAway(t *testing.T) {
	away := activities.Fault(fmt.Errorf("resolve kafka:1: connection refused: %w", fault.ErrUnreachable))
	err := (&Client{}).fault(away, "plan of s")
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "resolve kafka:1: connection refused")
}
