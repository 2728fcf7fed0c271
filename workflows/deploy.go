package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
)

// DeployWorkflow matches a service to its boxes and brings the images there: when it returns, every image of
// the plan is on its box and verified, and nothing has been started. A plan other than the one that was shown
// (PlanHash) is refused before anything is done.
func DeployWorkflow(ctx workflow.Context, in DeployInput) (DeployResult, error) {
	return indexed(ctx, in.attributes(), in, deploy)
}

func deploy(ctx workflow.Context, in DeployInput) (DeployResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return DeployResult{}, err
	}
	approved := newApprovals(ctx, in.Service.Approvals, in.Approved)
	name, revision := in.Service.Name, in.Revision
	matchInput := MatchInput{
		Service: in.Service, Revision: revision, Heal: in.Heal, Images: in.Images,
		Before: in.Before, Absent: in.Absent, Rebalance: in.Rebalance,
	}
	matching := child(ctx, MatchID(name, revision), "match functions to boxes", MatchWorkflow, matchInput)
	match, err := result[MatchResult](ctx, matching)
	if err != nil {
		return DeployResult{}, failure(err, "", stepsOf(err))
	}
	p.steps = match.Steps
	changed := match.Plan.Changes() > 0
	if in.PlanHash != "" && in.PlanHash != match.Plan.Hash && changed { // once it is done there is nothing to refuse
		return DeployResult{}, planChanged(in, match.Plan, p.steps)
	}
	if in.Heal && !changed { // the parent reads it from the result: each notice is four events of its history
		return DeployResult{Match: match, Steps: p.steps}, nil
	}
	if err := notify(ctx, Notice{Matched: &match}); err != nil {
		return DeployResult{}, err
	}
	if err := approved.wait(ctx, p, "place", "place"); err != nil {
		return DeployResult{}, failure(err, "", p.steps)
	}
	placeInput := PlaceInput{Service: in.Service, Revision: revision, Pulls: match.Plan.Pulls}
	placing := child(ctx, PlaceID(name, revision), placeSummary(match.Plan), PlaceWorkflow, placeInput)
	placed, err := result[PlaceResult](ctx, placing)
	if err != nil {
		return DeployResult{}, failure(err, "", MergeSteps(p.steps, stepsOf(err)...))
	}
	p.steps = MergeSteps(p.steps, placed.Steps...)
	return DeployResult{Match: match, Steps: p.steps, Changed: changed}, nil
}

func planChanged(in DeployInput, made plan.Plan, steps []Step) error {
	changed := fmt.Sprintf("the plan of %s is now %s, no longer %s: look at it again and apply that",
		in.Service.Name, made.Hash, in.PlanHash)
	return typed(changed, TypePlanChanged, steps)
}

func placeSummary(p plan.Plan) string {
	return fmt.Sprintf("bring %d images to their boxes", len(p.Pulls))
}
