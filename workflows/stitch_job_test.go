package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// A job that has run to completion has no inside any more from which a connection could be made; that it ended well
// is the proof.
func TestAJobThatHasEndedWellIsNotLookedInto(t *testing.T) {
	w := newWorld(t)
	service := chain()
	kafka, _ := service.Function("kafka")
	job := spec.Function{
		Name: "topics", Image: kafka.Image, Replicas: 1, Restart: "no",
		DependsOn: []spec.Dependency{{Function: "kafka", Condition: "service_started"}},
		Consumes:  []spec.Edge{{Function: "kafka", Port: 9092}},
	}
	service.Functions = append(service.Functions, job)
	for i := range service.Functions {
		if service.Functions[i].Name == "ui" {
			service.Functions[i].DependsOn = append(service.Functions[i].DependsOn, spec.Dependency{Function: "topics", Condition: conditionCompleted})
		}
	}
	w.engines.Script("topics", activities.ContainerState{Status: "exited"})
	var status Status
	_, err := w.run(service.Normalise(), after(time.Minute, func() { status = w.status() }), w.down(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, status.Phase, status.Fault)
	for _, f := range status.Functions {
		if f.Function != "topics" {
			continue
		}
		require.Equal(t, StateCompleted, f.State)
		require.True(t, f.Probes[0].Connected)
	}
	require.Empty(t, w.engines.Matching("dial rack-1 smart-energy-topics-1"))
}
