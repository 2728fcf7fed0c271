package workflows

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Azure/iotedge#7259: crashed modules are not restarted while a new manifest is downloaded.
func TestARepairIsNotBlockedByAnUpdateThatHangsInAPull(t *testing.T) {
	w := newWorld(t)
	var healed *bool
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			healed = w.hang()
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &applied)
		}),
		after(3*time.Minute, func() {
			status := w.status()
			require.True(t, *healed)
			require.Equal(t, PhaseTuning, status.Phase, status.Fault)
			require.Equal(t, 2, status.Revision)
			require.Empty(t, status.Repairs)
			p, _ := w.engines.Placement("rack-2", "smart-energy-sink-1")
			require.Equal(t, image("sink", "new").Digest, p.Digest)
			repaired := entryOf(t, status, "reconcile")
			require.Equal(t, "accepted", repaired.Outcome)
			require.Equal(t, 1, repaired.Revision)
			require.Contains(t, repaired.Why, "smart-energy-ui-1")
		}),
		w.down(4*time.Minute))
	require.NoError(t, err)
}

func TestARepairGoesOnWhileAnApprovalIsWaitedFor(t *testing.T) {
	for _, step := range []string{"place", "stitch", "start/sink"} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			next := edit("sink", func(f *spec.Function) { f.Command = []string{"--two"} })
			next.Approvals = []string{step}
			var applied answer
			var waits Status
			var looks int
			_, err := w.run(chain(),
				after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
				after(2*time.Minute, func() {
					waits = w.status()
					w.crash()
				}),
				after(3*time.Minute, func() {
					require.Equal(t, step, waits.Waiting)
					require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1")
					status := w.status()
					require.Equal(t, waits.Phase, status.Phase, "the screen is the change's")
					require.Equal(t, waits.Waiting, status.Waiting)
					looks = w.engines.Count("observe rack-1")
					w.SignalWorkflow(SignalApprove, ApproveRequest{Step: step})
				}),
				after(4*time.Minute, func() {
					planned := map[string]int{"place": 1, "stitch": 1, "start/sink": 0} // anew: the world is another since the repair
					require.Equal(t, planned[step], w.engines.Count("observe rack-1")-looks)
					require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
					require.Equal(t, 1, w.engines.Count("replace rack-2 smart-energy-sink-1"))
				}),
				w.down(5*time.Minute))
			require.NoError(t, err)
			require.Empty(t, w.engines.Containers("rack-2"))
		})
	}
}

// What waits for its own approval still runs as it was: the approval is passed on when the repair has ended.
func TestWhatWaitsForItsApprovalIsHealedAsItWas(t *testing.T) {
	w := newWorld(t)
	next := commanded("--two")
	next.Approvals = []string{"start/ui"}
	var applied answer
	var starts atomic.Int64
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
		after(2*time.Minute, func() {
			require.Equal(t, "start/ui", w.status().Waiting)
			w.engines.Before(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, func(context.Context, fakes.Call) error {
				if starts.Add(1) == 1 { // in the middle of the repair
					w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "start/ui"})
					time.Sleep(200 * time.Millisecond) // real time, for the change to get ahead of itself
					require.EqualValues(t, 1, starts.Load(), "two start one container")
				}
				return nil
			})
			w.crash()
		}),
		after(4*time.Minute, func() {
			require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
			p, _ := w.engines.Placement("rack-2", "smart-energy-ui-1")
			require.Equal(t, []string{"--two"}, p.Command)
			require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1")
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
}

// The other way round: a repair that hangs blocks no update, and is given up when its revision has been replaced.
func TestARepairThatHangsBlocksNoUpdate(t *testing.T) {
	w := newWorld(t)
	var pulls atomic.Int64
	var ended atomic.Bool
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.engines.Spoil("rack-2", image("ui", "ui").Digest)
			w.engines.Before(fakes.Call{Method: "Pull", Box: "rack-2", Subject: image("ui", "ui").Ref}, func(ctx context.Context, _ fakes.Call) error {
				if pulls.Add(1) > 1 {
					return nil
				}
				<-ctx.Done()
				ended.Store(true)
				return ctx.Err()
			})
			w.once("Pull", func() { w.update(UpdateApply, ApplyRequest{Service: commanded("--two")}, &applied) })
			w.crash()
		}),
		after(3*time.Minute, func() {
			status := w.status()
			require.True(t, ended.Load(), "it was not given up")
			require.Equal(t, PhaseTuning, status.Phase, status.Fault)
			require.Equal(t, 2, status.Revision)
			p, _ := w.engines.Placement("rack-2", "smart-energy-ui-1")
			require.Equal(t, []string{"--two"}, p.Command)
			require.Len(t, status.Audit, 2, "%+v", status.Audit)
		}),
		w.down(4*time.Minute))
	require.NoError(t, err)
}

func TestAFailedRepairBesideAChangeIsNoFailureOfTheChange(t *testing.T) {
	w := newWorld(t)
	next := edit("sink", func(f *spec.Function) { f.Command = []string{"--two"} })
	next.Approvals = []string{"stitch"}
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
		after(2*time.Minute, func() {
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrRejected)
			w.crash()
		}),
		after(2*time.Minute+5*time.Second, func() {
			status := w.status()
			require.Equal(t, "stitch", status.Waiting)
			require.Empty(t, status.Fault)
			require.Contains(t, entryOf(t, status, "reconcile").Outcome, "failed: ")
		}),
		after(3*time.Minute, func() { // tried again by itself, without a schedule
			require.Contains(t, w.engines.Running("rack-2"), "smart-energy-ui-1")
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
}

func TestDownEndsARepairBesideAChangeAndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	next := edit("sink", func(f *spec.Function) { f.Command = []string{"--two"} })
	next.Approvals = []string{"stitch"}
	var applied answer
	begun := make(chan struct{}, 8)
	go func() { <-begun; w.SignalWorkflow(SignalDown, DownRequest{Who: "kai"}) }()
	report, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
		after(2*time.Minute, func() {
			w.engines.Before(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, func(ctx context.Context, _ fakes.Call) error {
				begun <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})
			w.crash()
		}))
	require.NoError(t, err)
	require.Empty(t, report.Stayed)
	require.Empty(t, w.engines.Containers("rack-1"))
	require.Empty(t, w.engines.Containers("rack-2"))
}

func TestDownInARollbackAndInADrainLeavesNothing(t *testing.T) {
	for name, ask := range map[string]func(*world, *answer){
		UpdateRollback: func(w *world, a *answer) { w.update(UpdateRollback, RollbackRequest{}, a) },
		UpdateDrain:    func(w *world, a *answer) { w.update(UpdateDrain, DrainRequest{Box: "rack-2"}, a) },
	} {
		w := newWorld(t)
		free := func(command string) spec.Service {
			service := commanded(command)
			for i := range service.Functions[1:] {
				service.Functions[1+i].Constraints = nil
			}
			return service
		}
		var asked answer
		begun := make(chan struct{}, 8)
		go func() { <-begun; w.SignalWorkflow(SignalDown, DownRequest{}) }()
		report, err := w.run(free("--one"),
			after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: free("--two")}, &answer{}) }),
			after(2*time.Minute, func() {
				require.Equal(t, PhaseTuning, w.status().Phase)
				w.engines.Before(fakes.Call{Method: "EnsureContainer"}, func(ctx context.Context, _ fakes.Call) error {
					begun <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				})
				ask(w, &asked)
			}))
		require.NoError(t, err, name)
		require.NoError(t, asked.refused, name)
		require.Equal(t, 3, asked.accepted.Revision, name)
		require.Empty(t, report.Stayed, name)
		require.Empty(t, w.engines.Containers("rack-1"), name)
		require.Empty(t, w.engines.Containers("rack-2"), name)
	}
}

func TestContinueAsNewKeepsRevisionsAbsencesAndTheFailedChange(t *testing.T) {
	w := newWorld(t)
	service := chain()
	service.Lost.After = spec.Duration(time.Hour)
	var suggested bool
	w.RegisterDelayedCallback(func() { w.update(UpdateApply, ApplyRequest{Service: commanded("--two")}, &answer{}) }, time.Minute)
	w.RegisterDelayedCallback(func() {
		w.engines.Fail(fakes.Call{Method: "Resolve"}, 1, fault.ErrNotFound)
		w.registry.Fail(fakes.Call{Method: "Resolve"}, 1, fault.ErrNotFound)
		w.update(UpdateApply, ApplyRequest{Service: commanded("--three")}, &answer{})
	}, 2*time.Minute)
	w.RegisterDelayedCallback(func() {
		require.Equal(t, 3, w.status().Failed.Revision)
		w.engines.Lose("rack-2")
		w.SignalWorkflow(SignalReconcile, nil)
	}, 3*time.Minute)
	w.RegisterDelayedCallback(func() {
		suggested = true
		w.SetContinueAsNewSuggested(true)
		w.SignalWorkflow(SignalApprove, ApproveRequest{}) // wakes it
	}, 10*time.Minute)
	w.SetStartWorkflowOptions(startAs(ServiceID(service.Name)))
	w.ExecuteWorkflow(ServiceWorkflow, ServiceInput{Service: service})
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(w.GetWorkflowError(), &again), "%v", w.GetWorkflowError())
	require.True(t, suggested)
	var in ServiceInput
	require.NoError(t, decode(again, &in))

	second := newWorld(t)
	second.engines.Lose("rack-2")
	second.RegisterDelayedCallback(func() {
		require.Equal(t, []int{2, 1}, numbers(second.revisions()))
		require.Len(t, second.running().Absent, 1)
		require.Equal(t, in.Carry.Absent, second.running().Absent)
		second.engines.Find("rack-2")
		second.update(UpdateRetry, RetryRequest{}, &answer{})
	}, time.Minute)
	second.RegisterDelayedCallback(func() {
		require.Equal(t, 3, second.status().Revision)
		require.Equal(t, PhaseTuning, second.status().Phase, second.status().Fault)
		require.Equal(t, []int{3, 2, 1}, numbers(second.revisions()))
	}, 2*time.Minute)
	second.RegisterDelayedCallback(func() { second.SignalWorkflow(SignalDown, DownRequest{}) }, 3*time.Minute)
	second.ExecuteWorkflow(ServiceWorkflow, in)
	require.NoError(t, second.GetWorkflowError())
}

func TestRevisionsThatAreTooLongAreForgottenOldestFirst(t *testing.T) {
	w := newWorld(t)
	long := func(word string) spec.Service {
		return edit("ui", func(f *spec.Function) {
			f.Environment = []spec.Variable{{Name: "LONG", Value: word + strings.Repeat("x", 250<<10)}}
		})
	}
	moments := []moment{w.down(20 * time.Minute)}
	for n, word := range []string{"a", "b", "c", "d", "e"} {
		moments = append(moments, after(time.Duration(n+1)*time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: long(word)}, &answer{}) }))
	}
	moments = append(moments, after(10*time.Minute, func() {
		require.Equal(t, PhaseTuning, w.status().Phase, w.status().Fault)
		require.Equal(t, []int{6, 5, 4, 3}, numbers(w.revisions()), "one less than could be kept")
		require.Contains(t, entryOf(t, w.status(), "forget revision 2").Why, "KiB")
	}))
	_, err := w.run(chain(), moments...)
	require.NoError(t, err)
}
