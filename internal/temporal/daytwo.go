package temporal

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// change sends an update of a service that asks for a change; it returns when that is accepted, not when it is done.
func (c *Client) change(ctx context.Context, service, name string, request any) (workflows.ApplyAccepted, error) {
	return update[workflows.ApplyAccepted](ctx, c, workflows.ServiceID(service), name, request, "service "+service)
}

// Rollback brings back a revision that ran before, with the same digests. Errors: ErrInvalid for one that is not kept,
// ErrNotFound, ErrUnreachable.
func (c *Client) Rollback(ctx context.Context, service string, request workflows.RollbackRequest) (workflows.ApplyAccepted, error) {
	return c.change(ctx, service, workflows.UpdateRollback, request)
}

// Drain empties a box, or takes it into use again. Errors: ErrInvalid for a box that the service does not have,
// ErrNotFound, ErrUnreachable.
func (c *Client) Drain(ctx context.Context, service string, request workflows.DrainRequest) (workflows.ApplyAccepted, error) {
	return c.change(ctx, service, workflows.UpdateDrain, request)
}

// Rebalance lets functions move to better boxes. Errors: ErrInvalid before a first revision has run, ErrNotFound,
// ErrUnreachable.
func (c *Client) Rebalance(ctx context.Context, service string, request workflows.RebalanceRequest) (workflows.ApplyAccepted, error) {
	return c.change(ctx, service, workflows.UpdateRebalance, request)
}

// Retry tries the failed revision again, from where it stood. Errors: ErrInvalid when none has failed, ErrNotFound,
// ErrUnreachable.
func (c *Client) Retry(ctx context.Context, service string, request workflows.RetryRequest) (workflows.ApplyAccepted, error) {
	return c.change(ctx, service, workflows.UpdateRetry, request)
}

// Revisions are those that a rollback can bring back, the running one first. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Revisions(ctx context.Context, service string) ([]workflows.Revision, error) {
	return ask[[]workflows.Revision](ctx, c, workflows.ServiceID(service), workflows.QueryRevisions, running, "service "+service)
}

// Running is what a service wants and has. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Running(ctx context.Context, service string) (workflows.Running, error) {
	return ask[workflows.Running](ctx, c, workflows.ServiceID(service), workflows.QueryRunning, running, "service "+service)
}

// sweeping bounds a sweep: one look at each box, and the stops of what goes.
const sweeping = 10 * time.Minute

// Sweep finds, and unless it is a dry run removes, what carries our labels and is wanted by no running service.
// Errors: ErrNotFound when in.Service does not run, ErrUnreachable.
func (c *Client) Sweep(ctx context.Context, in workflows.SweepInput) (workflows.SweepReport, error) {
	ctx, cancel := context.WithTimeout(ctx, sweeping)
	defer cancel()
	var report workflows.SweepReport
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "sweep/" + rand.Text()[:8], TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: sweeping,
		StaticSummary:            "look for what nobody wants",
	}, workflows.SweepWorkflow, in)
	if err != nil {
		return report, c.fault(err, "sweep")
	}
	return report, c.fault(run.Get(ctx, &report), "sweep")
}

// Services asks the running services what they want.
type Services struct{ Client *Client }

var _ activities.Services = Services{}

// Named implements activities.Services. Temporal's list follows within a second or so; who collects images does so
// minutes after they were last named.
func (s Services) Named(ctx context.Context) ([]string, error) {
	all, err := s.Client.List(ctx)
	if err != nil {
		return nil, err
	}
	var digests []string
	for _, one := range all {
		revisions, err := s.Client.Revisions(ctx, one.Service)
		if errors.Is(err, fault.ErrNotFound) {
			continue // it has ended since
		}
		if err != nil {
			return nil, err
		}
		for _, revision := range revisions {
			for _, image := range revision.Images {
				digests = append(append(digests, image.Digest), image.Manifests...)
			}
		}
		now, err := s.Client.Running(ctx, one.Service)
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			return nil, err
		}
		for _, image := range slices.Concat(now.Images, now.Bringing) {
			digests = append(digests, image.Digest)
			for _, platform := range image.Platforms {
				digests = append(digests, platform.Digest)
			}
		}
	}
	return digests, nil
}

// Placed implements activities.Services.
func (s Services) Placed(ctx context.Context, service string) (activities.Placed, error) {
	now, err := s.Client.Running(ctx, service)
	if err != nil {
		return activities.Placed{}, err
	}
	placed := activities.Placed{Revision: now.Revision, Boxes: now.Service.Boxes, Wanted: wanted(now)}
	for _, function := range now.Service.Functions {
		if function.Image != "" {
			placed.Refs = append(placed.Refs, function.Image)
		}
		for _, candidate := range function.Candidates {
			placed.Refs = append(placed.Refs, candidate.Image)
		}
	}
	if now.Service.ProbeImage != "" {
		placed.Refs = append(placed.Refs, now.Service.ProbeImage)
	}
	return placed, nil
}

// wanted are the containers of what runs and of the change that is being stitched, those included that run beside what
// they replace.
func wanted(now workflows.Running) []activities.Container {
	var all []activities.Container
	for _, placement := range slices.Concat(now.Before, now.Changing) {
		all = append(all, activities.Container{Box: placement.Box, Name: placement.Container})
		if placement.Order == spec.OrderStartFirst {
			all = append(all, activities.Container{Box: placement.Box, Name: placement.Container + plan.NextSuffix})
		}
	}
	return all
}
