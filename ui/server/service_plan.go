package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/workflows"
)

// Preview is what a change would do. It has no value of any environment variable.
type Preview struct {
	What string `json:"what"` // the change in words: scale sink to 2
	// Hash names the plan; a change that is asked for with it is refused once the plan is another.
	Hash    string         `json:"hash"`
	Changes int            `json:"changes"` // containers that are created, replaced, started or removed
	Counts  map[string]int `json:"counts"`  // by action
	Steps   []PlanStep     `json:"steps"`   // in the order in which they are done
	Matrix  []plan.Row     `json:"matrix"`  // why each replica is, or is not, on each box
	Boxes   []PlanBox      `json:"boxes"`
	// Revision is the one that runs now.
	Revision int `json:"revision"`
	// Stays are volumes whose data are not touched, of a teardown.
	Stays []string `json:"stays,omitempty"`
}

// PlanStep is one thing that would be done, or left alone, with the cause.
type PlanStep struct {
	Action string `json:"action"` // pull, verify, create, replace, start, keep, hold, remove
	Name   string `json:"name"`   // of the container or the image
	Box    string `json:"box"`
	From   string `json:"from,omitempty"` // the box that the replica moves away from
	Cause  string `json:"cause,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"` // of a pull
}

// PlanBox is one box as it was seen for the plan.
type PlanBox struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	Drained   bool   `json:"drained,omitempty"`
	Fault     string `json:"fault,omitempty"`
}

// planMost bounds a preview: it looks at every box and asks a registry for every image.
const planMost = 150 * time.Second

// askDown is the one kind of question that needs no plan.
const askDown = "down"

// plan says what a change would do, and changes nothing.
func (s *Server) plan(c echo.Context) error {
	var question workflows.Question
	if err := readAs(c, &question, "question"); err != nil {
		return err
	}
	service := c.Param("service")
	if question.Service != nil && question.Service.Name != service {
		return otherService(question.Service.Name, service)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), planMost)
	defer cancel()
	s.audit(c, "preview", fmt.Sprintf("%s: %.100s", service, question))
	if question.Kind == askDown {
		return s.foreseeDown(ctx, c, service)
	}
	seen, err := s.Services.Foresee(ctx, service, question)
	if err != nil {
		return err
	}
	return s.fresh(c, previewOf(question.String(), seen))
}

func otherService(given, asked string) error {
	return fmt.Errorf("%w: the specification is of %q, and this is %s", fault.ErrInvalid, given, asked)
}

// foreseeDown says what a teardown would remove.
func (s *Server) foreseeDown(ctx context.Context, c echo.Context, service string) error {
	running, err := s.Services.Running(ctx, service)
	if err != nil {
		return err
	}
	preview := Preview{
		What: askDown, Revision: running.Revision, Counts: map[string]int{}, Steps: []PlanStep{}, Matrix: []plan.Row{}, Boxes: []PlanBox{},
		Stays: running.Service.Volumes,
	}
	for _, placement := range running.Before {
		preview.add(PlanStep{Action: "remove", Name: placement.Container, Box: placement.Box})
	}
	preview.Changes = len(preview.Steps)
	return s.fresh(c, preview)
}

func (p *Preview) add(step PlanStep) {
	p.Counts[step.Action]++
	p.Steps = append(p.Steps, step)
}

// previewOf is a plan as people look at it.
func previewOf(what string, seen workflows.Foreseen) Preview {
	made := seen.Plan
	preview := Preview{
		What: what, Hash: made.Hash, Changes: made.Changes(), Counts: map[string]int{}, Steps: []PlanStep{},
		Matrix: made.Matrix(), Boxes: []PlanBox{}, Revision: seen.Revision,
	}
	if preview.Matrix == nil {
		preview.Matrix = []plan.Row{}
	}
	for _, box := range seen.Boxes {
		preview.Boxes = append(preview.Boxes, PlanBox{Name: box.Name, Reachable: box.Reachable, Drained: box.Drained, Fault: box.Fault})
	}
	preview.removals(made, true)
	for _, pull := range made.Pulls {
		step := PlanStep{Action: "pull", Name: pull.Image, Box: pull.Box, Bytes: pull.SizeBytes}
		if pull.Present {
			step.Action = "verify"
		}
		preview.add(step)
	}
	before := map[string]string{}
	for _, placement := range seen.Before {
		before[placement.Container] = placement.Box
	}
	for _, placement := range inOrder(made) {
		step := PlanStep{Action: placement.Action, Name: placement.Container, Box: placement.Box, Cause: placement.Cause}
		if from := before[placement.Container]; from != placement.Box {
			step.From = from
		}
		preview.add(step)
	}
	preview.removals(made, false)
	return preview
}

func (p *Preview) removals(made plan.Plan, first bool) {
	for _, gone := range made.Removals {
		if gone.First == first {
			p.add(PlanStep{Action: "remove", Name: gone.Container, Box: gone.Box, Cause: gone.Cause})
		}
	}
}

// inOrder are the placements of a plan in the order in which they are started.
func inOrder(made plan.Plan) []plan.Placement {
	level := map[string]int{}
	for i, one := range made.Levels {
		for _, function := range one.Functions {
			level[function] = i
		}
	}
	all := slices.Clone(made.Placements)
	slices.SortStableFunc(all, func(a, b plan.Placement) int {
		if by := level[a.Function] - level[b.Function]; by != 0 {
			return by
		}
		return strings.Compare(a.Container, b.Container)
	})
	return all
}
