package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// inASwarm says whether a service is to run in a swarm.
func inASwarm(service *spec.Service) bool { return service.Orchestrator == spec.OrchestratorSwarm }

// checkSwarm finds what no swarm can give.
func checkSwarm(service spec.Service) (faults []error) {
	for _, function := range service.Functions {
		if why := function.UnfitForSwarm(); inASwarm(&service) && why != "" {
			faults = append(faults, fmt.Errorf("function %s: %s", function.Name, why))
		}
	}
	return faults
}

// sameOrchestrator refuses a change of the orchestrator: both would hold the same ports, names and data, and each
// would bring back what the other takes away.
func (s *service) sameOrchestrator(next spec.Service) error {
	if s.newest.Name == "" || inASwarm(&next) == s.swarmed() {
		return nil
	}
	return invalid("%s", otherOrchestrator(next.Name))
}

// Takes says why a running service cannot take a specification; empty when nothing speaks against it.
func (r Running) Takes(next spec.Service) string {
	if r.Service.Name == "" || inASwarm(&r.Service) == inASwarm(&next) {
		return ""
	}
	return otherOrchestrator(next.Name)
}

func otherOrchestrator(service string) string {
	return fmt.Sprintf("%s runs with another orchestrator: take it down first (starter down %s), its volumes stay, and apply this then", service, service)
}

// swarmed says whether anything of this service may be in a swarm.
func (s *service) swarmed() bool {
	return inASwarm(&s.newest) || s.good != nil && inASwarm(&s.good.Service)
}

// sweepSwarm removes what a service has in the swarm of these boxes; before the boxes themselves are swept, or the
// swarm would start again what is swept there. The swarm stays. What could not go is in the result, and no error.
func sweepSwarm(ctx workflow.Context, service string, boxes []spec.Box) (all activities.SweepResult) {
	var swarm *activities.Swarm
	in := activities.SweepSwarmInput{Service: service, Boxes: boxes}
	for try := range sweeps {
		if try > 0 && sleep(ctx, sweepPause, "before another sweep of the swarm") != nil {
			return all // cancelled: what stayed is reported
		}
		swept, err := call(ctx, as(sweep(), "sweep/swarm", "sweep the swarm"), swarm.SweepSwarm, in)
		if err != nil {
			reason, _ := explain(err)
			swept.Stayed = []string{"everything in the swarm: " + reason}
		}
		all.Removed, all.Stayed = append(all.Removed, swept.Removed...), swept.Stayed
		if len(all.Stayed) == 0 {
			return all
		}
	}
	return all
}

// leaveSwarm takes boxes out of the swarm that a specification no longer has. What stays is in the result.
func leaveSwarm(ctx workflow.Context, service string, gone, staying []spec.Box) activities.SweepResult {
	var swarm *activities.Swarm
	in := activities.LeaveSwarmInput{Service: service, Gone: gone, Staying: staying}
	left, err := call(ctx, as(sweep(), "leave/swarm", "leave the swarm"), swarm.LeaveSwarm, in)
	if err != nil {
		reason, _ := explain(err)
		left.Stayed = []string{"the swarm nodes of the boxes that left: " + reason}
	}
	return left
}

// task reports a container that a swarm looks after. That of a service that runs is the swarm's own business; that of
// one that does not goes with its swarm service, or the swarm would begin it again.
func (s *sweeping) task(ctx workflow.Context, box spec.Box, container plan.Container, placed activities.PlacedResult) {
	if placed.Runs {
		return
	}
	item := SweepItem{Box: box.Name, Name: container.Name, Reason: "service " + container.Service + " does not run"}
	if !s.in.DryRun {
		swept, done := s.swept[container.Service]
		if !done {
			swept = sweepSwarm(ctx, container.Service, s.in.Boxes)
			s.swept[container.Service] = swept
			s.report.Stayed = append(s.report.Stayed, swept.Stayed...)
		}
		item.Gone = len(swept.Stayed) == 0
	}
	s.report.Items = append(s.report.Items, item)
}
