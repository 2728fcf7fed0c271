package workflows

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/spec"
)

func TestReconcileHealsWithoutDoubling(t *testing.T) {
	service := chain()
	service.Approvals = []string{"start/ui"} // healing asks nobody
	w := newWorld(t)
	var quiet, healed Status
	var lines int
	_, err := w.run(service,
		after(time.Minute, func() { w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "start/ui"}) }),
		after(2*time.Minute, func() { lines = len(w.acting()); w.SignalWorkflow(SignalReconcile, nil) }),
		after(3*time.Minute, func() {
			quiet = w.status()
			for _, line := range w.acting()[lines:] {
				require.Regexp(t, "^(network|volume|dial) ", line, "nothing to heal, nothing to do")
			}
			w.engines.Exit("rack-2", "smart-energy-ui-1", 137)
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(4*time.Minute, func() {
			healed = w.status()
			require.Equal(t, []string{"smart-energy-sink-1", "smart-energy-ui-1"}, w.engines.Running("rack-2"))
			require.Len(t, w.engines.Containers("rack-2"), 2)
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, quiet.Phase)
	require.Equal(t, PhaseTuning, healed.Phase)
	require.Equal(t, 3, w.registry.Count("resolve "), "healing keeps the digests of its revision")
	last := healed.Audit[len(healed.Audit)-1]
	require.Equal(t, "reconcile", last.What)
	require.Contains(t, last.Why, "smart-energy-ui-1: exited")
}

func TestBoxThatDoesNotAnswer(t *testing.T) {
	service := chain()
	for i := range service.Functions {
		service.Functions[i].Constraints = nil
	}
	w := newWorld(t)
	w.engines.Lose("rack-2")
	var status Status
	report, err := w.run(service, after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, status.Phase)
	require.False(t, status.Boxes[1].Reachable)
	require.Contains(t, status.Boxes[1].Fault, "connection refused")
	for _, function := range status.Functions {
		require.Equal(t, "rack-1", function.Box)
	}
	require.Empty(t, w.engines.Containers("rack-1"), "down goes on past the lost box")
	require.NotEmpty(t, report.Removed)
	require.Len(t, report.Stayed, 1)
	require.Contains(t, report.Stayed[0], "rack-2")
}

// A box that does not answer keeps its functions for as long as the specification says; then they move, without a
// schedule and without anybody asking, and when it comes back one copy stays.
func TestLostBoxIsHealedElsewhereWhenItsTimeHasCome(t *testing.T) {
	service := edit("ui", func(f *spec.Function) { f.Constraints = on("rack-2") })
	for i := range service.Functions {
		if service.Functions[i].Name == "sink" {
			service.Functions[i].Constraints = on("rack-1")
		}
	}
	w := newWorld(t)
	free := service
	free.Functions = slices.Clone(service.Functions)
	free.Functions[2].Constraints = nil
	ui := func() FunctionStatus {
		all := w.status().Functions
		return all[slices.IndexFunc(all, func(f FunctionStatus) bool { return f.Function == "ui" })]
	}
	_, err := w.run(service,
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: free}, &answer{}) }),
		after(2*time.Minute, func() {
			require.Equal(t, "rack-2", ui().Box)
			w.engines.Lose("rack-2")
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute+50*time.Second, func() {
			require.Equal(t, "rack-2", ui().Box)
			require.Equal(t, StateHeld, ui().State)
			require.Equal(t, PhaseTuning, w.status().Phase)
		}),
		after(3*time.Minute+30*time.Second, func() {
			require.Equal(t, "rack-1", ui().Box)
			w.engines.Find("rack-2")
			require.Len(t, w.engines.Running("rack-2"), 1)
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(4*time.Minute, func() {
			require.Equal(t, "rack-1", ui().Box)
			require.Empty(t, w.engines.Running("rack-2"), "one copy")
		}),
		w.down(5*time.Minute))
	require.NoError(t, err)
}

func TestScheduleFollowsTheSpecification(t *testing.T) {
	service := chain()
	service.Schedule = spec.Duration(5 * time.Minute)
	w := newWorld(t)
	var applied answer
	_, err := w.run(service,
		after(time.Minute, func() {
			require.Equal(t, 5*time.Minute, w.scheduler.Every("smart-energy"))
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &applied)
		}),
		after(2*time.Minute, func() { require.Zero(t, w.scheduler.Every("smart-energy")) }),
		w.down(3*time.Minute))
	require.NoError(t, err)
}

func TestContinueAsNewLosesNoMessage(t *testing.T) {
	w := newWorld(t)
	w.SetContinueAsNewSuggested(true)
	var accepted answer
	next := edit("ui", func(f *spec.Function) { f.Command = []string{"--two"} })
	w.once("Probe", func() { // in the middle of the first revision
		w.update(UpdateApply, ApplyRequest{Service: next}, &accepted)
		w.SignalWorkflow(SignalReconcile, nil)
	})
	_, err := w.run(chain())
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(err, &again), "%v", err)
	require.Equal(t, 2, accepted.accepted.Revision)
	require.Equal(t, []string{"replace rack-2 smart-energy-ui-1"}, w.engines.Matching("replace "), "the update was carried out before")

	var in ServiceInput
	require.NoError(t, decode(again, &in))
	require.Equal(t, 2, in.Carry.Revision)
	require.Equal(t, PhaseTuning, in.Carry.Status.Phase)

	second := newWorld(t)
	var status Status
	second.RegisterDelayedCallback(func() { status = second.status() }, time.Minute)
	second.RegisterDelayedCallback(func() { second.SignalWorkflow(SignalDown, DownRequest{}) }, 2*time.Minute)
	second.ExecuteWorkflow(ServiceWorkflow, in)
	require.NoError(t, second.GetWorkflowError())
	require.Equal(t, in.Carry.Status.Functions, status.Functions)
	require.Equal(t, []string{"sweep rack-1 smart-energy", "sweep rack-2 smart-energy"}, grouped(second.engines.Lines()),
		"the next run deploys nothing by itself")
}

func TestReconcileWorkflowTellsTheService(t *testing.T) {
	w := newWorld(t)
	w.OnSignalExternalWorkflow("default-test-namespace", "service/smart-energy", "", SignalReconcile, nil).Return(nil).Once()
	w.ExecuteWorkflow(ReconcileWorkflow, "smart-energy")
	require.NoError(t, w.GetWorkflowError())
	w.AssertExpectations(t)
}

// decode reads the input of the next run.
func decode(again *workflow.ContinueAsNewError, in *ServiceInput) error {
	return converter.GetDefaultDataConverter().FromPayloads(again.Input, in)
}
