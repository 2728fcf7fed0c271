package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestARollbackRestoresTheDigestsOfThen(t *testing.T) {
	w := newWorld(t)
	old, moved := image("ui", "ui"), image("ui", "moved")
	var applied, back, forth, gone answer
	digest := func() string {
		p, found := w.engines.Placement("rack-2", "smart-energy-ui-1")
		require.True(t, found)
		return p.Digest
	}
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.registry.Set(moved)
			w.update(UpdateApply, ApplyRequest{Service: chain(), Who: "ann"}, &applied)
		}),
		after(2*time.Minute, func() {
			require.Equal(t, moved.Digest, digest())
			w.update(UpdateRollback, RollbackRequest{Who: "kai", Why: "it drops readings"}, &back)
		}),
		after(3*time.Minute, func() {
			require.Equal(t, old.Digest, digest(), "the tag has moved, the revision has not")
			require.Equal(t, []int{3, 2}, numbers(w.revisions()), "revision 1 is 3 now")
			entry := entryOf(t, w.status(), "rollback to 1")
			require.Equal(t, AuditEntry{At: entry.At, Who: "kai", What: "rollback to 1", Why: "it drops readings", Outcome: "accepted", Revision: 3}, entry)
			w.update(UpdateRollback, RollbackRequest{}, &forth)
		}),
		after(4*time.Minute, func() {
			require.Equal(t, moved.Digest, digest(), "a second rollback takes back the first")
			w.update(UpdateRollback, RollbackRequest{Revision: 1}, &gone)
		}),
		after(5*time.Minute, func() { require.ErrorContains(t, gone.refused, "revision 1 of smart-energy is not kept; there are: 3") }),
		w.down(6*time.Minute))
	require.NoError(t, err)
	require.Equal(t, []int{2, 3, 4}, []int{applied.accepted.Revision, back.accepted.Revision, forth.accepted.Revision})
}

func TestFiveRevisionsAreKeptAndTheSameContentIsOne(t *testing.T) {
	w := newWorld(t)
	moments := []moment{w.down(20 * time.Minute)}
	for n := range 8 {
		command := fmt.Sprintf("--%d", n/2*2) // each twice
		moments = append(moments, after(time.Duration(n+1)*time.Minute, func() {
			w.update(UpdateApply, ApplyRequest{Service: commanded(command)}, &answer{})
		}))
	}
	moments = append(moments, after(10*time.Minute, func() {
		require.Equal(t, []int{9, 7, 5, 3, 1}, numbers(w.revisions()))
		require.True(t, w.revisions()[0].Running)
		w.update(UpdateApply, ApplyRequest{Service: commanded("--last")}, &answer{})
	}), after(11*time.Minute, func() { require.Equal(t, []int{10, 9, 7, 5, 3}, numbers(w.revisions())) }))
	_, err := w.run(chain(), moments...)
	require.NoError(t, err)
}

func TestWhatATuningScalesIsNoRevisionToRollBackTo(t *testing.T) {
	w := newWorld(t)
	scale := func(replicas int) func() {
		return func() { w.SignalWorkflow(SignalScale, ScaleRequest{Function: "ui", Replicas: replicas, Who: "tuning"}) }
	}
	var applied answer
	_, err := w.run(commanded("--before"),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: chain()}, &applied) }),
		after(2*time.Minute, scale(2)),
		after(3*time.Minute, scale(3)),
		after(4*time.Minute, scale(3)),
		after(5*time.Minute, func() {
			require.Equal(t, []int{4, 1}, numbers(w.revisions()))
			require.Len(t, w.engines.Running("rack-2"), 4)
		}),
		after(7*time.Minute, func() { w.SignalWorkflow(SignalScale, ScaleRequest{Function: "nobody", Replicas: 1, Who: "tuning"}) }),
		after(8*time.Minute, func() {
			require.Contains(t, entryOf(t, w.status(), "scale nobody to 1").Outcome, "refused")
		}),
		w.down(9*time.Minute))
	require.NoError(t, err)
}

func TestAFileLeavesReplicasToTheirTuning(t *testing.T) {
	service := func(replicas, most int) spec.Service {
		return edit("ui", func(f *spec.Function) {
			f.Replicas, f.Tune = replicas, &spec.Tune{Metric: "cpu", Target: 50, Least: 1, Most: most}
		})
	}
	require.Equal(t, service(3, 4), tunedAs(service(1, 4), service(3, 4)))
	require.Equal(t, service(1, 2), tunedAs(service(1, 2), service(3, 4)), "the file's bounds hold")
	require.Equal(t, chain(), tunedAs(chain(), service(3, 4)), "it is tuned no longer")
}

func TestARetryGoesOnWithTheSameRevisionAndTheSameBytes(t *testing.T) {
	w := newWorld(t)
	service := commanded("--two")
	service.Approvals = []string{"place"}
	var applied, tooEarly, retried, again answer
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-9"}, 1, fault.ErrRejected)
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.update(UpdateRetry, RetryRequest{}, &tooEarly)
			w.registry.Set(image("sink", "new"))
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrRejected)
			w.update(UpdateApply, ApplyRequest{Service: service}, &applied)
		}),
		after(2*time.Minute, func() { w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "place", Who: "ann"}) }),
		after(3*time.Minute, func() {
			require.ErrorContains(t, tooEarly.refused, "no revision of smart-energy has failed")
			require.Equal(t, 2, w.status().Failed.Revision)
			w.registry.Set(image("sink", "newer"))
			w.update(UpdateRetry, RetryRequest{Who: "kai", Why: "the disk has space again"}, &retried)
		}),
		after(4*time.Minute, func() {
			status := w.status()
			require.Equal(t, PhaseTuning, status.Phase, status.Fault)
			require.Nil(t, status.Failed)
			require.Equal(t, 2, status.Revision)
			p, _ := w.engines.Placement("rack-2", "smart-energy-sink-1")
			require.Equal(t, image("sink", "new").Digest, p.Digest, "the tag has moved, the revision has not")
			require.Equal(t, 2, entryOf(t, status, "retry 2").Revision)
			require.Equal(t, "was there, verified", stepOf(t, status, "pull/rack-2/"+sinkRef).Detail)
			w.update(UpdateRetry, RetryRequest{}, &again)
		}),
		after(5*time.Minute, func() { require.Error(t, again.refused) }),
		w.down(6*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 2, retried.accepted.Revision)
	require.Equal(t, 1, w.engines.Count("pull rack-2 "+sinkRef)-1, "pulled once for revision 2")
}

func TestDrainsStayUnlessTheFileSaysOtherwise(t *testing.T) {
	file := spec.Service{Boxes: []spec.Box{{Name: "a"}, {Name: "b", Availability: spec.AvailabilityDrain}}}
	drain := func(drains []Drain, box string, active bool) []Drain {
		return setDrain(drains, file, DrainRequest{Box: box, Active: active})
	}
	a := drain(nil, "a", false)
	require.Equal(t, []Drain{{"a", spec.AvailabilityDrain}}, a)
	require.Equal(t, a, drain(a, "a", false), "twice is once")
	require.Empty(t, drain(a, "a", true))
	require.Empty(t, drain(nil, "b", false), "the file says so already")
	require.Equal(t, []Drain{{"a", spec.AvailabilityDrain}, {"b", spec.AvailabilityActive}}, drain(a, "b", true))
	require.Equal(t, a, stays(drain(a, "b", true), file), "the file speaks of b again")
	require.Empty(t, stays(a, spec.Service{Boxes: []spec.Box{{Name: "c"}}}), "the box has left")
	require.Equal(t, spec.AvailabilityDrain, Adopt(file, Running{Drains: a}).Boxes[0].Availability)
	require.Empty(t, file.Boxes[0].Availability, "the file stays as it is")
}

func TestADrainIsAChangeThatIsKeptAndAFailedOneIsNot(t *testing.T) {
	w := newWorld(t)
	var drained, applied, unknown, failed answer
	free := edit("ui", func(f *spec.Function) { f.Constraints = nil })
	_, err := w.run(free,
		after(time.Minute, func() {
			w.update(UpdateDrain, DrainRequest{Box: "rack-9"}, &unknown)
			w.engines.Fail(fakes.Call{Method: "Verify"}, 1, fault.ErrDigestMismatch)
			w.update(UpdateDrain, DrainRequest{Box: "rack-1"}, &failed)
		}),
		after(2*time.Minute, func() {
			require.ErrorContains(t, unknown.refused, `smart-energy has no box "rack-9"`)
			require.Equal(t, PhaseFailed, w.status().Phase)
			require.Empty(t, w.running().Drains)
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(3*time.Minute, func() { require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault) }),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.Zero(t, drained.accepted.Revision+applied.accepted.Revision)
}

// The next look at a box that is away comes exactly when its functions may move, with no schedule and nobody asking.
func TestALostBoxIsLookedAtExactlyWhenItsTimeHasCome(t *testing.T) {
	service := chain()
	service.Lost.After = spec.Duration(2 * time.Minute)
	w := newWorld(t)
	var began time.Time
	looks := map[string]int{}
	look := func(name string) func() { return func() { looks[name] = w.engines.Count("observe rack-1") } }
	_, err := w.run(service,
		after(time.Minute, func() {
			w.engines.Lose("rack-2")
			began = w.Now()
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(time.Minute+100*time.Second, look("before")),
		after(3*time.Minute-lookMost-time.Second, func() {
			look("just before")()
			require.WithinDuration(t, began, w.status().Boxes[1].Absent, time.Second)
		}),
		after(3*time.Minute-time.Second, look("early")),
		after(3*time.Minute+time.Second, look("after")),
		after(20*time.Minute, func() { w.engines.Find("rack-2"); w.SignalWorkflow(SignalReconcile, nil) }),
		after(22*time.Minute, func() { require.True(t, w.status().Boxes[1].Absent.IsZero()) }),
		w.down(23*time.Minute))
	require.NoError(t, err)
	require.Equal(t, looks["before"], looks["just before"])
	require.Greater(t, looks["early"], looks["just before"], "a look at a box that is unplugged takes its time")
	require.Greater(t, looks["after"], looks["early"], "this one refused at once")
}

func TestAnUnknownContainerOfOursIsLeftAloneForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	orphan := func(name string, age time.Duration, revision int) plan.Container {
		return plan.Container{
			ID: name, Name: name, Service: "smart-energy", Function: name, Replica: 1, SpecHash: "x", State: "running",
			Created: w.Now().Add(-age).Unix(), Revision: revision,
		}
	}
	names := func() (all []string) {
		for _, c := range w.engines.Containers("rack-1") {
			all = append(all, c.Name)
		}
		return all
	}
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: commanded("--two")}, &applied) }),
		after(2*time.Minute, func() {
			w.engines.Put("rack-1", orphan("young", time.Minute, 0))
			w.engines.Put("rack-1", orphan("ours", time.Minute, 2))
			w.engines.Put("rack-1", orphan("before", time.Minute, 1))
			w.engines.Put("rack-1", orphan("old", time.Hour, 0))
			w.engines.Put("rack-1", plan.Container{ID: "stranger", Name: "stranger", State: "running", Created: 1})
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(3*time.Minute, func() {
			require.Equal(t, []string{"ours", "smart-energy-kafka-1", "stranger", "young"}, names())
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(8*time.Minute, func() { w.SignalWorkflow(SignalReconcile, nil) }),
		after(9*time.Minute, func() { require.Equal(t, []string{"smart-energy-kafka-1", "stranger"}, names()) }),
		w.down(10*time.Minute))
	require.NoError(t, err)
}
