package workflows

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// world is a test environment whose real activities reach fakes.
type world struct {
	*testsuite.TestWorkflowEnvironment
	t         *testing.T
	engines   *fakes.Engines
	registry  *fakes.Registry
	scheduler *fakes.Scheduler
	runs      *fakes.Runs
	services  *fakes.Services
	secrets   fakes.Secrets
	tuned     *fakes.Log // lines: tune ROOM, room ROOM, untune ROOM
}

func newWorld(t *testing.T, boxes ...string) *world {
	t.Helper()
	if len(boxes) == 0 {
		boxes = []string{"rack-1", "rack-2"}
	}
	var seen []plan.Box
	for _, name := range boxes {
		seen = append(seen, plan.Box{Name: name, EngineVersion: "28.0"})
	}
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quietLog())
	w := &world{
		TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t,
		engines: fakes.NewEngines(seen...), registry: fakes.NewRegistry(images()...),
		scheduler: &fakes.Scheduler{}, runs: &fakes.Runs{}, services: &fakes.Services{}, secrets: fakes.Secrets{}, tuned: &fakes.Log{},
	}
	w.SetTestTimeout(20 * time.Second)
	w.SetDetachedChildWait(false)
	for _, story := range stories() {
		w.RegisterWorkflow(story)
	}
	w.RegisterWorkflowWithOptions(w.fakeTune, workflow.RegisterOptions{Name: "TuneWorkflow"})
	w.RegisterActivity(&activities.Boxes{Engines: w.engines, Secrets: w.secrets, Every: time.Millisecond, Settle: time.Millisecond})
	w.RegisterActivity(&activities.Images{Registry: w.registry})
	w.RegisterActivity(&activities.Schedules{Schedules: w.scheduler})
	w.RegisterActivity(&activities.Runs{Runs: w.runs})
	w.RegisterActivity(&activities.Prune{Engines: w.engines, Services: w.services})
	return w
}

func quietLog() sdklog.Logger { return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// stories are the workflows under test; TuneWorkflow has tests of its own.
func stories() []any {
	return []any{ServiceWorkflow, DeployWorkflow, MatchWorkflow, PlaceWorkflow, StitchWorkflow, ReconcileWorkflow, CollectWorkflow, SweepWorkflow, ScaleWorkflow}
}

// fakeTune stands for TuneWorkflow: it lives until it is cancelled.
func (w *world) fakeTune(ctx workflow.Context, in TuneInput) error {
	w.tuned.Add("tune %s", in.Room.Name)
	for {
		var room spec.Room
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalRoom), func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, &room)
			w.tuned.Add("room %s %s", room.Name, room.Title)
		})
		selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		selector.Select(ctx)
		if ctx.Err() != nil {
			w.tuned.Add("untune %s", in.Room.Name)
			return ctx.Err()
		}
	}
}

func images() []plan.Image {
	var all []plan.Image
	for _, name := range []string{"kafka", "sink", "ui"} {
		all = append(all, image(name, name))
	}
	return all
}

// image is a reference whose digest is made from a word.
func image(name, word string) plan.Image {
	digest := func(part string) string {
		return "sha256:" + (word + part + strings.Repeat("0", 64))[:64]
	}
	return plan.Image{Ref: "127.0.0.1:5000/overcloud/" + name + ":dev", Digest: digest("-index"), Platforms: []plan.Platform{
		{OS: "linux", Arch: "amd64", Digest: digest("-amd64"), SizeBytes: 1000},
	}}
}

// chain is kafka <- sink <- ui on two boxes: three functions, each waiting for the one before.
func chain() spec.Service {
	check := &spec.Healthcheck{Test: []string{"CMD", "/kafka", "health"}, Interval: spec.Duration(time.Second), Retries: 3}
	return spec.Service{
		Name: "smart-energy", Orchestrator: spec.OrchestratorEngine,
		Boxes: []spec.Box{
			{Name: "rack-1", Engine: "tcp://127.0.0.1:23751", Address: "10.0.0.1"},
			{Name: "rack-2", Engine: "tcp://127.0.0.1:23752", Address: "10.0.0.2"},
		},
		Functions: []spec.Function{
			{
				Name: "kafka", Image: "127.0.0.1:5000/overcloud/kafka:dev", Replicas: 1, Healthcheck: check,
				Ports:       []spec.Port{{Container: 9092, Host: 9092, Protocol: "tcp"}},
				Mounts:      []spec.Mount{{Kind: "volume", Source: "kafka-data", Target: "/var/lib/kafka"}},
				Networks:    []string{"overcloud"},
				Constraints: on("rack-1"),
			},
			{
				Name: "sink", Image: "127.0.0.1:5000/overcloud/sink:dev", Replicas: 1, Networks: []string{"overcloud"},
				DependsOn:   []spec.Dependency{{Function: "kafka", Condition: "service_healthy"}},
				Consumes:    []spec.Edge{{Function: "kafka", Port: 9092}},
				Constraints: on("rack-2"),
			},
			{
				Name: "ui", Image: "127.0.0.1:5000/overcloud/ui:dev", Replicas: 1, Networks: []string{"overcloud"},
				DependsOn:   []spec.Dependency{{Function: "sink", Condition: "service_started"}},
				Constraints: on("rack-2"),
			},
		},
		Networks: []string{"overcloud"}, Volumes: []string{"kafka-data"},
	}
}

func on(box string) []spec.Constraint {
	return []spec.Constraint{{Key: "node.hostname", Op: "==", Value: box}}
}

// edit is a copy of the chain with one function changed.
func edit(name string, change func(*spec.Function)) spec.Service {
	service := chain()
	for i := range service.Functions {
		if service.Functions[i].Name == name {
			change(&service.Functions[i])
		}
	}
	return service
}

// run runs the service; each moment happens in the workflow's own time, counted from its start.
func (w *world) run(service spec.Service, moments ...moment) (DownReport, error) {
	w.t.Helper()
	for _, m := range moments {
		w.RegisterDelayedCallback(m.do, m.at)
	}
	w.SetStartWorkflowOptions(startAs(ServiceID(service.Name)))
	w.ExecuteWorkflow(ServiceWorkflow, ServiceInput{Service: service})
	require.True(w.t, w.IsWorkflowCompleted(), "the workflow still runs")
	var report DownReport
	if err := w.GetWorkflowError(); err != nil {
		return report, err
	}
	return report, w.GetWorkflowResult(&report)
}

type moment struct {
	at time.Duration
	do func()
}

func after(at time.Duration, do func()) moment { return moment{at: at, do: do} }

// down ends a test's service.
func (w *world) down(at time.Duration) moment {
	return after(at, func() { w.SignalWorkflow(SignalDown, DownRequest{Who: "test"}) })
}

func (w *world) status() Status {
	w.t.Helper()
	value, err := w.QueryWorkflow(QueryStatus)
	require.NoError(w.t, err)
	var status Status
	require.NoError(w.t, value.Get(&status))
	return status
}

// update sends an update; answer gets what came of it.
func (w *world) update(name string, request any, answer *answer) {
	w.UpdateWorkflow(name, name+time.Now().String(), answer, request)
}

// answer is what an update came to.
type answer struct {
	accepted ApplyAccepted
	refused  error
}

func (a *answer) Accept()          {}
func (a *answer) Reject(err error) { a.refused = err }
func (a *answer) Complete(success any, err error) {
	if accepted, ok := success.(ApplyAccepted); ok {
		a.accepted = accepted
	}
	a.refused = errors.Join(a.refused, err)
}

// acting are the lines of the log that changed something.
func (w *world) acting() []string {
	var lines []string
	for _, line := range w.engines.Lines() {
		if !strings.HasPrefix(line, "observe ") && !strings.HasPrefix(line, "verify ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// block makes the matching calls wait until their activity is cancelled, and says when one has begun.
func (w *world) block(call fakes.Call) (begun chan struct{}) {
	begun = make(chan struct{}, 8)
	w.engines.Before(call, func(ctx context.Context, _ fakes.Call) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	return begun
}

// once runs do when the first activity of this name starts, ahead of it and on the workflow's own goroutine: the
// test environment takes updates from no other.
func (w *world) once(activity string, do func()) {
	var first sync.Once
	w.SetOnActivityStartedListener(func(info *sdkactivity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == activity {
			first.Do(do)
		}
	})
}

// count counts the calls that match, those that fail too.
func (w *world) count(call fakes.Call) func() int {
	var calls atomic.Int64
	w.engines.Before(call, func(context.Context, fakes.Call) error { calls.Add(1); return nil })
	return func() int { return int(calls.Load()) }
}

// grouped sorts what happens side by side: pulls, grounds, and everything of the sweep. Starts stay in order.
func grouped(lines []string) []string {
	rank := func(line string) string {
		verb, _, _ := strings.Cut(line, " ")
		return verb
	}
	out := slices.Clone(lines)
	for from := 0; from < len(out); {
		to := from + 1
		same := func(a, b string) bool {
			swept := func(l string) bool { return rank(l) == "sweep" || rank(l) == "remove" }
			return rank(a) == rank(b) || swept(a) && swept(b)
		}
		for to < len(out) && same(out[from], out[to]) {
			to++
		}
		if rank(out[from]) != "start" {
			slices.Sort(out[from:to])
		}
		from = to
	}
	return out
}

func stepOf(t *testing.T, status Status, id string) Step {
	t.Helper()
	at := slices.IndexFunc(status.Steps, func(s Step) bool { return s.ID == id })
	require.GreaterOrEqual(t, at, 0, "no step %s in %v", id, status.Steps)
	return status.Steps[at]
}

func boxOfFunction(status Status, name string) string {
	for _, function := range status.Functions {
		if function.Function == name {
			return function.Box
		}
	}
	return ""
}
