package workflows

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
)

// compensation undoes one step. It is registered before the step runs: a start whose answer was lost has
// started all the same.
type compensation struct {
	step   string // its ID
	box    string
	made   *plan.Placement // to be removed, should it be there
	before *plan.Placement // to be started again
}

func (s *stitch) register(made plan.Placement) {
	undo := compensation{step: startID(made), box: made.Box, made: &made}
	switch made.Action {
	case plan.ActionStart:
		return // it was to run before, too
	case plan.ActionReplace:
		undo.before = s.before(made.Box, made.Container)
	case plan.ActionKeep: // it may be replaced for its secrets; what runs now is what runs afterwards
		if undo.before = s.before(made.Box, made.Container); undo.before == nil {
			return
		}
	}
	s.undos = append(s.undos, undo)
}

// registerRemoval brings back, on failure, what had to go first because of its port.
func (s *stitch) registerRemoval(gone plan.Removal) {
	if before := s.before(gone.Box, gone.Container); before != nil && gone.First {
		s.undos = append(s.undos, compensation{step: removeID(gone), box: gone.Box, before: before})
	}
}

func (s *stitch) before(boxName, container string) *plan.Placement {
	at := slices.IndexFunc(s.in.Before, func(p plan.Placement) bool { return p.Box == boxName && p.Container == container })
	if at < 0 {
		return nil
	}
	before := s.in.Before[at]
	before.Replaces, before.Order = "", "" // what it replaced has gone since, and what replaced it is to go first
	return &before
}

// undo takes back what was begun, last first, on a disconnected context; it goes on when one cannot be taken
// back. What was replaced is started again, unless the whole is cancelled, by now: then a sweep follows.
func (s *stitch) undo(whole workflow.Context, why error) {
	ctx, cancel := workflow.NewDisconnectedContext(whole)
	defer cancel()
	cancelled := temporal.IsCanceledError(why)
	for _, one := range slices.Backward(s.undos) {
		if cancelled || whole.Err() != nil {
			one.before = nil
		}
		if err := s.compensate(ctx, one); err != nil {
			reason, _ := explain(err)
			s.mark(ctx, one.step, StepFailed, "could not be undone: "+reason)
			workflow.GetLogger(ctx).Error("a step could not be undone", "step", one.step, "error", err)
			continue
		}
		if step := s.find(one.step); step != nil && step.State == StepDone {
			s.mark(ctx, one.step, StepUndone, "undone")
		}
	}
}

func (s *stitch) compensate(ctx workflow.Context, one compensation) error {
	var boxes *activities.Boxes
	box, err := boxOf(s.in.Service, one.box)
	if err != nil {
		return err
	}
	if one.before != nil { // Start leaves exactly one: it takes the new one away itself
		one.before.Reconciled = s.in.Service.Schedule > 0
		in := activities.StartInput{
			Box: box, Service: s.in.Service.Name, Placement: *one.before, Secrets: s.in.BeforeSecrets,
			Revision: s.in.BeforeRevision, ProbeImage: s.in.Service.ProbeImage,
		}
		_, err := call(ctx, as(starting(one.before.StopGrace), "undo/"+one.step, "bring back "+one.before.Container), boxes.Start, in)
		return err
	}
	if one.made == nil {
		return nil
	}
	// Only what carries our labels and this revision's hash goes: a name may be somebody else's.
	listed, err := call(ctx, as(observe(), "list/"+one.step, "look for "+one.made.Container), boxes.List,
		activities.ListInput{Box: box, Service: s.in.Service.Name})
	if err != nil {
		return err
	}
	if !listed.Reachable {
		return typed(one.box+" does not answer: "+listed.Fault, activities.TypeUnreachable, nil)
	}
	for _, container := range listed.Containers {
		same := container.Function == one.made.Function && container.Replica == one.made.Replica
		if same && container.SpecHash == one.made.SpecHash {
			return s.removeOne(ctx, one.box, container.ID, container.Name, "undo/"+one.step)
		}
	}
	return nil
}
