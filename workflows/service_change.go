package workflows

import (
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// carryOut runs one change to its end: the service is then tuning, failed, or about to be taken down.
func (s *service) carryOut(ctx workflow.Context, next Change) {
	within, cancel := workflow.WithCancel(ctx)
	defer cancel()
	s.running, s.cancel = &next, cancel
	s.left = union(s.left, s.newest.Boxes)
	if failed := s.status.Failed; failed != nil && failed.Revision != next.Revision {
		s.dropped = append(s.dropped, revisionImages(s.tried.Resolved)...)
	}
	if next.Revision != s.tried.Revision { // else it was approved already, as far as it was
		s.approved = nil
	}
	s.newest, s.hash, s.tried = next.Service, next.PlanHash, next
	s.status.Revision, s.status.Steps, s.status.Children = next.Revision, nil, nil
	if failed := s.status.Failed; failed != nil && failed.Revision == next.Revision {
		s.status.Failed = nil
	}
	s.phase(ctx, PhaseMatching)
	err := s.steps(within, &next)
	s.tried = next
	s.tried.Service = spec.Service{} // it is newest
	s.running, s.cancel, s.child, s.changing, s.waiting, s.status.Waiting = nil, nil, nil, nil, nil, ""
	if s.down != nil || ctx.Err() != nil {
		return
	}
	entry := next.Audit
	if err != nil {
		s.failed(ctx, next.Revision, err)
		entry.Outcome = "failed: " + s.status.Fault
	} else {
		s.status.Revision, s.status.Failed = next.Revision, nil
		s.phase(ctx, PhaseTuning)
		entry.Outcome = "accepted"
	}
	s.record(entry)
}

func (s *service) failed(ctx workflow.Context, revision int, err error) {
	s.status.Fault, s.status.FaultType = explain(err)
	s.status.Failed = &FailedRevision{Revision: revision, Fault: s.status.Fault, FaultType: s.status.FaultType}
	s.status.Steps = MergeSteps(s.status.Steps, stepsOf(err)...)
	s.phase(ctx, PhaseFailed)
}

// steps are the story of a change: deploy, stitch, tune, and the schedule that keeps it so. The first change
// has its schedule before all else: should it fail, it is tried again without anybody asking.
func (s *service) steps(ctx workflow.Context, next *Change) error {
	if err := s.alone(ctx, next.Revision); err != nil {
		return err
	}
	if s.good == nil {
		if err := s.schedule(ctx, next.Service); err != nil {
			return err
		}
	}
	deployed, err := s.prepare(ctx, next)
	if err != nil {
		return err
	}
	before := s.good
	err = s.connect(ctx, next, deployed) // with the right to stitch, which prepare took
	s.stitching.Unlock()
	if err != nil {
		return err
	}
	s.supersede()
	if err := s.tune(ctx); err != nil {
		return err
	}
	s.leave(ctx)
	s.collect(ctx)
	if before == nil {
		return nil
	}
	return s.schedule(ctx, next.Service)
}

// prepare deploys, waits for the approval of stitching, and takes the right to stitch. Should a repair have
// changed something meanwhile, the plan is no longer of this world: it is made again, this time under that right,
// so that at most one is made in vain. Nothing is held while a person is waited for.
func (s *service) prepare(ctx workflow.Context, next *Change) (DeployResult, error) {
	seen := s.stitched
	deployed, err := s.deploy(ctx, next)
	if err != nil {
		return DeployResult{}, err
	}
	s.status.Steps = MergeSteps(s.status.Steps, deployed.Steps...)
	if err := s.await(ctx, *next, "stitch"); err != nil {
		return DeployResult{}, err
	}
	if err := s.stitching.Lock(ctx); err != nil {
		return DeployResult{}, err
	}
	if seen == s.stitched {
		return deployed, nil
	}
	if deployed, err = s.deploy(ctx, next); err != nil {
		s.stitching.Unlock()
		return DeployResult{}, err
	}
	s.status.Steps = MergeSteps(s.status.Steps, deployed.Steps...)
	return deployed, nil
}

// deploy runs the child that matches and places.
func (s *service) deploy(ctx workflow.Context, next *Change) (DeployResult, error) {
	in := s.deployInput(next.Revision, drained(next.Service, next.Drains))
	in.PlanHash, in.Images, in.Rebalance, in.Approved = next.PlanHash, next.Images, next.Rebalance, s.approved
	if len(next.Resolved) > 0 { // the second time
		in.Images = next.Resolved
	}
	id := DeployID(next.Service.Name, next.Revision)
	s.child = child(ctx, id, "match and place", DeployWorkflow, in)
	s.children(id, MatchID(next.Service.Name, next.Revision), PlaceID(next.Service.Name, next.Revision))
	deployed, err := result[DeployResult](ctx, s.child)
	if err == nil {
		next.Resolved = deployed.Match.Images
	}
	return deployed, err
}

// deployInput is what every matching is told of the world before it.
func (s *service) deployInput(revision int, wanted spec.Service) DeployInput {
	in := DeployInput{Service: wanted, Revision: revision, Absent: s.absent}
	if s.good != nil {
		in.Before = s.good.Plan.Placements
	}
	return in
}

// await waits for a person's approval of a step of the running change that is not a child's own.
func (s *service) await(ctx workflow.Context, next Change, step string) error {
	given := func() bool {
		return slices.ContainsFunc(s.approved, func(r ApproveRequest) bool { return r.Step == step })
	}
	if !slices.Contains(next.Service.Approvals, step) || given() {
		return nil
	}
	id := "approval/" + step
	waits := progress{steps: s.status.Steps}
	waits.expect(id, step, "approval of "+step)
	waits.begin(ctx, id)
	waits.mark(ctx, id, StepApproval, "waits for the signal approve")
	s.status.Steps = waits.steps
	s.wait(step, "")
	if err := workflow.Await(ctx, given); err != nil {
		return err
	}
	s.wait("", step)
	at := slices.IndexFunc(s.approved, func(r ApproveRequest) bool { return r.Step == step })
	waits.steps = s.status.Steps
	waits.end(ctx, id, "approved by "+someone(s.approved[at].Who), nil)
	return nil
}

// wait notes a step that begins, and one that ends, to wait for an approval.
func (s *service) wait(begins, ends string) {
	if begins != "" && !slices.Contains(s.waiting, begins) {
		s.waiting = append(s.waiting, begins)
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(step string) bool { return step == ends })
	s.status.Waiting = strings.Join(s.waiting, ", ")
}

// connect runs the child that starts and proves; should it fail, it brings back what ran before.
func (s *service) connect(ctx workflow.Context, next *Change, deployed DeployResult) error {
	s.phase(ctx, PhaseStitching)
	s.changing = &deployed.Match.Plan
	id := StitchID(next.Service.Name, next.Revision)
	in := s.stitchInput(next.Revision, drained(next.Service, next.Drains), deployed.Match.Plan)
	in.Approved = s.approved
	s.child = child(ctx, id, "start, connect and prove", StitchWorkflow, in)
	s.children(id)
	stitched, err := result[StitchResult](ctx, s.child)
	if deployed.Changed {
		s.stitched++
	}
	if err != nil {
		return err
	}
	s.status.Functions, s.status.Looked = stitched.Functions, workflow.Now(ctx)
	s.status.Steps = MergeSteps(s.status.Steps, stitched.Steps...)
	s.keep(ctx, *next, deployed.Match)
	return nil
}

// stitchInput is a plan to stitch with what ran before it. The explanations are for people, who ask the query plan.
func (s *service) stitchInput(revision int, wanted spec.Service, made plan.Plan) StitchInput {
	made.Choices = nil
	in := StitchInput{Service: wanted, Revision: revision, Plan: made}
	if inASwarm(&wanted) {
		in.Known = s.boxes()
	}
	if s.good != nil {
		in.Before, in.BeforeSecrets, in.BeforeRevision = s.good.Plan.Placements, s.good.Service.Secrets, s.good.Revision
	}
	return in
}

// children lists the workflows that answer the query `progress`, for as long as the change is the newest.
func (s *service) children(ids ...string) {
	for _, id := range ids {
		if !slices.Contains(s.status.Children, id) {
			s.status.Children = append(s.status.Children, id)
		}
	}
}

// matched takes in the plan of the running change as soon as it was made, so that it can be read before it is
// approved.
func (s *service) matched(ctx workflow.Context, match MatchResult) {
	s.running.Resolved = match.Images
	s.plan, s.status.PlanHash = &match.Plan, match.Plan.Hash
	s.seen(match, s.status.Since)
	s.status.Steps = MergeSteps(s.status.Steps, match.Steps...)
	s.phase(ctx, PhasePlacing)
}

// schedule makes the schedule that reconciles, or takes away the one that a revision before had.
func (s *service) schedule(ctx workflow.Context, service spec.Service) error {
	var schedules *activities.Schedules
	in := activities.ReconcileInput{Service: service.Name, Every: service.Schedule}
	if in.Every > 0 {
		s.scheduled = true // even if the answer is lost
		return act(ctx, as(quick(), "schedule", "reconcile every "+in.Every.String()), schedules.EnsureReconcile, in)
	}
	if !s.scheduled {
		return nil
	}
	if err := act(ctx, as(quick(), "schedule", "no more reconciling"), schedules.DeleteReconcile, in); err != nil {
		return err
	}
	s.scheduled = false
	return nil
}
