package workflows

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestPermanentFaultIsNotRetriedAndNothingStarts(t *testing.T) {
	w := newWorld(t)
	attempts := w.count(fakes.Call{Method: "Pull", Box: "rack-1"})
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 0, fmt.Errorf("layer 2: %w", fault.ErrDigestMismatch))
	var status Status
	_, err := w.run(chain(), after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 1, attempts())
	require.Equal(t, PhaseFailed, status.Phase)
	require.Equal(t, activities.TypeDigestMismatch, status.FaultType)
	require.Contains(t, status.Fault, "pull 127.0.0.1:5000/overcloud/kafka:dev on rack-1: layer 2: digest does not match")
	require.Zero(t, w.engines.Count("start "))
	require.Equal(t, StepFailed, stepOf(t, status, "pull/rack-1/127.0.0.1:5000/overcloud/kafka:dev").State)
}

func TestHiccupIsRetried(t *testing.T) {
	w := newWorld(t)
	attempts := w.count(fakes.Call{Method: "Pull", Box: "rack-1"})
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 2, fault.ErrUnreachable)
	var status Status
	_, err := w.run(chain(), after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 3, attempts())
	require.Equal(t, PhaseTuning, status.Phase)
}

func TestFirstFailureUndoesInReverseAndReconcileTriesAgain(t *testing.T) {
	w := newWorld(t)
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fmt.Errorf("8080: %w", fault.ErrPortTaken))
	var failed, healed Status
	_, err := w.run(chain(),
		after(time.Minute, func() { failed = w.status(); w.SignalWorkflow(SignalReconcile, nil) }),
		after(2*time.Minute, func() { healed = w.status() }),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, activities.TypePortTaken, failed.FaultType)
	require.Equal(t, "start smart-energy-ui-1 on rack-2: 8080: port is taken", failed.Fault)
	require.Equal(t, []string{"remove rack-2 smart-energy-sink-1", "remove rack-1 smart-energy-kafka-1"}, w.engines.Matching("remove ")[:2])
	require.Equal(t, StepUndone, stepOf(t, failed, "start/kafka/1").State)
	require.Equal(t, PhaseTuning, healed.Phase)
	require.Equal(t, 1, healed.Revision)
}

func TestUndoLeavesForeignContainersAlone(t *testing.T) {
	w := newWorld(t)
	w.engines.Put("rack-2", plan.Container{ID: "foreign", Name: "smart-energy-ui-1", State: "running"})
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fmt.Errorf("the name is taken: %w", fault.ErrRejected))
	_, err := w.run(chain(), w.down(time.Minute))
	require.NoError(t, err)
	require.Equal(t, []string{"smart-energy-ui-1"}, w.engines.Running("rack-2"))
}

func TestFailedApplyBringsBackWhatRan(t *testing.T) {
	w := newWorld(t)
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 0, fault.ErrRejected)
	w.engines.Heal()
	next := edit("sink", func(f *spec.Function) { f.Command = []string{"sink", "--new"} })
	for i := range next.Functions {
		if next.Functions[i].Name == "ui" {
			next.Functions[i].Command = []string{"--new"}
		}
	}
	var before, restored plan.Placement
	var failed, reconciled Status
	var accepted answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			before, _ = w.engines.Placement("rack-2", "smart-energy-sink-1")
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrRejected)
			w.update(UpdateApply, ApplyRequest{Service: next, Who: "kai"}, &accepted)
		}),
		after(2*time.Minute, func() {
			failed = w.status()
			restored, _ = w.engines.Placement("rack-2", "smart-energy-sink-1")
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(3*time.Minute, func() { reconciled = w.status() }),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 2, accepted.accepted.Revision)
	require.Equal(t, PhaseFailed, failed.Phase)
	require.NotEmpty(t, before.SpecHash)
	require.Equal(t, before.SpecHash, restored.SpecHash)
	require.Equal(t, PhaseTuning, reconciled.Phase, "what ran before is held on to")
	require.Equal(t, 1, reconciled.Revision)
	require.Equal(t, 2, reconciled.Failed.Revision, "and what failed is still told")
	require.Equal(t, failed.Fault, reconciled.Failed.Fault)
	require.Contains(t, reconciled.Audit[len(reconciled.Audit)-1].Outcome, "failed: ")
	require.Equal(t, "kai", reconciled.Audit[len(reconciled.Audit)-1].Who)
}

// What comes back comes back with its own secrets, which the new specification may not have.
func TestWhatIsBroughtBackHasItsSecrets(t *testing.T) {
	service := edit("sink", func(f *spec.Function) { f.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}} })
	service.Secrets = []spec.Secret{{Name: "token", From: "env:TOKEN"}}
	w := newWorld(t)
	w.secrets["env:TOKEN"] = "s3cret"
	var accepted answer
	_, err := w.run(service,
		after(time.Minute, func() {
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrRejected)
			next := edit("ui", func(f *spec.Function) { f.Command = []string{"--new"} })
			w.update(UpdateApply, ApplyRequest{Service: next}, &accepted)
		}),
		after(5*time.Minute, func() {
			require.Equal(t, PhaseFailed, w.status().Phase)
			require.Equal(t, []byte("s3cret"), w.engines.Secrets("rack-2", "smart-energy-sink-1")["/run/secrets/token"])
		}),
		w.down(6*time.Minute))
	require.NoError(t, err)
}

func TestApprovedStepsWaitForAPerson(t *testing.T) {
	service := chain()
	service.Approvals = []string{"place", "start/ui"}
	w := newWorld(t)
	var placing, starting, done Status
	var made plan.Plan
	_, err := w.run(service,
		after(time.Minute, func() {
			placing = w.status()
			value, err := w.QueryWorkflow(QueryPlan)
			require.NoError(t, err, "the plan must be readable before it is approved")
			require.NoError(t, value.Get(&made))
			require.Zero(t, w.engines.Count("pull "))
			w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "stitch", Who: "eve"})
			w.SignalWorkflow(SignalApprove, ApproveRequest{Who: "ann"})
		}),
		after(2*time.Minute, func() {
			starting = w.status()
			require.Equal(t, 2, w.engines.Count("start "))
			w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "start/ui", Who: "kai"})
		}),
		after(3*time.Minute, func() { done = w.status() }),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.Equal(t, "place", placing.Waiting)
	require.Equal(t, "start/ui", starting.Waiting)
	require.Empty(t, done.Waiting)
	require.Equal(t, PhaseTuning, done.Phase)
	require.Equal(t, "approved by kai", stepOf(t, done, "approval/start/ui").Detail)
	refused := slices.IndexFunc(done.Audit, func(a AuditEntry) bool { return a.Who == "eve" })
	require.Contains(t, done.Audit[refused].Outcome, "refused")
}

func TestMissingConnectionFailsTheStitchWithItsName(t *testing.T) {
	w := newWorld(t)
	attempts := w.count(fakes.Call{Method: "Dial"})
	w.engines.Fail(fakes.Call{Method: "Dial"}, 0, fmt.Errorf("refused: %w", fault.ErrNotConnected))
	var status Status
	_, err := w.run(chain(), after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 8, attempts())
	require.Equal(t, activities.TypeNotConnected, status.FaultType)
	require.Contains(t, status.Fault, "connect smart-energy-sink-1 to kafka:9092 on rack-2: refused")
}
