package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
)

// prove makes every connection of the plan from inside its consumer. All are tried, so that the fault names
// all that are missing.
func (s *stitch) prove(ctx workflow.Context) error {
	links := s.in.Plan.Probes
	failed := make([]error, len(links))
	err := each(ctx, groundAtOnce, links, func(ctx workflow.Context, i int, link plan.Probe) error {
		s.probes[i] = ProbeStatus{Provider: link.Provider, Address: link.Address}
		failed[i] = s.run(ctx, probeID(link), func() (string, error) {
			proven, err := s.probe(ctx, link)
			s.probes[i].Connected, s.probes[i].Millis = err == nil, proven.Millis
			s.probes[i].Fault, _ = explain(err)
			return fmt.Sprintf("%.1f ms", proven.Millis), err
		})
		if temporal.IsCanceledError(failed[i]) {
			return failed[i]
		}
		return nil
	})
	if err != nil {
		return err
	}
	return unproven(failed)
}

// unproven is one error for all connections that are missing, of the type of the first. The steps tell each
// one's own reason.
func unproven(failed []error) error {
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return nil
	}
	sentence, kind := explain(failed[0])
	if len(failed) > 1 {
		sentence = fmt.Sprintf("%d connections are missing; the first: %s", len(failed), sentence)
	}
	return typed(sentence, kind, nil)
}

func (s *stitch) probe(ctx workflow.Context, link plan.Probe) (activities.ProbeResult, error) {
	var boxes *activities.Boxes
	box, err := boxOf(s.in.Service, link.Box)
	if err != nil {
		return activities.ProbeResult{}, err
	}
	at := slices.IndexFunc(s.in.Plan.Placements, func(p plan.Placement) bool {
		return p.Function == link.Consumer && p.Replica == link.Replica
	})
	if at < 0 {
		return activities.ProbeResult{}, invalid("the plan proves a connection of %s %d, which it does not place", link.Consumer, link.Replica)
	}
	container := s.in.Plan.Placements[at].Container
	in := activities.ProbeInput{Box: box, Service: s.in.Service.Name, Container: container, Address: link.Address, Image: s.in.Service.ProbeImage}
	return call(ctx, as(probe(), probeID(link), container+" to "+link.Address), boxes.Probe, in)
}

// remove takes away what nobody wants: first what holds a port that is needed, the rest when all is proven.
// The rest failing to go makes no good revision bad: the step says so and the next reconcile tries again.
func (s *stitch) remove(ctx workflow.Context, first bool) error {
	gone := slices.DeleteFunc(slices.Clone(s.in.Plan.Removals), func(r plan.Removal) bool { return r.First != first })
	return each(ctx, groundAtOnce, gone, func(ctx workflow.Context, _ int, removal plan.Removal) error {
		err := s.run(ctx, removeID(removal), func() (string, error) {
			s.registerRemoval(removal)
			return removal.Cause, s.removeOne(ctx, removal.Box, removal.ID, removal.Container, removeID(removal))
		})
		if first || temporal.IsCanceledError(err) {
			return err
		}
		return nil
	})
}

func (s *stitch) removeOne(ctx workflow.Context, boxName, id, name, activityID string) error {
	var boxes *activities.Boxes
	box, err := boxOf(s.in.Service, boxName)
	if err != nil {
		return err
	}
	return act(ctx, as(start(), activityID, name+" from "+boxName), boxes.Remove, activities.RemoveInput{Box: box, Container: id})
}
