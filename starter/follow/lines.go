package follow

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/starter/screen"
	"github.com/overcloud/overcloud/workflows"
)

// phase is one headline of a deploy.
type phase struct{ id, title string }

func phases() []phase {
	return []phase{
		{"match", "match functions to boxes"},
		{"place", "place and verify images"},
		{"stitch", "stitch functions into the service"},
	}
}

// Lines draws a status and what its children said: a headline for each phase, with its steps below it.
func Lines(status workflows.Status, children []child) []screen.Line {
	steps := status.Steps
	pending := map[string]workflows.Pending{}
	for _, c := range children {
		steps = workflows.MergeSteps(steps, c.progress.Steps...)
		for _, p := range c.pending {
			pending[p.ActivityID] = p
		}
	}
	var lines []screen.Line
	for _, ph := range phases() {
		line := screen.Line{ID: ph.id, Title: ph.title}
		for _, step := range steps {
			if step.Phase == ph.id {
				line.Steps = append(line.Steps, draw(step, pending))
			}
		}
		headline(&line, status)
		lines = append(lines, line)
	}
	return lines
}

func draw(step workflows.Step, pending map[string]workflows.Pending) screen.Line {
	line := screen.Line{
		ID: step.ID, Title: title(step), State: step.State, Detail: detail(step),
		Started: step.Started, Ended: step.Ended,
	}
	if strings.HasPrefix(step.ID, "observe/") && strings.HasPrefix(step.Detail, "does not answer") {
		line.State = screen.Warning // the plan goes on without that box
	}
	if step.State != workflows.StepRunning || step.ActivityID == "" {
		return line
	}
	p, known := pending[step.ActivityID]
	if !known {
		return line
	}
	line.Detail = pullDetail(p.Pull)
	line.Steps = layersOf(step.ID, p.Pull)
	if p.Attempt > 1 {
		why := strings.TrimPrefix(Brief(p.Fault), Brief(step.Title)+": ")
		line.Again = fmt.Sprintf("attempt %d, the one before: %s", p.Attempt, why)
		line.Detail = strings.TrimSpace(line.Detail + "  " + line.Again)
	}
	return line
}

// headline sums a phase's steps up.
func headline(line *screen.Line, status workflows.Status) {
	done := 0
	line.State = screen.Waiting
	for _, step := range line.Steps {
		if line.Started.IsZero() || (!step.Started.IsZero() && step.Started.Before(line.Started)) {
			line.Started = step.Started
		}
		if step.Ended.After(line.Ended) {
			line.Ended = step.Ended
		}
		switch step.State {
		case screen.Done, screen.Warning:
			done++
		case screen.Failed, screen.Approval:
			line.State = step.State
		case screen.Running:
			if line.State == screen.Waiting {
				line.State = screen.Running
			}
		}
	}
	switch {
	case len(line.Steps) == 0:
	case done == len(line.Steps):
		line.State = screen.Done
	case line.State == screen.Waiting && done > 0:
		line.State = screen.Running
	}
	if line.State == screen.Running {
		line.Ended = time.Time{}
	}
	if len(line.Steps) > 0 {
		line.Detail = fmt.Sprintf("%d of %d", done, len(line.Steps))
	}
	if status.Waiting != "" && slices.ContainsFunc(line.Steps, func(s screen.Line) bool { return s.State == screen.Approval }) {
		line.State = screen.Approval
		line.Detail = "waits for a person's approval of " + status.Waiting
	}
}

// Bytes writes a size as people read it.
func Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
