package durable

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/workflows"
)

// A schedule on a real Temporal starts the rolling-up at once; the worker that does it dies in the middle, without a
// word, and another one goes on. Then the schedule ends, twice.
func TestAScheduleRollsUpAlsoWhenItsWorkerDies(t *testing.T) {
	path := testbin.Path(t, "temporal")
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := temporal.Dial(temporal.Options{Address: server.FrontendHostPort()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	a := newArchived(t, influxtest.New(t), "overcloud")
	a.readings(a.now.Add(-60*time.Hour), a.now, 30*time.Second)

	// The first worker's third write never returns, and then it is gone: no error, no heartbeat.
	var writes atomic.Int64
	dead, die := context.WithCancel(context.Background())
	defer die()
	stuck := make(chan struct{})
	first := work(t, c, func() error {
		if writes.Add(1) == 7 {
			close(stuck)
			<-dead.Done()
		}
		return dead.Err()
	})
	schedules := temporal.Schedules{Client: c}
	require.NoError(t, schedules.EnsureHistory(a.ctx, a.in))
	select {
	case <-stuck:
	case <-a.ctx.Done():
		t.Fatal("the schedule has started nothing")
	}
	go first.Stop()
	second := work(t, c, func() error { return nil })
	defer second.Stop()
	die()
	id := ""
	require.Eventually(t, func() bool {
		answer, err := c.SDK().ListWorkflow(a.ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowType = "HistoryWorkflow"`})
		if err != nil || len(answer.Executions) == 0 {
			return false
		}
		id = answer.Executions[0].Execution.WorkflowId
		return true
	}, 20*time.Second, 100*time.Millisecond)
	var report workflows.HistoryReport
	require.NoError(t, c.SDK().GetWorkflow(a.ctx, id, "").Get(a.ctx, &report))
	require.True(t, report.Trim.Trimmed, "%+v", report)
	a.check(a.now.Add(-time.Minute).Truncate(time.Minute))

	require.NoError(t, schedules.EnsureHistory(a.ctx, a.in), "a second time changes nothing")
	require.NoError(t, schedules.DeleteHistory(a.ctx, a.in.Service))
	require.NoError(t, schedules.DeleteHistory(a.ctx, a.in.Service), "gone already")
	_, err = c.SDK().ScheduleClient().GetHandle(a.ctx, workflows.HistoryID(a.in.Service)).Describe(a.ctx)
	require.Error(t, err)
}

// work starts a worker that rolls up; fail is asked before and after each write.
func work(t *testing.T, c *temporal.Client, fail func() error) worker.Worker {
	t.Helper()
	options := workflows.WorkerOptions()
	options.WorkerStopTimeout = 0
	w := worker.New(c.SDK(), workflows.TaskQueue, options)
	workflows.Register(w)
	w.RegisterActivity(&activities.History{Archives: cabinet{fail: fail}, Secrets: tokens{}})
	require.NoError(t, w.Start())
	return w
}
