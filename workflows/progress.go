package workflows

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// progress keeps the visible steps of one workflow and answers the query `progress` with them.
type progress struct {
	workflow string
	steps    []Step
	blamed   string // the title of the step that failed first
}

func newProgress(ctx workflow.Context) (*progress, error) {
	p := &progress{workflow: workflow.GetInfo(ctx).WorkflowExecution.ID}
	return p, workflow.SetQueryHandler(ctx, QueryProgress, func() (Progress, error) {
		return Progress{Workflow: p.workflow, Steps: p.steps}, nil
	})
}

// expect lists a step before its time, so that people see what is to come.
func (p *progress) expect(id, phase, title string, about ...func(*Step)) {
	if p.find(id) != nil {
		return
	}
	step := Step{ID: id, Phase: phase, Title: title, State: StepWaiting}
	for _, say := range about {
		say(&step)
	}
	p.steps = append(p.steps, step)
}

// at, of and following say of a step on which box it is, of which function, and which steps have to be done first.
func at(box string) func(*Step)      { return func(s *Step) { s.Box = box } }
func of(function string) func(*Step) { return func(s *Step) { s.Function = function } }
func following(ids ...string) func(*Step) {
	return func(s *Step) { s.After = append(s.After, ids...) }
}

func (p *progress) find(id string) *Step {
	for i := range p.steps {
		if p.steps[i].ID == id {
			return &p.steps[i]
		}
	}
	return nil
}

// run marks the step as running before work begins, since work that was lost may have acted, and then as what
// came out. The step's ID is also the ID of the activity that work runs, unless work says otherwise by doing.
func (p *progress) run(ctx workflow.Context, id string, work func() (detail string, err error)) error {
	p.begin(ctx, id)
	detail, err := work()
	p.end(ctx, id, detail, err)
	return err
}

func (p *progress) begin(ctx workflow.Context, id string) {
	if step := p.find(id); step != nil {
		step.State, step.Started, step.ActivityID = StepRunning, workflow.Now(ctx), id
		step.Ended, step.Detail = time.Time{}, ""
		p.show(ctx)
	}
}

// doing names the pending activity of a step that runs more than one.
func (p *progress) doing(id, activityID string) {
	if step := p.find(id); step != nil {
		step.ActivityID = activityID
	}
}

func (p *progress) end(ctx workflow.Context, id, detail string, err error) {
	step := p.find(id)
	if step == nil {
		return
	}
	step.Ended, step.ActivityID = workflow.Now(ctx), ""
	defer p.show(ctx)
	if temporal.IsCanceledError(err) {
		step.State, step.Detail = StepStopped, "cancelled"
		if p.blamed != "" {
			step.Detail = "stopped because " + p.blamed + " failed"
		}
		return
	}
	if err != nil {
		p.blamed = cmp.Or(p.blamed, step.Title)
		step.State = StepFailed
		step.Detail, _ = explain(err)
		return
	}
	step.State, step.Detail = StepDone, detail
}

func (p *progress) mark(ctx workflow.Context, id, state, detail string) {
	if step := p.find(id); step != nil {
		step.State, step.Detail, step.Ended = state, detail, workflow.Now(ctx)
		p.show(ctx)
	}
}

// MergeSteps puts newer steps over older ones of the same ID and keeps the order of appearance.
func MergeSteps(older []Step, newer ...Step) []Step {
	merged := slices.Clone(older)
	for _, step := range newer {
		at := slices.IndexFunc(merged, func(s Step) bool { return s.ID == step.ID })
		if at < 0 {
			merged = append(merged, step)
		} else {
			merged[at] = step
		}
	}
	return merged
}
