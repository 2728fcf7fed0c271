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
	return indexed(ctx, in.attributes(), in, stitchAll)
}

func stitchAll(ctx workflow.Context, in StitchInput) (StitchResult, error) {
	if inASwarm(&in.Service) {
		return stitchSwarm(ctx, in)
	}
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
	failed   []bool             // and it was let pass
	rolls    []*roll            // of the functions whose containers are replaced
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
		failed: make([]bool, count), slots: workflow.NewSemaphore(ctx, startsAtOnce),
	}
	s.rolls = s.planRolls()
	for _, network := range in.Plan.Networks {
		p.expect("network/"+network.Box+"/"+network.Name, "stitch", fmt.Sprintf("network %s on %s", network.Name, network.Box),
			at(network.Box), following(s.stitchFirst()...))
	}
	for _, volume := range in.Plan.Volumes {
		p.expect("volume/"+volume.Box+"/"+volume.Name, "stitch", fmt.Sprintf("volume %s on %s", volume.Name, volume.Box),
			at(volume.Box), following(s.stitchFirst()...))
	}
	for _, i := range s.inOrder() {
		placement := in.Plan.Placements[i]
		p.expect(startID(placement), "stitch", placement.Action+" "+placement.Container+" on "+placement.Box,
			at(placement.Box), of(placement.Function), following(s.startAfter(placement)...))
	}
	for _, link := range in.Plan.Probes {
		p.expect(probeID(link), "stitch", link.Consumer+" reaches "+link.Provider+" at "+link.Address,
			at(link.Box), of(link.Consumer), following(s.probeAfter(link)...))
	}
	for _, gone := range in.Plan.Removals {
		p.expect(removeID(gone), "stitch", "remove "+gone.Container+" from "+gone.Box,
			at(gone.Box), following(s.removeAfter(gone)...))
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
	ensure := func(kind string, planned []plan.OnBox, activity func(workflow.Context, workflow.ActivityOptions, activities.EnsureInput) error) error {
		wanted := slices.DeleteFunc(slices.Clone(planned), func(one plan.OnBox) bool { return s.onlyHeld(one.Box) })
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

// onlyHeld says that nothing is done on a box: it does not answer, and what ran there is held.
func (s *stitch) onlyHeld(box string) bool {
	here := func(p plan.Placement) bool { return p.Box == box }
	return slices.ContainsFunc(s.in.Plan.Placements, here) &&
		!slices.ContainsFunc(s.in.Plan.Placements, func(p plan.Placement) bool { return here(p) && p.Action != plan.ActionHold })
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
