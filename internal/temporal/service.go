package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// StartService starts a service, or gives the running one this specification: Apply without conditions.
func (c *Client) StartService(ctx context.Context, service spec.Service) (workflows.ApplyAccepted, error) {
	return c.Apply(ctx, workflows.ApplyRequest{Service: service})
}

// Apply gives a service its specification and starts the service unless it runs: one Update-With-Start, so
// that two people who apply at once share one workflow. It returns when the change is accepted, not when it is
// done. Errors: ErrInvalid with all that is wrong (nothing was started), ErrUnreachable.
func (c *Client) Apply(ctx context.Context, request workflows.ApplyRequest) (workflows.ApplyAccepted, error) {
	var accepted workflows.ApplyAccepted
	name := request.Service.Name
	if err := check(request.Service); err != nil {
		return accepted, err
	}
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	start := c.sdk.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID:        workflows.ServiceID(name),
		TaskQueue: workflows.TaskQueue,
		// A running service takes the specification; one that was taken down begins anew.
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "service " + name,
	}, workflows.ServiceWorkflow, workflows.ServiceInput{Service: request.Service, PlanHash: request.PlanHash, Who: request.Who})
	handle, err := c.sdk.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: workflows.ServiceID(name), UpdateName: workflows.UpdateApply,
			Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, &accepted)
	}
	return accepted, c.fault(err, "service "+name)
}

// check refuses a specification before anything is asked of the server.
func check(service spec.Service) error {
	if err := workflows.Check(service); err != nil {
		return say(fault.ErrInvalid, "the specification of %s is not valid: %s", service.Name, err)
	}
	return nil
}

// Scale changes the replicas of one function. Errors: ErrInvalid, ErrNotFound, ErrUnreachable.
func (c *Client) Scale(ctx context.Context, service string, request workflows.ScaleRequest) (workflows.ApplyAccepted, error) {
	return update[workflows.ApplyAccepted](ctx, c, workflows.ServiceID(service), workflows.UpdateScale, request, "service "+service)
}

// Status is what a running service says of itself. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Status(ctx context.Context, service string) (workflows.Status, error) {
	return ask[workflows.Status](ctx, c, workflows.ServiceID(service), workflows.QueryStatus, running, "service "+service)
}

// Plan is the last plan that a service made. Errors: ErrNotFound (also when none was made yet), ErrUnreachable.
func (c *Client) Plan(ctx context.Context, service string) (plan.Plan, error) {
	return ask[plan.Plan](ctx, c, workflows.ServiceID(service), workflows.QueryPlan, running, "service "+service)
}

// Progress is the steps of one child workflow, running or ended; see Status.Children. Errors: ErrNotFound for
// one that has not begun, ErrUnreachable.
func (c *Client) Progress(ctx context.Context, childID string) (workflows.Progress, error) {
	return ask[workflows.Progress](ctx, c, childID, workflows.QueryProgress, ended, "workflow "+childID)
}

// Approve lets a waiting step go on. Errors: ErrInvalid when nothing waits, ErrNotFound, ErrUnreachable.
func (c *Client) Approve(ctx context.Context, service string, request workflows.ApproveRequest) error {
	status, err := c.Status(ctx, service)
	if err != nil {
		return err
	}
	if request.Step == "" && status.Waiting == "" {
		return say(fault.ErrInvalid, "nothing of %s waits for an approval", service)
	}
	return c.signal(ctx, workflows.ServiceID(service), workflows.SignalApprove, request, "service "+service)
}

// Reconcile lets a service look at the world now. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Reconcile(ctx context.Context, service string) error {
	return c.signal(ctx, workflows.ServiceID(service), workflows.SignalReconcile, nil, "service "+service)
}

// Down takes a service down, at any moment, and waits until it is, or until ctx ends: the teardown goes on
// without us. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) Down(ctx context.Context, service string, request workflows.DownRequest) (workflows.DownReport, error) {
	var report workflows.DownReport
	what := "service " + service
	id := workflows.ServiceID(service)
	// This run, and those that it continues as: the service may be started anew as soon as it is down.
	run, err := c.run(ctx, id, what)
	if err != nil {
		return report, err
	}
	err = c.signal(ctx, id, workflows.SignalDown, request, what)
	ended := errors.Is(err, fault.ErrNotFound) // it ran: to take it down twice is safe, and tells again what stayed
	if err != nil && !ended {
		return report, err
	}
	err = c.sdk.GetWorkflow(ctx, id, run).Get(ctx, &report)
	var terminated *temporal.TerminatedError
	if errors.As(err, &terminated) {
		return report, fmt.Errorf("%s was terminated before it was down: what it started may still run", what)
	}
	if ended {
		report.Removed = nil
	}
	return report, c.fault(err, what)
}

// Summary is one running service in a list.
type Summary struct {
	Service  string `json:"service"`
	Phase    string `json:"phase"`
	Revision int    `json:"revision"`
}

// List finds the running services, newest first. It reads Temporal's index, which follows the workflows
// within a second or so. Errors: ErrUnreachable.
func (c *Client) List(ctx context.Context) ([]Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []Summary
	var page []byte
	for {
		answer, err := c.sdk.ListWorkflow(ctx, listRunning(c.namespace, page))
		if err != nil {
			return nil, c.fault(err, "the services")
		}
		for _, execution := range answer.GetExecutions() {
			name := strings.TrimPrefix(execution.GetExecution().GetWorkflowId(), workflows.ServiceID(""))
			one := Summary{Service: name}
			fields := execution.GetMemo().GetFields()
			if err := errors.Join(read(fields[workflows.MemoPhase], &one.Phase), read(fields[workflows.MemoRevision], &one.Revision)); err != nil {
				return nil, fmt.Errorf("read the memo of service %s: %w", name, err)
			}
			all = append(all, one)
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return all, nil
		}
	}
}
