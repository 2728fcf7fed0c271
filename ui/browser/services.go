package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/workflows"
)

// services are the workflows of the world's one service. A change is accepted and noted, and nothing comes of it.
type services struct{ *World }

// Status is the scenery's.
func (w services) Status(context.Context, string) (workflows.Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.service, nil
}

// Deploy is the same graph for the two revisions that there are.
func (w services) Deploy(ctx context.Context, service string, revision int) (workflows.Graph, error) {
	if revision < 0 || revision > 2 {
		return workflows.Graph{}, fmt.Errorf("service %s has no revision %d: %w", service, revision, fault.ErrNotFound)
	}
	return w.Graph(ctx, service)
}

// Revisions are two.
func (w services) Revisions(context.Context, string) ([]workflows.Revision, error) {
	at := w.begun.Add(-3 * time.Hour)
	return []workflows.Revision{
		{Revision: 2, At: at, Who: "kim", What: "scale sink to 1", PlanHash: "61925b6744ea2335", Running: true},
		{Revision: 1, At: at.Add(-24 * time.Hour), Who: "lee", What: "apply", PlanHash: "0b74c86bf1ca518b"},
	}, nil
}

// Running has no specification to show.
func (w services) Running(context.Context, string) (workflows.Running, error) {
	return workflows.Running{Revision: 2}, nil
}

// Foresee moves one function and keeps the others.
func (w services) Foresee(_ context.Context, service string, _ workflows.Question) (workflows.Foreseen, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := workflows.Foreseen{Revision: 2}
	f.Plan = plan.Plan{Service: service, Hash: "7a11c0ffee55aa01"}
	f.Boxes = w.service.Boxes
	for _, fn := range w.service.Functions {
		if fn.Box == "" {
			continue
		}
		p := plan.Placement{Function: fn.Function, Replica: fn.Replica, Box: fn.Box, Container: fn.Container, Image: fn.Image, Digest: fn.Digest, SpecHash: "a", Action: plan.ActionKeep, Cause: "unchanged"}
		f.Before = append(f.Before, p)
		if fn.Function == "sink" {
			p.SpecHash, p.Action, p.Cause = "b", plan.ActionReplace, "specification hash changed a -> b"
		}
		f.Plan.Placements = append(f.Plan.Placements, p)
		f.Plan.Levels = append(f.Plan.Levels, plan.Level{Functions: []string{fn.Function}})
		for _, box := range w.service.Boxes {
			c := plan.Choice{Function: fn.Function, Replica: fn.Replica, Box: box.Name, Chosen: box.Name == fn.Box, Score: 0.7}
			if !c.Chosen {
				c.Score, c.Reasons = 0, []string{"memory: needs 128 MiB, has 96 MiB"}
			}
			f.Plan.Choices = append(f.Plan.Choices, c)
		}
	}
	return f, nil
}

func (w services) accept(format string, args ...any) (workflows.ApplyAccepted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
	return workflows.ApplyAccepted{Revision: 3}, nil
}

// Apply, Scale, Rollback, Drain, Rebalance, Retry, Approve and AskDown note what was asked.
func (w services) Apply(_ context.Context, r workflows.ApplyRequest) (workflows.ApplyAccepted, error) {
	return w.accept("apply %s by %s", r.Service.Name, r.Who)
}

func (w services) Scale(_ context.Context, _ string, r workflows.ScaleRequest) (workflows.ApplyAccepted, error) {
	return w.accept("scale %s to %d by %s", r.Function, r.Replicas, r.Who)
}

func (w services) Rollback(_ context.Context, _ string, r workflows.RollbackRequest) (workflows.ApplyAccepted, error) {
	return w.accept("rollback to %d by %s", r.Revision, r.Who)
}

func (w services) Drain(_ context.Context, _ string, r workflows.DrainRequest) (workflows.ApplyAccepted, error) {
	return w.accept("drain %s by %s", r.Box, r.Who)
}

func (w services) Rebalance(_ context.Context, _ string, r workflows.RebalanceRequest) (workflows.ApplyAccepted, error) {
	return w.accept("rebalance by %s", r.Who)
}

func (w services) Retry(_ context.Context, _ string, r workflows.RetryRequest) (workflows.ApplyAccepted, error) {
	return w.accept("retry by %s", r.Who)
}

func (w services) Approve(_ context.Context, _ string, r workflows.ApproveRequest) error {
	_, err := w.accept("approve %s", r.Step)
	return err
}

func (w services) AskDown(_ context.Context, service string, r workflows.DownRequest) error {
	_, err := w.accept("down %s by %s", service, r.Who)
	return err
}
