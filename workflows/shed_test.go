package workflows

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/spec"
)

// furnace is a test environment with the real Shedding over boxes in memory. Its clock starts at 09:00.
type furnace struct {
	*testsuite.TestWorkflowEnvironment
	t       *testing.T
	power   *fakes.Power
	streams *fakes.Streams
	told    []ReleaseRequest
}

func newFurnace(t *testing.T) *furnace {
	t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quietLog())
	f := &furnace{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, power: fakes.NewPower(), streams: &fakes.Streams{}}
	f.SetStartTime(nine)
	f.SetTestTimeout(20 * time.Second)
	f.RegisterWorkflow(ShedWorkflow)
	f.RegisterActivity(&activities.Shedding{Switches: f.power, Shells: f.power, Every: time.Millisecond})
	f.RegisterActivity(&activities.Cooling{Streams: f.streams})
	f.OnSignalExternalWorkflow("default-test-namespace", ServiceID("shop"), "", SignalRelease, ReleaseRequest{Room: "hall"}).
		Return(func(_, _, _, _ string, arg any) error {
			f.told = append(f.told, arg.(ReleaseRequest)) //nolint:forcetypeassert // a test says so when it is another
			return nil
		}).Maybe()
	f.power.Has("rack-1", "batch", activities.Switched{ID: "b1", Name: "batch-1", Running: true}, activities.Switched{ID: "b0", Name: "batch-0"})
	f.power.Has("rack-2", "batch", activities.Switched{ID: "b2", Name: "batch-2", Running: true})
	f.power.Has("rack-2", "shop", activities.Switched{ID: "s1", Name: "shop-1", Running: true})
	return f
}

// heat is the plan of the tests: batch goes first, then rack-2, which rack-1 can wake.
func heat() ShedInput {
	box := func(name string) spec.Box {
		return spec.Box{Name: name, Engine: "tcp://127.0.0.1:1", SSH: "root@" + name}
	}
	return ShedInput{
		Service: "shop", Room: "hall", Boxes: []spec.Box{box("rack-1"), box("rack-2")},
		Plan: spec.Shed{
			Within: spec.Duration(10 * time.Minute), StepEvery: spec.Duration(time.Minute), ResumeBelow: 26, ResumeAfter: spec.Duration(5 * time.Minute),
			Order: []spec.ShedStep{{Function: "batch"}, {Box: "rack-2", Wake: "wake rack-2", WakeFrom: "rack-1"}},
		},
		Threat: hotAt(0),
	}
}

func hotAt(after time.Duration) shed.Threat {
	return shed.Threat{At: nine.Add(after), Inlet: 30, KMin: 0.3, Lost: true, ToGo: 6, Reason: "it is hot"}
}

func coolAt(after time.Duration) shed.Threat {
	return shed.Threat{At: nine.Add(after), Inlet: 24, KMin: -0.1, ToGo: 1440, Reason: "it is cool"}
}

// sees tells how the room stands each 30 s.
func (f *furnace) sees(from, to time.Duration, threat func(time.Duration) shed.Threat) {
	for at := from; at < to; at += 30 * time.Second {
		f.RegisterDelayedCallback(func() { f.SignalWorkflow(SignalThreat, threat(at)) }, at)
	}
}

func (f *furnace) run(in ShedInput) ShedState {
	f.t.Helper()
	f.ExecuteWorkflow(ShedWorkflow, in)
	require.True(f.t, f.IsWorkflowCompleted())
	require.NoError(f.t, f.GetWorkflowError())
	var s ShedState
	require.NoError(f.t, f.GetWorkflowResult(&s))
	return s
}

func states(s ShedState) []string {
	var all []string
	for _, step := range s.Steps {
		all = append(all, step.What+" "+step.State)
	}
	return all
}

func all() []string { return []string{"rack-1/batch-1", "rack-2/batch-2", "rack-2/shop-1"} }

// The whole story: a function is stopped wherever it runs, a minute later the box goes, and once the room has been cool
// for five minutes they come back in the reverse order, just those that ran.
func TestHeatIsShedAndBroughtBack(t *testing.T) {
	f := newFurnace(t)
	f.sees(30*time.Second, 4*time.Minute, hotAt)
	f.sees(4*time.Minute, 20*time.Minute, coolAt)
	f.RegisterDelayedCallback(func() { require.Equal(t, []string{"rack-2/shop-1"}, f.power.Running()) }, 50*time.Second)
	f.RegisterDelayedCallback(func() { require.Empty(t, f.power.Running()) }, 3*time.Minute)
	s := f.run(heat())
	require.Equal(t, []string{"function batch restored", "box rack-2 restored"}, states(s))
	require.ElementsMatch(t, []string{"stop rack-1 batch-1", "stop rack-2 batch-2"}, f.power.Lines()[:2])
	require.Equal(t, []string{"off rack-2", "on rack-2"}, f.power.Lines()[2:4])
	require.ElementsMatch(t, []string{"start rack-1 batch-1", "start rack-2 batch-2"}, f.power.Lines()[4:])
	require.Equal(t, all(), f.power.Running())
	require.Equal(t, time.Minute, s.Steps[1].At.Sub(s.Steps[0].At).Round(10*time.Second), "the effect of a step is waited for")
	require.GreaterOrEqual(t, s.Steps[1].BackAt.Sub(nine), 9*time.Minute)
	require.Equal(t, []ReleaseRequest{{Room: "hall"}}, f.told)
	require.Contains(t, f.streams.String(), "hall/shed/rack-2", "people are told of each step")
}

// A step that was stopped in its middle, or before its turn, is never taken later; what is off comes back when it is cool.
func TestAPersonStopsShedding(t *testing.T) {
	f := newFurnace(t)
	f.RegisterDelayedCallback(func() { f.SignalWorkflow(SignalStop, ShedWord{Who: "mina", Why: "I am there"}) }, 20*time.Second)
	f.sees(30*time.Second, 10*time.Minute, hotAt)
	f.sees(10*time.Minute, 20*time.Minute, coolAt)
	s := f.run(heat())
	require.Equal(t, []string{"function batch restored", "box rack-2 waiting"}, states(s))
	require.Equal(t, -1, f.power.Index("off"))
	require.Equal(t, "mina", s.Stopped.Who)
	require.Equal(t, all(), f.power.Running())
}

func TestAPersonCutsAStepShort(t *testing.T) {
	f := newFurnace(t)
	f.power.Before(fakes.Call{Method: "Run", Box: "rack-2"}, func(ctx context.Context, call fakes.Call) error {
		if !strings.Contains(call.Subject, "poweroff") {
			return nil
		}
		f.SignalWorkflow(SignalRestore, ShedWord{Who: "mina"})
		<-ctx.Done()
		return ctx.Err()
	})
	f.sees(30*time.Second, 2*time.Minute, hotAt)
	s := f.run(heat())
	require.Equal(t, "function batch restored", states(s)[0])
	require.NotEqual(t, shed.Waiting, s.Steps[1].State)
	require.Equal(t, all(), f.power.Running())
}

func TestEverythingBackNow(t *testing.T) {
	f := newFurnace(t)
	f.sees(30*time.Second, 10*time.Minute, hotAt)
	f.RegisterDelayedCallback(func() { f.SignalWorkflow(SignalRestore, ShedWord{Who: "mina"}) }, 3*time.Minute)
	s := f.run(heat())
	require.Equal(t, []string{"function batch restored", "box rack-2 restored"}, states(s))
	require.Less(t, s.Steps[0].BackAt.Sub(nine), 4*time.Minute)
}

// When the control loop is silent nothing more is switched off, and nothing comes back.
func TestSilenceChangesNothing(t *testing.T) {
	f := newFurnace(t)
	f.RegisterDelayedCallback(func() {
		require.Equal(t, []string{"rack-2/shop-1"}, f.power.Running())
		f.SignalWorkflow(SignalRestore, ShedWord{Who: "mina"})
	}, 5*time.Hour)
	in := heat()
	in.Plan.StepEvery = spec.Duration(5 * time.Minute)
	require.Equal(t, []string{"function batch restored", "box rack-2 waiting"}, states(f.run(in)))
}

// What cannot be given up is passed over at once for the next; what cannot be brought back is left to people.
func TestStepsThatFail(t *testing.T) {
	t.Run("a box that refuses", func(t *testing.T) {
		f := newFurnace(t)
		f.power.Refuses = []string{"rack-2"}
		in := heat()
		in.Plan.Order[0], in.Plan.Order[1] = in.Plan.Order[1], in.Plan.Order[0]
		f.sees(30*time.Second, 2*time.Minute, hotAt)
		f.sees(2*time.Minute, 20*time.Minute, coolAt)
		s := f.run(in)
		// It may have gone all the same: it is brought back with the rest, which finds it on.
		require.Contains(t, s.Steps[0].Words+s.Audit[1].Outcome, "Operation not permitted")
		require.Equal(t, "function batch restored", states(s)[1])
		require.Equal(t, all(), f.power.Running())
	})
	t.Run("an engine that does not answer", func(t *testing.T) {
		f := newFurnace(t)
		f.power.Fail(fakes.Call{Method: "Containers", Box: "rack-1"}, 0, fmt.Errorf("no answer: %w", fault.ErrUnreachable))
		f.sees(30*time.Second, 3*time.Minute, hotAt)
		f.sees(3*time.Minute, 20*time.Minute, coolAt)
		s := f.run(heat())
		require.Equal(t, 0, f.power.Count("stop rack-1"))
		require.Equal(t, 1, f.power.Count("stop rack-2"))
		require.Contains(t, s.Audit[1].Outcome, "failed: ")
		require.Equal(t, "box rack-2 restored", states(s)[1])
	})
	t.Run("a box that nobody can wake", func(t *testing.T) {
		f := newFurnace(t)
		in := heat()
		in.Plan.Order[1].Wake, in.Plan.Order[1].WakeFrom = "", ""
		f.sees(30*time.Second, 3*time.Minute, hotAt)
		f.sees(3*time.Minute, 20*time.Minute, coolAt)
		s := f.run(in)
		require.Equal(t, "box rack-2 left", states(s)[1])
		require.Contains(t, s.Steps[1].Words, "by hand")
		require.Equal(t, "function batch restored", states(s)[0])
	})
}

// A dry run says each step when it would have been taken; a rehearsal goes through all of them at once, and finds what
// would fail.
func TestNothingIsSwitchedOffInADryRun(t *testing.T) {
	t.Run("dry run", func(t *testing.T) {
		f := newFurnace(t)
		in := heat()
		in.Plan.DryRun = true
		f.sees(30*time.Second, 4*time.Minute, hotAt)
		f.sees(4*time.Minute, 20*time.Minute, coolAt)
		s := f.run(in)
		require.Empty(t, f.power.Lines())
		require.Equal(t, []string{"function batch restored", "box rack-2 restored"}, states(s))
		require.Contains(t, s.Steps[0].Words, "would stop: 1 of 2 containers run on rack-1; 1 of 1 containers run on rack-2")
	})
	t.Run("rehearsal", func(t *testing.T) {
		f := newFurnace(t)
		f.power.Refuses = []string{"rack-2"}
		in := heat()
		in.Threat, in.Rehearse, in.Who = shed.Threat{}, true, "mina"
		s := f.run(in)
		require.Empty(t, f.power.Lines())
		require.Equal(t, []string{"function batch restored", "box rack-2 failed"}, states(s))
		require.Contains(t, s.Steps[1].Words, "may not use sudo without a password")
		require.Empty(t, f.told, "nothing was held for it")
	})
}
