package temporal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// PreviewID is a workflow ID for a plan that nobody has asked to carry out: one of its own for each, since two
// people may look at two specifications of one service at the same time.
func PreviewID(service string) string { return "plan/" + service + "/" + rand.Text()[:8] }

// previewing bounds a preview: a look at each box and each image, with the retries of a deploy (2 min) and time
// to say which of them failed.
const previewing = 150 * time.Second

// Preview matches a specification against the world as it is now and changes nothing: the same MatchWorkflow that a
// deploy runs, told the same of the service that runs: what is drained, what ran before and where, which boxes have
// been away since when. Errors: ErrInvalid with every reason when it fits nowhere, ErrUnreachable.
func (c *Client) Preview(ctx context.Context, service spec.Service) (workflows.MatchResult, error) {
	return c.PreviewOf(ctx, service, "")
}

// PreviewOf is Preview in which one function is explained on every box, however large the plan is.
func (c *Client) PreviewOf(ctx context.Context, service spec.Service, explain string) (workflows.MatchResult, error) {
	if err := check(service); err != nil {
		return workflows.MatchResult{}, err
	}
	in := workflows.MatchInput{Service: service, Explain: explain, Question: true}
	running, err := c.Running(ctx, service.Name)
	switch {
	case err == nil:
		if why := running.Takes(service); why != "" {
			return workflows.MatchResult{}, say(fault.ErrInvalid, "%s", why)
		}
		in.Service = workflows.Adopt(service, running)
		in.Before, in.Absent = running.Before, running.Absent
	case !errors.Is(err, fault.ErrNotFound): // else nothing of it runs
		return workflows.MatchResult{}, err
	}
	return c.match(ctx, in)
}

// PreviewRebalance says which functions of a running service would move to better boxes, and changes nothing. Errors:
// as Preview, and ErrNotFound.
func (c *Client) PreviewRebalance(ctx context.Context, service string) (workflows.MatchResult, error) {
	running, err := c.Running(ctx, service)
	if err != nil {
		return workflows.MatchResult{}, err
	}
	return c.match(ctx, workflows.MatchInput{
		Service: workflows.Adopt(running.Service, running), Images: running.Images, Before: running.Before,
		Absent: running.Absent, Rebalance: true, Question: true,
	})
}

func (c *Client) match(ctx context.Context, in workflows.MatchInput) (workflows.MatchResult, error) {
	ctx, cancel := context.WithTimeout(ctx, previewing)
	defer cancel()
	what := "plan of " + in.Service.Name
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: PreviewID(in.Service.Name), TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: previewing,
		StaticSummary:            "what apply would do",
	}, workflows.MatchWorkflow, in)
	if err != nil {
		return workflows.MatchResult{}, c.fault(err, what)
	}
	var result workflows.MatchResult
	return result, c.fault(run.Get(ctx, &result), what)
}

// Workers counts who polls the task queue for workflows. Errors: ErrUnreachable.
func (c *Client) Workers(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.sdk.DescribeTaskQueue(ctx, workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return 0, c.fault(err, fmt.Sprintf("task queue %s", workflows.TaskQueue))
	}
	return len(answer.GetPollers()), nil
}
