package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestAFunctionStaysWithItsData(t *testing.T) {
	o := world()
	o.Boxes[1].Volumes = []string{"data"} // left by an earlier deploy
	p, err := plan.Make(service(function("db", withVolume)), o)
	require.NoError(t, err)
	require.Equal(t, "b", placement(t, p, "db").Box)
	require.Contains(t, p.WhyNot("db", "b"), "its volume is there 5000")
	require.Equal(t, "db 1 on a: volume: need data with its data, which is on b, have none of it", p.WhyNot("db", "a"))

	full := function("db", func(f *spec.Function) { withVolume(f); f.Resources.MemoryBytes = 101 * mib })
	o.Boxes[0].MemoryBytes = 500 * mib
	_, err = plan.Make(service(full), o)
	require.ErrorIs(t, err, plan.ErrNoBox, "an empty database elsewhere is worse than none")

	moved := function("db", func(f *spec.Function) { withVolume(f); f.Constraints = on("a") })
	p, err = plan.Make(service(moved), o)
	require.NoError(t, err)
	require.Equal(t, "a", placement(t, p, "db").Box, "a person said so")
}

func TestADrainedBoxIsEmptiedButForData(t *testing.T) {
	s, o := service(function("db", withVolume), function("web", func(f *spec.Function) { f.Prefer = []spec.Variable{{Name: "here"}} })), world()
	s.Boxes[0].Labels = map[string]string{"here": ""}
	s.Functions[0].Prefer = []spec.Variable{{Name: "here"}}
	first, err := plan.Make(s, o)
	require.NoError(t, err)
	runs(&o, first, 1)
	s.Boxes[0].Availability = spec.AvailabilityDrain
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, "b", placement(t, p, "web").Box)
	require.Equal(t, "moves here from a: availability: need active, have drain", placement(t, p, "web").Cause)
	require.Equal(t, plan.ActionKeep, placement(t, p, "db").Action)
	require.Equal(t, "unchanged; a is drained, but its data are there (volume data)", placement(t, p, "db").Cause)
	require.Equal(t, []string{"s-web-1"}, []string{p.Removals[0].Container})
}

func TestAnEngineThatIsTooOldIsRefused(t *testing.T) {
	for have, fits := range map[string]bool{
		"20.10.24+dfsg1": false, "24": true, "24.0": true, "24.0.0": true, "23.9.9": false, "v27.3.1": true, "": false, "unknown": false,
	} {
		o := world()
		o.Boxes[0].EngineVersion = have
		p, err := plan.Make(service(function("f", func(f *spec.Function) { f.Engine, f.Constraints = "24.0", on("a") })), o)
		require.Equal(t, fits, err == nil, have)
		if have == "20.10.24+dfsg1" {
			require.ErrorContains(t, err, "engine: need 24.0 or newer, have 20.10.24+dfsg1")
		}
		if fits {
			require.Equal(t, "a", placement(t, p, "f").Box)
		}
	}
}

func TestReplicasAreSpreadOverTheValuesOfALabel(t *testing.T) {
	s := service(function("web", func(f *spec.Function) { f.Replicas, f.Spread = 6, []string{"zone", "rack"} }))
	o := world()
	box := o.Boxes[0]
	s.Boxes, o.Boxes = nil, nil
	for i, place := range []string{"z1 r1", "z1 r1", "z1 r2", "z2 r3", "z3 full"} {
		b := box
		b.Name = fmt.Sprint("box-", i)
		if place == "z3 full" {
			b.Arch = "riscv64" // fits nothing, so its zone does not count
		}
		o.Boxes = append(o.Boxes, b)
		s.Boxes = append(s.Boxes, spec.Box{Name: b.Name, Address: fmt.Sprint("10.0.0.", i+1), Labels: map[string]string{"zone": place[:2], "rack": place[3:]}})
	}
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	zones, racks := map[string]int{}, map[string]int{}
	for _, one := range p.Placements {
		for _, b := range s.Boxes {
			if b.Name == one.Box {
				zones[b.Labels["zone"]]++
				racks[b.Labels["rack"]]++
			}
		}
	}
	require.Equal(t, map[string]int{"z1": 3, "z2": 3}, zones)
	require.Equal(t, 3, racks["r3"])
	require.LessOrEqual(t, racks["r1"], 2)
	require.GreaterOrEqual(t, racks["r2"], 1)
	require.Contains(t, p.String(), "spread over zone -100")
}

func TestRebalancingMovesOnlyForAClearGain(t *testing.T) {
	many := func(n int) []spec.Function {
		var all []spec.Function
		for i := range n {
			all = append(all, function(fmt.Sprint("f", i), func(f *spec.Function) {
				if i == 0 {
					withVolume(f)
				}
			}))
		}
		return all
	}
	for n, moves := range map[int]int{2: 0, 10: 3} {
		s, o := service(many(n)...), world()
		s.Boxes[1].Availability = spec.AvailabilityDrain
		first, err := plan.Make(s, o)
		require.NoError(t, err)
		runs(&o, first, 1)
		o.Boxes[1].Images = o.Boxes[0].Images
		s.Boxes[1].Availability = "" // it is back
		quiet, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Zero(t, quiet.Changes(), "nothing moves unless asked")
		o.Rebalance = true
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		moved := 0
		for _, one := range p.Placements {
			if one.Box == "b" {
				moved++
				require.Regexp(t, `^moves here from a: score [-0-9.]+, there [-0-9.]+$`, one.Cause)
				require.NotEqual(t, "f0", one.Function, "data stay")
			}
		}
		require.Equal(t, moves, moved, "%d functions:\n%s", n, p)
	}
}

func TestAContainerThatEndedIsStartedAgainInOrder(t *testing.T) {
	s, o := service(function("f", nil)), world()
	first, err := plan.Make(s, o)
	require.NoError(t, err)
	runs(&o, first, 1)
	for state, want := range map[string][2]string{
		"exited":  {plan.ActionStart, "exited, started again in order"},
		"created": {plan.ActionStart, "was never started"},
		"dead":    {plan.ActionReplace, "dead"},
		"running": {plan.ActionKeep, "unchanged"},
	} {
		o.Boxes[0].Containers[0].State = state
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{p.Placements[0].Action, p.Placements[0].Cause})
	}
}

func TestTheEngineDoesNotStartWhatMustWaitForOthers(t *testing.T) {
	waits := func(condition, restart string) spec.Function {
		return function("waits", func(f *spec.Function) {
			f.Restart, f.DependsOn = restart, []spec.Dependency{{Function: "db", Condition: condition}}
		})
	}
	cases := []struct {
		condition, restart string
		schedule           spec.Duration
		process            bool
		ordered            bool
	}{
		{"service_healthy", "unless-stopped", 1, false, true},
		{"service_healthy", "on-failure:3", 1, false, true},
		{"service_completed_successfully", "always", 1, false, true},
		{"service_started", "always", 1, false, false},
		{"service_healthy", "no", 1, false, false},     // its engine does not start it anyway
		{"service_healthy", "always", 0, false, false}, // nobody would start it again
		{"service_healthy", "always", 1, true, false},  // a process box has no boot
	}
	for _, c := range cases {
		s, o := service(function("db", nil), waits(c.condition, c.restart)), world()
		s.Schedule = c.schedule
		o.Boxes[0].Process, o.Boxes[1].Process = c.process, c.process
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Equal(t, c.ordered, placement(t, p, "waits").Ordered, "%+v", c)
		require.Equal(t, c.restart, placement(t, p, "waits").Restart, "a crash is mended at once")
	}
}

func TestStartFirstOnlyWhereTwoCanRunSideBySide(t *testing.T) {
	first := &spec.Update{Order: spec.OrderStartFirst}
	cases := []struct {
		change func(*spec.Function)
		order  string
		remark string
	}{
		{func(f *spec.Function) { f.Update = first }, spec.OrderStartFirst, ""},
		{func(*spec.Function) {}, "", ""},
		{func(f *spec.Function) { f.Update = &spec.Update{Order: spec.OrderStopFirst} }, spec.OrderStopFirst, ""},
		{func(f *spec.Function) { f.Update = first; withVolume(f) }, spec.OrderStopFirst, "; stop-first although start-first is wished: both would have the volume data"},
		{func(f *spec.Function) { f.Update = first; f.Ports = []spec.Port{{Container: 80, Host: 8080}} }, spec.OrderStopFirst, "; stop-first although start-first is wished: both would publish port 8080"},
	}
	for _, c := range cases {
		s, o := service(function("f", c.change)), world()
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Equal(t, c.order, p.Placements[0].Order)
		runs(&o, p, 1)
		o.Boxes[0].Containers[0].SpecHash = "old"
		again, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Equal(t, p.Placements[0].SpecHash, again.Placements[0].SpecHash)
		require.Equal(t, "specification hash changed old -> "+p.Placements[0].SpecHash+c.remark, again.Placements[0].Cause)
	}
}

func TestTheOrderOfAnUpdateIsNoReasonForANewContainer(t *testing.T) {
	plain, err := plan.Make(service(function("f", nil)), world())
	require.NoError(t, err)
	ordered, err := plan.Make(service(function("f", func(f *spec.Function) { f.Update = &spec.Update{Order: spec.OrderStartFirst} })), world())
	require.NoError(t, err)
	require.Equal(t, plain.Placements[0].SpecHash, ordered.Placements[0].SpecHash)
	require.NotEqual(t, plain.Hash, ordered.Hash, "but it is another plan")
}
