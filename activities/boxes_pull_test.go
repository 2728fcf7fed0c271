package activities_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

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
		time.Sleep(300 * time.Millisecond) // longer than the first heartbeat waits
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
	require.Equal(t, 3, b.engines.Count("verify"), "before each pull, and after the one that brought it")
}

func TestPullFaultsKeepTheirKind(t *testing.T) {
	for _, c := range []struct {
		err   error
		kind  string
		again bool
	}{
		{fault.ErrUnreachable, activities.TypeUnreachable, true},
		{fault.ErrNetwork, activities.TypeNetwork, true},
		{fault.ErrUntrusted, activities.TypeNetwork, false},
		{fault.ErrRateLimited, activities.TypeRateLimit, true},
		{fault.ErrDiskFull, activities.TypeDiskFull, false},
		{fault.ErrNotFound, activities.TypeNotFound, false},
		{fault.ErrUnauthorised, activities.TypeUnauthorised, false},
		{fault.ErrNoPlatform, activities.TypeNoPlatform, false},
		{fault.ErrDigestMismatch, activities.TypeDigestMismatch, false},
		{fault.ErrRejected, activities.TypeRejected, false},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
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
	b.engines.Fail(fakes.Call{Method: "Pull"}, 1, fmt.Errorf("connection refused: %w", fault.ErrNetwork))
	b.engines.Fail(fakes.Call{Method: "Pull"}, 1, fmt.Errorf("manifest unknown: %w", fault.ErrNotFound))
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeNetwork, true, "connection refused", "manifest unknown")
}

func TestPullThatBringsNothingIsStalled(t *testing.T) {
	b := newBench(t)
	b.boxes.Stall = 20 * time.Millisecond
	b.engines.Before(fakes.Call{Method: "Pull"}, func(ctx context.Context, _ fakes.Call) error {
		<-ctx.Done()
		return ctx.Err()
	})
	_, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
	fails(t, err, activities.TypeStalled, true, "nothing came for 20ms, after 0.0 MB of 0.0 MB: stalled")
}

// An engine that unpacks a large layer brings no bytes for minutes, and is not stalled; one that says only that
// it tries again is.
func TestUnpackingIsProgressAndWordsAreNot(t *testing.T) {
	for said, want := range map[string]bool{"unpacking": true, "retrying": false} {
		b := newBench(t)
		b.boxes.Stall = 30 * time.Millisecond
		engines := &talking{Engines: b.engines, say: func(i int64, progress func(activities.PullProgress)) {
			p := activities.PullProgress{Layers: 1, Bytes: 100, TotalBytes: 100, Status: fmt.Sprintf("Retrying in %d seconds", i)}
			if said == "unpacking" {
				p.Extracted = i
			}
			progress(p)
		}}
		b.boxes.Engines = engines
		_, err := run[activities.PullResult](b, b.boxes.Pull, activities.PullInput{Box: rack, Pull: pullOf("r/kafka:dev")})
		require.Equal(t, want, err == nil, "%s: %v", said, err)
	}
}

// talking are engines whose pulls take 100 ms and say something every 5.
type talking struct {
	*fakes.Engines
	say func(i int64, progress func(activities.PullProgress))
}

func (e *talking) Open(box spec.Box) (activities.Engine, error) {
	engine, err := e.Engines.Open(box)
	return &talker{Engine: engine, say: e.say}, err
}

type talker struct {
	activities.Engine
	say func(i int64, progress func(activities.PullProgress))
}

func (e *talker) Pull(ctx context.Context, pull plan.Pull, from activities.Source, progress func(activities.PullProgress)) error {
	for i := range int64(20) {
		e.say(i, progress)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return e.Engine.Pull(ctx, pull, from, nil)
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

// A password that was changed while a pull is tried again is the new one in the next attempt.
func TestEveryAttemptReadsTheCredentialsAnew(t *testing.T) {
	b := newBench(t)
	b.secrets["env:M1"] = "old:password"
	in := activities.PullInput{
		Box: rack, Pull: pullOf("m1.example/kafka:dev"), Registries: mirrored(""), Secrets: []spec.Secret{{Name: "mirror", From: "env:M1"}},
	}
	b.engines.Fail(fakes.Call{Method: "Pull"}, 1, fmt.Errorf("reset: %w", fault.ErrNetwork))
	_, err := run[activities.PullResult](b, b.boxes.Pull, in)
	fails(t, err, activities.TypeNetwork, true)
	b.secrets["env:M1"] = "new:password"
	_, err = run[activities.PullResult](b, b.boxes.Pull, in)
	require.NoError(t, err)
	require.Equal(t, []string{"pull rack-1 m1.example/kafka:dev from m1.example/kafka as new"}, b.engines.Matching("pull"))
}

// The resolver is asked with the same sources and credentials as the engine.
func TestResolveAsksTheSameSourcesAsPull(t *testing.T) {
	b := newBench(t)
	registry := fakes.NewRegistry(plan.Image{Ref: "r.example/team/kafka:dev", Digest: digest})
	b.secrets["env:UP"], b.secrets["env:M1"] = "u:p", "m:p"
	images := &activities.Images{Registry: registry, Secrets: b.secrets}
	b.env.RegisterActivity(images)
	in := activities.ResolveInput{
		Ref: "r.example/team/kafka:dev", Registries: mirrored("fallback"),
		Secrets: []spec.Secret{{Name: "upstream", From: "env:UP"}, {Name: "mirror", From: "env:M1"}},
	}
	image, err := run[plan.Image](b, images.Resolve, in)
	require.NoError(t, err)
	require.Equal(t, digest, image.Digest)
	in.Registries = mirrored("strict")
	_, err = run[plan.Image](b, images.Resolve, in)
	require.NoError(t, err)
	mirrors := "resolve r.example/team/kafka:dev from m1.example/team/kafka as m from m2.example:5000/cache/team/kafka"
	require.Equal(t, []string{mirrors + " from r.example/team/kafka as u", mirrors}, registry.Lines(), "strict leaves the registry itself out")

	in.Ref = "r.example/none:1"
	_, err = run[plan.Image](b, images.Resolve, in)
	fails(t, err, activities.TypeNotFound, false)
	require.Equal(t, 1, strings.Count(err.Error(), "r.example/none:1"), "said once: %v", err)
	in.Secrets = nil
	_, err = run[plan.Image](b, images.Resolve, in)
	fails(t, err, activities.TypeSecret, false, "resolve r.example/none:1: secret mirror is declared nowhere")
}
