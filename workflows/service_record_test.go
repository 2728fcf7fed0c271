package workflows

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/testbin"
)

// TestRecordHistories writes the histories that TestReplay replays, from a real server, by the command that a
// user would take:
//
//	OVERCLOUD_RECORD=1 go test ./workflows -run TestRecordHistories
func TestRecordHistories(t *testing.T) {
	if os.Getenv("OVERCLOUD_RECORD") == "" {
		t.Skip("set OVERCLOUD_RECORD=1 to write new histories")
	}
	r := newRecorder(t)
	approvals := chain()
	approvals.Approvals = []string{"place", "start/ui"}
	approvals.Rooms = []spec.Room{{Name: "cold-aisle"}}

	r.start(approvals)
	r.await(func(s Status) bool { return s.Waiting == "place" })
	r.signal(SignalApprove, ApproveRequest{Step: "place", Who: "ann"})
	r.await(func(s Status) bool { return s.Waiting == "start/ui" })
	r.signal(SignalApprove, ApproveRequest{Who: "ann"})
	r.await(func(s Status) bool { return s.Phase == PhaseTuning })
	r.save("deploy", DeployID("smart-energy", 1))
	r.save("match", MatchID("smart-energy", 1))
	r.save("place", PlaceID("smart-energy", 1))
	r.save("stitch", StitchID("smart-energy", 1))

	r.update(UpdateScale, ScaleRequest{Function: "sink", Replicas: 2})
	r.await(func(s Status) bool { return s.Waiting == "place" })
	r.signal(SignalApprove, ApproveRequest{Step: "place"})
	r.await(func(s Status) bool { return s.Revision == 2 && s.Phase == PhaseTuning })
	r.engines.Exit("rack-2", "smart-energy-ui-1", 1)
	r.run(ReconcileWorkflow, "reconcile/smart-energy/now", "smart-energy")
	r.save("reconcile", "reconcile/smart-energy/now")
	r.await(func(s Status) bool {
		return len(s.Audit) > 0 && s.Audit[len(s.Audit)-1].What == "reconcile" && s.Phase == PhaseTuning
	})

	next := chain()
	next.Functions[2].Command = []string{"--new"}
	r.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "ui"}, 1, fault.ErrPortTaken)
	r.update(UpdateApply, ApplyRequest{Service: next})
	r.await(func(s Status) bool { return s.Phase == PhaseFailed })
	r.save("stitch-undone", StitchID("smart-energy", 3))
	r.signal(SignalDown, DownRequest{Who: "ann", Volumes: true})
	r.end(ServiceID("smart-energy"))
	r.save("service", ServiceID("smart-energy"))

	r.start(inPond())
	r.await(func(s Status) bool { return s.Phase == PhaseTuning })
	r.save("stitch-swarm", StitchID("smart-energy", 1))
	r.signal(SignalDown, DownRequest{})
	r.end(ServiceID("smart-energy"))

	for _, box := range []string{"rack-1", "rack-2"} {
		for _, digest := range r.engines.Images(box) {
			r.engines.Spoil(box, digest)
		}
	}
	begun := r.block("Pull")
	r.start(chain())
	<-begun
	r.signal(SignalDown, DownRequest{})
	r.end(ServiceID("smart-energy"))
	r.save("service-down-in-pull", ServiceID("smart-energy"))
	r.save("place-cancelled", PlaceID("smart-energy", 1))
}

// recorder is a real server with a worker whose activities reach fakes.
type recorder struct {
	t       *testing.T
	address string
	client  client.Client
	engines *fakes.Engines
}

func newRecorder(t *testing.T) *recorder {
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", SearchAttributes: searchAttributes(), ClientOptions: &client.Options{Logger: quietLog()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	r := &recorder{t: t, address: server.FrontendHostPort(), client: server.Client()}
	r.engines = fakes.NewEngines(plan.Box{Name: "rack-1", EngineVersion: "28.0"}, plan.Box{Name: "rack-2", EngineVersion: "28.0"})
	w := worker.New(r.client, TaskQueue, WorkerOptions())
	for _, story := range stories() {
		w.RegisterWorkflow(story)
	}
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ TuneInput) error {
		return workflow.Await(ctx, func() bool { return false })
	}, workflow.RegisterOptions{Name: "TuneWorkflow"})
	w.RegisterActivity(&activities.Boxes{Engines: r.engines, Secrets: fakes.Secrets{}, Every: time.Millisecond, Settle: time.Millisecond})
	w.RegisterActivity(&activities.Swarm{Nodes: fakes.NewSwarm(r.engines), Engines: r.engines, Secrets: fakes.Secrets{}, Every: time.Millisecond, Settle: time.Millisecond})
	w.RegisterActivity(&activities.Images{Registry: fakes.NewRegistry(images()...)})
	w.RegisterActivity(&activities.Schedules{Schedules: &fakes.Scheduler{}})
	w.RegisterActivity(&activities.Runs{Runs: &fakes.Runs{}})
	w.RegisterActivity(&activities.Prune{Engines: r.engines, Services: &fakes.Services{}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return r
}

func (r *recorder) start(service spec.Service) {
	r.t.Helper()
	_, err := r.client.ExecuteWorkflow(r.t.Context(), startAs(ServiceID(service.Name)), ServiceWorkflow, ServiceInput{Service: service})
	require.NoError(r.t, err)
}

func (r *recorder) run(story any, id string, in any) {
	r.t.Helper()
	run, err := r.client.ExecuteWorkflow(r.t.Context(), startAs(id), story, in)
	require.NoError(r.t, err)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
}

func (r *recorder) end(id string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(r.t, r.client.GetWorkflow(ctx, id, "").Get(ctx, nil))
}

func (r *recorder) signal(name string, payload any) {
	r.t.Helper()
	require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), ServiceID("smart-energy"), "", name, payload))
}

func (r *recorder) update(name string, request any) {
	r.t.Helper()
	handle, err := r.client.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: ServiceID("smart-energy"), UpdateName: name, Args: []any{request},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(r.t.Context(), nil))
}

func (r *recorder) await(reached func(Status) bool) {
	r.t.Helper()
	var status Status
	require.Eventually(r.t, func() bool {
		value, err := r.client.QueryWorkflow(r.t.Context(), ServiceID("smart-energy"), "", QueryStatus)
		return err == nil && value.Get(&status) == nil && reached(status)
	}, 30*time.Second, 50*time.Millisecond, "%+v", &status)
}

func (r *recorder) block(method string) (begun chan struct{}) {
	begun = make(chan struct{}, 8)
	r.engines.Heal()
	r.engines.Before(fakes.Call{Method: method}, func(ctx context.Context, _ fakes.Call) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	return begun
}

func (r *recorder) save(name, id string) {
	r.t.Helper()
	show := exec.CommandContext(r.t.Context(), testbin.Path(r.t, "temporal"), "workflow", "show", "--output", "json", "--address", r.address, "--workflow-id", id)
	history, err := show.Output()
	require.NoError(r.t, err)
	history = []byte(strings.ReplaceAll(string(history), "@"+hostName(r.t)+"@", "@worker@"))
	file := filepath.Join("testdata", name+".json")
	require.NoError(r.t, os.MkdirAll("testdata", 0o755))
	require.NoError(r.t, os.WriteFile(file, history, 0o644))
	fmt.Println("wrote", file)
}

// hostName is in the identity of every event (pid@host@queue) and says nothing to a reader.
func hostName(t *testing.T) string {
	name, err := os.Hostname()
	require.NoError(t, err)
	return name
}
