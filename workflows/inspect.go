package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
)

// InspectID is the ID of the look at a box of a service: those who want to see the same box at the same time share one.
func InspectID(service, box string) string { return "inspect/" + service + "/" + box }

// looking is for one look at a box for a person who waits. The activity bounds its questions to 10 s itself; 6 s without
// a heartbeat are a dead worker, and another one looks.
func looking() workflow.ActivityOptions {
	return options(15*time.Second, 30*time.Second, 6*time.Second, 3, time.Second)
}

// InspectWorkflow looks at one box of a running service: its engine, containers and images. It changes nothing. A box
// that does not answer is a result; a service or a box that is none fails (NOT_FOUND).
func InspectWorkflow(ctx workflow.Context, in activities.InspectInput) (activities.Inspection, error) {
	var views *activities.Views
	seen, err := call(ctx, as(looking(), "inspect", "look at box "+in.Box), views.Inspect, in)
	if err != nil {
		return seen, failure(err, "", nil)
	}
	return seen, nil
}
