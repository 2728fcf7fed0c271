package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// SweepInput says what to look for, and where. A Service alone is asked for its boxes.
type SweepInput struct {
	// Service, when set, is the one whose orphans are meant; empty means all services that no longer run.
	Service string     `json:"service,omitempty"`
	Boxes   []spec.Box `json:"boxes,omitempty"`
	// Images looks for images that nobody names any more, instead of containers: those of the repositories that the
	// service, or Refs, name.
	Images bool     `json:"images,omitempty"`
	Refs   []string `json:"refs,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
}

// SweepReport is what was found.
type SweepReport struct {
	Items []SweepItem `json:"items,omitempty"`
	// Stayed is what could not be looked at or removed, with the reason.
	Stayed []string `json:"stayed,omitempty"`
}

// SweepItem is one thing that nobody wants.
type SweepItem struct {
	Box    string `json:"box"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Bytes  int64  `json:"bytes,omitempty"` // of an image
	Waits  bool   `json:"waits,omitempty"` // too young to go
	Gone   bool   `json:"gone,omitempty"`
}

// SweepWorkflow finds, and unless it is a dry run removes, what carries our labels and is wanted by no running
// service. Nothing else is touched.
func SweepWorkflow(ctx workflow.Context, in SweepInput) (SweepReport, error) {
	return indexed(ctx, attributes{Service: in.Service, Boxes: boxNames(in.Boxes)}, in, sweepAll)
}

func sweepAll(ctx workflow.Context, in SweepInput) (SweepReport, error) {
	s := sweeping{in: in, placed: map[string]activities.PlacedResult{}, swept: map[string]activities.SweepResult{}}
	if in.Service != "" {
		placed, err := s.ask(ctx, in.Service)
		if err != nil {
			return SweepReport{}, failure(err, "", nil)
		}
		if !placed.Runs {
			return SweepReport{}, typed("no service "+in.Service+" is running: sweep --all FILE looks for what it left", activities.TypeNotFound, nil)
		}
		s.in.Boxes, s.in.Refs = placed.Boxes, append(s.in.Refs, placed.Refs...)
	}
	var err error
	if in.Images {
		err = s.images(ctx)
	} else {
		err = s.containers(ctx)
	}
	if err != nil {
		return SweepReport{}, failure(err, "", nil)
	}
	slices.SortFunc(s.report.Items, func(a, b SweepItem) int { return cmp.Or(cmp.Compare(a.Box, b.Box), cmp.Compare(a.Name, b.Name)) })
	return s.report, nil
}

// sweeping is the state of one SweepWorkflow.
type sweeping struct {
	in     SweepInput
	placed map[string]activities.PlacedResult // by service, as asked so far
	swept  map[string]activities.SweepResult  // by service: what the swarm had of those that do not run
	report SweepReport
}

// ask says what a service wants; each is asked once.
func (s *sweeping) ask(ctx workflow.Context, service string) (activities.PlacedResult, error) {
	if known, asked := s.placed[service]; asked {
		return known, nil
	}
	var prune *activities.Prune
	placed, err := call(ctx, as(quick(), "placed/"+service, "what "+service+" wants"), prune.Placed, activities.PlacedInput{Service: service})
	if err == nil {
		s.placed[service] = placed
	}
	return placed, err
}

// containers looks at one box after the other: it is in no hurry. The boxes are looked at before the services are
// asked, so that what a service starts meanwhile is known to it.
func (s *sweeping) containers(ctx workflow.Context) error {
	var boxes *activities.Boxes
	for _, box := range s.in.Boxes {
		seen, err := call(ctx, as(observe(), "observe/"+box.Name, "observe "+box.Name), boxes.Observe, activities.ObserveInput{Box: box})
		if err != nil || !seen.Reachable {
			reason, _ := explain(err)
			s.report.Stayed = append(s.report.Stayed, fmt.Sprintf("box %s does not answer: %s", box.Name, cmp.Or(reason, seen.Fault)))
			continue
		}
		clear(s.placed)
		for _, container := range seen.Containers {
			if container.Service == "" || s.in.Service != "" && container.Service != s.in.Service {
				continue
			}
			placed, err := s.ask(ctx, container.Service)
			if err != nil {
				return err
			}
			if placed.Runs && (s.in.Service == "" || slices.Contains(placed.Wanted, activities.Container{Box: box.Name, Name: container.Name})) {
				continue
			}
			if isTask(container.Service, container.Name) {
				s.task(ctx, box, container, placed)
				continue
			}
			s.orphan(ctx, box, container, placed)
		}
	}
	return nil
}

// orphan reports one container that nobody wants, and removes it unless it is too young or nobody asked for that.
func (s *sweeping) orphan(ctx workflow.Context, box spec.Box, container plan.Container, placed activities.PlacedResult) {
	item := SweepItem{Box: box.Name, Name: container.Name, Reason: "service " + container.Service + " does not run"}
	if placed.Runs {
		item.Reason = fmt.Sprintf("revision %d of %s has no such container here", placed.Revision, container.Service)
	}
	before := container.Revision > 0 && container.Revision < placed.Revision
	age := workflow.Now(ctx).Sub(time.Unix(container.Created, 0)).Round(time.Second)
	if container.Created > 0 && age < orphanGrace && !before {
		item.Waits = true
		item.Reason += fmt.Sprintf("; it is %s old and left alone until it is %s", age, orphanGrace)
	}
	if !item.Waits && !s.in.DryRun {
		var boxes *activities.Boxes
		id := "remove/" + box.Name + "/" + container.Name
		err := act(ctx, as(start(), id, container.Name+" from "+box.Name), boxes.Remove, activities.RemoveInput{Box: box, Container: container.ID})
		if item.Gone = err == nil; err != nil {
			reason, _ := explain(err)
			s.report.Stayed = append(s.report.Stayed, fmt.Sprintf("container %s on %s: %s", container.Name, box.Name, reason))
		}
	}
	s.report.Items = append(s.report.Items, item)
}

// images looks for images of the repositories that no running service names.
func (s *sweeping) images(ctx workflow.Context) error {
	var prune *activities.Prune
	named, err := call(ctx, as(quick(), "named", "the images that running services name"), prune.Named, activities.NamedInput{})
	if err != nil {
		return err
	}
	ask := activities.PruneInput{Keep: named.Digests, DryRun: s.in.DryRun}
	for _, ref := range s.in.Refs {
		host, path := spec.SplitImage(ref)
		ask.Repositories = append(ask.Repositories, host+"/"+path)
	}
	for i, pruned := range pruneAll(ctx, s.in.Boxes, ask) {
		s.report.Stayed = append(s.report.Stayed, pruned.Stayed...)
		for _, image := range pruned.Images {
			s.report.Items = append(s.report.Items, SweepItem{
				Box: s.in.Boxes[i].Name, Name: image.Name, Bytes: image.Bytes, Gone: !s.in.DryRun,
				Reason: "no revision of a running service names it and no container uses it",
			})
		}
	}
	return nil
}
