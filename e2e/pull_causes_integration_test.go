//go:build integration

package e2e

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/embedded/images"
	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/registry"
	"github.com/overcloud/overcloud/internal/spec"
)

// puller runs the pull activities against real engines and registries, without a Temporal server.
type puller struct {
	t       *testing.T
	lab     *lab.Lab
	env     *testsuite.TestActivityEnvironment
	boxes   *activities.Boxes
	images  *activities.Images
	secrets fakes.Secrets
}

func newPuller(t *testing.T, options lab.Options) *puller {
	t.Helper()
	p := &puller{t: t, lab: labtest.New(t, options), secrets: fakes.Secrets{}}
	engines, resolver := docker.NewEngines(docker.Options{}), registry.New()
	t.Cleanup(func() { require.NoError(t, engines.Close()) })
	p.boxes = &activities.Boxes{Engines: engines, Secrets: p.secrets, Registry: resolver}
	p.images = &activities.Images{Registry: resolver, Secrets: p.secrets}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	p.env = suite.NewTestActivityEnvironment()
	p.env.SetTestTimeout(2 * time.Minute)
	p.env.RegisterActivity(p.boxes)
	p.env.RegisterActivity(p.images)
	return p
}

// asked is what to pull: an image of a registry, on the first box unless said otherwise.
func (p *puller) asked(from *lab.Registry, image lab.Image) activities.PullInput {
	return activities.PullInput{
		Box: p.lab.Boxes()[0], Registries: []spec.Registry{{Host: from.Host(), CA: p.lab.CAFile()}},
		Pull: plan.Pull{
			Image: from.Ref(image), Digest: image.Digest, Manifest: image.Manifest, OS: "linux", Arch: "amd64", SizeBytes: image.Bytes,
		},
	}
}

func (p *puller) image(change func(*lab.TestImage)) lab.Image {
	p.t.Helper()
	wanted := lab.TestImage{Name: "app", Bytes: 6 << 20, Layers: 2}
	if change != nil {
		change(&wanted)
	}
	return labtest.Image(p.t, p.lab, wanted)
}

func (p *puller) pull(in activities.PullInput) (activities.PullResult, error) {
	p.t.Helper()
	var out activities.PullResult
	value, err := p.env.ExecuteActivity(p.boxes.Pull, in)
	if err == nil {
		require.NoError(p.t, value.Get(&out))
	}
	return out, err
}

// fails requires the type of a failed pull, whether it is tried again, and the beginning of its cause.
func (p *puller) fails(in activities.PullInput, kind string, again bool, cause string) *temporal.ApplicationError {
	p.t.Helper()
	began := time.Now()
	_, err := p.pull(in)
	var application *temporal.ApplicationError
	require.ErrorAs(p.t, err, &application)
	p.t.Logf("%s after %.1f s: %s", application.Type(), time.Since(began).Seconds(), application.Message())
	require.Equal(p.t, kind, application.Type())
	require.Equal(p.t, again, !application.NonRetryable(), "tried again")
	want := "pull " + in.Pull.Image + " on " + in.Box.Name + ": " + cause
	require.True(p.t, strings.HasPrefix(application.Message(), want), "%s\nwanted %s", application.Message(), want)
	return application
}

// failedCheck is the one link that does not hold, by the error's details.
func (p *puller) failedCheck(err *temporal.ApplicationError) string {
	p.t.Helper()
	var checks []activities.PullCheck
	require.NoError(p.t, err.Details(&checks))
	failed := ""
	for _, check := range checks {
		if check.State == activities.CheckFail {
			require.Empty(p.t, failed, "one cause")
			failed = string(check.Check)
			require.NotEmpty(p.t, check.Words)
		}
	}
	return failed
}

// TestWhyAPullFailed answers moby#52570 (a wrong password told as "No such image"), nomad#24955 (nobody says why)
// and balena-supervisor#1033 (a full disk told as a 404).
func TestWhyAPullFailed(t *testing.T) {
	p := newPuller(t, lab.Options{Boxes: 1})
	for name, test := range map[string]func(*testing.T, *puller){
		"wrong password": wrongPassword, "no such tag": noSuchTag, "wrong architecture": wrongArchitecture,
		"registry down then back": downThenBack, "rate limit": rateLimit, "stalled": stalled, "damaged bytes": damaged,
		"no such name": noSuchName, "nobody's certificate": untrusted, "a sick registry": sick,
		"a strict mirror never asks upstream": strictMirror, "a mirror that is away": mirrorAway,
	} {
		if !t.Run(name, func(t *testing.T) {
			inner := *p
			inner.t = t
			defer p.lab.Registry().Heal()
			test(t, &inner)
		}) {
			return
		}
	}
	t.Run("an engine that is gone", func(t *testing.T) {
		inner := *p
		inner.t = t
		in := inner.asked(p.lab.Registry(), inner.image(nil))
		require.NoError(t, p.lab.Kill(t.Context(), "box1"))
		failed := inner.fails(in, activities.TypeUnreachable, true, "address: nothing answers at tcp://")
		require.Equal(t, "address", inner.failedCheck(failed))
	})
}

func wrongPassword(t *testing.T, p *puller) {
	locked := p.lab.LockedRegistry()
	in := p.asked(locked, p.image(nil))
	in.Registries[0].Credentials = "door"
	in.Secrets = []spec.Secret{{Name: "door", From: "env:DOOR"}}
	p.secrets["env:DOOR"] = "lab:wrong"
	failed := p.fails(in, activities.TypeUnauthorised, false, "auth: "+locked.Host()+" refuses user lab (")
	require.Equal(t, "auth", p.failedCheck(failed))
	require.NotContains(t, failed.Message(), "wrong")
	_, err := p.env.ExecuteActivity(p.images.Resolve, activities.ResolveInput{Ref: in.Pull.Image, Registries: in.Registries, Secrets: in.Secrets})
	kind(t, err, activities.TypeUnauthorised)

	p.secrets["env:DOOR"] = locked.Credentials()
	_, err = p.pull(in)
	require.NoError(t, err, "the next attempt reads the password anew")
	in = p.asked(locked, p.image(nil))
	p.fails(in, activities.TypeUnauthorised, false, "auth: "+locked.Host()+" refuses anonymous pulls (")
}

func kind(t *testing.T, err error, want string) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	t.Log(application.Message())
	require.Equal(t, want, application.Type())
}

func noSuchTag(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	_, err := p.env.ExecuteActivity(p.images.Resolve, activities.ResolveInput{Ref: strings.Replace(in.Pull.Image, ":dev", ":none", 1), Registries: in.Registries})
	kind(t, err, activities.TypeNotFound)
	in.Pull.Digest, in.Pull.Manifest = "sha256:"+strings.Repeat("1", 64), ""
	failed := p.fails(in, activities.TypeNotFound, false, "manifest: "+p.lab.Registry().Host()+" does not have it (")
	require.Equal(t, "manifest", p.failedCheck(failed))
}

func wrongArchitecture(_ *testing.T, p *puller) {
	image := p.image(func(i *lab.TestImage) { i.Platforms = []images.Platform{{OS: "linux", Arch: "arm64"}} })
	p.fails(p.asked(p.lab.Registry(), image), activities.TypeNoPlatform, false, "manifest: "+p.lab.Registry().Host()+" does not have it for linux/amd64 (")
}

func downThenBack(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	p.lab.Registry().Stop()
	failed := p.fails(in, activities.TypeNetwork, true, "TCP: box1 gets no connection to "+p.lab.Registry().Host()+" (")
	require.Equal(t, "TCP", p.failedCheck(failed))
	require.NoError(t, p.lab.Registry().Start(t.Context()))
	_, err := p.pull(in)
	require.NoError(t, err)
}

func rateLimit(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	p.lab.Registry().Fault(lab.Fault{Path: "/manifests/", Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second})
	failed := p.fails(in, activities.TypeRateLimit, true, "answer: "+p.lab.Registry().Host()+" takes no requests now and is asked again in 7s (")
	require.Equal(t, 7*time.Second, failed.NextRetryDelay())
}

func stalled(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	p.boxes.Stall = 2 * time.Second
	defer func() { p.boxes.Stall = 0 }()
	p.lab.Registry().Fault(lab.Fault{Path: "/blobs/", StallAfter: 1 << 20})
	failed := p.fails(in, activities.TypeStalled, true, "nothing came for 2s, after ")
	require.Empty(t, p.failedCheck(failed), "every link holds")
	p.lab.Registry().Heal()
	_, err := p.pull(in)
	require.NoError(t, err)
}

func damaged(_ *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	p.lab.Registry().Fault(lab.Fault{Damage: true})
	p.fails(in, activities.TypeDigestMismatch, false, "filesystem layer verification failed for digest")
}

func noSuchName(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	in.Pull.Image = "registry.nowhere.lab:5000/test/app:dev"
	failed := p.fails(in, activities.TypeNetwork, true, "DNS: box1 finds no address of registry.nowhere.lab (")
	require.Equal(t, "DNS", p.failedCheck(failed))
}

func sick(t *testing.T, p *puller) {
	in := p.asked(p.lab.Registry(), p.image(nil))
	p.lab.Registry().Fault(lab.Fault{Status: http.StatusServiceUnavailable})
	failed := p.fails(in, activities.TypeNetwork, true, "answer: "+p.lab.Registry().Host()+" takes no requests now (")
	require.Equal(t, "answer", p.failedCheck(failed))
}

// untrusted is a registry whose authority the box does not know.
func untrusted(t *testing.T, p *puller) {
	listener, err := net.Listen("tcp", p.lab.Address()+":0")
	require.NoError(t, err)
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.Listener.Close()
	stranger.Listener = listener
	stranger.StartTLS()
	defer stranger.Close()
	in := p.asked(p.lab.Registry(), p.image(nil))
	host := listener.Addr().String()
	in.Pull.Image = host + "/test/app:dev"
	failed := p.fails(in, activities.TypeNetwork, false, "TLS: box1 does not trust "+host+" (")
	require.Equal(t, "TLS", p.failedCheck(failed))
}

// strictMirror stands in for a registry that must not be asked: not for the tag, not for the bytes, and not when the
// mirror is away.
func strictMirror(t *testing.T, p *puller) {
	own, mirror := p.lab.Registry(), p.lab.LockedRegistry()
	in := p.asked(own, p.image(nil))
	in.Registries = []spec.Registry{
		{Host: own.Host(), CA: p.lab.CAFile(), Mirrors: []string{mirror.Host()}, Mode: spec.ModeStrict},
		{Host: mirror.Host(), CA: p.lab.CAFile(), Credentials: "door"},
	}
	in.Secrets = []spec.Secret{{Name: "door", From: "env:DOOR"}}
	p.secrets["env:DOOR"] = mirror.Credentials()
	own.Forget()
	value, err := p.env.ExecuteActivity(p.images.Resolve, activities.ResolveInput{Ref: in.Pull.Image, Registries: in.Registries, Secrets: in.Secrets})
	require.NoError(t, err)
	var image plan.Image
	require.NoError(t, value.Get(&image))
	require.Equal(t, in.Pull.Digest, image.Digest)
	pulled, err := p.pull(in)
	require.NoError(t, err)
	require.Equal(t, mirror.Host()+"/test/app", pulled.From)
	in.Pull.Present = true // else a second pull would look for it at the mirror
	there, err := p.pull(in)
	require.NoError(t, err, "it is there under its own name")
	require.Empty(t, there.From)

	mirror.Stop()
	defer func() { require.NoError(t, mirror.Start(context.WithoutCancel(t.Context()))) }()
	next := p.asked(own, p.image(nil))
	next.Registries, next.Secrets = in.Registries, in.Secrets
	p.fails(next, activities.TypeNetwork, true, "TCP: box1 gets no connection to "+mirror.Host()+" (")
	_, err = p.env.ExecuteActivity(p.images.Resolve, activities.ResolveInput{Ref: next.Pull.Image, Registries: in.Registries, Secrets: in.Secrets})
	kind(t, err, activities.TypeNetwork)
	require.Empty(t, own.Requests(), "upstream was not asked")
}

func mirrorAway(t *testing.T, p *puller) {
	own := p.lab.Registry()
	in := p.asked(own, p.image(nil))
	in.Registries[0].Mirrors = []string{p.lab.Address() + ":1"}
	pulled, err := p.pull(in)
	require.NoError(t, err)
	require.Equal(t, own.Host()+"/test/app", pulled.From)
}

// TestADiskThatIsTooSmall answers balena-supervisor#1033: the plan sees it before, the pull says so when it happens.
func TestADiskThatIsTooSmall(t *testing.T) {
	p := newPuller(t, lab.Options{Boxes: 1, Disk: map[string]int64{"box1": 128 << 20}})
	pushed, err := p.lab.PublishOne(t.Context(), "dev", "probe", binaries(t, "functions/probe")+"/probe")
	require.NoError(t, err)
	probe := p.asked(p.lab.Registry(), pushed)
	_, err = p.pull(probe)
	require.NoError(t, err)
	look := func() plan.Box {
		value, err := p.env.ExecuteActivity(p.boxes.Observe, activities.ObserveInput{Box: probe.Box, Disk: true, ProbeImage: probe.Pull.Image})
		require.NoError(t, err)
		var seen plan.Box
		require.NoError(t, value.Get(&seen))
		return seen
	}
	began := time.Now()
	seen := look()
	t.Logf("a look took %s, %d MB are free of 128 MiB", time.Since(began), seen.FreeDisk/1e6)
	require.Less(t, time.Since(began), time.Second)
	require.Positive(t, seen.FreeDisk)
	require.Less(t, seen.FreeDisk, int64(128<<20), "it is the box's disk, not this machine's")

	big := p.image(func(i *lab.TestImage) { i.Bytes, i.Layers = 100<<20, 3 })
	in := p.asked(p.lab.Registry(), big)
	_, err = plan.Make(spec.Service{
		Name: "s", Boxes: p.lab.Boxes(), Functions: []spec.Function{{Name: "app", Image: in.Pull.Image, Replicas: 1}},
	}, plan.Observed{Boxes: []plan.Box{seen}, Images: []plan.Image{{
		Ref: in.Pull.Image, Digest: in.Pull.Digest, Platforms: []plan.Platform{{OS: "linux", Arch: "amd64", Digest: in.Pull.Manifest, SizeBytes: big.Bytes}},
	}}})
	require.ErrorIs(t, err, plan.ErrNoBox)
	require.ErrorContains(t, err, "disk: need")

	failed := p.fails(in, activities.TypeDiskFull, false, "disk: box1 has no room for it (")
	require.Equal(t, "disk", p.failedCheck(failed))
}
