package temporal

import (
	"context"
	"crypto/rand"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// Bounds of the two: an examination takes 40 s at most for each of 16 boxes at once, and an installation as long as
// its activity may.
const (
	examining  = 3 * time.Minute
	installing = time.Hour
)

// Examine looks at every box of a service, from the worker. Errors: ErrInvalid, ErrUnreachable.
func (c *Client) Examine(ctx context.Context, service spec.Service) (workflows.ExamineResult, error) {
	ctx, cancel := context.WithTimeout(ctx, examining)
	defer cancel()
	what := "examination of " + service.Name
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "examine/" + service.Name + "/" + rand.Text()[:8], TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: examining, StaticSummary: "look at every box",
	}, workflows.ExamineWorkflow, workflows.ExamineRequest{Service: service})
	if err != nil {
		return workflows.ExamineResult{}, c.fault(err, what)
	}
	var result workflows.ExamineResult
	return result, c.fault(run.Get(ctx, &result), what)
}

// Install gives boxes of a service engines and waits for the end. progress, once a second, hears what each box that
// is not ready is doing. When ctx ends, the installation goes on. Errors: ErrInvalid, ErrUnreachable.
func (c *Client) Install(ctx context.Context, request workflows.InstallRequest, progress func([]activities.InstallProgress)) (workflows.InstallOutcome, error) {
	what := "installation for " + request.Service
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "install/" + request.Service + "/" + rand.Text()[:8], TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: installing, StaticSummary: "install engines, asked by " + request.Who,
	}, workflows.InstallWorkflow, request)
	if err != nil {
		return workflows.InstallOutcome{}, c.fault(err, what)
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watchInstall(watching, run, progress)
	}()
	var result workflows.InstallOutcome
	err = c.fault(run.Get(ctx, &result), what)
	stop()
	<-watched
	return result, err
}

// watchInstall reads the heartbeats of the pending activities. What it cannot read now it reads the next time.
func (c *Client) watchInstall(ctx context.Context, run client.WorkflowRun, progress func([]activities.InstallProgress)) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		described, err := c.sdk.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			continue
		}
		var all []activities.InstallProgress
		for _, pending := range described.GetPendingActivities() {
			var one activities.InstallProgress
			if converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &one) == nil && one.Box != "" {
				all = append(all, one)
			}
		}
		progress(all)
	}
}
