package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// pond is a world whose service runs in a swarm.
type pond struct {
	*world
	swarm *fakes.Swarm
}

func newPond(t *testing.T, boxes ...string) *pond {
	w := newWorld(t, boxes...)
	p := &pond{world: w, swarm: fakes.NewSwarm(w.engines)}
	w.RegisterActivity(&activities.Swarm{
		Nodes: p.swarm, Engines: w.engines, Secrets: w.secrets, Every: time.Millisecond, Settle: time.Millisecond, Stuck: 10 * time.Millisecond,
	})
	return p
}

// inPond is the chain, edited, in a swarm.
func inPond(edits ...func(*spec.Service)) spec.Service {
	service := chain()
	service.Orchestrator = spec.OrchestratorSwarm
	for _, change := range edits {
		change(&service)
	}
	return service
}

func changed(name string, change func(*spec.Function)) func(*spec.Service) {
	return func(s *spec.Service) {
		for i := range s.Functions {
			if s.Functions[i].Name == name {
				change(&s.Functions[i])
			}
		}
	}
}

// done are the lines that changed something in the swarm, networks or containers.
func (p *pond) done() []string {
	var lines []string
	for _, line := range p.acting() {
		if verb, _, _ := strings.Cut(line, " "); verb != "pull" && verb != "dial" && verb != "volume" && verb != "sweep" {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestSwarmRunsTheChainInOrderAndAgainChangesNothing(t *testing.T) {
	p := newPond(t)
	var first, second Status
	var after1 []string
	var accepted answer
	report, err := p.run(inPond(),
		after(time.Minute, func() {
			first, after1 = p.status(), p.done()
			p.update(UpdateApply, ApplyRequest{Service: inPond()}, &accepted)
		}),
		after(2*time.Minute, func() { second = p.status() }),
		p.down(3*time.Minute))
	require.NoError(t, err)
	require.NoError(t, accepted.refused)
	require.Equal(t, PhaseTuning, first.Phase, first.Fault)
	require.Equal(t, []string{
		"init rack-1", "join rack-2", "overlay overcloud", "create smart-energy_kafka", "create smart-energy_sink", "create smart-energy_ui",
	}, after1)
	require.Equal(t, "2 nodes, made on rack-1, joined by rack-2", stepOf(t, first, "swarm").Detail)
	require.Equal(t, "rack-1", boxOfFunction(first, "kafka"))
	require.Equal(t, "rack-2", boxOfFunction(first, "sink"))
	require.True(t, first.Functions[1].Probes[0].Connected, "%+v", first.Functions)
	require.Equal(t, "kafka:9092", first.Functions[1].Probes[0].Address, "by its name, over the overlay")
	require.Contains(t, p.engines.String(), "dial rack-2 smart-energy_sink.1.", "from inside the task")

	require.Equal(t, PhaseTuning, second.Phase, second.Fault)
	require.Equal(t, "2 nodes, nothing to do", stepOf(t, second, "swarm").Detail)
	require.Equal(t, append(after1, "sweep-swarm smart-energy"), p.done())
	require.Empty(t, report.Stayed)
	require.Contains(t, report.Removed, "swarm service smart-energy_kafka on the swarm")
	require.Empty(t, p.swarm.Services())
}

func TestSwarmThatCannotStartUndoesInReverse(t *testing.T) {
	p := newPond(t)
	p.engines.Fail(fakes.Call{Method: "EnsureSwarmService", Subject: "ui"}, 1, fmt.Errorf("8080: %w", fault.ErrPortTaken))
	var failed, healed Status
	_, err := p.run(inPond(),
		after(time.Minute, func() { failed = p.status(); p.SignalWorkflow(SignalReconcile, nil) }),
		after(2*time.Minute, func() { healed = p.status() }),
		p.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, "start ui in the swarm: 8080: port is taken", failed.Fault)
	require.Equal(t, activities.TypePortTaken, failed.FaultType)
	require.Equal(t, []string{"revert smart-energy_sink", "revert smart-energy_kafka"}, p.engines.Matching("revert "))
	require.Equal(t, StepUndone, stepOf(t, failed, "start/kafka").State)
	require.Equal(t, PhaseTuning, healed.Phase, healed.Fault)
}

func TestSwarmTakesAFailedUpdateBackAndWeTheRest(t *testing.T) {
	p := newPond(t)
	p.engines.SetLogs("ui", "no such topic")
	next := inPond(changed("sink", func(f *spec.Function) { f.Command = []string{"--new"} }), changed("ui", func(f *spec.Function) { f.Command = []string{"--bad"} }))
	var failed Status
	var running []string
	var accepted answer
	_, err := p.run(inPond(),
		after(time.Minute, func() {
			running = append(p.engines.Running("rack-1"), p.engines.Running("rack-2")...)
			made, err := plan.Make(next, plan.Observed{Boxes: seenBoxes(p), Images: images()})
			require.NoError(t, err)
			for _, placement := range made.Placements {
				p.swarm.Sick[placement.SpecHash] = placement.Function == "ui"
			}
			p.update(UpdateApply, ApplyRequest{Service: next}, &accepted)
		}),
		after(2*time.Minute, func() { failed = p.status() }),
		p.down(3*time.Minute))
	require.NoError(t, err)
	require.NoError(t, accepted.refused)
	require.Len(t, running, 3)
	require.Equal(t, PhaseFailed, failed.Phase)
	require.Equal(t, activities.TypeExited, failed.FaultType)
	require.Equal(t, "start smart-energy_ui: the swarm took the update back: task 1 on rack-2 is failed: task: non-zero exit (3): exited; its last lines:\nno such topic", failed.Fault)
	require.Equal(t, []string{"revert smart-energy_sink"}, p.engines.Matching("revert "), "the swarm did ui itself, kafka was not touched")
}

func seenBoxes(p *pond) []plan.Box {
	var all []plan.Box
	for _, box := range chain().Boxes {
		engine, err := p.engines.Open(box)
		require.NoError(p.t, err)
		all = append(all, engine.Observe(p.t.Context()))
	}
	return all
}

func TestSwarmBringsBackWhatWasRemovedByHand(t *testing.T) {
	p := newPond(t)
	var healed Status
	_, err := p.run(inPond(),
		after(time.Minute, func() { p.swarm.Forget("smart-energy_sink"); p.SignalWorkflow(SignalReconcile, nil) }),
		after(2*time.Minute, func() { healed = p.status() }),
		p.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, PhaseTuning, healed.Phase, healed.Fault)
	require.Equal(t, 2, p.engines.Count("create smart-energy_sink"))
	require.Equal(t, 1, p.engines.Count("create smart-energy_kafka"))
}

// A box is lost: what ran there is held and its swarm service left alone, then it moves.
func TestSwarmHoldsAndThenMovesWhatALostBoxRan(t *testing.T) {
	p := newPond(t)
	service := inPond(changed("ui", func(f *spec.Function) { f.Constraints, f.Avoid = nil, []spec.Variable{{Name: "zone", Value: "a"}} }))
	service.Lost.After = spec.Duration(90 * time.Second)
	service.Boxes[0].Labels = map[string]string{"zone": "a"}
	state := func(name string) string {
		for _, f := range p.status().Functions {
			if f.Function == name {
				return f.State + " on " + f.Box
			}
		}
		return "gone"
	}
	var before, heldAt, moved string
	var lines int
	_, err := p.run(service,
		after(time.Minute, func() {
			before, lines = state("ui"), len(p.done())
			p.engines.Lose("rack-2")
			p.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute, func() {
			heldAt = state("ui")
			require.Len(t, p.done(), lines, "nothing was touched: %s", p.engines.String())
		}),
		after(5*time.Minute, func() { p.SignalWorkflow(SignalReconcile, nil) }),
		after(8*time.Minute, func() { moved = state("ui"); p.engines.Find("rack-2") }),
		p.down(9*time.Minute))
	require.NoError(t, err)
	require.Equal(t, "running on rack-2", before)
	require.Equal(t, "held on rack-2", heldAt)
	require.Equal(t, "running on rack-1", moved)
}

func TestSwarmScalesAndForgetsFunctions(t *testing.T) {
	p := newPond(t)
	spread := changed("sink", func(f *spec.Function) { f.Constraints = nil })
	var scaled, less Status
	var one, two answer
	_, err := p.run(inPond(spread),
		after(time.Minute, func() { p.update(UpdateScale, ScaleRequest{Function: "sink", Replicas: 3}, &one) }),
		after(2*time.Minute, func() {
			scaled = p.status()
			fewer := inPond(spread)
			fewer.Functions = fewer.Functions[:2]
			p.update(UpdateApply, ApplyRequest{Service: fewer}, &two)
		}),
		after(3*time.Minute, func() { less = p.status() }),
		p.down(4*time.Minute))
	require.NoError(t, err)
	require.NoError(t, one.refused)
	require.NoError(t, two.refused)
	require.Equal(t, PhaseTuning, scaled.Phase, scaled.Fault)
	require.Len(t, scaled.Functions, 5)
	require.Equal(t, PhaseTuning, less.Phase, less.Fault)
	require.Equal(t, []string{"drop smart-energy_ui"}, p.engines.Matching("drop "))
}

func TestSwarmLosesABoxThatLeavesTheSpecification(t *testing.T) {
	p := newPond(t)
	var accepted answer
	_, err := p.run(inPond(),
		after(time.Minute, func() {
			next := inPond(changed("kafka", func(f *spec.Function) { f.Constraints, f.Mounts = nil, nil }))
			next.Boxes, next.Volumes = next.Boxes[1:], nil
			p.update(UpdateApply, ApplyRequest{Service: next}, &accepted)
		}),
		after(2*time.Minute, func() { require.Equal(t, PhaseTuning, p.status().Phase, p.status().Fault) }),
		p.down(3*time.Minute))
	require.NoError(t, err)
	require.NoError(t, accepted.refused)
	require.Equal(t, []string{"leave rack-1"}, p.engines.Matching("leave "), "its manager hands over first")
}

func TestSwarmIsRefusedWhatItCannotGive(t *testing.T) {
	p := newPond(t)
	_, err := p.run(inPond(changed("sink", func(f *spec.Function) { f.Privileged = true })))
	require.ErrorContains(t, err, "function sink: it is privileged, which a swarm cannot give")
}

func TestTheOrchestratorIsNotChangedUnderARunningService(t *testing.T) {
	p := newPond(t)
	var accepted answer
	_, err := p.run(inPond(),
		after(time.Minute, func() { p.update(UpdateApply, ApplyRequest{Service: chain()}, &accepted) }),
		p.down(2*time.Minute))
	require.NoError(t, err)
	require.ErrorContains(t, accepted.refused, "smart-energy runs with another orchestrator: take it down first")
}

func TestDownInTheMiddleOfASwarmDeployLeavesNothing(t *testing.T) {
	p := newPond(t)
	p.block(fakes.Call{Method: "SwarmServiceState"}) // the first one is awaited until it is cancelled
	p.once("AwaitInSwarm", func() { p.SignalWorkflow(SignalDown, DownRequest{Who: "test"}) })
	report, err := p.run(inPond())
	require.NoError(t, err)
	require.Equal(t, 1, p.engines.Count("create smart-energy_kafka"))
	require.Empty(t, report.Stayed)
	require.Empty(t, p.swarm.Services())
	require.Empty(t, p.engines.Running("rack-1"))
}
