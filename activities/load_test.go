package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// meters are boxes with one replica each that uses a number of processors since it began.
type meters struct {
	cpus   map[string]float64 // by box; a box that is not here does not answer
	begun  time.Time
	memory int64
}

func (m *meters) Usages(_ context.Context, box spec.Box, service, function string) ([]activities.Usage, error) {
	cpus, answers := m.cpus[box.Name]
	if !answers {
		return nil, fmt.Errorf("%s does not answer: %w", box.Name, fault.ErrUnreachable)
	}
	now := time.Now()
	return []activities.Usage{{
		Container: service + function + box.Name, At: now, CPU: time.Duration(cpus * float64(now.Sub(m.begun))),
		MemoryBytes: m.memory, LimitBytes: 100 << 20,
	}}, nil
}

type backlogs struct {
	records int64
	err     error
}

func (b backlogs) Lag(context.Context, []string, string) (int64, int, error) {
	return b.records, 4, b.err
}

func watchInput(metric string, target float64, boxes ...string) activities.WatchInput {
	in := activities.WatchInput{
		Service: "shop", Function: "web", Replicas: len(boxes), CPUs: 0.5, Until: time.Now().Add(24 * time.Hour),
		Tune: spec.Tune{Metric: metric, Target: target, Least: 1, Most: 5, Group: "workers"},
	}
	for _, name := range boxes {
		in.Boxes = append(in.Boxes, spec.Box{Name: name})
	}
	return in
}

// watch runs the activity on a clock that passes by itself.
func watch(t *testing.T, make func() (*activities.Loads, activities.WatchInput)) (decision scale.Decision, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		suite := &testsuite.WorkflowTestSuite{}
		suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		env := suite.NewTestActivityEnvironment()
		loads, in := make()
		env.RegisterActivity(loads)
		begun := time.Now()
		value, err := env.ExecuteActivity(loads.Watch, in)
		require.NoError(t, err)
		require.NoError(t, value.Get(&decision))
		took = time.Since(begun)
	})
	return decision, took
}

func TestWatchSaysWhenABusyFunctionNeedsMore(t *testing.T) {
	decision, took := watch(t, func() (*activities.Loads, activities.WatchInput) {
		m := &meters{cpus: map[string]float64{"a": 0.5, "b": 0.5}, begun: time.Now()}
		return &activities.Loads{Meters: m}, watchInput(scale.CPU, 50, "a", "b")
	})
	require.Equal(t, scale.Decision{Replicas: 4, Why: "cpu 100 % above cpu 50 % for 1m0s: 2 -> 4 (1 to 5)"}, decision)
	require.Equal(t, 70*time.Second, took, "one measurement to have two of, and a minute")
}

func TestWatchTakesNothingAwayWhileABoxDoesNotAnswer(t *testing.T) {
	idle := func(answering ...string) func() (*activities.Loads, activities.WatchInput) {
		return func() (*activities.Loads, activities.WatchInput) {
			m := &meters{cpus: map[string]float64{}, begun: time.Now()}
			for _, box := range answering {
				m.cpus[box] = 0.01
			}
			in := watchInput(scale.CPU, 50, "a", "b")
			in.Until = time.Now().Add(9 * time.Minute)
			return &activities.Loads{Meters: m}, in
		}
	}
	decision, took := watch(t, idle("a", "b"))
	require.Equal(t, 1, decision.Replicas)
	require.Equal(t, 310*time.Second, took)
	for _, answering := range [][]string{{"a"}, {}} {
		decision, took = watch(t, idle(answering...))
		require.Empty(t, decision, "the time is over and nothing was decided")
		require.Equal(t, 9*time.Minute, took)
	}
}

func TestWatchMeasuresMemoryAndLag(t *testing.T) {
	decision, _ := watch(t, func() (*activities.Loads, activities.WatchInput) {
		m := &meters{cpus: map[string]float64{"a": 0}, memory: 90 << 20}
		return &activities.Loads{Meters: m}, watchInput(scale.Memory, 50, "a")
	})
	require.Equal(t, 2, decision.Replicas)
	decision, _ = watch(t, func() (*activities.Loads, activities.WatchInput) {
		return &activities.Loads{Backlogs: backlogs{records: 5000}}, watchInput(scale.KafkaLag, 1000, "a")
	})
	require.Equal(t, 4, decision.Replicas, "five are wanted, and four partitions are all the work there is")
	decision, _ = watch(t, func() (*activities.Loads, activities.WatchInput) {
		in := watchInput(scale.KafkaLag, 1000, "a", "b")
		in.Until = time.Now().Add(9 * time.Minute)
		return &activities.Loads{Backlogs: backlogs{err: fault.ErrUnreachable}}, in
	})
	require.Empty(t, decision, "a lag that nobody knows is none of zero")
}

// A worker that dies has its successor go on where its last heartbeat was.
func TestWatchGoesOnFromItsHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		suite := &testsuite.WorkflowTestSuite{}
		suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		env := suite.NewTestActivityEnvironment()
		loads := &activities.Loads{Backlogs: backlogs{records: 3000}}
		env.RegisterActivity(loads)
		var before activities.WatchBeat
		for i := range 6 {
			before.Window.Wants = append(before.Window.Wants, scale.Want{At: time.Now().Add(time.Duration(i-6) * scale.Every), Current: 1, Replicas: 3})
		}
		env.SetHeartbeatDetails(before)
		begun := time.Now()
		value, err := env.ExecuteActivity(loads.Watch, watchInput(scale.KafkaLag, 1000, "a"))
		require.NoError(t, err)
		var decision scale.Decision
		require.NoError(t, value.Get(&decision))
		require.Equal(t, 3, decision.Replicas)
		require.Zero(t, time.Since(begun), "the minute was over with the first measurement")
	})
}
