package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"
)

// tableMost bounds the rows of steps in a workflow's current details: more than a person reads on one screen of the
// Web UI, and few enough to be written anew with each step.
const tableMost = 60

// show writes the steps into the workflow's current details, which cost no event.
func (p *progress) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, table(p.steps))
}

// table is steps as Markdown: those that run, wait for a person or failed first when there are too many for one table.
func table(steps []Step) string {
	count := map[string]int{}
	for _, step := range steps {
		count[step.State]++
	}
	var text strings.Builder
	for i, state := range []string{StepDone, StepRunning, StepApproval, StepWaiting, StepFailed, StepUndone, StepStopped} {
		if i == 0 || count[state] > 0 {
			fmt.Fprintf(&text, "%d %s, ", count[state], state)
		}
	}
	head := strings.TrimSuffix(text.String(), ", ")
	text.Reset()
	fmt.Fprintf(&text, "**%d steps**: %s\n\n| step | state | result |\n|---|---|---|\n", len(steps), head)
	rows := 0
	for _, step := range steps {
		dull := step.State == StepDone || step.State == StepWaiting || step.State == StepStopped
		if len(steps) > tableMost && dull {
			continue
		}
		if rows++; rows > tableMost {
			fmt.Fprintf(&text, "| … | | |\n")
			break
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", cell(step.Title), step.State, cell(step.Detail))
	}
	return text.String()
}

// cell is a text that keeps to its cell: its first line, shortened.
func cell(text string) string {
	const most = 120
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
