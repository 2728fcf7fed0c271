package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

const (
	mib   = 1 << 20
	cases = 400
)

// Random services on random boxes: whatever Make answers must hold these laws.
func TestEveryPlanKeepsTheLaws(t *testing.T) {
	planned := 0
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 1))
		service := randomService(r)
		observed := randomWorld(r, service)
		made, err := plan.Make(service, observed)
		again, errAgain := plan.Make(shuffled(r, service), shuffledWorld(r, observed))
		if err != nil {
			require.ErrorIs(t, err, plan.ErrNoBox, "seed %d", seed)
			require.EqualError(t, errAgain, err.Error(), "seed %d: another order, another error", seed)
			continue
		}
		planned++
		require.NoError(t, errAgain, "seed %d", seed)
		require.Equal(t, made, again, "seed %d: another order, another plan", seed)
		checkLaws(t, seed, service, observed, made)
		checkKeeps(t, seed, service, observed, made)
	}
	require.Greater(t, planned, cases/4, "too few services fitted for the laws to mean anything")
	require.Less(t, planned, cases, "every service fitted: the boxes are too large to test refusal")
}

func randomService(r *rand.Rand) spec.Service {
	s := spec.Service{Name: "s", Orchestrator: spec.OrchestratorEngine}
	for i := range 1 + r.IntN(5) {
		box := spec.Box{Name: fmt.Sprintf("box-%d", i), Address: fmt.Sprintf("10.0.0.%d", r.IntN(3)), Labels: map[string]string{"zone": fmt.Sprint(r.IntN(2))}}
		if r.IntN(3) == 0 {
			box.CPUs = float64(1 + r.IntN(3))
		}
		s.Boxes = append(s.Boxes, box)
	}
	n := 1 + r.IntN(8)
	for i := range n {
		f := spec.Function{
			Name: fmt.Sprintf("f%d", i), Image: fmt.Sprintf("image-%d", r.IntN(3)), Replicas: 1 + r.IntN(2),
			Resources: spec.Resources{CPUs: float64(r.IntN(15)) / 10, MemoryBytes: int64(r.IntN(600)) * mib},
		}
		if r.IntN(4) == 0 {
			f.Constraints = []spec.Constraint{{Key: "node.labels.zone", Op: "==", Value: "1"}}
		}
		if r.IntN(4) == 0 {
			f.Ports = []spec.Port{{Container: 80, Host: 8000 + r.IntN(3), Protocol: "tcp"}}
		}
		if i > 0 && r.IntN(2) == 0 {
			target := fmt.Sprintf("f%d", r.IntN(i))
			f.Consumes = []spec.Edge{{Function: target, Port: 9000}}
			f.DataIO = r.IntN(3) == 0
			f.DependsOn = []spec.Dependency{{Function: target}}
			f.Environment = []spec.Variable{{Name: "TARGET", Value: "{{" + target + ".host}}:{{" + target + ".port}}"}}
		}
		if r.IntN(5) == 0 {
			f.MaxPerBox = 1
		}
		s.Functions = append(s.Functions, f)
	}
	return s
}

func randomWorld(r *rand.Rand, s spec.Service) plan.Observed {
	var o plan.Observed
	for _, box := range s.Boxes {
		b := plan.Box{
			Name: box.Name, Reachable: r.IntN(10) > 0, OS: "linux", Arch: []string{"amd64", "amd64", "arm64"}[r.IntN(3)],
			CPUs: float64(2 + r.IntN(4)), MemoryBytes: int64(1+r.IntN(4)) << 30, FreeDisk: int64(50+r.IntN(1000)) * mib,
		}
		if r.IntN(2) == 0 {
			b.Containers = append(b.Containers, plan.Container{
				ID: "x", Name: "foreign", State: "running", CPUs: float64(r.IntN(20)) / 10, MemoryBytes: int64(r.IntN(900)) * mib,
				Ports: []spec.Port{{Container: 1, Host: []int{8001, 9000}[r.IntN(2)], Protocol: "tcp"}},
			})
		}
		o.Boxes = append(o.Boxes, b)
	}
	for i := range 3 {
		image := plan.Image{Ref: fmt.Sprintf("image-%d", i), Digest: fmt.Sprintf("sha256:i%d", i)}
		for _, arch := range []string{"amd64", "arm64"}[:1+r.IntN(2)] {
			image.Platforms = append(image.Platforms, plan.Platform{OS: "linux", Arch: arch, Digest: fmt.Sprintf("sha256:%d%s", i, arch), SizeBytes: int64(r.IntN(60)) * mib})
		}
		o.Images = append(o.Images, image)
	}
	return o
}

func shuffled(r *rand.Rand, s spec.Service) spec.Service {
	s.Boxes, s.Functions = permuted(r, s.Boxes), permuted(r, s.Functions)
	return s
}

func shuffledWorld(r *rand.Rand, o plan.Observed) plan.Observed {
	return plan.Observed{Boxes: permuted(r, o.Boxes), Images: permuted(r, o.Images)}
}

func permuted[T any](r *rand.Rand, in []T) []T {
	out := make([]T, 0, len(in))
	for _, i := range r.Perm(len(in)) {
		out = append(out, in[i])
	}
	return out
}

// checkLaws recomputes from the outside what Make must never break.
func checkLaws(t *testing.T, seed uint64, s spec.Service, o plan.Observed, p plan.Plan) {
	t.Helper()
	functions, declared, seen := map[string]spec.Function{}, map[string]spec.Box{}, map[string]plan.Box{}
	for _, f := range s.Functions {
		functions[f.Name] = f
	}
	for i := range s.Boxes {
		declared[s.Boxes[i].Name], seen[o.Boxes[i].Name] = s.Boxes[i], o.Boxes[i]
	}
	cpus, memory, onBox, replicas := map[string]float64{}, map[string]int64{}, map[string]int{}, map[string]int{}
	ports, where := map[string]string{}, map[string]string{}
	for _, b := range o.Boxes {
		for _, c := range b.Containers {
			cpus[b.Name] += c.CPUs
			memory[b.Name] += c.MemoryBytes
			for _, port := range c.Ports {
				ports[fmt.Sprint(declared[b.Name].Address, port.Host)] = "foreign"
			}
		}
	}
	for _, one := range p.Placements {
		f, box, b := functions[one.Function], declared[one.Box], seen[one.Box]
		require.True(t, b.Reachable, "seed %d", seed)
		cpus[one.Box] += f.Resources.CPUs
		memory[one.Box] += f.Resources.MemoryBytes
		replicas[one.Function]++
		onBox[one.Function+one.Box]++
		for _, c := range f.Constraints {
			require.Equal(t, c.Value, box.Labels["zone"], "seed %d: %s on %s", seed, one.Function, one.Box)
		}
		if f.MaxPerBox > 0 {
			require.LessOrEqual(t, onBox[one.Function+one.Box], f.MaxPerBox, "seed %d", seed)
		}
		require.Contains(t, one.Manifest, b.Arch, "seed %d", seed)
		for _, port := range one.Ports {
			require.NotZero(t, port.Host, "seed %d", seed)
			at := fmt.Sprint(box.Address, port.Host)
			require.Empty(t, ports[at], "seed %d: %s has %s already", seed, ports[at], at)
			ports[at] = one.Container
		}
		if previous := where[one.Function]; f.DataIO {
			require.Contains(t, []string{"", one.Box}, previous, "seed %d: replicas of %s apart", seed, one.Function)
		}
		where[one.Function] = one.Box
	}
	for _, f := range s.Functions {
		require.Equal(t, f.Replicas, replicas[f.Name], "seed %d", seed)
		for _, edge := range f.Consumes {
			require.True(t, !f.DataIO || where[f.Name] == where[edge.Function], "seed %d: data-io apart", seed)
		}
	}
	for name, b := range seen {
		limit := b.CPUs
		if c := declared[name].CPUs; c > 0 {
			limit = min(limit, c)
		}
		if own := b.Containers; len(own) == 0 || own[0].CPUs <= limit {
			require.LessOrEqual(t, cpus[name], limit+1e-9, "seed %d: cpus of %s", seed, name)
		}
		require.LessOrEqual(t, memory[name], b.MemoryBytes, "seed %d: memory of %s", seed, name)
	}
	checkDisk(t, seed, seen, p)
}

func checkDisk(t *testing.T, seed uint64, seen map[string]plan.Box, p plan.Plan) {
	t.Helper()
	disk := map[string]float64{}
	for _, pull := range p.Pulls {
		disk[pull.Box] += float64(pull.SizeBytes) * 2.5
	}
	for name, b := range seen {
		require.LessOrEqual(t, disk[name], float64(b.FreeDisk), "seed %d: disk of %s", seed, name)
	}
}

// checkKeeps lets the plan run, changes what does not matter, and plans again: everything stays.
func checkKeeps(t *testing.T, seed uint64, s spec.Service, o plan.Observed, p plan.Plan) {
	t.Helper()
	next := plan.Observed{Images: o.Images}
	for _, b := range o.Boxes {
		b.FreeDisk /= 2
		b.Containers = append([]plan.Container(nil), b.Containers...)
		for _, one := range p.Placements {
			if one.Box == b.Name {
				b.Containers = append(b.Containers, plan.Container{
					ID: one.Container, Name: one.Container, Service: s.Name, Function: one.Function, Replica: one.Replica,
					SpecHash: one.SpecHash, State: "running", Ports: one.Ports, CPUs: 1, MemoryBytes: mib,
				})
				b.Images = append(b.Images, one.Manifest)
			}
		}
		next.Boxes = append(next.Boxes, b)
	}
	again, err := plan.Make(s, next)
	require.NoError(t, err, "seed %d", seed)
	require.Equal(t, p.Hash, again.Hash, "seed %d:\n%s\n%s", seed, p, again)
	require.Zero(t, again.Changes(), "seed %d:\n%s", seed, again)
}

func TestTheNamesOfTheEnvironmentAreThoseThatFunctionsRead(t *testing.T) {
	s := spec.Service{Name: "s", Boxes: []spec.Box{{Name: "b", Address: "10.0.0.1"}}, Functions: []spec.Function{{
		Name: "f", Image: "i", Replicas: 1, Environment: []spec.Variable{{Name: fn.EnvBox, Value: "a lie"}},
	}}}
	o := plan.Observed{
		Boxes:  []plan.Box{{Name: "b", Reachable: true, Arch: "amd64", CPUs: 1}},
		Images: []plan.Image{{Ref: "i", Digest: "sha256:1", Platforms: []plan.Platform{{Arch: "amd64", Digest: "sha256:2"}}}},
	}
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, []spec.Variable{
		{Name: fn.EnvBox, Value: "b"},
		{Name: fn.EnvFunction, Value: "f"},
		{Name: fn.EnvReplica, Value: "1"},
		{Name: fn.EnvService, Value: "s"},
	}, p.Placements[0].Environment)
	require.Equal(t, "f 1 on b: it is there, score 5 (free 5)", p.WhyNot("f", "b"))
	require.Contains(t, p.WhyNot("f", "c"), "no such function or box")
}
