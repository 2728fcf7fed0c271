package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// crowd watches how many pulls run at a time, in all and on each box.
type crowd struct {
	mu    sync.Mutex
	now   map[string]int
	most  map[string]int
	order []string // "+box image", "-box image"
}

func (w *world) watch(hold time.Duration) *crowd {
	c := &crowd{now: map[string]int{}, most: map[string]int{}}
	w.engines.Before(fakes.Call{Method: "Pull"}, func(_ context.Context, call fakes.Call) error {
		c.step(1, call)
		time.Sleep(hold)
		c.step(-1, call)
		return nil
	})
	return c
}

func (c *crowd) step(by int, call fakes.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mark := "+"
	if by < 0 {
		mark = "-"
	}
	c.order = append(c.order, mark+call.Box)
	for _, who := range []string{"all", call.Box} {
		c.now[who] += by
		c.most[who] = max(c.most[who], c.now[who])
	}
}

// place runs PlaceWorkflow with these pulls on boxes rack-1, rack-2, …
func (w *world) place(pulls []plan.Pull, registries ...spec.Registry) (PlaceResult, error) {
	w.t.Helper()
	service := spec.Service{Name: "hall", Registries: registries}
	for i := range 9 {
		service.Boxes = append(service.Boxes, spec.Box{Name: fmt.Sprintf("rack-%d", i+1), Engine: "tcp://127.0.0.1:1"})
	}
	w.SetStartWorkflowOptions(startAs(PlaceID("hall", 1)))
	w.ExecuteWorkflow(PlaceWorkflow, PlaceInput{Service: service, Revision: 1, Pulls: pulls})
	require.True(w.t, w.IsWorkflowCompleted())
	var result PlaceResult
	if err := w.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, w.GetWorkflowResult(&result)
}

func pullFor(box, image, digest string) plan.Pull {
	return plan.Pull{Box: box, Image: image, Digest: "sha256:" + digest, SizeBytes: 1000}
}

func mirror(mode string) spec.Registry {
	return spec.Registry{Host: "r.example", Mirrors: []string{"mirror.lan"}, Mode: mode}
}

func TestPullsAreBoundedInAllAndOnEachBox(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3", "rack-4", "rack-5", "rack-6")
	c := w.watch(20 * time.Millisecond)
	var pulls []plan.Pull
	for box := range 6 {
		for image := range 6 {
			pulls = append(pulls, pullFor(fmt.Sprintf("rack-%d", box+1), fmt.Sprintf("r.example/%d:1", image), fmt.Sprint(image)))
		}
	}
	result, err := w.place(pulls)
	require.NoError(t, err)
	require.Len(t, result.Steps, 36)
	require.Equal(t, pullsAtOnce, c.most["all"])
	require.LessOrEqual(t, c.most["rack-1"], pullsOnBox)
}

// Two references with one digest are one download: the second name waits, and finds the image there.
func TestOneDigestIsPulledOnceForABox(t *testing.T) {
	w := newWorld(t, "rack-1")
	c := w.watch(20 * time.Millisecond)
	_, err := w.place([]plan.Pull{pullFor("rack-1", "r.example/a:1", "1"), pullFor("rack-1", "r.example/a:latest", "1"), pullFor("rack-1", "r.example/b:1", "1")})
	require.NoError(t, err)
	require.Equal(t, 1, c.most["rack-1"])
	require.Equal(t, 3, w.engines.Count("pull "), "each name is made")
}

func onThree() []plan.Pull {
	return []plan.Pull{pullFor("rack-1", "r.example/a:1", "1"), pullFor("rack-2", "r.example/a:1", "1"), pullFor("rack-3", "r.example/a:1", "1")}
}

func TestTheFirstBoxSeedsTheMirrorThenTheOthersFanOut(t *testing.T) {
	for _, mode := range []string{"fallback", "strict"} {
		w := newWorld(t, "rack-1", "rack-2", "rack-3")
		c := w.watch(50 * time.Millisecond)
		result, err := w.place(onThree(), mirror(mode))
		require.NoError(t, err)
		require.Equal(t, []string{"+rack-1", "-rack-1"}, c.order[:2])
		require.Equal(t, 2, c.most["all"], "the others pull side by side")
		require.Contains(t, result.Steps[0].Detail, "from mirror.lan/a, verified")
	}
}

func TestWithoutAMirrorNobodyWaits(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	c := w.watch(50 * time.Millisecond)
	_, err := w.place(onThree(), spec.Registry{Host: "r.example"})
	require.NoError(t, err)
	require.Equal(t, 3, c.most["all"])
}

// What is on its box already is no reason to wait, and no seed.
func TestABoxThatHasTheImageSeedsNothing(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	c := w.watch(50 * time.Millisecond)
	pulls := onThree()
	pulls[0].Present, pulls[1].Present = true, true
	_, err := w.place(pulls, mirror(""))
	require.NoError(t, err)
	require.Equal(t, 3, c.most["all"], "the plan was wrong on all of them, and still nobody waits")
}

func TestWhenTheSeedFailsTheNextBoxSeeds(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	c := w.watch(10 * time.Millisecond)
	tries := w.count(fakes.Call{Method: "Pull", Box: "rack-1"})
	// Both sources, for as many attempts as a seed has: this box's line is bad for a while.
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 2*seedAttempts, fmt.Errorf("connection reset: %w", fault.ErrNetwork))
	result, err := w.place(onThree(), mirror(""))
	require.NoError(t, err)
	require.Equal(t, 2*seedAttempts+1, tries(), "it tried again when the mirror had it")
	require.Greater(t, slices.Index(c.order, "+rack-3"), slices.Index(c.order, "-rack-2"), "rack-2 seeded: %v", c.order)
	for _, step := range result.Steps {
		require.Equal(t, StepDone, step.State, step.ID)
	}
}

func TestWhenNoBoxCanSeedAllGoOnTrying(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2")
	w.engines.Fail(fakes.Call{Method: "Pull"}, 2*2*seedAttempts+2, fmt.Errorf("connection reset: %w", fault.ErrNetwork))
	_, err := w.place(onThree()[:2], mirror(""))
	require.NoError(t, err)
	require.Equal(t, 2, w.engines.Count("pull "))
}

func TestASeedThatCannotEverWorkFailsTheWholeAtOnce(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 0, fault.OfPull("failed to register layer: no space left on device"))
	_, err := w.place(onThree(), mirror(""))
	sentence, kind := explain(err)
	require.Equal(t, activities.TypeDiskFull, kind)
	require.Equal(t, "pull r.example/a:1 on rack-1: disk: rack-1 has no room for it (failed to register layer: no space left on device)", sentence)
	require.Zero(t, w.engines.Count("pull "), "nobody pulled: %s", w.engines)
	require.Equal(t, 1, w.engines.Count("inquire "))
}

// A failed step names the first link that does not hold, and the ones before that do.
func TestAFailedPullShowsWhatWasLookedAt(t *testing.T) {
	w := newWorld(t, "rack-1")
	w.engines.Fail(fakes.Call{Method: "Pull"}, 0, fault.OfPull("unauthorized: authentication required"))
	_, err := w.place(onThree()[:1])
	steps := stepsOf(errors.Unwrap(err))
	require.Len(t, steps, 1)
	require.Equal(t, StepFailed, steps[0].State)
	head, checks, _ := strings.Cut(steps[0].Detail, "\n")
	require.Equal(t, "pull r.example/a:1 on rack-1: auth: r.example refuses anonymous pulls (unauthorized: authentication required)", head)
	require.Equal(t, "looked at: address pass, engine pass, DNS pass, TCP pass, TLS pass, answer pass, auth fail, manifest skip, disk skip", checks)
}

// A registry that asks for patience is given it: the next attempt comes when it said, not after 200 ms.
func TestARateLimitIsWaitedFor(t *testing.T) {
	w := newWorld(t, "rack-1")
	w.engines.Fail(fakes.Call{Method: "Pull"}, 1, &fault.RetryAfter{Err: fault.ErrRateLimited, After: 7 * time.Minute})
	begun := w.Now()
	_, err := w.place(onThree()[:1])
	require.NoError(t, err)
	require.GreaterOrEqual(t, w.Now().Sub(begun), 7*time.Minute)
}

// Every image of the new revision is on its box, and proven, before anything of the old one stops: and when one
// cannot be brought, nothing has stopped.
func TestNothingOldStopsBeforeAllImagesAreThere(t *testing.T) {
	for name, fails := range map[string]bool{"all come": false, "one does not": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var lines int
			var running []string
			_, err := w.run(chain(),
				after(time.Minute, func() {
					lines = len(w.engines.Lines())
					w.registry.Set(image("kafka", "kafka-new"))
					w.registry.Set(image("ui", "ui-new"))
					if fails {
						w.engines.Fail(fakes.Call{Method: "Pull", Subject: image("ui", "").Ref}, 0, fault.OfPull("manifest unknown"))
					}
					var got answer
					w.update(UpdateApply, ApplyRequest{Service: edit("kafka", func(f *spec.Function) { f.Command = []string{"--new"} }), Who: "kai"}, &got)
				}),
				after(3*time.Minute, func() {
					running = append(w.engines.Running("rack-1"), w.engines.Running("rack-2")...)
					lines = min(lines, len(w.engines.Lines()))
				}),
				w.down(4*time.Minute))
			require.NoError(t, err)
			require.Equal(t, []string{"smart-energy-kafka-1", "smart-energy-sink-1", "smart-energy-ui-1"}, running)
			first, last := -1, -1 // the first thing that was replaced, the last image that was brought
			for i, line := range w.engines.Lines()[lines:] {
				switch verb, _, _ := strings.Cut(line, " "); verb {
				case "replace", "remove":
					if first < 0 && !strings.Contains(line, "sweep") {
						first = i
					}
				case "pull", "verify":
					last = i
				}
			}
			if fails {
				require.Zero(t, w.engines.Count("replace "), "%s", w.engines)
				require.NotZero(t, w.engines.Count("inquire "), "it did fail")
				return
			}
			require.GreaterOrEqual(t, last, 0, "something was pulled")
			require.NotZero(t, w.engines.Count("replace "))
			require.Less(t, last, first)
		})
	}
}
