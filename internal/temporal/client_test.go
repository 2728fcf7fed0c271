package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/workflows"
)

var (
	_ activities.Scheduler = Schedules{}
	_ activities.Waiter    = Runs{}
)

// lab is a real server, a worker whose activities reach fakes, and the client under test.
type lab struct {
	*Client
	engines *fakes.Engines
}

func newLab(t *testing.T) *lab {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := Dial(Options{Address: server.FrontendHostPort()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.EnsureAttributes(t.Context()))
	return &lab{Client: c, engines: fakes.NewEngines(plan.Box{Name: "rack-1", EngineVersion: "28.0"})}
}

func (l *lab) work(t *testing.T) {
	t.Helper()
	l.workWith(t, func(w worker.Worker) { workflows.Register(w) })
}

func (l *lab) workWith(t *testing.T, register func(worker.Worker)) {
	t.Helper()
	digest := "sha256:" + strings.Repeat("a", 64)
	registry := fakes.NewRegistry(plan.Image{Ref: "kafka:1", Digest: digest, Platforms: []plan.Platform{
		{OS: "linux", Arch: "amd64", Digest: digest, SizeBytes: 1000},
	}})
	w := worker.New(l.SDK(), workflows.TaskQueue, workflows.WorkerOptions())
	register(w)
	w.RegisterActivity(&activities.Boxes{Engines: l.engines, Secrets: fakes.Secrets{"env:CANARY": canary}, Every: time.Millisecond, Settle: time.Millisecond})
	w.RegisterActivity(&activities.Images{Registry: registry})
	w.RegisterActivity(&activities.Schedules{Schedules: Schedules{Client: l.Client}})
	w.RegisterActivity(&activities.Runs{Runs: Runs{Client: l.Client}})
	w.RegisterActivity(&activities.Prune{Engines: l.engines, Services: Services{Client: l.Client}})
	w.RegisterActivity(&activities.Cooling{Streams: &fakes.Streams{}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func service() spec.Service {
	return spec.Service{
		Name: "smart-energy", Orchestrator: spec.OrchestratorEngine, Schedule: spec.Duration(time.Hour),
		Boxes:     []spec.Box{{Name: "rack-1", Engine: "tcp://127.0.0.1:23751", Address: "127.0.0.1"}},
		Functions: []spec.Function{{Name: "kafka", Image: "kafka:1", Replicas: 1}},
		Rooms: []spec.Room{{
			Name: "hall", Policy: spec.DefaultPolicy(),
			Sensors:         []spec.Sensor{{ID: 1, Source: "simulated://hall/1", Box: "rack-1"}},
			AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg", Box: "rack-1", Transmitter: "simulated://ac1", Min: 18, Max: 30}},
		}},
	}
}

func (l *lab) await(t *testing.T, reached func(workflows.Status) bool) workflows.Status {
	t.Helper()
	var status workflows.Status
	require.Eventually(t, func() bool {
		var err error
		status, err = l.Status(t.Context(), "smart-energy")
		return err == nil && reached(status)
	}, 20*time.Second, 20*time.Millisecond, "%+v", &status)
	return status
}

func tuning(s workflows.Status) bool { return s.Phase == workflows.PhaseTuning }

func TestTheLifeOfAService(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	begun := time.Now()
	accepted, err := l.StartService(ctx, service())
	require.NoError(t, err)
	require.Equal(t, 1, accepted.Revision, "the start and the update are one change")
	status := l.await(t, tuning)
	t.Logf("started to tuning: %s", time.Since(begun).Round(time.Millisecond))
	require.Equal(t, 1, status.Revision)
	require.Equal(t, []string{"hall"}, status.Rooms)

	steps, err := l.Steps(ctx, status)
	require.NoError(t, err)
	for i := range steps { // what only the histories know
		require.Equal(t, status.Steps[i].ID, steps[i].ID)
		steps[i].Attempts, steps[i].Retries = 0, nil
	}
	require.Equal(t, status.Steps, steps)
	made, err := l.Plan(ctx, "smart-energy")
	require.NoError(t, err)
	require.Equal(t, status.PlanHash, made.Hash)
	require.Eventually(t, func() bool {
		list, err := l.List(ctx)
		return err == nil && len(list) == 1 && list[0] == Summary{Service: "smart-energy", Phase: workflows.PhaseTuning, Revision: 1}
	}, 10*time.Second, 50*time.Millisecond)

	answer, err := l.Override(ctx, "smart-energy", "hall", workflows.Override{AC: "ac1", Setpoint: 20, For: spec.Duration(time.Hour), Who: "ann", Why: "hot aisle"})
	require.NoError(t, err)
	require.Equal(t, 20, answer.Desired)
	require.NoError(t, l.Resume(ctx, "smart-energy", "hall", workflows.ResumeRequest{Who: "ann"}))
	require.Eventually(t, func() bool {
		state, err := l.TuneState(ctx, "smart-energy", "hall")
		return err == nil && len(state.ACs[0].Overrides) == 0
	}, 10*time.Second, 20*time.Millisecond)

	accepted, err = l.Scale(ctx, "smart-energy", workflows.ScaleRequest{Function: "kafka", Replicas: 2, Who: "ann"})
	require.NoError(t, err)
	require.Equal(t, 2, accepted.Revision)
	l.await(t, func(s workflows.Status) bool { return tuning(s) && s.Revision == 2 })
	require.Len(t, l.engines.Running("rack-1"), 2)

	l.engines.Exit("rack-1", "smart-energy-kafka-2", 1)
	schedule := l.SDK().ScheduleClient().GetHandle(ctx, workflows.ReconcileID("smart-energy"))
	require.NoError(t, schedule.Trigger(ctx, client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool { return len(l.engines.Running("rack-1")) == 2 }, 10*time.Second, 20*time.Millisecond)

	report, err := l.Down(ctx, "smart-energy", workflows.DownRequest{Who: "ann", Volumes: true})
	require.NoError(t, err)
	require.Empty(t, report.Stayed)
	require.Empty(t, l.engines.Containers("rack-1"))
	_, err = schedule.Describe(ctx)
	require.True(t, gone(err), "the schedule went with the service: %v", err)
	require.Eventually(t, func() bool {
		_, err := l.TuneState(ctx, "smart-energy", "hall")
		return err != nil && err.Error() == "no room hall of smart-energy is running"
	}, 10*time.Second, 20*time.Millisecond)
	report, err = l.Down(ctx, "smart-energy", workflows.DownRequest{})
	require.NoError(t, err, "twice is safe")
	require.Equal(t, workflows.DownReport{}, report)
	_, err = l.Down(ctx, "smart-enrgy", workflows.DownRequest{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.EqualError(t, err, "no service smart-enrgy is running")
}

// What a cancelled activity still does must be over before the sweep: here a start that ends, and makes its
// container, only after the cancellation has reached it.
func TestDownInMidStartSweepsAfterTheStartHasEnded(t *testing.T) {
	l := newLab(t)
	l.work(t)
	begun := make(chan struct{}, 1)
	l.engines.Before(fakes.Call{Method: "EnsureContainer"}, func(ctx context.Context, _ fakes.Call) error {
		begun <- struct{}{}
		<-ctx.Done()
		l.engines.Put("rack-1", plan.Container{ID: "late", Name: "smart-energy-kafka-1", Service: "smart-energy", Function: "kafka", Replica: 1, State: "running"})
		return ctx.Err()
	})
	_, err := l.StartService(t.Context(), service())
	require.NoError(t, err)
	<-begun
	pending, err := l.Pending(t.Context(), workflows.StitchID("smart-energy", 1))
	require.NoError(t, err)
	require.Equal(t, "start/kafka/1", pending[0].ActivityID)
	asked := time.Now()
	report, err := l.Down(t.Context(), "smart-energy", workflows.DownRequest{})
	require.NoError(t, err)
	t.Logf("down took %s", time.Since(asked).Round(time.Millisecond))
	require.Empty(t, l.engines.Containers("rack-1"))
	require.Contains(t, fmt.Sprint(report.Removed), "smart-energy-kafka-1")
}

func TestFaultsAreSentences(t *testing.T) {
	l := newLab(t)
	ctx := t.Context()
	bad := service()
	bad.Functions[0].Image = ""
	_, err := l.StartService(ctx, bad)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "the specification of smart-energy is not valid: function kafka has no image")
	_, err = l.Status(ctx, "smart-energy")
	require.ErrorIs(t, err, fault.ErrNotFound, "nothing was started")
	require.EqualError(t, err, "no service smart-energy is running")

	l.work(t)
	_, err = l.StartService(ctx, service())
	require.NoError(t, err)
	l.await(t, tuning)
	_, err = l.Scale(ctx, "smart-energy", workflows.ScaleRequest{Function: "nobody", Replicas: 1})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, `smart-energy has no function "nobody"`)
	_, err = l.Override(ctx, "smart-energy", "hall", workflows.Override{AC: "ac9", Setpoint: 20, For: spec.Duration(time.Hour), Who: "ann", Why: "x"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = l.Override(ctx, "smart-energy", "attic", workflows.Override{})
	require.EqualError(t, err, "no room attic of smart-energy is running")
	require.EqualError(t, l.Approve(ctx, "smart-energy", workflows.ApproveRequest{}), "nothing of smart-energy waits for an approval")
	_, err = l.Progress(ctx, "stitch/smart-energy/99")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorIs(t, Schedules{Client: l.Client}.EnsureReconcile(ctx, "smart-energy", time.Second), fault.ErrInvalid)
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	c, err := Dial(Options{Address: "127.0.0.1:1"})
	require.NoError(t, err, "dialling connects to nothing")
	defer c.Close()
	begun := time.Now()
	_, err = c.Status(t.Context(), "smart-energy")
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.Contains(t, err.Error(), "127.0.0.1:1")
	require.Less(t, time.Since(begun), patience+2*time.Second)
	require.ErrorIs(t, c.Ping(t.Context()), fault.ErrUnreachable)
}
