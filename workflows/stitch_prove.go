package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// consumer is a placement with the connections that are proven from inside it.
type consumer struct {
	placement int // -1: the plan does not place it
	links     []int
}

// consumers are those of the plan's probes, in their order.
func (s *stitch) consumers() []consumer {
	var all []consumer
	for i, link := range s.in.Plan.Probes {
		placement := slices.IndexFunc(s.in.Plan.Placements, func(p plan.Placement) bool {
			return p.Function == link.Consumer && p.Replica == link.Replica
		})
		at := slices.IndexFunc(all, func(c consumer) bool { return c.placement == placement && placement >= 0 })
		if at < 0 {
			all = append(all, consumer{placement: placement})
			at = len(all) - 1
		}
		all[at].links = append(all[at].links, i)
	}
	return all
}

// prove makes every connection of the plan from inside its consumer, all of one consumer at once. All are tried, so
// that the fault names all that are missing.
func (s *stitch) prove(ctx workflow.Context) error {
	failed := make([]error, len(s.in.Plan.Probes))
	err := each(ctx, groundAtOnce, s.consumers(), func(ctx workflow.Context, _ int, one consumer) error {
		return s.proveFrom(ctx, one, failed)
	})
	if err != nil {
		return err
	}
	missing := unproven(failed)
	if missing == nil {
		return nil
	}
	first := slices.IndexFunc(failed, func(err error) bool { return err != nil })
	return s.withLastWords(ctx, s.in.Plan.Probes[first], missing)
}

// proveFrom proves the connections of one consumer and notes what came of each. Its error is the end of the stitch
// by others.
func (s *stitch) proveFrom(ctx workflow.Context, one consumer, failed []error) error {
	if s.noInside(ctx, one) {
		return nil
	}
	for _, i := range one.links {
		link := s.in.Plan.Probes[i]
		s.begin(ctx, probeID(link))
		s.doing(probeID(link), probesID(link))
		s.probes[i] = ProbeStatus{Provider: link.Provider, Address: link.Address}
	}
	connections, err := s.probe(ctx, one)
	for k, i := range one.links {
		link, connection := s.in.Plan.Probes[i], connections[k]
		fault := err
		if err != nil && connection.Address != "" {
			fault = nil // this one was made, or has a reason of its own
			if !connection.Connected {
				fault = typed(fmt.Sprintf("connect %s to %s on %s: %s", s.in.Plan.Placements[one.placement].Container, link.Address, link.Box, connection.Fault), activities.TypeNotConnected, nil)
			}
		}
		s.probes[i].Connected, s.probes[i].Millis = fault == nil, connection.Millis
		s.probes[i].Fault, _ = explain(fault)
		s.end(ctx, probeID(link), fmt.Sprintf("%.1f ms", connection.Millis), fault)
		failed[i] = fault
	}
	if temporal.IsCanceledError(err) {
		return err
	}
	return nil
}

// noInside settles the connections of a consumer that no longer runs, inside which nothing can look: one that its
// update let fail, and a job that has ended well, which is proof that it reached what it needed.
func (s *stitch) noInside(ctx workflow.Context, one consumer) bool {
	if one.placement < 0 {
		return false
	}
	completed := stateWord(s.states[one.placement]) == StateCompleted
	if !completed && !s.failed[one.placement] {
		return false
	}
	for _, i := range one.links {
		link := s.in.Plan.Probes[i]
		s.probes[i] = ProbeStatus{Provider: link.Provider, Address: link.Address, Connected: completed}
		if completed {
			s.mark(ctx, probeID(link), StepDone, link.Consumer+" has run to completion")
			continue
		}
		s.probes[i].Fault = "its consumer does not run"
		s.mark(ctx, probeID(link), StepStopped, "not proven: "+startID(s.in.Plan.Placements[one.placement])+" failed")
	}
	return true
}

// probe makes the connections of one consumer. There is one answer for each link, without an address when nobody knows.
func (s *stitch) probe(ctx workflow.Context, one consumer) ([]activities.Connection, error) {
	connections := make([]activities.Connection, len(one.links))
	link := s.in.Plan.Probes[one.links[0]]
	if one.placement < 0 {
		return connections, invalid("the plan proves a connection of %s %d, which it does not place", link.Consumer, link.Replica)
	}
	box, err := boxOf(s.in.Service, link.Box)
	if err != nil {
		return connections, err
	}
	container := s.in.Plan.Placements[one.placement].Container
	in := activities.ProbeInput{Box: box, Service: s.in.Service.Name, Container: container, Image: s.in.Service.ProbeImage}
	for _, i := range one.links {
		in.Addresses = append(in.Addresses, s.in.Plan.Probes[i].Address)
	}
	var boxes *activities.Boxes
	result, err := call(ctx, as(probe(), probesID(link), container+" to "+strings.Join(in.Addresses, ", ")), boxes.Probe, in)
	if err != nil {
		result = probedBefore(err)
	}
	copy(connections, result.Connections)
	return connections, err
}

// probedBefore is what a probe that failed has seen all the same.
func probedBefore(err error) (result activities.ProbeResult) {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.HasDetails() && application.Details(&result) != nil {
		return activities.ProbeResult{} // details of somebody else: nothing was seen
	}
	return result
}

// probesID is the activity that proves all connections of one consumer.
func probesID(l plan.Probe) string { return fmt.Sprintf("probe/%s/%d", l.Consumer, l.Replica) }

// unproven is one error for all connections that are missing, of the type of the first. The steps tell each
// one's own reason.
func unproven(failed []error) error {
	failed = slices.DeleteFunc(slices.Clone(failed), func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return nil
	}
	sentence, kind := explain(failed[0])
	if len(failed) > 1 {
		sentence = fmt.Sprintf("%d connections are missing; the first: %s", len(failed), sentence)
	}
	return typed(sentence, kind, nil)
}

// withLastWords adds what both ends of a connection said last: either may know why it is missing.
func (s *stitch) withLastWords(ctx workflow.Context, link plan.Probe, missing error) error {
	sentence, kind := explain(missing)
	provider := slices.IndexFunc(s.in.Plan.Placements, func(p plan.Placement) bool { return p.Function == link.Provider })
	consumer := slices.IndexFunc(s.in.Plan.Placements, func(p plan.Placement) bool {
		return p.Function == link.Consumer && p.Replica == link.Replica
	})
	for _, end := range []int{provider, consumer} {
		if end >= 0 {
			sentence += s.lastWords(ctx, s.in.Plan.Placements[end])
		}
	}
	return typed(sentence, kind, nil)
}

// lastWords are a container's last lines for a sentence that fails because of it; empty when nobody can say.
func (s *stitch) lastWords(ctx workflow.Context, placement plan.Placement) string {
	box, err := boxOf(s.in.Service, placement.Box)
	if err != nil || placement.Action == plan.ActionHold {
		return ""
	}
	var boxes *activities.Boxes
	in := activities.LastWordsInput{Box: box, Container: placement.Container, Secrets: placement.References(s.in.Service.Secrets)}
	words, err := call(ctx, as(observe(), "words/"+placement.Container, "last lines of "+placement.Container), boxes.LastWords, in)
	if err != nil || words == "" {
		return ""
	}
	return fmt.Sprintf("; last lines of %s on %s:\n%s", placement.Container, placement.Box, words)
}

// remove takes away what nobody wants: first what holds a port that is needed, the rest when all is proven.
// The rest failing to go makes no good revision bad: the step says so and the next reconcile tries again.
func (s *stitch) remove(ctx workflow.Context, first bool) error {
	gone := slices.DeleteFunc(slices.Clone(s.in.Plan.Removals), func(r plan.Removal) bool { return r.First != first })
	return each(ctx, groundAtOnce, gone, func(ctx workflow.Context, _ int, removal plan.Removal) error {
		err := s.run(ctx, removeID(removal), func() (string, error) {
			if has := s.serving(removal.ID); has != "" {
				return "it has become " + has, nil
			}
			s.registerRemoval(removal)
			return removal.Cause, s.removeOne(ctx, removal.Box, removal.ID, removal.Container, removeID(removal))
		})
		if first || temporal.IsCanceledError(err) {
			return err
		}
		return nil
	})
}

// serving is the name that a container has by now, when a placement has taken it over: the replacement that an earlier
// try left beside the old container was a second one only when the plan was made.
func (s *stitch) serving(id string) string {
	for i, placement := range s.in.Plan.Placements {
		if id != "" && s.states[i].ID == id {
			return placement.Container
		}
	}
	return ""
}

func (s *stitch) removeOne(ctx workflow.Context, boxName, id, name, activityID string) error {
	var boxes *activities.Boxes
	box, err := boxOf(s.in.Service, boxName)
	if err != nil {
		return err
	}
	options := as(starting(s.graceOf(boxName, name)), activityID, name+" from "+boxName)
	return act(ctx, options, boxes.Remove, activities.RemoveInput{Box: box, Container: id})
}

// graceOf is how long the stop of a container may take, as far as its placement is known.
func (s *stitch) graceOf(boxName, container string) spec.Duration {
	var grace spec.Duration
	for _, p := range slices.Concat(s.in.Before, s.in.Plan.Placements) {
		if p.Box == boxName && p.Container == container {
			grace = max(grace, p.StopGrace)
		}
	}
	return grace
}
