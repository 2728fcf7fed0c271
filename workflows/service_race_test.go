package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// A tag has moved: the file is the same in both revisions, the bytes are not, so a rollback is no repetition of the
// apply that brings the new ones.
func TestARollbackWhileTheSameFileIsAppliedIsNotTakenForThatApply(t *testing.T) {
	w := newWorld(t)
	var applied, back answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.registry.Set(image("ui", "moved"))
			w.once("Pull", func() { w.update(UpdateRollback, RollbackRequest{Revision: 1}, &back) })
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &applied)
		}),
		after(3*time.Minute, func() {
			require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
			p, _ := w.engines.Placement("rack-2", "smart-energy-ui-1")
			require.Equal(t, image("ui", "ui").Digest, p.Digest, "the rollback was asked for last")
		}),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.NoError(t, back.refused)
	require.Equal(t, 2, applied.accepted.Revision)
	require.Equal(t, 3, back.accepted.Revision)
}

func TestTwoChangesAskForTheSameWhenTheBytesAreTheSameToo(t *testing.T) {
	old, moved := []plan.Image{image("ui", "ui")}, []plan.Image{image("ui", "moved")}
	apply := Change{Service: chain()}
	require.True(t, apply.asks(apply), "both ask for what the tags are now")
	require.False(t, apply.asks(Change{Service: chain(), Images: old}), "nobody knows yet what the tags are")
	resolved := Change{Service: chain(), Resolved: moved}
	require.True(t, resolved.asks(Change{Service: chain(), Images: moved}), "a scale to what is being brought")
	require.False(t, resolved.asks(Change{Service: chain(), Images: old}), "a rollback")
	back := Change{Service: chain(), Images: old}
	require.False(t, back.asks(apply), "an apply after a rollback asks for new bytes")
	require.True(t, back.asks(back))
}

// A revision that was stitched but whose tuning could not be begun has failed and is held all the same: its repair and
// its retry have the same children.
func TestARetryOfTheRevisionThatIsBeingRepairedWaitsForTheRepair(t *testing.T) {
	w := newWorld(t)
	service := chain()
	service.Schedule = spec.Duration(time.Hour)
	var applied, retried answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.scheduler.Fail(fakes.Call{Method: "EnsureReconcile"}, 1, fault.ErrInvalid)
			w.update(UpdateApply, ApplyRequest{Service: service}, &applied)
		}),
		after(2*time.Minute, func() {
			require.Equal(t, 2, w.status().Failed.Revision)
			require.Equal(t, 2, w.revisions()[0].Revision, "it runs")
			w.once("Observe", func() { w.update(UpdateRetry, RetryRequest{}, &retried) })
			w.crash()
		}),
		after(4*time.Minute, func() {
			require.NoError(t, retried.refused)
			require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
			require.Nil(t, w.status().Failed)
			require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1")
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
}

// The approval has been passed on: what it lets go on is no longer left alone, whether or not the child has said so.
func TestAnApprovedStepIsNotRepairedBesideItsChange(t *testing.T) {
	s := &service{waiting: []string{"start/ui"}, running: &Change{}, changing: &plan.Plan{}}
	require.True(t, s.leftAlone(plan.Placement{Function: "ui"}))
	s.running.Service.Approvals = []string{"start/ui"}
	w := newWorld(t)
	w.ExecuteWorkflow(func(ctx workflow.Context) error {
		s.approve(ctx, ApproveRequest{})
		return nil
	})
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, "start/ui", s.approved[0].Step)
	require.False(t, s.leftAlone(plan.Placement{Function: "ui"}), "two would start one container")
}

// Images that no container uses yet must not be collected from under the change that brings them.
func TestImagesThatAChangeBringsAreNamedWhileAnotherChangeWaits(t *testing.T) {
	brought := []plan.Image{image("sink", "new")}
	s := &service{running: &Change{Resolved: brought}, pending: &Change{Service: chain()}}
	now, err := s.runs()
	require.NoError(t, err)
	require.Equal(t, brought, now.Bringing)
	require.Empty(t, now.Images, "who previews the next change resolves anew")
}

func TestImagesToBeCollectedSurviveContinueAsNew(t *testing.T) {
	w := newWorld(t)
	dropped := []RevisionImage{{Image: "ui", Digest: "sha256:old"}}
	w.ExecuteWorkflow(func(ctx workflow.Context) ([]RevisionImage, error) {
		s := newService(ctx, ServiceInput{Service: chain()})
		s.dropped = dropped
		return newService(ctx, s.next(ctx)).dropped, nil
	})
	require.NoError(t, w.GetWorkflowError())
	var kept []RevisionImage
	require.NoError(t, w.GetWorkflowResult(&kept))
	require.Equal(t, dropped, kept)
}

// What a down removes anyway need not be brought back first, which takes five minutes for each container of a box that
// does not answer.
func TestADownWhileAFailedStitchIsUndoneBringsNothingBack(t *testing.T) {
	w := newWorld(t)
	both := chain()
	for i := range both.Functions {
		both.Functions[i].Command = []string{"--two"}
	}
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			var starts int
			w.engines.Before(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, func(context.Context, fakes.Call) error {
				if starts++; starts > 1 { // the undo has begun, with the last one
					w.SignalWorkflow(SignalDown, DownRequest{Who: "kai"})
					time.Sleep(100 * time.Millisecond) // real time, for the signal to reach the child
					return nil
				}
				return fault.ErrRejected
			})
			w.update(UpdateApply, ApplyRequest{Service: both}, &applied)
		}))
	require.NoError(t, err)
	require.Equal(t, 1, w.engines.Count("replace rack-1 smart-energy-kafka-1"), "%v", w.acting())
	require.Empty(t, w.engines.Containers("rack-1"))
	require.Empty(t, w.engines.Containers("rack-2"))
}

// Compose lets a function take an hour to stop; the time of a start must reach for it.
func TestAStartHasTheTimeThatTheStopOfTheOneBeforeMayTake(t *testing.T) {
	options := starting(spec.Duration(20 * time.Minute))
	require.Greater(t, options.StartToCloseTimeout, 20*time.Minute)
	require.Greater(t, options.ScheduleToCloseTimeout, 2*options.StartToCloseTimeout-20*time.Minute)
	require.Equal(t, start(), starting(0))
	require.Equal(t, start(), starting(spec.Duration(10*time.Second)))
}

// A change that started its replacement beside the old container, and could not even be undone (its box went away),
// leaves both. Tried again, what has been left becomes the container: it must not go as the second one that it was.
func TestTheReplacementThatAnEarlierTryLeftIsNotRemovedAsASecondContainer(t *testing.T) {
	w := newWorld(t)
	var hash string
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: commanded("--two")}, &answer{}) }),
		after(2*time.Minute, func() {
			p, _ := w.engines.Placement("rack-2", "smart-energy-ui-1")
			hash = p.SpecHash
			w.update(UpdateRollback, RollbackRequest{}, &answer{})
		}),
		after(3*time.Minute, func() {
			w.engines.Put("rack-2", plan.Container{
				ID: "left", Name: "smart-energy-ui-1-next", Service: "smart-energy", Function: "ui", Replica: 1, SpecHash: hash,
				State: "running", Created: w.Now().Add(-time.Hour).Unix(), Revision: 2,
			})
			w.update(UpdateApply, ApplyRequest{Service: commanded("--two")}, &answer{})
		}),
		after(4*time.Minute, func() {
			require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
			require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1", "%v", w.acting())
			require.Equal(t, "it has become smart-energy-ui-1", stepOf(t, w.status(), "remove/rack-2/smart-energy-ui-1-next").Detail)
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
}

// What a change has pulled that failed goes like any other image that nobody names, once another change has run.
func TestImagesOfAChangeThatFailedAreCollected(t *testing.T) {
	w := newWorld(t)
	bad := image("ui", "bad")
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.registry.Set(bad)
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrRejected)
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &answer{})
		}),
		after(2*time.Minute, func() {
			require.Equal(t, PhaseFailed, w.status().Phase)
			require.Equal(t, bad.Digest, w.running().Bringing[2].Digest, "a retry takes it")
			w.registry.Set(image("ui", "good"))
			w.services.Run("smart-energy", activities.Placed{}, image("ui", "good").Digest, image("ui", "ui").Digest, image("kafka", "kafka").Digest, image("sink", "sink").Digest)
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &answer{})
		}),
		after(20*time.Minute, func() {
			require.Equal(t, 1, w.engines.Count("forget rack-2 "+bad.Digest), "%v", w.acting())
			require.Equal(t, 1, w.engines.Count("forget "), "and no other")
		}),
		w.down(21*time.Minute))
	require.NoError(t, err)
}

// A change that waits for a person for weeks keeps the service from continuing as new: repairs beside it, each some 30
// events, must not fill the history until Temporal ends the service.
func TestRepairsBesideAChangeThatWaitsLeaveTheHistoryRoom(t *testing.T) {
	w := newWorld(t)
	next := edit("sink", func(f *spec.Function) { f.Command = []string{"--two"} })
	next.Approvals = []string{"stitch"}
	var looks int
	moments := []moment{
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &answer{}) }),
		after(2*time.Minute, func() {
			w.SetContinueAsNewSuggested(true)
			w.SetCurrentHistoryLength(20_000)
			w.crash()
		}),
		after(3*time.Minute, func() {
			require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1", "the first one comes at once")
			looks = w.engines.Count("observe rack-1")
		}),
		after(21*time.Minute, func() { require.Equal(t, looks, w.engines.Count("observe rack-1")) }),
		after(23*time.Minute, func() {
			require.Equal(t, looks+1, w.engines.Count("observe rack-1"), "a look in 20 minutes")
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(24*time.Minute, func() {
			w.SetContinueAsNewSuggested(false) // else this test ends when the change does
			w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "stitch"})
		}),
		after(25*time.Minute, func() {
			require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
			require.Greater(t, w.engines.Count("observe rack-1"), looks+2, "no longer held back")
		}),
		w.down(26 * time.Minute),
	}
	for second := 190; second < 22*60+50; second += 10 {
		moments = append(moments, after(time.Duration(second)*time.Second, func() { w.SignalWorkflow(SignalReconcile, nil) }))
	}
	_, err := w.run(chain(), moments...)
	require.NoError(t, err)
}
