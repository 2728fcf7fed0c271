package workflows

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func startAs(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: TaskQueue}
}

func TestServiceComesUpInOrderAndGoesDownWhole(t *testing.T) {
	w := newWorld(t)
	var status Status
	var made plan.Plan
	report, err := w.run(chain(),
		after(time.Minute, func() {
			status = w.status()
			value, err := w.QueryWorkflow(QueryPlan)
			require.NoError(t, err)
			require.NoError(t, value.Get(&made))
		}),
		w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(`
pull rack-1 127.0.0.1:5000/overcloud/kafka:dev from 127.0.0.1:5000/overcloud/kafka
pull rack-2 127.0.0.1:5000/overcloud/sink:dev from 127.0.0.1:5000/overcloud/sink
pull rack-2 127.0.0.1:5000/overcloud/ui:dev from 127.0.0.1:5000/overcloud/ui
network rack-1 overcloud
network rack-2 overcloud
volume rack-1 kafka-data
start rack-1 smart-energy-kafka-1
start rack-2 smart-energy-sink-1
start rack-2 smart-energy-ui-1
dial rack-2 smart-energy-sink-1 kafka:9092
remove rack-1 smart-energy-kafka-1
remove rack-2 smart-energy-sink-1
remove rack-2 smart-energy-ui-1
sweep rack-1 smart-energy
sweep rack-2 smart-energy
`), strings.Join(grouped(w.acting()), "\n"))

	require.Equal(t, PhaseTuning, status.Phase)
	require.Equal(t, made.Hash, status.PlanHash)
	require.Equal(t, "healthy", status.Functions[0].State)
	require.Equal(t, []string{"10.0.0.1:9092"}, status.Functions[0].Addresses)
	require.True(t, status.Functions[1].Probes[0].Connected)
	require.Equal(t, []string{"deploy/smart-energy/1", "match/smart-energy/1", "place/smart-energy/1", "stitch/smart-energy/1"}, status.Children)
	for _, step := range status.Steps {
		require.Equal(t, StepDone, step.State, step.ID)
	}
	require.Empty(t, report.Stayed)
	require.Len(t, report.Removed, 5, "three containers, two networks; the volume stays")
}

func TestDownInMidPullSweepsAndStartsNothing(t *testing.T) {
	w := newWorld(t)
	begun := w.block(fakes.Call{Method: "Pull", Box: "rack-1"})
	go func() { <-begun; w.SignalWorkflow(SignalDown, DownRequest{Volumes: true, Who: "kai"}) }()
	_, err := w.run(chain())
	require.NoError(t, err)
	require.Equal(t, 2, w.engines.Count("sweep "))
	require.Zero(t, w.engines.Count("start "))
}

func TestDownInMidStartLeavesNothing(t *testing.T) {
	w := newWorld(t)
	begun := w.block(fakes.Call{Method: "EnsureContainer", Subject: "ui"})
	go func() { <-begun; w.SignalWorkflow(SignalDown, DownRequest{}) }()
	report, err := w.run(chain())
	require.NoError(t, err)
	require.Empty(t, report.Stayed)
	require.Empty(t, w.engines.Containers("rack-1"))
	require.Empty(t, w.engines.Containers("rack-2"))
}

func TestCancelIsADown(t *testing.T) {
	w := newWorld(t)
	_, err := w.run(chain(), after(time.Minute, w.CancelWorkflow))
	require.NoError(t, err)
	require.Equal(t, 2, w.engines.Count("sweep "))
	require.Empty(t, w.engines.Containers("rack-1"))
}

func TestApplyDuringADeployWaitsAndTheLastOneWins(t *testing.T) {
	w := newWorld(t)
	var second, third, again answer
	two := edit("ui", func(f *spec.Function) { f.Command = []string{"--two"} })
	three := edit("ui", func(f *spec.Function) { f.Command = []string{"--three"} })
	w.once("Pull", func() {
		w.update(UpdateApply, ApplyRequest{Service: two, Who: "kai"}, &second)
		w.update(UpdateApply, ApplyRequest{Service: three, Who: "ann"}, &third)
		w.update(UpdateApply, ApplyRequest{Service: three, Who: "ann"}, &again)
	})
	var status Status
	_, err := w.run(chain(), after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, []int{2, 3, 3}, []int{second.accepted.Revision, third.accepted.Revision, again.accepted.Revision})
	require.Equal(t, 3, status.Revision)
	require.Equal(t, PhaseTuning, status.Phase)
	require.Equal(t, []string{"replace rack-2 smart-energy-ui-1"}, w.engines.Matching("replace "))
	outcomes := map[string]string{}
	for _, entry := range status.Audit {
		outcomes[entry.Who] = entry.Outcome
	}
	require.Equal(t, map[string]string{"": "accepted", "kai": "superseded before it began", "ann": "accepted"}, outcomes)
}

func TestApplyIsRefusedWhenThePlanHasChanged(t *testing.T) {
	w := newWorld(t)
	var status Status
	var got answer
	next := edit("ui", func(f *spec.Function) { f.Command = []string{"--two"} })
	var lines int
	_, err := w.run(chain(),
		after(time.Minute, func() {
			lines = len(w.acting())
			w.update(UpdateApply, ApplyRequest{Service: next, PlanHash: "stale"}, &got)
		}),
		after(2*time.Minute, func() {
			status = w.status()
			require.Len(t, w.acting(), lines, "nothing may have changed")
		}),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, TypePlanChanged, status.FaultType)
	require.Contains(t, status.Fault, "no longer stale")
}

func TestInvalidInputChangesNothing(t *testing.T) {
	bad := chain()
	bad.Functions[1].Consumes[0].Function = "nobody"
	other := chain()
	other.Name = "another"
	w := newWorld(t)
	var badApply, otherApply, badScale answer
	var status Status
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.update(UpdateApply, ApplyRequest{Service: bad}, &badApply)
			w.update(UpdateApply, ApplyRequest{Service: other}, &otherApply)
			w.update(UpdateScale, ScaleRequest{Function: "nobody", Replicas: 2}, &badScale)
		}),
		after(2*time.Minute, func() { status = w.status() }),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.ErrorContains(t, badApply.refused, `function sink consumes "nobody", which does not exist`)
	require.ErrorContains(t, otherApply.refused, `this is the service smart-energy; the specification is of "another"`)
	require.ErrorContains(t, badScale.refused, `smart-energy has no function "nobody"`)
	require.Equal(t, 1, status.Revision)

	w = newWorld(t)
	_, err = w.run(bad)
	var application *temporal.ApplicationError
	require.True(t, errors.As(err, &application))
	require.Equal(t, activities.TypeInvalid, application.Type())
	require.Empty(t, w.engines.Lines())
}

func TestDownWhileWaitingForAnApproval(t *testing.T) {
	service := chain()
	service.Approvals = []string{"stitch"}
	w := newWorld(t)
	_, err := w.run(service, w.down(time.Minute))
	require.NoError(t, err)
	require.Zero(t, w.engines.Count("start "))
	require.Equal(t, 2, w.engines.Count("sweep "))
}

func TestScale(t *testing.T) {
	w := newWorld(t)
	var up, down answer
	var status Status
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateScale, ScaleRequest{Function: "ui", Replicas: 3}, &up) }),
		after(2*time.Minute, func() {
			require.Equal(t, []string{"smart-energy-sink-1", "smart-energy-ui-1", "smart-energy-ui-2", "smart-energy-ui-3"}, w.engines.Running("rack-2"))
			w.update(UpdateScale, ScaleRequest{Function: "ui", Replicas: 1}, &down)
		}),
		after(3*time.Minute, func() {
			status = w.status()
			require.Equal(t, []string{"smart-energy-sink-1", "smart-energy-ui-1"}, w.engines.Running("rack-2"))
		}),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, []int{up.accepted.Revision, down.accepted.Revision})
	require.Zero(t, w.engines.Count("replace "))
	require.Equal(t, PhaseTuning, status.Phase)
}

func TestRoomsAreTunedForAsLongAsTheServiceLives(t *testing.T) {
	service := chain()
	service.Rooms = []spec.Room{{Name: "cold-aisle"}, {Name: "lab"}}
	next := chain()
	next.Rooms = []spec.Room{{Name: "cold-aisle", Title: "renamed"}}
	w := newWorld(t)
	var applied answer
	_, err := w.run(service,
		after(time.Minute, func() { w.SignalWorkflow(SignalReconcile, nil) }),
		after(2*time.Minute, func() {
			require.Equal(t, []string{"tune cold-aisle", "tune lab"}, w.tuned.Lines(), "reconciling starts none twice and tells none")
			w.update(UpdateApply, ApplyRequest{Service: next}, &applied)
		}),
		after(3*time.Minute, func() {
			require.ElementsMatch(t, []string{"tune cold-aisle", "tune lab", "room cold-aisle renamed", "untune lab"}, w.tuned.Lines())
			require.Equal(t, []string{"cold-aisle"}, w.status().Rooms)
		}),
		w.down(4*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 1, w.tuned.Count("untune cold-aisle"))
}
