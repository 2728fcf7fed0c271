package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
)

// logs is LogsWorkflow over an activity that takes so long, and what that was asked for.
func logs(t *testing.T, long time.Duration, cursor activities.LogCursor) (*testsuite.TestWorkflowEnvironment, *[]activities.FollowInput) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	var views *activities.Views
	env.RegisterActivity(views)
	var begun []activities.FollowInput
	env.OnActivity(views.Follow, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FollowInput) (activities.LogCursor, error) {
		begun = append(begun, in)
		return cursor, nil
	}).After(long)
	return env, &begun
}

func watched() LogsInput {
	return LogsInput{Service: "smart-energy", Function: "sink", Replica: 1, Tail: 500}
}

func TestALogIsFollowedForAsLongAsSomebodyWatches(t *testing.T) {
	env, _ := logs(t, time.Hour, activities.LogCursor{})
	begun, cancelled := env.Now(), time.Time{}
	env.SetOnActivityCanceledListener(func(*activity.Info) { cancelled = env.Now() })
	for i := range 4 { // somebody watches for two minutes
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalWatch, nil) }, time.Duration(i)*30*time.Second)
	}
	env.ExecuteWorkflow(LogsWorkflow, watched())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 90*time.Second+WatchedFor, env.Now().Sub(begun), "75 s after the last word")
	require.Equal(t, env.Now(), cancelled, "and so does the activity")
}

func TestALongFollowingBeginsAnewWithAFreshHistory(t *testing.T) {
	cursor := activities.LogCursor{Box: "rack-1", At: time.Unix(1, 0).UTC()}
	env, asked := logs(t, followMost, cursor)
	for at := time.Duration(0); at < followMost; at += 30 * time.Second {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalWatch, nil) }, at)
	}
	begun := env.Now()
	env.ExecuteWorkflow(LogsWorkflow, watched())
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Len(t, *asked, 1)
	require.Equal(t, followMost, (*asked)[0].Until.Sub(begun))
	var next LogsInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.Equal(t, cursor, next.After, "the next run goes on where this one ended")
	require.WithinDuration(t, env.Now(), next.Watched, 31*time.Second)
	require.Equal(t, 500, next.Tail)
}

func TestALookAtABox(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	glasses := &fakes.Glasses{}
	glasses.See("rack-1", activities.Inspection{Engine: activities.EngineFacts{Version: "28.0"}})
	views := &activities.Views{Glasses: glasses, Placements: fakes.Placements{"shop": {Boxes: []spec.Box{{Name: "rack-1"}}}}}
	env.RegisterActivity(views)
	env.ExecuteWorkflow(InspectWorkflow, activities.InspectInput{Service: "shop", Box: "rack-1"})
	require.NoError(t, env.GetWorkflowError())
	var seen activities.Inspection
	require.NoError(t, env.GetWorkflowResult(&seen))
	require.True(t, seen.Reachable)
	require.Equal(t, "28.0", seen.Engine.Version)

	env = suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(views)
	env.ExecuteWorkflow(InspectWorkflow, activities.InspectInput{Service: "shop", Box: "rack-2"})
	var application *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &application)
	require.Equal(t, activities.TypeNotFound, application.Type())
	require.Equal(t, "service shop: it has no box rack-2: not found", application.Message())
}
