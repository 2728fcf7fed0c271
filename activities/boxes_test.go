package activities_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	in := activities.ProbeInput{Box: rack, Service: "s", Container: "s-kafka-1", Addresses: []string{"influxdb:8086", "db:5432"}}
	result, err := run[activities.ProbeResult](b, b.boxes.Probe, in)
	require.NoError(t, err)
	require.Equal(t, []activities.Connection{
		{Address: "influxdb:8086", Connected: true, Millis: 1}, {Address: "db:5432", Connected: true, Millis: 1},
	}, result.Connections)

	b.engines.Fail(fakes.Call{Method: "Dial", Subject: "influxdb:8086"}, 1, fmt.Errorf("10.0.0.2:8086 refused the connection: %w", fault.ErrNotConnected))
	_, err = run[activities.ProbeResult](b, b.boxes.Probe, in)
	fails(t, err, activities.TypeNotConnected, true, "connect s-kafka-1 on rack-1 to influxdb:8086: 10.0.0.2:8086 refused the connection: not connected")
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var seen activities.ProbeResult
	require.NoError(t, application.Details(&seen), "what was made all the same goes along")
	require.Equal(t, []bool{false, true}, []bool{seen.Connections[0].Connected, seen.Connections[1].Connected})
}

func TestStartLeavesOneForwarder(t *testing.T) {
	b := newBench(t)
	in := activities.StartInput{Box: rack, Service: "s", Revision: 3, ProbeImage: "r/probe:1", Placement: kafka()}
	in.Placement.Digest = ""
	in.Placement.Forwards = []plan.Forward{{Listen: "127.77.0.1:5432", To: "10.0.0.2:20001"}}
	b.engines.Fail(fakes.Call{Method: "EnsureForwards"}, 1, fmt.Errorf("no route: %w", fault.ErrUnreachable))
	_, err := run[activities.StartResult](b, b.boxes.Start, in)
	fails(t, err, activities.TypeUnreachable, true, "start s-kafka-1 on rack-1: no route")
	require.Empty(t, b.engines.Forwards("rack-1", "s-kafka-1"))
	again, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err, "the next try finds the container and adds what is missing")
	require.False(t, again.Created)
	require.Equal(t, in.Placement.Forwards, b.engines.Forwards("rack-1", "s-kafka-1"))
	require.Equal(t, 3, b.engines.Containers("rack-1")[0].Revision)
	require.Equal(t, []string{"forward rack-1 s-kafka-1 1 by r/probe:1"}, b.engines.Matching("forward"))

	_, err = run[any](b, b.boxes.Forward, activities.ForwardInput{Box: rack, Service: "s", Placement: plan.Placement{Container: "s-gone-1"}})
	fails(t, err, activities.TypeRejected, false, "pass on the ports of s-gone-1 on rack-1")
}

func TestStartReplacesWhatHasOtherSecrets(t *testing.T) {
	b := newBench(t)
	in := activities.StartInput{Box: rack, Service: "s", Placement: kafka(), Secrets: []spec.Secret{{Name: "token", From: "env:T"}}}
	in.Placement.Digest = ""
	in.Placement.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	b.secrets["env:T"] = "hush"
	first, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	b.secrets["env:T"] = "hush-hush"
	second, err := run[activities.StartResult](b, b.boxes.Start, in)
	require.NoError(t, err)
	require.True(t, second.Created)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, []string{"s-kafka-1"}, b.engines.Running("rack-1"))
}

func TestLastWordsBlankSecretsOut(t *testing.T) {
	b := newBench(t)
	b.secrets["env:T"] = "hush-hush"
	b.started()
	b.engines.SetLogs("kafka", "login with hush-hush refused\n")
	in := activities.LastWordsInput{Box: rack, Container: "s-kafka-1", Secrets: []spec.Secret{{Name: "token", From: "env:T"}}}
	words, err := run[string](b, b.boxes.LastWords, in)
	require.NoError(t, err)
	require.Equal(t, "login with [secret token] refused", words)
	in.Secrets[0].From = "env:GONE"
	words, err = run[string](b, b.boxes.LastWords, in)
	require.NoError(t, err)
	require.Empty(t, words)
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
