package command

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/starter/follow"
	"github.com/overcloud/overcloud/workflows"
)

// writeSteps draws the steps of each phase as a tree: a step stands below the one that let it begin.
func writeSteps(table io.Writer, g workflows.Graph) {
	first := time.Time{}
	for _, step := range g.Steps {
		if !step.Started.IsZero() && (first.IsZero() || step.Started.Before(first)) {
			first = step.Started
		}
	}
	for _, phase := range []string{"match", "place", "stitch"} {
		below, roots := map[string][]workflows.StepNode{}, []workflows.StepNode{}
		for _, step := range g.Steps {
			if step.Phase != phase {
				continue
			}
			if gate := g.Gate(step.ID); gate != "" {
				below[gate] = append(below[gate], step)
			} else {
				roots = append(roots, step)
			}
		}
		if len(roots) == 0 {
			continue
		}
		fmt.Fprintf(table, "\n%s\tSTATE\tBEGAN\tTOOK\tTRIES\tRESULT\n", strings.ToUpper(phase))
		for _, root := range roots {
			writeBranch(table, root, below, "", "", first)
		}
	}
}

// writeBranch draws a step behind mark, and what it let begin behind rest.
func writeBranch(table io.Writer, step workflows.StepNode, below map[string][]workflows.StepNode, mark, rest string, first time.Time) {
	began, duration := "", ""
	if !step.Started.IsZero() {
		began = fmt.Sprintf("+%.1f s", step.Started.Sub(first).Seconds())
		duration = fmt.Sprintf("%.1f s", float64(step.Millis)/1000)
	}
	tries := ""
	if step.Attempts > 0 {
		tries = fmt.Sprint(step.Attempts)
	}
	fmt.Fprintf(table, "%s%s\t%s\t%s\t%s\t%s\t%s\n", mark, step.Title, step.State, began, duration, tries, outcome(step.Step))
	next := below[step.ID]
	for i, one := range next {
		if i == len(next)-1 {
			writeBranch(table, one, below, rest+"└ ", rest+"  ", first)
		} else {
			writeBranch(table, one, below, rest+"├ ", rest+"│ ", first)
		}
	}
}

// outcome is what came of a step in one line, and why it was tried again.
func outcome(step workflows.Step) string {
	text := oneLine(step.Detail)
	if len(step.Retries) > 0 {
		text = strings.TrimSpace(text + " (tried again: " + oneLine(step.Retries[len(step.Retries)-1]) + ")")
	}
	return text
}

func oneLine(text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(follow.Brief(text)), "\n")
	if more {
		line += " …"
	}
	return line
}

// measured is the last measurement of a tuned function, a replica on average.
func measured(t workflows.FunctionTuning) string {
	if t.Load == nil || t.Load.Measured == 0 {
		return strings.TrimSuffix("nothing yet: "+oneLine(t.Fault), ": ")
	}
	unit, average := " %", t.Load.Sum/float64(t.Load.Measured)
	if t.Tune.Metric == scale.KafkaLag {
		unit = " records a replica"
	}
	text := fmt.Sprintf("%s %.0f%s, wanted %.0f", t.Tune.Metric, average, unit, t.Tune.Target)
	if missing := t.Load.Replicas - t.Load.Measured; missing > 0 {
		text += fmt.Sprintf(", %d not measured", missing)
	}
	return text
}

func asked(last *workflows.ScaleAsked) string {
	if last == nil {
		return "-"
	}
	return last.Decision.Why + ", " + last.Outcome
}
