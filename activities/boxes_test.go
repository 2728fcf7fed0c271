package activities_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

const digest = "sha256:1111"

var rack = spec.Box{Name: "rack-1", Engine: "tcp://127.0.0.1:1"}

// bench is Boxes over fakes, run as the SDK runs activities.
type bench struct {
	t       *testing.T
	engines *fakes.Engines
	secrets fakes.Secrets
	boxes   *activities.Boxes
	env     *testsuite.TestActivityEnvironment
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, engines: fakes.NewEngines(plan.Box{Name: "rack-1"}), secrets: fakes.Secrets{}}
	b.boxes = &activities.Boxes{Engines: b.engines, Secrets: b.secrets, Every: time.Millisecond, Settle: 5 * time.Millisecond}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b.env = suite.NewTestActivityEnvironment()
	b.env.RegisterActivity(b.boxes)
	return b
}

func run[T any](b *bench, method, in any) (T, error) {
	b.t.Helper()
	var out T
	value, err := b.env.ExecuteActivity(method, in)
	if err == nil && value.HasValue() {
		require.NoError(b.t, value.Get(&out))
	}
	return out, err
}

// fails asserts the type of an application error and whether it is to be tried again.
func fails(t *testing.T, err error, kind string, again bool, words ...string) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, kind, application.Type())
	require.Equal(t, again, !application.NonRetryable(), "tried again")
	for _, word := range words {
		require.Contains(t, application.Message(), word)
	}
}

func kafka() plan.Placement {
	return plan.Placement{
		Function: "kafka", Replica: 1, Box: "rack-1", Container: "s-kafka-1", Image: "r/kafka:dev", Digest: digest, SpecHash: "h1",
		Ports: []spec.Port{{Container: 9092, Host: 9092, Protocol: "tcp"}},
	}
}

func pullOf(image string) plan.Pull {
	return plan.Pull{Box: "rack-1", Image: image, Digest: digest, SizeBytes: 1000}
}

func TestObserveTakesAnUnreachableBoxForAResult(t *testing.T) {
	b := newBench(t)
	b.engines.Lose("rack-1")
	seen, err := run[plan.Box](b, b.boxes.Observe, activities.ObserveInput{Box: rack})
	require.NoError(t, err)
	require.False(t, seen.Reachable)
	require.Contains(t, seen.Fault, "connection refused")

	_, err = run[plan.Box](b, b.boxes.Observe, activities.ObserveInput{Box: spec.Box{Name: "moon"}})
	fails(t, err, activities.TypeInvalid, false, "box moon")
}

func TestListFindsOneService(t *testing.T) {
	b := newBench(t)
	b.engines.Put("rack-1", plan.Container{Name: "s-a-1", Service: "s", State: "exited"})
	b.engines.Put("rack-1", plan.Container{Name: "other-a-1", Service: "other", State: "running"})
	b.engines.Put("rack-1", plan.Container{Name: "stranger", State: "running"})
	list, err := run[activities.ListResult](b, b.boxes.List, activities.ListInput{Box: rack, Service: "s"})
	require.NoError(t, err)
	require.True(t, list.Reachable)
	require.Len(t, list.Containers, 1)
	require.Equal(t, "s-a-1", list.Containers[0].Name)
}

func TestPullHeartbeatsAndReports(t *testing.T) {
	b := newBench(t)
	var beats atomic.Int32
	var last atomic.Value
	b.env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var progress activities.PullProgress
		if details.HasValues() && details.Get(&progress) == nil {
			last.Store(progress)
			beats.Add(1)
		}
	})
	b.engines.Before(fakes.Call{Method: "Pull"}, func(context.Context, fakes.Call) error {
		time.Sleep(10 * time.Millisecond) // so that the duration rounds to something
		return nil
	})
	result, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r.example/kafka:dev")})
	require.NoError(t, err)
	require.Equal(t, int64(1000), result.Bytes)
	require.Equal(t, 2, result.Layers)
	require.Equal(t, "r.example/kafka", result.From)
	require.GreaterOrEqual(t, result.Duration.D(), 10*time.Millisecond)
	require.Positive(t, beats.Load())
	require.IsType(t, activities.PullProgress{}, last.Load())
	require.Equal(t, []string{digest}, b.engines.Images("rack-1"))
}

func TestPullOfAPresentImageOnlyVerifies(t *testing.T) {
	b := newBench(t)
	in := activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")}
	in.Pull.Present = true
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	require.NoError(t, err)
	_, err = run[activities.PullResult](b, b.boxes.Pull, in)
	require.NoError(t, err)
	require.Equal(t, 1, b.engines.Count("pull"), "the plan was wrong once: %s", b.engines.Lines())
	require.Equal(t, 2, b.engines.Count("verify"))
}

func TestPullFaultsKeepTheirKind(t *testing.T) {
	for _, c := range []struct {
		err   error
		kind  string
		again bool
	}{
		{fault.ErrUnreachable, activities.TypeUnreachable, true},
		{fault.ErrNotFound, activities.TypeNotFound, false},
		{fault.ErrUnauthorised, activities.TypeUnauthorised, false},
		{fault.ErrNoPlatform, activities.TypeNoPlatform, false},
		{fault.ErrDigestMismatch, activities.TypeDigestMismatch, false},
		{fault.ErrRejected, activities.TypeRejected, false},
	} {
		t.Run(c.kind, func(t *testing.T) {
			b := newBench(t)
			b.engines.Fail(fakes.Call{Method: "Pull"}, 0, fmt.Errorf("the registry's own words: %w", c.err))
			_, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
			fails(t, err, c.kind, c.again, "pull r/kafka:dev on rack-1: the registry's own words")
		})
	}
}

func mirrored(mode string) []spec.Registry {
	return []spec.Registry{
		{Host: "r.example", Mirrors: []string{"m1.example", "http://m2.example:5000/cache/"}, Mode: mode, Credentials: "upstream"},
		{Host: "m1.example", Credentials: "mirror"},
	}
}

func TestPullGoesThroughMirrorsInOrder(t *testing.T) {
	b := newBench(t)
	b.secrets["env:UP"], b.secrets["env:M1"] = "u:upstream-password", "m:mirror-password"
	in := activities.PullInput{
		Box: rack, Pull: pullOf("r.example/team/kafka:dev"), Registries: mirrored("fallback"),
		Secrets: []spec.Secret{{Name: "upstream", From: "env:UP"}, {Name: "mirror", From: "env:M1"}},
	}
	b.engines.Fail(fakes.Call{Method: "Pull"}, 2, fmt.Errorf("manifest unknown: %w", fault.ErrNotFound))
	result, err := run[activities.PullResult](b, b.boxes.Pull, in)
	require.NoError(t, err)
	require.Equal(t, "r.example/team/kafka", result.From)

	b.engines.Heal()
	result, err = run[activities.PullResult](b, b.boxes.Pull, in)
	require.NoError(t, err)
	require.Equal(t, "m1.example/team/kafka", result.From)
	require.Equal(t, []string{
		"pull rack-1 r.example/team/kafka:dev from r.example/team/kafka as u",
		"pull rack-1 r.example/team/kafka:dev from m1.example/team/kafka as m",
	}, b.engines.Matching("pull"))
}

func TestPullFromStrictMirrorsNeverAsksTheRegistry(t *testing.T) {
	b := newBench(t)
	b.secrets["env:M1"] = "m:mirror-password"
	in := activities.PullInput{
		Box: rack, Pull: pullOf("r.example/kafka:dev"), Registries: mirrored("strict"),
		Secrets: []spec.Secret{{Name: "mirror", From: "env:M1"}},
	}
	b.engines.Fail(fakes.Call{Method: "Pull"}, 0, fmt.Errorf("manifest unknown: %w", fault.ErrNotFound))
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeNotFound, false, "from m1.example/kafka: manifest unknown", "m2.example:5000/cache/kafka")
	require.NotContains(t, err.Error(), "r.example/kafka: ")
}

func TestPullIsTriedAgainWhenOneSourceWasAway(t *testing.T) {
	b := newBench(t)
	b.secrets["env:M1"] = "m:mirror-password"
	in := activities.PullInput{
		Box: rack, Pull: pullOf("r.example/kafka:dev"), Registries: mirrored("strict"),
		Secrets: []spec.Secret{{Name: "mirror", From: "env:M1"}},
	}
	b.engines.Fail(fakes.Call{Method: "Pull"}, 1, fmt.Errorf("connection refused: %w", fault.ErrUnreachable))
	b.engines.Fail(fakes.Call{Method: "Pull"}, 1, fmt.Errorf("manifest unknown: %w", fault.ErrNotFound))
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeUnreachable, true, "connection refused", "manifest unknown")
}

func TestPullThatBringsNothingIsStalled(t *testing.T) {
	b := newBench(t)
	b.boxes.Stall = 20 * time.Millisecond
	b.engines.Before(fakes.Call{Method: "Pull"}, func(ctx context.Context, _ fakes.Call) error {
		<-ctx.Done()
		return ctx.Err()
	})
	_, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
	fails(t, err, activities.TypeUnreachable, true, "stalled: nothing came for 20ms")
}

func TestCredentialsThatAreNoneAreRefused(t *testing.T) {
	b := newBench(t)
	b.secrets["env:M1"] = "only-a-password"
	in := activities.PullInput{Box: rack, Pull: pullOf("m1.example/kafka:dev"), Registries: mirrored("")}
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeSecret, false, "secret mirror is declared nowhere")

	in.Secrets = []spec.Secret{{Name: "mirror", From: "env:M1"}}
	_, err = run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeSecret, false, "secret mirror is not of the form user:password")
	require.NotContains(t, err.Error(), "only-a-password")
}

func TestStartTwiceLeavesOneContainer(t *testing.T) {
	b := newBench(t)
	_, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
	require.NoError(t, err)
	in := activities.StartInput{Box: rack, Service: "s", Placement: kafka()}
	in.Placement.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	in.Secrets = []spec.Secret{{Name: "token", From: "env:T"}}
	b.secrets["env:T"] = "hush"

	first, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.True(t, first.Created)
	second, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.Equal(t, activities.StartResult{ID: first.ID}, second)
	require.Equal(t, []string{"s-kafka-1"}, b.engines.Running("rack-1"))
	require.Equal(t, map[string][]byte{"/run/secrets/token": []byte("hush")}, b.engines.Secrets("rack-1", "s-kafka-1"))

	in.Placement.SpecHash = "h2"
	third, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, third.ID)
	require.Equal(t, []string{"start rack-1 s-kafka-1"}, b.engines.Matching("start"))
	require.Equal(t, []string{"replace rack-1 s-kafka-1"}, b.engines.Matching("replace"))
}

// A container that is sick is started anew although its specification hash is right; running the start twice does
// not touch the new one.
func TestStartReplacesByID(t *testing.T) {
	b := newBench(t)
	in := activities.StartInput{Box: rack, Service: "s", Placement: plan.Placement{Function: "kafka", Replica: 1, Container: "s-kafka-1", SpecHash: "h"}}
	old, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	in.Placement.Replaces = old.ID
	young, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.True(t, young.Created)
	require.NotEqual(t, old.ID, young.ID)
	again, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.Equal(t, activities.StartResult{ID: young.ID}, again)
	b.engines.Fail(fakes.Call{Method: "Remove"}, 1, fmt.Errorf("no route: %w", fault.ErrUnreachable))
	_, err = run[activities.StartResult](b, b.boxes.Start, in)
	fails(t, err, activities.TypeUnreachable, true, "start s-kafka-1 on rack-1: remove the one before: no route")
}

func TestStartFaults(t *testing.T) {
	b := newBench(t)
	in := activities.StartInput{Box: rack, Service: "s", Placement: kafka()}
	_, err := run[activities.StartResult](b, b.boxes.Start, in)
	fails(t, err, activities.TypeNotFound, false, "start s-kafka-1 on rack-1", "image r/kafka:dev")

	_, err = run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
	require.NoError(t, err)
	b.engines.Put("rack-1", plan.Container{Name: "stranger", State: "running", Ports: kafka().Ports})
	_, err = run[activities.StartResult](b, b.boxes.Start, in)
	fails(t, err, activities.TypePortTaken, false, "port 9092 is held by stranger")

	in.Placement.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	in.Secrets = []spec.Secret{{Name: "token", From: "env:NONE"}}
	_, err = run[activities.StartResult](b, b.boxes.Start, in)
	fails(t, err, activities.TypeSecret, false, "nothing at env:NONE")
	require.Empty(t, b.engines.Running("rack-1")[1:], "nothing was started")
}

// started puts a running kafka on the box.
func (b *bench) started(states ...activities.ContainerState) {
	b.t.Helper()
	b.engines.Put("rack-1", plan.Container{Name: "s-kafka-1", ID: "k1", Service: "s", Function: "kafka", Replica: 1, State: "running"})
	b.engines.Script("kafka", states...)
}

func TestProbe(t *testing.T) {
	b := newBench(t)
	b.started()
	in := activities.ProbeInput{Box: rack, Service: "s", Container: "s-kafka-1", Address: "influxdb:8086"}
	result, err := run[activities.ProbeResult](b, b.boxes.Probe, in)
	require.NoError(t, err)
	require.InDelta(t, 1, result.Millis, 0.001)

	b.engines.Fail(fakes.Call{Method: "Dial", Subject: "influxdb:8086"}, 1, fmt.Errorf("10.0.0.2:8086 refused the connection: %w", fault.ErrNotConnected))
	_, err = run[activities.ProbeResult](b, b.boxes.Probe, in)
	fails(t, err, activities.TypeNotConnected, true, "connect s-kafka-1 to influxdb:8086 on rack-1", "refused the connection")
}

func TestRemoveAndSweep(t *testing.T) {
	b := newBench(t)
	ensure := activities.EnsureInput{Box: rack, Service: "s", Name: "s-data"}
	_, err := run[any](b, b.boxes.EnsureNetwork, ensure)
	require.NoError(t, err)
	_, err = run[any](b, b.boxes.EnsureVolume, ensure)
	require.NoError(t, err)
	b.started()
	b.engines.Put("rack-1", plan.Container{Name: "s-edge-1", Service: "s", State: "exited"})
	b.engines.Put("rack-1", plan.Container{Name: "stranger", State: "running"})

	_, err = run[any](b, b.boxes.Remove, activities.RemoveInput{Box: rack, Container: "s-kafka-1"})
	require.NoError(t, err)
	_, err = run[any](b, b.boxes.Remove, activities.RemoveInput{Box: rack, Container: "s-kafka-1"})
	require.NoError(t, err, "gone is well")

	b.engines.Fail(fakes.Call{Method: "Remove", Subject: "s-edge-1"}, 1, errors.New("device is busy"))
	swept, err := run[activities.SweepResult](b, b.boxes.Sweep, activities.SweepInput{Box: rack, Service: "s"})
	require.NoError(t, err)
	require.Equal(t, []string{"container s-edge-1 on rack-1: device is busy"}, swept.Stayed)
	require.Equal(t, []string{"network s-data on rack-1"}, swept.Removed)
	require.Equal(t, []string{"s-data"}, b.engines.Volumes("rack-1"), "the data was not asked for")

	swept, err = run[activities.SweepResult](b, b.boxes.Sweep, activities.SweepInput{Box: rack, Service: "s", Volumes: true})
	require.NoError(t, err)
	require.Equal(t, []string{"container s-edge-1 on rack-1", "volume s-data on rack-1"}, swept.Removed)
	require.Empty(t, swept.Stayed)
	require.Equal(t, []string{"stranger"}, b.engines.Running("rack-1"))
}
