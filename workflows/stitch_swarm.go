package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// stitchSwarm is StitchWorkflow for a service whose orchestrator is a swarm: the boxes become one swarm, networks
// become overlays, and each function becomes one swarm service, in the same order and with the same gates. The
// swarm replaces and restarts tasks by itself; this begins it, waits for it, proves the connections from inside
// the tasks, and takes everything back in reverse when something fails.
func stitchSwarm(ctx workflow.Context, in StitchInput) (StitchResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return StitchResult{}, err
	}
	s := newSwarmStitch(ctx, p, in)
	if err := s.story(ctx); err != nil {
		s.undo(ctx, err)
		return StitchResult{}, failure(err, "", p.steps)
	}
	return StitchResult{Functions: s.statuses(), Steps: p.steps}, nil
}

// swarmStitch is the state of one stitchSwarm; the maps go by function and are never ranged over.
type swarmStitch struct {
	*progress
	in        StitchInput
	approved  *approvals
	change    string   // the token of what this run changes
	functions []string // those that are placed, in start order
	report    activities.SwarmReport
	started   map[string]bool
	settled   map[string]bool
	tasks     map[string][]activities.PlacedTask
	probes    []ProbeStatus
	hasty     bool     // the undo is not waited for
	begun     []string // functions whose swarm service may have been changed
}

func newSwarmStitch(ctx workflow.Context, p *progress, in StitchInput) *swarmStitch {
	s := &swarmStitch{
		progress: p, in: in, approved: newApprovals(ctx, in.Service.Approvals, in.Approved),
		change: workflow.GetInfo(ctx).WorkflowExecution.RunID, probes: make([]ProbeStatus, len(in.Plan.Probes)),
		started: map[string]bool{}, settled: map[string]bool{}, tasks: map[string][]activities.PlacedTask{},
	}
	for _, level := range in.Plan.Levels {
		for _, name := range level.Functions {
			if len(s.placements(name)) > 0 {
				s.functions = append(s.functions, name)
			}
		}
	}
	s.list()
	return s
}

// list says which steps are to come.
func (s *swarmStitch) list() {
	boxes := s.in.Service.Boxes
	s.expect(stepSwarm, "stitch", fmt.Sprintf("%d boxes are one swarm", len(boxes)))
	for _, name := range s.overlays() {
		s.expect("network/"+name, "stitch", "overlay network "+name, following(stepSwarm))
	}
	for _, volume := range s.in.Plan.Volumes {
		s.expect(volumeID(volume), "stitch", fmt.Sprintf("volume %s on %s", volume.Name, volume.Box), at(volume.Box), following(stepSwarm))
	}
	for _, name := range s.functions {
		after := []string{stepSwarm}
		for _, before := range before(s.in.Service, name) {
			if slices.Contains(s.functions, before) {
				after = append(after, startSwarmID(before))
			}
		}
		replicas := s.placements(name)
		s.expect(startSwarmID(name), "stitch", fmt.Sprintf("%s %s, %d replicas on %s", action(replicas), name, len(replicas), strings.Join(swarmBoxNames(replicas), ", ")),
			of(name), following(after...))
	}
	for _, link := range s.in.Plan.Probes {
		s.expect(probeID(link), "stitch", link.Consumer+" reaches "+link.Provider+" at "+link.Address,
			of(link.Consumer), following(startSwarmID(link.Consumer), startSwarmID(link.Provider)))
	}
}

const stepSwarm = "swarm"

func startSwarmID(name string) string   { return "start/" + name }
func removeSwarmID(name string) string  { return "remove/" + name }
func volumeID(volume plan.OnBox) string { return "volume/" + volume.Box + "/" + volume.Name }

// placements are those of one function.
func (s *swarmStitch) placements(name string) []plan.Placement {
	return slices.DeleteFunc(slices.Clone(s.in.Plan.Placements), func(p plan.Placement) bool { return p.Function != name })
}

// before are the functions that one depends on or consumes, each once.
func before(service spec.Service, name string) []string {
	var names []string
	for _, dependency := range function(service, name).DependsOn {
		names = append(names, dependency.Function)
	}
	for _, edge := range function(service, name).Consumes {
		names = append(names, edge.Function)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// overlays are the networks of the plan, each once, on whatever boxes it lists them.
func (s *swarmStitch) overlays() []string {
	var names []string
	for _, network := range s.in.Plan.Networks {
		names = append(names, network.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// action is what is to be done with a function: what the plan says of the first replica that is not kept.
func action(replicas []plan.Placement) string {
	for _, replica := range replicas {
		if replica.Action != plan.ActionKeep && replica.Action != plan.ActionHold {
			return replica.Action
		}
	}
	return plan.ActionKeep
}

func swarmBoxNames(replicas []plan.Placement) []string {
	var names []string
	for _, replica := range replicas {
		names = append(names, replica.Box)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *swarmStitch) story(ctx workflow.Context) error {
	if err := s.approved.wait(ctx, s.progress, "stitch", "stitch"); err != nil {
		return err
	}
	if err := s.join(ctx); err != nil {
		return err
	}
	if err := s.ground(ctx); err != nil {
		return err
	}
	if err := s.clear(ctx, true); err != nil {
		return err
	}
	err := each(ctx, len(s.functions), s.functions, func(ctx workflow.Context, _ int, name string) error { return s.bring(ctx, name) })
	if err != nil {
		return err
	}
	if err := s.prove(ctx); err != nil {
		return err
	}
	return s.remove(ctx)
}

// join makes the boxes one swarm; when they are, it is one look.
func (s *swarmStitch) join(ctx workflow.Context) error {
	var swarm *activities.Swarm
	return s.run(ctx, stepSwarm, func() (detail string, err error) {
		in := activities.EnsureSwarmInput{Service: s.in.Service.Name, Boxes: s.in.Service.Boxes, Known: s.in.Known, There: len(s.in.Before) > 0}
		s.report, err = call(ctx, as(joining(), stepSwarm, "make the boxes one swarm"), swarm.EnsureSwarm, in)
		return describeSwarm(s.report), err
	})
}

func describeSwarm(report activities.SwarmReport) string {
	said := []string{fmt.Sprintf("%d nodes", len(report.Nodes))}
	if report.Created != "" {
		said = append(said, "made on "+report.Created)
	}
	if len(report.Joined) > 0 {
		said = append(said, "joined by "+strings.Join(report.Joined, ", "))
	}
	if len(report.Promoted) > 0 {
		said = append(said, "managed by "+strings.Join(report.Promoted, ", ")+" too")
	}
	if len(report.Away) > 0 {
		said = append(said, "without "+strings.Join(report.Away, "; "))
	}
	if len(said) == 1 {
		said = append(said, "nothing to do")
	}
	return strings.Join(said, ", ")
}

// ground makes overlays, and the volumes on their boxes.
func (s *swarmStitch) ground(ctx workflow.Context) error {
	var swarm *activities.Swarm
	var boxes *activities.Boxes
	names := s.overlays()
	err := each(ctx, groundAtOnce, names, func(ctx workflow.Context, _ int, name string) error {
		id := "network/" + name
		return s.run(ctx, id, func() (string, error) {
			in := activities.OverlayInput{Managers: s.report.Managers, Service: s.in.Service.Name, Name: name}
			return "", act(ctx, as(quick(), id, name), swarm.EnsureOverlay, in)
		})
	})
	if err != nil {
		return err
	}
	return each(ctx, groundAtOnce, s.in.Plan.Volumes, func(ctx workflow.Context, _ int, volume plan.OnBox) error {
		return s.run(ctx, volumeID(volume), func() (string, error) {
			box, err := boxOf(s.in.Service, volume.Box)
			if err != nil {
				return "", err
			}
			in := activities.EnsureInput{Box: box, Service: s.in.Service.Name, Name: volume.Name}
			return "", act(ctx, as(quick(), volumeID(volume), volume.Name+" on "+volume.Box), boxes.EnsureVolume, in)
		})
	})
}

// joining is for making boxes one swarm. A join takes under a second where the boxes reach each other, and the engine
// itself gives up after 20 s; after five minutes somebody should be told.
func joining() workflow.ActivityOptions {
	return options(3*time.Minute, 5*time.Minute, 15*time.Second, 0, 5*time.Second)
}

// inSwarm is for the wait until the swarm has brought up, or replaced, all replicas of a function, batch by batch.
// The activity itself ends by the function's own numbers.
func inSwarm() workflow.ActivityOptions {
	return options(2*time.Hour, 3*time.Hour, 15*time.Second, 0, 5*time.Second)
}
