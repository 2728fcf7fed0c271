package workflows

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestAFirstDeployThatFailsHasItsSchedule(t *testing.T) {
	service := chain()
	service.Schedule = spec.Duration(5 * time.Minute)
	w := newWorld(t)
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 1, fmt.Errorf("layer 2: %w", fault.ErrDigestMismatch))
	var failed, healed Status
	_, err := w.run(service,
		after(time.Minute, func() {
			failed = w.status()
			require.Equal(t, 5*time.Minute, w.scheduler.Every("smart-energy"))
			w.SignalWorkflow(SignalReconcile, nil) // as the schedule does
		}),
		after(2*time.Minute, func() { healed = w.status() }),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseFailed, failed.Phase)
	require.Equal(t, 1, failed.Failed.Revision)
	require.Equal(t, PhaseTuning, healed.Phase)
	require.Nil(t, healed.Failed)
	require.True(t, failed.Looked.IsZero(), "nothing was found to run yet")
	require.False(t, healed.Looked.IsZero())
	require.Zero(t, w.scheduler.Every("smart-energy"))
}

// start runs a service as Apply starts it, with a plan that somebody has looked at.
func (w *world) start(service spec.Service, planHash string, moments ...moment) {
	for _, m := range moments {
		w.RegisterDelayedCallback(m.do, m.at)
	}
	w.SetStartWorkflowOptions(startAs(ServiceID(service.Name)))
	w.ExecuteWorkflow(ServiceWorkflow, ServiceInput{Service: service, PlanHash: planHash, Who: "ann"})
	require.NoError(w.t, w.GetWorkflowError())
}

func TestAFirstPlanThatIsRefusedWaitsForAPerson(t *testing.T) {
	service := chain()
	service.Schedule = spec.Duration(5 * time.Minute)
	w := newWorld(t)
	var refused, again, done Status
	var applied answer
	w.start(service, "stale",
		after(time.Minute, func() {
			refused = w.status()
			require.Empty(t, w.acting())
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute, func() {
			again = w.status()
			require.Empty(t, w.acting())
			w.update(UpdateApply, ApplyRequest{Service: service, PlanHash: refused.PlanHash}, &applied)
		}),
		after(3*time.Minute, func() { done = w.status() }),
		w.down(4*time.Minute))
	require.Equal(t, TypePlanChanged, refused.FaultType)
	require.Equal(t, refused, again)
	require.Equal(t, "ann", refused.Audit[0].Who)
	require.Equal(t, PhaseTuning, done.Phase)
	require.Equal(t, 2, done.Revision)
}

func TestWhatIsTriedAgainIsThePlanThatWasShown(t *testing.T) {
	var hash string
	look := newWorld(t)
	_, err := look.run(chain(), after(time.Minute, func() { hash = look.status().PlanHash }), look.down(2*time.Minute))
	require.NoError(t, err)

	w := newWorld(t)
	w.engines.Fail(fakes.Call{Method: "Pull", Box: "rack-1"}, 1, fault.ErrDigestMismatch)
	var moved Status
	w.start(chain(), hash,
		after(time.Minute, func() {
			require.Equal(t, activities.TypeDigestMismatch, w.status().FaultType)
			w.registry.Set(image("ui", "moved"))
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute, func() { moved = w.status() }),
		w.down(3*time.Minute))
	require.Equal(t, TypePlanChanged, moved.FaultType)
	require.Zero(t, w.engines.Count("start "))
}

func TestAnUnhealthyContainerIsReplaced(t *testing.T) {
	w := newWorld(t)
	var old, young string
	var healed Status
	_, err := w.run(chain(),
		after(time.Minute, func() {
			old = w.engines.Containers("rack-1")[0].ID
			w.engines.Sicken("rack-1", "smart-energy-kafka-1")
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute, func() { healed = w.status(); young = w.engines.Containers("rack-1")[0].ID }),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.NotEqual(t, old, young)
	require.Equal(t, PhaseTuning, healed.Phase)
	require.Equal(t, "healthy", healed.Functions[0].State)
	require.Contains(t, healed.Audit[len(healed.Audit)-1].Why, "smart-energy-kafka-1: its health check fails")
}

func TestACheckThatIsTurnedOffIsNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	none := edit("kafka", func(f *spec.Function) { f.Healthcheck = &spec.Healthcheck{Test: []string{"NONE"}} })
	var status Status
	_, err := w.run(none, after(30*time.Second, func() { status = w.status() }), w.down(time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, status.Phase)
	require.Equal(t, "running", status.Functions[0].State)
}

func TestANightOfFailedReconcilesLeavesTheAuditReadable(t *testing.T) {
	w := newWorld(t)
	moments := []moment{after(time.Minute, func() {
		w.engines.Fail(fakes.Call{Method: "Dial"}, 0, fmt.Errorf("refused: %w", fault.ErrNotConnected))
	})}
	for i := range 8 {
		moments = append(moments, after(time.Duration(i+2)*5*time.Minute, func() { w.SignalWorkflow(SignalReconcile, nil) }))
	}
	var status Status
	moments = append(moments, after(time.Hour, func() { status = w.status() }), w.down(2*time.Hour))
	_, err := w.run(chain(), moments...)
	require.NoError(t, err)
	require.Len(t, status.Audit, 2)
	require.Equal(t, "reconcile", status.Audit[1].What)
	require.Greater(t, status.Audit[1].At.Sub(status.Audit[0].At), 40*time.Minute, "with the time of the last")
}

func TestFewContainersStartAtOnce(t *testing.T) {
	w := newWorld(t)
	var now, most atomic.Int64
	w.engines.Before(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, func(context.Context, fakes.Call) error {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	many := edit("ui", func(f *spec.Function) { f.Replicas = 3 * startsAtOnce })
	_, err := w.run(many, after(time.Minute, func() { require.Len(t, w.engines.Running("rack-2"), 1+3*startsAtOnce) }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.LessOrEqual(t, most.Load(), int64(startsAtOnce))
}

func TestDownWaitsForTheTuningsToEnd(t *testing.T) {
	service := chain()
	service.Rooms = []spec.Room{{Name: "cold-aisle"}, {Name: "lab"}}
	w := newWorld(t)
	w.runs.Fail(fakes.Call{Method: "AwaitEnd", Subject: TuneID("smart-energy", "lab")}, 0, fault.ErrUnreachable)
	report, err := w.run(service, w.down(time.Minute))
	require.NoError(t, err)
	require.Equal(t, []string{"ended tune/smart-energy/cold-aisle"}, w.runs.Lines())
	require.Len(t, report.Stayed, 1)
	require.Contains(t, report.Stayed[0], "tuning of room lab: await the end of tune/smart-energy/lab")
	require.Empty(t, w.engines.Containers("rack-1"), "the rest goes all the same")
}

func TestCheckRefusesWhatCannotRun(t *testing.T) {
	long := edit("ui", func(f *spec.Function) {
		f.Environment = []spec.Variable{{Name: "BLOB", Value: strings.Repeat("x", SpecificationMost)}}
	})
	require.ErrorContains(t, Check(long), "it is 513 KiB long as JSON and 512 KiB is the most")
	rooms := chain()
	rooms.Rooms = []spec.Room{{Name: "hall", AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 30, Max: 18}}}}
	require.ErrorContains(t, Check(rooms), "room hall: air conditioner ac1: min 30 and max 18 must be in order")
	require.NoError(t, Check(chain()))
}
