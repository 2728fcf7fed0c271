package main

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// shape is one size of a service on one size of a data centre.
type shape struct {
	name      string
	boxes     int
	functions int
	replicas  int // of each function
	change    func(i int, f *spec.Function)
	// peer is swarmkit's benchmark of the same size; empty for none.
	peer string
}

// shapes are the sizes of swarmkit's own benchmarks, and services that are harder than a swarm's equal tasks.
func shapes() []shape {
	zone := func(i int, f *spec.Function) {
		f.Constraints = []spec.Constraint{{Key: "node.labels.zone", Op: "==", Value: fmt.Sprint(i % 3)}}
	}
	return []shape{
		{name: "1,000 boxes x 1,000 functions", boxes: 1000, functions: 1000, replicas: 1, peer: "BenchmarkScheduler1kNodes1kTasks"},
		{name: "1,000 boxes x 10,000 functions", boxes: 1000, functions: 10000, replicas: 1, peer: "BenchmarkScheduler1kNodes10kTasks"},
		{name: "same, only a third of the boxes fits", boxes: 1000, functions: 10000, replicas: 1, change: zone, peer: "BenchmarkSchedulerConstraints1kNodes10kTasks"},
		{name: "same, all needs differ", boxes: 1000, functions: 10000, replicas: 1, change: func(i int, f *spec.Function) {
			f.Resources.MemoryBytes += int64(i) << 12
		}},
		{name: "same, 1 function of 10,000 replicas", boxes: 1000, functions: 1, replicas: 10000},
		{name: "same, 1,000 functions of 10 replicas over zones", boxes: 1000, functions: 1000, replicas: 10, change: func(_ int, f *spec.Function) {
			f.Spread = []string{"zone"}
		}},
	}
}

// world makes the service and the boxes: three zones, two architectures, one image for both, room for all.
func (s shape) world() (spec.Service, plan.Observed) {
	service := spec.Service{Name: "bench", Orchestrator: spec.OrchestratorEngine}
	observed := plan.Observed{Images: []plan.Image{{Ref: "image", Digest: "sha256:index", Platforms: []plan.Platform{
		{Arch: "amd64", Digest: "sha256:amd64", SizeBytes: 20 << 20}, {Arch: "arm64", Digest: "sha256:arm64", SizeBytes: 20 << 20},
	}}}}
	for i := range s.boxes {
		name := fmt.Sprintf("box-%04d", i)
		service.Boxes = append(service.Boxes, spec.Box{
			Name: name, Address: fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250), Labels: map[string]string{"zone": fmt.Sprint(i % 3)},
		})
		observed.Boxes = append(observed.Boxes, plan.Box{
			Name: name, Reachable: true, OS: "linux", Arch: []string{"amd64", "arm64"}[i%2],
			CPUs: 64, MemoryBytes: 256 << 30, FreeDisk: 1 << 40,
		})
	}
	for i := range s.functions {
		f := spec.Function{
			Name: fmt.Sprintf("f-%05d", i), Image: "image", Replicas: s.replicas,
			Resources: spec.Resources{CPUs: 0.5, MemoryBytes: 1 << 30},
		}
		if s.change != nil {
			s.change(i, &f)
		}
		service.Functions = append(service.Functions, f)
	}
	return service, observed
}
