//go:build integration

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// TestPullsOfWholeDeploys runs deploys against a registry that misbehaves, with everything real: engines, Temporal, a
// worker process.
func TestPullsOfWholeDeploys(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	for _, one := range []struct {
		name string
		test func(*testing.T, *stage)
	}{
		{"the progress of a pull", pullProgress},
		{"registry down then back", registryComesBack},
		{"a rate limit is waited for", rateLimitPasses},
		{"the first box seeds the mirror", mirrorIsSeededOnce},
		{"two names of one digest are one download", oneDigestOneDownload},
		{"all images are there before anything old stops", nothingOldStops},
	} {
		t.Run(one.name, func(t *testing.T) {
			inner := *s
			inner.t = t
			defer s.lab.Registry().Heal()
			one.test(t, &inner)
		})
	}
}

// pulling is the newest word on a running pull; nil when none runs.
func (s *stage) pulling(service string) *workflows.StepNode {
	s.t.Helper()
	graph, err := s.client.Graph(s.t.Context(), service)
	if err != nil {
		return nil
	}
	for _, step := range graph.Steps {
		if step.Pull != nil && step.Pull.Layers > 0 {
			return &step
		}
	}
	return nil
}

// pullProgress sees what the Control Room and the screen see: bytes, rate and layers, each second.
func pullProgress(t *testing.T, s *stage) {
	const rate = 3e6
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "slow", Bytes: 12e6, Layers: 4})
	s.lab.Registry().Fault(lab.Fault{Path: "test/slow/blobs/", BytesPerSecond: rate})
	service := s.service("slow", on("box1", s.app("slow", image)))
	s.apply(service)
	var seen []workflows.StepNode
	s.until("slow", time.Minute, "the service runs", func(status workflows.Status) bool {
		if step := s.pulling("slow"); step != nil && (len(seen) == 0 || seen[len(seen)-1].Pull.Bytes != step.Pull.Bytes) {
			seen = append(seen, *step)
		}
		return settled(1)(status)
	})
	require.Greater(t, len(seen), 2, "a pull of four seconds beats each second")
	steady := 0
	for i, step := range seen {
		p := step.Pull
		t.Logf("%.1f/%.1f MB  %.1f MB/s  layers %d/%d of %s", float64(p.Bytes)/1e6, float64(p.TotalBytes)/1e6, p.Rate/1e6, p.LayersDone, p.Layers, p.From)
		require.Equal(t, s.lab.Registry().Host()+"/test/slow", p.From)
		require.Len(t, p.Each, p.Layers)
		require.LessOrEqual(t, p.Bytes, p.TotalBytes)
		require.InDelta(t, image.Bytes, p.TotalBytes, 0.02*float64(image.Bytes), "the manifest's size until the engine knows")
		if i > 0 {
			require.Greater(t, p.Bytes, seen[i-1].Pull.Bytes)
		}
		if p.Rate > rate/2 && p.Rate < rate*2 {
			steady++
		}
	}
	require.Positive(t, steady, "the rate is the line's")
	s.down("slow", true)
}

func registryComesBack(t *testing.T, s *stage) {
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "back", Bytes: 4 << 20})
	service := s.service("back", on("box1", s.app("back", image)))
	s.lab.Registry().Stop()
	revision := s.apply(service)
	time.Sleep(2 * time.Second) // it is down for this long
	require.NoError(t, s.lab.Registry().Start(t.Context()))
	began := time.Now()
	status := s.until("back", time.Minute, "the service runs", settled(revision))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	t.Logf("it ran %.1f s after the registry was back", time.Since(began).Seconds())
	s.down("back", true)
}

// rateLimitPasses lets a registry ask for five seconds, and nobody asks before they are over. (What a pull does with the
// header is in TestWhyAPullFailed.)
func rateLimitPasses(t *testing.T, s *stage) {
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "limited", Bytes: 1 << 20})
	service := s.service("limited", on("box1", s.app("limited", image)))
	const wait = 5 * time.Second
	s.lab.Registry().Forget()
	s.lab.Registry().Fault(lab.Fault{Path: "test/limited/", Status: http.StatusTooManyRequests, RetryAfter: wait})
	revision := s.apply(service)
	require.Eventually(t, func() bool { return len(s.refused()) > 0 }, 30*time.Second, 20*time.Millisecond)
	time.Sleep(time.Second)
	s.lab.Registry().Heal()
	status := s.until("limited", time.Minute, "the service runs", settled(revision))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	require.Len(t, s.refused(), 1, "it was asked once in that time")
	for _, request := range s.lab.Registry().Requests() {
		if request.Status == http.StatusOK && strings.Contains(request.Path, "/test/limited/") {
			t.Logf("asked again after %s", request.Began.Sub(s.refused()[0].Began))
			require.GreaterOrEqual(t, request.Began.Sub(s.refused()[0].Began), wait)
			break
		}
	}
	s.down("limited", true)
}

func (s *stage) refused() []lab.Request {
	var all []lab.Request
	for _, request := range s.lab.Registry().Requests() {
		if request.Status == http.StatusTooManyRequests {
			all = append(all, request)
		}
	}
	return all
}

// mirrorIsSeededOnce lets two boxes bring one image through a mirror that fetches what it does not have: upstream
// gives each layer once, to the mirror, and never to a box.
func mirrorIsSeededOnce(t *testing.T, s *stage) {
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "seeded", Bytes: 8 << 20, Layers: 3})
	own, mirror := s.lab.Registry(), s.lab.Mirror()
	a, b := s.app("a", image), s.app("b", image)
	service := s.service("seeded", on("box1", a), on("box2", b))
	service.Registries = []spec.Registry{
		{Host: own.Host(), CA: s.lab.CAFile(), Mirrors: []string{mirror.Host()}, Mode: spec.ModeStrict},
		{Host: mirror.Host(), CA: s.lab.CAFile()},
	}
	own.Forget()
	mirror.Forget()
	s.runs(service)
	blobs := map[string]int{}
	for _, request := range own.Requests() {
		require.Equal(t, s.lab.Address(), request.From, "no box asked upstream: %+v", request)
		if request.Method == http.MethodGet && strings.Contains(request.Path, "/test/seeded/blobs/") {
			blobs[request.Path]++
		}
	}
	require.NotEmpty(t, blobs)
	for path, times := range blobs {
		require.Equal(t, 1, times, "upstream gave %s once", path)
	}
	first, last := map[string]time.Time{}, map[string]time.Time{} // of each box at the mirror
	for _, request := range mirror.Requests() {
		if !strings.Contains(request.Path, "/test/seeded/blobs/") {
			continue
		}
		if begun, found := first[request.From]; !found || request.Began.Before(begun) {
			first[request.From] = request.Began
		}
		if request.Ended.After(last[request.From]) {
			last[request.From] = request.Ended
		}
	}
	one, two := service.Boxes[0].Address, service.Boxes[1].Address
	require.False(t, first[two].Before(last[one]), "box2 began when box1 had seeded: %v %v", first, last)
	graph, err := s.client.Graph(t.Context(), "seeded")
	require.NoError(t, err)
	for _, step := range graph.Steps {
		if strings.HasPrefix(step.ID, "pull/") && strings.Contains(step.ID, "seeded") {
			require.Contains(t, step.Detail, "from "+mirror.Host()+"/test/seeded, verified")
		}
	}
	s.down("seeded", true)
}

// oneDigestOneDownload gives one image two tags.
func oneDigestOneDownload(t *testing.T, s *stage) {
	one := labtest.Image(t, s.lab, lab.TestImage{Name: "twice", Tag: "one", Bytes: 4 << 20, Seed: 77})
	two := labtest.Image(t, s.lab, lab.TestImage{Name: "twice", Tag: "two", Bytes: 4 << 20, Seed: 77})
	require.Equal(t, one.Digest, two.Digest)
	s.lab.Registry().Forget()
	s.runs(s.service("twice", on("box1", s.app("a", one)), on("box1", s.app("b", two))))
	blobs := map[string]int{}
	for _, request := range s.lab.Registry().Requests() {
		if request.Method == http.MethodGet && strings.Contains(request.Path, "/test/twice/blobs/") && request.Status == http.StatusOK {
			blobs[request.Path]++
		}
	}
	require.NotEmpty(t, blobs)
	for path, times := range blobs {
		require.Equal(t, 1, times, path)
	}
	s.down("twice", true)
}

// nothingOldStops answers nomad#6380 and balena-supervisor#1065: an image that cannot be brought costs nobody a
// container.
func nothingOldStops(t *testing.T, s *stage) {
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "kept", Bytes: 1 << 20})
	s.runs(s.service("kept", on("box1", s.app("a", image)), on("box2", s.app("b", image))))
	before := s.containers(s.lab.Boxes()[0], "kept")
	next := labtest.Image(t, s.lab, lab.TestImage{Name: "kept", Tag: "next", Bytes: 1 << 20})
	s.lab.Registry().Fault(lab.Fault{Path: "test/kept/blobs/", From: s.lab.Boxes()[1].Address, Damage: true})
	service := s.service("kept", on("box1", s.app("a", next)), on("box2", s.app("b", next)))
	revision := s.apply(service)
	status := s.until("kept", time.Minute, "the change failed", func(status workflows.Status) bool {
		return status.Revision >= revision && (status.Phase == workflows.PhaseFailed || status.Failed != nil)
	})
	require.Contains(t, status.Fault+failedFault(status), "pull "+s.lab.Registry().Ref(next)+" on box2: ")
	require.Equal(t, before, s.containers(s.lab.Boxes()[0], "kept"), "nothing of box1 was touched although its image was there")
	s.down("kept", true)
}

func failedFault(status workflows.Status) string {
	if status.Failed == nil {
		return ""
	}
	return status.Failed.Fault
}
