package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// watcher answers the watches of functions: with one decision for each in turn, and then never.
type watcher struct {
	decide []scale.Decision
	asked  chan activities.WatchInput
}

func newWatcher(decide ...scale.Decision) *watcher {
	return &watcher{decide: decide, asked: make(chan activities.WatchInput, 100)}
}

func (w *watcher) register(env *testsuite.TestWorkflowEnvironment) {
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.WatchInput) (scale.Decision, error) {
		w.asked <- in
		if n := len(w.asked); n <= len(w.decide) {
			return w.decide[n-1], nil
		}
		return scale.Decision{}, sdkactivity.ErrResultPending // which lets the test's time pass
	}, sdkactivity.RegisterOptions{Name: "Watch"})
}

// inputs are the watches begun so far.
func (w *watcher) inputs() []activities.WatchInput {
	var all []activities.WatchInput
	for range len(w.asked) {
		all = append(all, <-w.asked)
	}
	return all
}

func tuned(least, most int) spec.Service {
	return edit("sink", func(f *spec.Function) {
		f.Tune = &spec.Tune{Metric: scale.KafkaLag, Target: 1000, Least: least, Most: most, Kafka: "kafka", Group: "sink"}
		f.Constraints = nil
	})
}

func TestServiceFollowsTheLoadOfAFunction(t *testing.T) {
	w := newWorld(t)
	watched := newWatcher(scale.Decision{Replicas: 3, Why: "kafka-lag 3000 records a replica above 1000"})
	watched.register(w.TestWorkflowEnvironment)
	var status Status
	_, err := w.run(tuned(1, 4),
		after(30*time.Second, func() { status = w.status() }),
		w.down(40*time.Second))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, status.Phase)
	require.Equal(t, 2, status.Revision)
	require.Equal(t, []string{"sink"}, status.Tuned)
	require.Equal(t, 3, replicas(status, "sink"))
	last := status.Audit[len(status.Audit)-1]
	require.Equal(t, "tuning", last.Who)
	require.Equal(t, "scale sink to 3", last.What)
	require.Equal(t, "kafka-lag 3000 records a replica above 1000", last.Why)
	require.Equal(t, "accepted", last.Outcome)

	asked := watched.inputs()
	require.Len(t, asked, 2, "once as it was, once as it was placed then")
	require.Equal(t, 1, asked[0].Replicas)
	require.Equal(t, []string{"10.0.0.1:9092"}, asked[0].Brokers)
	require.Equal(t, 3, asked[1].Replicas)
	require.NotEmpty(t, asked[1].Boxes)
	require.Contains(t, w.runs.Lines(), "ended "+ScaleID("smart-energy", "sink"), "down means that its tuning has ended")
}

func replicas(status Status, name string) int {
	count := 0
	for _, f := range status.Functions {
		if f.Function == name {
			count++
		}
	}
	return count
}

func TestALaterApplyKeepsWhatTheTuningHasSetWithinItsBounds(t *testing.T) {
	w := newWorld(t)
	newWatcher(scale.Decision{Replicas: 3, Why: "busy"}).register(w.TestWorkflowEnvironment)
	var kept, bounded Status
	refused := &answer{}
	_, err := w.run(tuned(1, 4),
		after(20*time.Second, func() { w.update(UpdateApply, ApplyRequest{Service: tuned(1, 5)}, &answer{}) }),
		after(40*time.Second, func() { kept = w.status() }),
		after(41*time.Second, func() { w.update(UpdateScale, ScaleRequest{Function: "sink", Replicas: 9, Who: "ann"}, refused) }),
		after(42*time.Second, func() { w.update(UpdateApply, ApplyRequest{Service: edit("sink", func(*spec.Function) {})}, &answer{}) }),
		after(60*time.Second, func() { bounded = w.status() }),
		w.down(70*time.Second))
	require.NoError(t, err)
	require.Equal(t, 3, replicas(kept, "sink"), "the file's number is only where a tuning starts")
	require.ErrorContains(t, refused.refused, "sink is tuned by kafka-lag between 1 and 5 replicas")
	require.Equal(t, 1, replicas(bounded, "sink"), "without tuning the file's number holds")
	require.Empty(t, bounded.Tuned)
}

// during is what happens to a workflow at a moment of its own time.
type during struct {
	at time.Duration
	do func(env *testsuite.TestWorkflowEnvironment)
}

// alone runs a ScaleWorkflow whose service takes the signals in, until it is cancelled.
func alone(t *testing.T, watched *watcher, moments ...during) (asked []ScaleRequest) {
	t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quietLog())
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	env.RegisterWorkflow(ScaleWorkflow)
	watched.register(env)
	env.OnSignalExternalWorkflow(mock.Anything, "service/shop", "", SignalScale, mock.Anything).Return(
		func(_, _, _, _ string, request any) error {
			asked = append(asked, request.(ScaleRequest))
			return nil
		})
	for _, m := range moments {
		env.RegisterDelayedCallback(func() { m.do(env) }, m.at)
	}
	env.ExecuteWorkflow(ScaleWorkflow, ScaleInput{Watch: shop(1)})
	require.True(t, env.IsWorkflowCompleted())
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
	return asked
}

func shop(replicas int) activities.WatchInput {
	return activities.WatchInput{
		Service: "shop", Function: "web", Replicas: replicas, Boxes: []spec.Box{{Name: "rack-1"}},
		Tune: spec.Tune{Metric: scale.CPU, Target: 50, Least: 1, Most: 3},
	}
}

func TestATuningThatIsNotHeardAsksAgainLater(t *testing.T) {
	busy := scale.Decision{Replicas: 3, Why: "busy"}
	asked := alone(t, newWatcher(busy, busy, busy),
		during{at: 25 * time.Minute, do: func(env *testsuite.TestWorkflowEnvironment) { env.CancelWorkflow() }})
	want := ScaleRequest{Function: "web", Replicas: 3, Who: Tuning, Why: "busy"}
	require.Equal(t, []ScaleRequest{want, want, want}, asked, "at once, after ten minutes and after twenty")
}

func TestAFunctionThatIsPlacedAnewIsWatchedAnew(t *testing.T) {
	watched := newWatcher()
	var state ScaleState
	alone(t, watched,
		during{at: time.Minute, do: func(env *testsuite.TestWorkflowEnvironment) { env.SignalWorkflow(SignalWatch, shop(2)) }},
		during{at: 2 * time.Minute, do: func(env *testsuite.TestWorkflowEnvironment) {
			value, err := env.QueryWorkflow(QueryState)
			require.NoError(t, err)
			require.NoError(t, value.Get(&state))
			env.CancelWorkflow()
		}})
	asked := watched.inputs()
	require.Len(t, asked, 2)
	require.Equal(t, 2, asked[1].Replicas)
	require.Equal(t, 2, state.Replicas)
}

func TestWatchOfIsTheFunctionAsItWasPlaced(t *testing.T) {
	service := tuned(1, 4)
	p := plan.Plan{Placements: []plan.Placement{
		{Function: "kafka", Box: "rack-1", Ports: []spec.Port{{Container: 9092, Host: 19092}}},
		{Function: "sink", Box: "rack-2", Resources: spec.Resources{LimitCPUs: 0.5}},
		{Function: "sink", Box: "rack-2"},
	}}
	in := watchOf(service, p, service.Functions[1])
	require.Equal(t, 2, in.Replicas)
	require.Len(t, in.Boxes, 1)
	require.Equal(t, []string{"10.0.0.1:19092"}, in.Brokers)
	service.Functions[0].External = "kafka.example:9092"
	require.Equal(t, []string{"kafka.example:9092"}, watchOf(service, p, service.Functions[1]).Brokers)
}
