package workflows

import (
	"net"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The conditions of depends_on, as Compose spells them.
const (
	conditionHealthy   = "service_healthy"
	conditionCompleted = "service_completed_successfully"
)

// ready says whether a placement may start: every function of the levels before has been started, and those
// that it depends on are as it asks. A dependency that says nothing more asks for "started".
func (s *stitch) ready(placement plan.Placement) bool {
	for _, level := range s.in.Plan.Levels {
		if slices.Contains(level.Functions, placement.Function) {
			break
		}
		if !s.all(s.started, level.Functions...) {
			return false
		}
	}
	for _, dependency := range function(s.in.Service, placement.Function).DependsOn {
		have := s.started
		if dependency.Condition == conditionHealthy || dependency.Condition == conditionCompleted {
			have = s.settled
		}
		if !s.all(have, dependency.Function) {
			return false
		}
	}
	return true
}

// all says whether every replica of the functions has what is asked; a function that is not placed
// (external, or no replicas) has.
func (s *stitch) all(have []bool, functions ...string) bool {
	for i, placement := range s.in.Plan.Placements {
		if slices.Contains(functions, placement.Function) && !have[i] {
			return false
		}
	}
	return true
}

func function(service spec.Service, name string) spec.Function {
	for _, f := range service.Functions {
		if f.Name == name {
			return f
		}
	}
	return spec.Function{}
}

// completes says that somebody waits for the function to end well, so ending is its health.
func completes(service spec.Service, name string) bool {
	return slices.ContainsFunc(service.Functions, func(f spec.Function) bool {
		return slices.Contains(f.DependsOn, spec.Dependency{Function: name, Condition: conditionCompleted})
	})
}

// await waits until a container is healthy, or has completed. container is its ID, when it is known: a replacement
// that runs beside the old one has not its name yet. since, unless zero, is the run that must still be going on.
func (s *stitch) await(ctx workflow.Context, placement plan.Placement, container string, since time.Time) (activities.ContainerState, error) {
	var boxes *activities.Boxes
	box, err := boxOf(s.in.Service, placement.Box)
	if err != nil {
		return activities.ContainerState{}, err
	}
	ends := completes(s.in.Service, placement.Function)
	in := activities.AwaitInput{
		Box: box, Container: placement.Container, ID: container, HasCheck: checked(placement.Healthcheck), Completed: ends,
		Deadline: patience(placement.Healthcheck, ends), Secrets: placement.References(s.in.Service.Secrets), Since: since,
	}
	id := "healthy" + startID(placement)[len("start"):]
	if !since.IsZero() {
		id = "monitor" + startID(placement)[len("start"):]
	}
	s.doing(startID(placement), id)
	return call(ctx, as(healthy(), id, placement.Container+" on "+placement.Box), boxes.AwaitHealthy, in)
}

// checked says whether an engine will ever say that a container is healthy: NONE turns a check off, and without
// a test of its own there is one only if the image brings it, which the engine then says itself.
func checked(check *spec.Healthcheck) bool {
	return check != nil && len(check.Test) > 0 && check.Test[0] != "NONE"
}

// Bounds of the wait for health: the least leaves a slow Pi its time, the most ends before the activity does.
const (
	patienceLeast = time.Minute
	patienceMost  = 9 * time.Minute
)

// patience is how long a container may take: what its check allows itself, with Docker's defaults (30 s
// interval, 30 s timeout, 3 retries) where it says nothing.
func patience(check *spec.Healthcheck, completes bool) spec.Duration {
	if completes {
		return spec.Duration(patienceMost)
	}
	if !checked(check) {
		return spec.Duration(patienceLeast)
	}
	interval, timeout, retries := check.Interval.D(), check.Timeout.D(), check.Retries
	if interval == 0 {
		interval = 30 * time.Second
	}
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	if retries == 0 {
		retries = 3
	}
	whole := check.StartPeriod.D() + time.Duration(retries+1)*(interval+timeout)
	return spec.Duration(min(max(whole, patienceLeast), patienceMost))
}

// statuses are the functions as they were proven, external ones too, in the plan's order.
func (s *stitch) statuses() []FunctionStatus {
	var all []FunctionStatus
	for i, placement := range s.in.Plan.Placements {
		status := FunctionStatus{
			Function: placement.Function, Replica: placement.Replica, Box: placement.Box, Container: placement.Container,
			Image: placement.Image, Digest: placement.Digest, State: stateWord(s.states[i]),
		}
		if box, err := boxOf(s.in.Service, placement.Box); err == nil {
			for _, port := range placement.Ports {
				status.Addresses = append(status.Addresses, net.JoinHostPort(box.Address, strconv.Itoa(port.Host)))
			}
		}
		for j, link := range s.in.Plan.Probes {
			if link.Consumer == placement.Function && link.Replica == placement.Replica {
				status.Probes = append(status.Probes, s.probes[j])
			}
		}
		all = append(all, status)
	}
	for _, f := range s.in.Service.Functions {
		if f.External != "" {
			all = append(all, FunctionStatus{Function: f.Name, State: StateExternal, Addresses: []string{f.External}})
		}
	}
	return all
}

// The states of a function beside those of a container (running) and of its check (healthy).
const (
	StateExternal  = "external"  // it runs elsewhere
	StateCompleted = "completed" // it ended well, as somebody waited for
	StateHeld      = "held"      // its box does not answer, and it is not moved (yet)
	StateFailed    = "failed"    // it did not come up, which its update lets pass
)

func stateWord(state activities.ContainerState) string {
	switch {
	case state.Status == "exited":
		return StateCompleted
	case state.Health != "":
		return state.Health
	}
	return state.Status
}
