package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
)

// StitchWorkflow starts what a plan says, in dependency order and gated by health, proves every connection
// from inside its consumer, and then removes what nobody wants any more. A plan without changes only looks
// and proves. Should it fail, what this revision started is undone in reverse, and what it replaced is
// started again.
func StitchWorkflow(ctx workflow.Context, in StitchInput) (StitchResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return StitchResult{}, err
	}
	s := newStitch(ctx, p, in)
	if err := s.story(ctx); err != nil {
		s.undo(ctx, err)
		return StitchResult{}, failure(err, "", p.steps)
	}
	return StitchResult{Functions: s.statuses(), Steps: p.steps}, nil
}

// stitch is the state of one StitchWorkflow; started, settled and states go by the plan's placements.
type stitch struct {
	*progress
	in       StitchInput
	approved *approvals
	started  []bool
	settled  []bool // healthy, or completed
	states   []activities.ContainerState
	probes   []ProbeStatus
	undos    []compensation
	slots    workflow.Semaphore // of the starts under way
}

// startsAtOnce bounds the containers of one stitch that start at the same time: enough to keep small boxes busy,
// and few enough to leave the worker room for others.
const startsAtOnce = 16

func newStitch(ctx workflow.Context, p *progress, in StitchInput) *stitch {
	count := len(in.Plan.Placements)
	s := &stitch{
		progress: p, in: in, approved: newApprovals(ctx, in.Service.Approvals, in.Approved),
		started: make([]bool, count), settled: make([]bool, count),
		states: make([]activities.ContainerState, count), probes: make([]ProbeStatus, len(in.Plan.Probes)),
		slots: workflow.NewSemaphore(ctx, startsAtOnce),
	}
	for _, network := range in.Plan.Networks {
		p.expect("network/"+network.Box+"/"+network.Name, "stitch", fmt.Sprintf("network %s on %s", network.Name, network.Box))
	}
	for _, volume := range in.Plan.Volumes {
		p.expect("volume/"+volume.Box+"/"+volume.Name, "stitch", fmt.Sprintf("volume %s on %s", volume.Name, volume.Box))
	}
	for _, i := range s.inOrder() {
		placement := in.Plan.Placements[i]
		p.expect(startID(placement), "stitch", placement.Action+" "+placement.Container+" on "+placement.Box)
	}
	for _, link := range in.Plan.Probes {
		p.expect(probeID(link), "stitch", link.Consumer+" reaches "+link.Provider+" at "+link.Address)
	}
	for _, gone := range in.Plan.Removals {
		p.expect(removeID(gone), "stitch", "remove "+gone.Container+" from "+gone.Box)
	}
	return s
}

func startID(p plan.Placement) string { return fmt.Sprintf("start/%s/%d", p.Function, p.Replica) }
func removeID(r plan.Removal) string  { return "remove/" + r.Box + "/" + r.Container }
func probeID(l plan.Probe) string {
	return fmt.Sprintf("probe/%s/%d/%s/%s", l.Consumer, l.Replica, l.Provider, l.Address)
}

func (s *stitch) story(ctx workflow.Context) error {
	if err := s.approved.wait(ctx, s.progress, "stitch", "stitch"); err != nil {
		return err
	}
	if err := s.ground(ctx); err != nil {
		return err
	}
	if err := s.remove(ctx, true); err != nil {
		return err
	}
	order := s.inOrder()
	err := each(ctx, len(order), order, func(ctx workflow.Context, _ int, i int) error { return s.bring(ctx, i) })
	if err != nil {
		return err
	}
	if err := s.prove(ctx); err != nil {
		return err
	}
	return s.remove(ctx, false)
}

// groundAtOnce bounds the requests for networks and volumes: they take milliseconds each.
const groundAtOnce = 8

// ground makes networks and volumes.
func (s *stitch) ground(ctx workflow.Context) error {
	var boxes *activities.Boxes
	ensure := func(kind string, wanted []plan.OnBox, activity func(workflow.Context, workflow.ActivityOptions, activities.EnsureInput) error) error {
		return each(ctx, groundAtOnce, wanted, func(ctx workflow.Context, _ int, one plan.OnBox) error {
			id := kind + "/" + one.Box + "/" + one.Name
			return s.run(ctx, id, func() (string, error) {
				box, err := boxOf(s.in.Service, one.Box)
				if err != nil {
					return "", err
				}
				in := activities.EnsureInput{Box: box, Service: s.in.Service.Name, Name: one.Name}
				return "", activity(ctx, as(quick(), id, one.Name+" on "+one.Box), in)
			})
		})
	}
	err := ensure("network", s.in.Plan.Networks, func(ctx workflow.Context, o workflow.ActivityOptions, in activities.EnsureInput) error {
		return act(ctx, o, boxes.EnsureNetwork, in)
	})
	if err != nil {
		return err
	}
	return ensure("volume", s.in.Plan.Volumes, func(ctx workflow.Context, o workflow.ActivityOptions, in activities.EnsureInput) error {
		return act(ctx, o, boxes.EnsureVolume, in)
	})
}

// inOrder are the indices of the placements, level by level and in the plan's order within one.
func (s *stitch) inOrder() []int {
	var order []int
	for _, level := range s.in.Plan.Levels {
		for i, placement := range s.in.Plan.Placements {
			if slices.Contains(level.Functions, placement.Function) {
				order = append(order, i)
			}
		}
	}
	return order
}

// bring starts one placement when its time has come and waits for its health.
func (s *stitch) bring(ctx workflow.Context, i int) error {
	placement := s.in.Plan.Placements[i]
	if err := workflow.Await(ctx, func() bool { return s.ready(placement) }); err != nil {
		return err
	}
	if placement.Action != plan.ActionKeep {
		if err := s.approved.wait(ctx, s.progress, "start/"+placement.Function, "stitch"); err != nil {
			return err
		}
	}
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.slots.Release(1)
	return s.run(ctx, startID(placement), func() (string, error) {
		if err := s.start(ctx, i); err != nil {
			return "", err
		}
		s.started[i] = true
		var err error
		s.states[i], err = s.await(ctx, placement)
		s.settled[i] = err == nil
		return placement.Cause, err
	})
}

func (s *stitch) start(ctx workflow.Context, i int) error {
	placement := s.in.Plan.Placements[i]
	if placement.Action == plan.ActionKeep {
		return nil
	}
	box, err := boxOf(s.in.Service, placement.Box)
	if err != nil {
		return err
	}
	s.register(placement)
	var boxes *activities.Boxes
	in := activities.StartInput{Box: box, Service: s.in.Service.Name, Placement: placement, Secrets: s.in.Service.Secrets}
	_, err = call(ctx, as(start(), startID(placement), placement.Container+" on "+placement.Box), boxes.Start, in)
	return err
}
