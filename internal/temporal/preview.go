package temporal

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// PreviewID is a workflow ID for a plan that nobody has asked to carry out: one of its own for each, since two
// people may look at two specifications of one service at the same time.
func PreviewID(service string) string { return "plan/" + service + "/" + rand.Text()[:8] }

// previewing bounds a preview: a look at each box and each image, with the retries of a deploy (2 min) and time
// to say which of them failed.
const previewing = 150 * time.Second

// Preview matches a specification against the world as it is now and changes nothing: the same MatchWorkflow
// that a deploy runs. Errors: ErrInvalid with every reason when it fits nowhere, ErrUnreachable.
func (c *Client) Preview(ctx context.Context, service spec.Service) (workflows.MatchResult, error) {
	if err := check(service); err != nil {
		return workflows.MatchResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, previewing)
	defer cancel()
	what := "plan of " + service.Name
	run, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: PreviewID(service.Name), TaskQueue: workflows.TaskQueue,
		WorkflowExecutionTimeout: previewing,
		StaticSummary:            "what apply would do",
	}, workflows.MatchWorkflow, workflows.MatchInput{Service: service})
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
