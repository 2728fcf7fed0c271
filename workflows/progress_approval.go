package workflows

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// approvals holds back the steps that wait for a person. ServiceWorkflow passes the signal `approve` on to the
// child whose step waits, and hands those that came early in as given.
type approvals struct {
	needed   []string
	approved []ApproveRequest
}

func newApprovals(ctx workflow.Context, needed []string, given []ApproveRequest) *approvals {
	a := &approvals{needed: needed, approved: slices.Clone(given)}
	workflow.Go(ctx, func(ctx workflow.Context) {
		channel := workflow.GetSignalChannel(ctx, SignalApprove)
		for {
			var request ApproveRequest
			if !channel.Receive(ctx, &request) {
				return
			}
			a.approved = append(a.approved, request)
		}
	})
	return a
}

func (a *approvals) of(step string) int {
	return slices.IndexFunc(a.approved, func(r ApproveRequest) bool { return r.Step == step })
}

// wait returns when the step may go on: at once, unless the specification holds it back.
func (a *approvals) wait(ctx workflow.Context, p *progress, step, phase string) error {
	if !slices.Contains(a.needed, step) || a.of(step) >= 0 {
		return nil
	}
	id := "approval/" + step
	p.expect(id, phase, "approval of "+step)
	p.begin(ctx, id)
	p.mark(ctx, id, StepApproval, "waits for the signal approve")
	if err := notify(ctx, Notice{Waiting: step}); err != nil {
		return err
	}
	if err := workflow.Await(ctx, func() bool { return a.of(step) >= 0 }); err != nil {
		p.end(ctx, id, "", err)
		return err
	}
	p.end(ctx, id, "approved by "+someone(a.approved[a.of(step)].Who), nil)
	return notify(ctx, Notice{Resumed: step})
}

// ask waits for an approval that is given from now on, of a step that nobody expected to wait, and says why it does.
func (a *approvals) ask(ctx workflow.Context, p *progress, step, phase, why string) error {
	before := a.count(step)
	id := "approval/" + step
	p.expect(id, phase, "approval of "+step)
	p.begin(ctx, id)
	p.mark(ctx, id, StepApproval, why)
	if err := notify(ctx, Notice{Waiting: step}); err != nil {
		return err
	}
	if err := workflow.Await(ctx, func() bool { return a.count(step) > before }); err != nil {
		p.end(ctx, id, "", err)
		return err
	}
	p.end(ctx, id, "approved by "+someone(a.approved[len(a.approved)-1].Who), nil)
	return notify(ctx, Notice{Resumed: step})
}

func (a *approvals) count(step string) int {
	count := 0
	for _, request := range a.approved {
		if request.Step == step {
			count++
		}
	}
	return count
}

func someone(who string) string {
	if who == "" {
		return "somebody"
	}
	return who
}

// notify tells the parent where this workflow stands; one that was started by hand has no parent to tell, and
// a parent that has gone is no reason to stop.
func notify(ctx workflow.Context, notice Notice) error {
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent == nil {
		return nil
	}
	notice.From = workflow.GetInfo(ctx).WorkflowExecution.ID
	err := workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, signalNotice, notice).Get(ctx, nil)
	if err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Warn("the parent could not be told", "parent", parent.ID, "error", err)
		return nil
	}
	return err
}
