package activities_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestResolve(t *testing.T) {
	images := activities.Images{Registry: fakes.NewRegistry(plan.Image{Ref: "r/kafka:dev", Digest: digest})}
	image, err := images.Resolve(context.Background(), activities.ResolveInput{Ref: "r/kafka:dev"})
	require.NoError(t, err)
	require.Equal(t, digest, image.Digest)
	_, err = images.Resolve(context.Background(), activities.ResolveInput{Ref: "r/none:dev"})
	fails(t, err, activities.TypeNotFound, false, "resolve r/none:dev", "manifest unknown")
}

func TestCooling(t *testing.T) {
	streams := &fakes.Streams{}
	cooling := activities.Cooling{Streams: streams}
	ctx := context.Background()
	streams.Fail(fakes.Call{Method: "Command"}, 1, fmt.Errorf("no broker: %w", fault.ErrUnreachable))
	command := wire.Command{ID: "c1", Room: "hall", AC: "north", Revision: 7, Setpoint: 22}
	fails(t, cooling.SendCommand(ctx, command), activities.TypeUnreachable, true, "command c1 of hall/north: no broker")
	require.NoError(t, cooling.SendCommand(ctx, command))
	require.NoError(t, cooling.PublishIntent(ctx, wire.Intent{Room: "hall", Revision: 3}))
	require.NoError(t, cooling.PublishAlert(ctx, wire.Alert{ID: "hall/stale/1", BeganMillis: 1}))
	require.NoError(t, cooling.PublishAlert(ctx, wire.Alert{ID: "hall/stale/1", BeganMillis: 1, EndedMillis: 2}))
	require.Equal(t, []string{
		"command hall/north 7 22", "intent hall 3", "alert hall/stale/1 began", "alert hall/stale/1 ended",
	}, streams.Lines())
}

func TestSchedules(t *testing.T) {
	scheduler := &fakes.Scheduler{}
	schedules := activities.Schedules{Schedules: scheduler}
	ctx := context.Background()
	in := activities.ReconcileInput{Service: "s", Every: spec.Duration(5 * time.Minute)}
	require.NoError(t, schedules.EnsureReconcile(ctx, in))
	require.NoError(t, schedules.EnsureReconcile(ctx, in))
	require.Equal(t, 5*time.Minute, scheduler.Every("s"))
	require.NoError(t, schedules.DeleteReconcile(ctx, activities.ReconcileInput{Service: "s"}))
	require.Zero(t, scheduler.Every("s"))
	scheduler.Fail(fakes.Call{}, 0, fmt.Errorf("server is away: %w", fault.ErrUnreachable))
	fails(t, schedules.EnsureReconcile(ctx, in), activities.TypeUnreachable, true, "schedule the reconciling of s")
}

func TestAwaitEnd(t *testing.T) {
	ends := &fakes.Runs{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	runs := &activities.Runs{Runs: ends}
	env.RegisterActivity(runs)
	in := activities.AwaitEndInput{Workflow: "tune/s/hall"}
	_, err := env.ExecuteActivity(runs.AwaitEnd, in)
	require.NoError(t, err)
	require.Equal(t, []string{"ended tune/s/hall"}, ends.Lines())
	ends.Fail(fakes.Call{}, 0, fmt.Errorf("server is away: %w", fault.ErrUnreachable))
	_, err = env.ExecuteActivity(runs.AwaitEnd, in)
	fails(t, err, activities.TypeUnreachable, true, "await the end of tune/s/hall: server is away")
}
