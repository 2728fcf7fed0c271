package temporal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// Deploy is how a revision was brought about: its steps with their attempts, and nothing of what runs. It reads the
// histories of the children that made it, which Temporal keeps for the retention of its namespace. Errors: ErrNotFound
// when there was no such revision or its histories are no longer kept, ErrUnreachable.
func (c *Client) Deploy(ctx context.Context, service string, revision int) (workflows.Graph, error) {
	status, err := c.Status(ctx, service)
	if err != nil {
		return workflows.Graph{}, err
	}
	if revision == workflows.MakeGraph(status, nil, nil, time.Now()).StepsOf {
		return c.Graph(ctx, service)
	}
	at, err := c.madeAt(ctx, status, revision)
	if err != nil {
		return workflows.Graph{}, err
	}
	old := workflows.Status{Service: service, Revision: revision, Since: at}
	old.Fault = outcomeOf(status, revision)
	runs := map[string]string{}
	for _, id := range []string{
		workflows.StitchID(service, revision), workflows.DeployID(service, revision),
		workflows.MatchID(service, revision), workflows.PlaceID(service, revision),
	} {
		run, begun, err := c.runBefore(ctx, id, at)
		if err != nil {
			return workflows.Graph{}, err
		}
		if run == "" {
			continue
		}
		if strings.HasPrefix(id, "stitch/") {
			at = begun // what matched and placed began before it
		}
		runs[id] = run
		old.Children = append(old.Children, id)
		progress, err := c.progressOf(ctx, id, run)
		if errors.Is(err, fault.ErrNotFound) {
			continue
		}
		if err != nil {
			return workflows.Graph{}, err
		}
		old.Steps = workflows.MergeSteps(old.Steps, progress.Steps...)
	}
	if len(old.Steps) == 0 {
		return workflows.Graph{}, say(fault.ErrNotFound, "the histories of revision %d of %s are no longer kept", revision, service)
	}
	slices.SortStableFunc(old.Steps, func(a, b workflows.Step) int { return phaseOf(a.Phase) - phaseOf(b.Phase) })
	for id, run := range runs {
		if err := c.countRun(ctx, id, run, old.Steps); err != nil {
			return workflows.Graph{}, err
		}
	}
	graph := workflows.MakeGraph(old, old.Steps, nil, time.Now())
	return graph, c.locate(ctx, runs, &graph)
}

func phaseOf(phase string) int { return slices.Index([]string{"match", "place", "stitch"}, phase) }

// madeAt is when a revision was proven, or when what became of it was noted. Repairs, which have the same workflow IDs,
// ran after that.
func (c *Client) madeAt(ctx context.Context, status workflows.Status, revision int) (time.Time, error) {
	kept, err := c.Revisions(ctx, status.Service)
	if err != nil {
		return time.Time{}, err
	}
	for _, one := range kept {
		if one.Revision == revision {
			return one.At, nil
		}
	}
	// Only when it was asked for is known: up to the next one asked for, nothing else had its number.
	begun, next := time.Time{}, time.Now()
	for _, entry := range status.Audit {
		if entry.Revision == revision {
			begun = entry.At
		}
	}
	for _, entry := range slices.Backward(status.Audit) {
		if entry.Revision > revision && entry.At.After(begun) {
			next = entry.At
		}
	}
	if begun.IsZero() {
		return time.Time{}, say(fault.ErrNotFound, "nothing is known of revision %d of %s", revision, status.Service)
	}
	return next, nil
}

// outcomeOf is why a revision failed; empty for one that did not.
func outcomeOf(status workflows.Status, revision int) string {
	for _, entry := range slices.Backward(status.Audit) {
		if why, failed := strings.CutPrefix(entry.Outcome, "failed: "); entry.Revision == revision && failed {
			return why
		}
	}
	return ""
}

// progressOf is the steps of one run of a child.
func (c *Client) progressOf(ctx context.Context, id, run string) (workflows.Progress, error) {
	var progress workflows.Progress
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.question(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: id, RunID: run, QueryType: workflows.QueryProgress, QueryRejectCondition: ended,
	})
	if err == nil {
		err = answer.QueryResult.Get(&progress)
	}
	return progress, c.fault(err, "workflow "+id)
}

// locate says of each step which workflow and which event of its history it is, and adds the runs.
func (c *Client) locate(ctx context.Context, runs map[string]string, graph *workflows.Graph) error {
	for id, run := range runs {
		graph.Runs = append(graph.Runs, workflows.WorkflowRun{Workflow: id, Run: run})
		read, err := c.history(ctx, id, run)
		if err != nil {
			return err
		}
		phase, _, _ := strings.Cut(id, "/")
		for i := range graph.Steps {
			step := &graph.Steps[i]
			if step.Phase != phase {
				continue
			}
			step.Workflow = id
			if known := read.of(step.ID); known != nil {
				step.Event = known.event
			}
		}
	}
	slices.SortFunc(graph.Runs, func(a, b workflows.WorkflowRun) int { return strings.Compare(a.Workflow, b.Workflow) })
	return nil
}
