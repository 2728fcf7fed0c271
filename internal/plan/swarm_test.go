package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestInASwarmTheReplicasOfAFunctionAreAlike(t *testing.T) {
	s := service(
		function("web", func(f *spec.Function) {
			f.Replicas, f.MaxPerBox, f.Networks = 2, 1, []string{"net"}
			f.Consumes = []spec.Edge{{Function: "db", Port: 5432}}
			f.Environment = []spec.Variable{{Name: "DB", Value: "{{db.host}}:{{db.port}}"}, {Name: "SLOT", Value: "{{.Task.Slot}}"}}
			f.Ports = []spec.Port{{Container: 80, Protocol: "tcp"}}
		}),
		function("db", func(f *spec.Function) { f.Networks = []string{"net"} }),
	)
	s.Orchestrator = spec.OrchestratorSwarm
	o := world()
	o.Boxes[1].Arch = "arm64" // two architectures behind one index
	for i := range o.Images {
		o.Images[i].Platforms = append(o.Images[i].Platforms, plan.Platform{Arch: "arm64", Digest: "sha256:arm64-" + o.Images[i].Ref})
	}
	o.Boxes[0].Containers = []plan.Container{{ID: "x", Name: "foreign", State: "running", Ports: []spec.Port{{Container: 1, Host: 80}}}}
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	groups := plan.ByFunction(p.Placements)
	require.Len(t, groups, 2)
	require.Equal(t, "web", groups[1].Function)
	web := groups[1].Placements
	require.Len(t, web, 2)
	require.NotEqual(t, web[0].Box, web[1].Box)
	require.NotEqual(t, web[0].Manifest, web[1].Manifest)
	require.Equal(t, web[0].SpecHash, web[1].SpecHash)
	require.Equal(t, web[0].Environment, web[1].Environment)
	require.Equal(t, web[0].Ports, web[1].Ports, "one number for all")
	require.GreaterOrEqual(t, web[0].Ports[0].Host, 20000, "80 is taken on one of the boxes")
	require.Contains(t, web[0].Environment, spec.Variable{Name: "DB", Value: "db:5432"})
	require.Contains(t, web[0].Environment, spec.Variable{Name: "SLOT", Value: "{{.Task.Slot}}"})
	require.Empty(t, groups[0].Placements[0].Ports, "the overlay carries what is only consumed")
	require.Empty(t, web[0].ExtraHosts)
	require.Empty(t, web[0].Forwards)
	require.Equal(t, []plan.OnBox{{Name: "net"}}, p.Networks)
	for _, probe := range p.Probes {
		require.Equal(t, "db:5432", probe.Address)
	}
	require.Equal(t, spec.OrchestratorSwarm, p.Orchestrator)
}

func TestTheReplicasOfASwarmRunOneCandidate(t *testing.T) {
	s := service(function("f", func(f *spec.Function) {
		f.Replicas = 2
		f.Candidates = []spec.Candidate{{Image: "two", Resources: spec.Resources{CPUs: 0.1}}}
		f.Resources = spec.Resources{CPUs: 0.8}
	}))
	o := world()
	o.Boxes[0].CPUs = 2
	images := func(orchestrator string) map[string]bool {
		s.Orchestrator = orchestrator
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		used := map[string]bool{}
		for _, one := range p.Placements {
			used[one.Image] = true
		}
		return used
	}
	o.Boxes[1].CPUs = 0.5 // only the small one fits
	s.Functions[0].MaxPerBox = 1
	require.Len(t, images(spec.OrchestratorEngine), 2)
	_, err := plan.Make(func() spec.Service { s := s; s.Orchestrator = spec.OrchestratorSwarm; return s }(), o)
	require.ErrorIs(t, err, plan.ErrNoBox)
	s.Functions[0].MaxPerBox = 2
	require.Len(t, images(spec.OrchestratorSwarm), 1)
}

func TestALargePlanTellsReasonsWhenAsked(t *testing.T) {
	s, o := service(), plan.Observed{Images: world().Images}
	s.Boxes = nil
	for i := range 100 {
		name := fmt.Sprintf("box-%02d", i)
		s.Boxes = append(s.Boxes, spec.Box{Name: name, Address: name})
		box := world().Boxes[0]
		box.Name, box.CPUs = name, 100
		if i == 7 {
			box.CPUs = 0.01
		}
		o.Boxes = append(o.Boxes, box)
	}
	for i := range 2500 {
		s.Functions = append(s.Functions, function(fmt.Sprintf("f%04d", i), func(f *spec.Function) { f.Resources.CPUs = 0.02 }))
	}
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Len(t, p.Placements, 2500)
	require.LessOrEqual(t, len(p.Choices), 2000)
	require.Contains(t, p.WhyNot("f0003", "box-07"), "too large to explain every box")

	text, err := plan.Explain(s, o, "f0003", "box-07")
	require.NoError(t, err)
	require.Equal(t, "f0003 1 on box-07: cpus: need 0.02, have 0.01 free of 0.01", text)
	text, err = plan.Explain(s, o, "f0003", placement(t, p, "f0003").Box)
	require.NoError(t, err)
	require.Contains(t, text, "it is there, score")
	o.Explain = "f0003"
	explained, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, p.Hash, explained.Hash)
	require.Equal(t, "f0003 1 on box-07: cpus: need 0.02, have 0.01 free of 0.01", explained.WhyNot("f0003", "box-07"))

	s.Functions[0].Resources.CPUs = 1000
	_, err = plan.Make(s, o)
	require.ErrorIs(t, err, plan.ErrNoBox)
	require.ErrorContains(t, err, "and 60 more boxes: cpus 60 times")
	text, err = plan.Explain(s, o, "f0000", "box-99")
	require.NoError(t, err)
	require.Contains(t, text, "cpus: need 1000")
}

func TestTheHashIsOfTheStepsAndNotOfWhatIsMeasured(t *testing.T) {
	s, o := service(function("f", nil)), world()
	first, err := plan.Make(s, o)
	require.NoError(t, err)
	o.Boxes[0].FreeDisk, o.Boxes[0].MemoryBytes, o.Boxes[0].CPUs = 40*mib, 99*mib, 2
	o.Boxes[0].Images = []string{"sha256:one"}
	again, err := plan.Make(s, o)
	require.NoError(t, err)
	require.NotEqual(t, first.String(), again.String())
	require.Equal(t, first.Hash, again.Hash)

	made := func(change func(*plan.Observed)) plan.Plan {
		o := world()
		change(&o)
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		return p
	}
	done := made(func(o *plan.Observed) { runs(o, first, 1) })
	require.Zero(t, done.Changes())
	require.Equal(t, first.Hash, done.Hash, "what is done already is the same plan")
	ended := made(func(o *plan.Observed) { runs(o, first, 1); o.Boxes[0].Containers[0].State = "exited" })
	require.Equal(t, first.Hash, ended.Hash)

	hashes := map[string]string{"first": first.Hash}
	add := func(what string, change func(*plan.Observed)) {
		p := made(change)
		for other, hash := range hashes {
			require.NotEqual(t, hash, p.Hash, "%s and %s", what, other)
		}
		hashes[what] = p.Hash
	}
	add("replaced", func(o *plan.Observed) { runs(o, first, 1); o.Boxes[0].Containers[0].SpecHash = "other" })
	add("removed", func(o *plan.Observed) {
		runs(o, first, 1)
		o.Boxes[1].Containers = []plan.Container{{ID: "9", Name: "s-gone-1", Service: "s", Function: "gone", Replica: 1}}
	})
	add("elsewhere", func(o *plan.Observed) { o.Boxes[0].Reachable = false })
	add("another image", func(o *plan.Observed) { o.Images[0].Platforms[0].Digest = "sha256:new" })
}

func TestTheTextFitsATerminalAndColoursNothingByItself(t *testing.T) {
	s, o := service(function("f", func(f *spec.Function) {
		f.Constraints = []spec.Constraint{{Key: "node.labels.a-long-label-that-nobody-has", Op: "==", Value: "a long value"}, {Key: "node.hostname", Op: "!=", Value: "b"}}
	})), world()
	s.Boxes[0].Labels = map[string]string{"a-long-label-that-nobody-has": "a long value"}
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	for line := range strings.Lines(p.String()) {
		require.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 100, line)
	}
	require.NotContains(t, p.String(), "\x1b")
	painted := p.Text(func(tone plan.Tone, text string) string { return fmt.Sprintf("<%d %s>", tone, text) })
	require.Contains(t, painted, fmt.Sprintf("<%d create> s-f-1", plan.ToneNew))
	require.Contains(t, painted, fmt.Sprintf("<%d [5]>", plan.ToneGood))
	require.Contains(t, painted, fmt.Sprintf("<%d constraint +1>", plan.ToneBad))
}
