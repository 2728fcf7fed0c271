package workflows

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// carryOut runs one change to its end: the service is then tuning, failed, or about to be taken down.
func (s *service) carryOut(ctx workflow.Context, next change) {
	within, cancel := workflow.WithCancel(ctx)
	defer cancel()
	s.running, s.cancel, s.quiet = &next, cancel, next.heal
	if !next.heal {
		s.left = union(s.left, s.newest.Boxes)
		s.newest, s.hash, s.approved = next.service, next.planHash, nil
		s.status.Revision, s.status.Steps, s.status.Children = next.revision, nil, nil
		s.phase(ctx, PhaseMatching)
	}
	err := s.steps(within, next)
	s.running, s.cancel, s.child, s.waiting, s.status.Waiting = nil, nil, nil, nil, ""
	if s.down != nil || ctx.Err() != nil {
		return
	}
	entry := next.audit
	if err != nil {
		s.failed(ctx, next, err)
		entry.Outcome = "failed: " + s.status.Fault
	} else {
		s.status.Revision = next.revision
		if !next.heal {
			s.status.Failed = nil
		}
		s.phase(ctx, PhaseTuning)
		entry.Outcome = "accepted"
	}
	if !next.heal || err != nil || entry.Why != "" {
		s.record(entry)
	}
}

func (s *service) failed(ctx workflow.Context, change change, err error) {
	s.status.Fault, s.status.FaultType = explain(err)
	if !change.heal {
		s.status.Failed = &FailedRevision{Revision: change.revision, Fault: s.status.Fault, FaultType: s.status.FaultType}
	}
	s.status.Steps = MergeSteps(s.status.Steps, stepsOf(err)...)
	s.phase(ctx, PhaseFailed)
}

// steps are the story of a change: deploy, stitch, tune, and the schedule that keeps it so. The first change
// has its schedule before all else: should it fail, it is tried again without anybody asking.
func (s *service) steps(ctx workflow.Context, next change) error {
	if s.good == nil {
		if err := s.schedule(ctx, next.service); err != nil {
			return err
		}
	}
	deployed, err := s.deploy(ctx, next)
	if err != nil {
		return err
	}
	if !s.quiet {
		s.status.Steps = MergeSteps(s.status.Steps, deployed.Steps...)
		s.phase(ctx, PhaseStitching)
	}
	stitched, err := s.stitch(ctx, next, deployed.Match.Plan)
	if err != nil {
		return err
	}
	s.status.Functions = stitched.Functions
	if !s.quiet {
		s.status.Steps = MergeSteps(s.status.Steps, stitched.Steps...)
	}
	before := s.good
	s.good = &Deployed{Revision: next.revision, Service: next.service, Plan: deployed.Match.Plan, Images: deployed.Match.Images}
	if err := s.tune(ctx); err != nil {
		return err
	}
	if !next.heal {
		s.leave(ctx)
	}
	if before == nil {
		return nil
	}
	return s.schedule(ctx, next.service)
}

// deploy runs the child that matches and places.
func (s *service) deploy(ctx workflow.Context, next change) (DeployResult, error) {
	in := DeployInput{Service: next.service, Revision: next.revision, PlanHash: next.planHash, Heal: next.heal, Approved: s.given(next)}
	if next.heal && s.good != nil {
		in.Images = s.good.Images
	}
	id := DeployID(next.service.Name, next.revision)
	s.child = child(ctx, id, "match and place", DeployWorkflow, in)
	s.children(id, MatchID(next.service.Name, next.revision), PlaceID(next.service.Name, next.revision))
	return result[DeployResult](ctx, s.child)
}

// stitch runs the child that starts and proves; should it fail, it brings back what ran before.
func (s *service) stitch(ctx workflow.Context, next change, made plan.Plan) (StitchResult, error) {
	made.Choices = nil // the explanations are for people, who ask the query plan
	in := StitchInput{Service: next.service, Revision: next.revision, Plan: made, Approved: s.given(next)}
	if s.good != nil {
		in.Before, in.BeforeSecrets = s.good.Plan.Placements, s.good.Service.Secrets
	}
	id := StitchID(next.service.Name, next.revision)
	s.child = child(ctx, id, "start, connect and prove", StitchWorkflow, in)
	s.children(id)
	return result[StitchResult](ctx, s.child)
}

// given are the approvals that a child need not wait for. Healing asks nobody: what it starts was approved
// when its revision was stitched.
func (s *service) given(next change) []ApproveRequest {
	if !next.heal {
		return s.approved
	}
	given := make([]ApproveRequest, 0, len(next.service.Approvals))
	for _, step := range next.service.Approvals {
		given = append(given, ApproveRequest{Step: step, Who: "the revision that is healed"})
	}
	return given
}

// children lists the workflows that answer the query `progress`, for as long as the change is the newest.
func (s *service) children(ids ...string) {
	if !s.quiet {
		s.status.Children = append(s.status.Children, ids...)
	}
}

// matched takes in a plan as soon as it was made, so that it can be read before it is approved.
func (s *service) matched(ctx workflow.Context, match MatchResult) {
	s.plan = &match.Plan
	s.status.PlanHash, s.status.Boxes = match.Plan.Hash, match.Boxes
	if s.running.heal && match.Plan.Changes() == 0 {
		return
	}
	if s.running.heal {
		s.quiet, s.status.Steps, s.status.Children = false, nil, nil
		name, revision := s.status.Service, s.running.revision
		s.children(DeployID(name, revision), MatchID(name, revision), PlaceID(name, revision))
		s.running.audit.Why = causes(match.Plan)
	}
	s.status.Steps = MergeSteps(s.status.Steps, match.Steps...)
	s.phase(ctx, PhasePlacing)
}

// causes are the reasons of what a plan changes, at most three of them.
func causes(p plan.Plan) string {
	var reasons []string
	for _, placement := range p.Placements {
		if placement.Action != plan.ActionKeep {
			reasons = append(reasons, placement.Container+": "+placement.Cause)
		}
	}
	for _, removal := range p.Removals {
		reasons = append(reasons, removal.Container+": "+removal.Cause)
	}
	if len(reasons) > 3 {
		reasons = append(reasons[:3], "…")
	}
	return strings.Join(reasons, "; ")
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
