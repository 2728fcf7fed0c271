//go:build integration

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// chain is a service of four functions on two boxes that consume each other across them.
func (s *stage) chain(name string, bytes int64) spec.Service {
	s.t.Helper()
	var functions []spec.Function
	for i := range 4 {
		image := labtest.Image(s.t, s.lab, lab.TestImage{Name: fmt.Sprintf("%s-%d", name, i), Bytes: bytes, Layers: 2})
		f := on(fmt.Sprintf("box%d", i%2+1), s.app(fmt.Sprintf("f%d", i), image))
		if i > 0 {
			before := fmt.Sprintf("f%d", i-1)
			f.Consumes = []spec.Edge{{Function: before, Port: 7000}}
			f.DependsOn = []spec.Dependency{{Function: before, Condition: "service_healthy"}}
		}
		functions = append(functions, f)
	}
	return s.service(name, functions...)
}

// whole requires that exactly the service's four containers run, each once, and nothing beside them but helpers.
func (s *stage) whole(service spec.Service, status workflows.Status) {
	s.t.Helper()
	running := map[string]string{}
	for _, box := range service.Boxes {
		for name, state := range s.containers(box, service.Name) {
			require.NotContains(s.t, running, name, "a container is there twice")
			running[name] = state
		}
	}
	for i := range 4 {
		require.Equal(s.t, "running", running[fmt.Sprintf("%s-f%d-1", service.Name, i)], "%v", running)
	}
	proven := 0
	for _, f := range status.Functions {
		for _, p := range f.Probes {
			require.True(s.t, p.Connected, "%s to %s: %s", f.Function, p.Address, p.Fault)
			proven++
		}
	}
	require.Equal(s.t, 3, proven)
	require.Zero(s.t, s.changes(service).Changes(), "the plan finds nothing to do")
}

// step waits until some step of a phase is running.
func (s *stage) step(service, phase string) {
	s.t.Helper()
	s.until(service, time.Minute, "a step of "+phase+" runs", func(status workflows.Status) bool {
		steps, err := s.client.Steps(s.t.Context(), status)
		require.NoError(s.t, err)
		for _, step := range steps {
			if step.Phase == phase && step.State == workflows.StepRunning {
				return true
			}
		}
		return false
	})
}

func TestWorkerKilledMidPull(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	service := s.chain("midpull", 20<<20)
	s.lab.Registry().Fault(lab.Fault{Path: "/blobs/", BytesPerSecond: 4 << 20})
	revision := s.apply(service)
	s.step(service.Name, "place")
	s.killWorker()
	began := time.Now()
	s.lab.Registry().Heal()
	s.startWorker()
	status := s.until(service.Name, 2*time.Minute, "it runs", settled(revision))
	t.Logf("correct %s after the kill", time.Since(began).Round(10*time.Millisecond))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	s.whole(service, status)
	require.Empty(t, s.down(service.Name, true).Stayed)
}

func TestWorkerKilledMidStitch(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	service := s.chain("midstitch", 1<<20)
	revision := s.apply(service)
	s.step(service.Name, "stitch")
	s.killWorker()
	began := time.Now()
	s.startWorker()
	status := s.until(service.Name, 2*time.Minute, "it runs", settled(revision))
	t.Logf("correct %s after the kill", time.Since(began).Round(10*time.Millisecond))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	s.whole(service, status)
	require.Empty(t, s.down(service.Name, true).Stayed)
}

func TestCancelMidDeploy(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	for _, phase := range []string{"place", "stitch"} {
		t.Run(phase, func(t *testing.T) {
			service := s.chain("cancel-"+phase, 20<<20)
			if phase == "place" {
				s.lab.Registry().Fault(lab.Fault{Path: "/blobs/", BytesPerSecond: 2 << 20})
				defer s.lab.Registry().Heal()
			}
			s.apply(service)
			s.step(service.Name, phase)
			began := time.Now()
			report := s.down(service.Name, true)
			t.Logf("down %s after it was asked for", time.Since(began).Round(10*time.Millisecond))
			require.Empty(t, report.Stayed)
			for _, box := range service.Boxes {
				require.Empty(t, s.containers(box, service.Name))
			}
			out, code := s.starter("down", service.Name)
			require.Zero(t, code, "a second down is safe: %s", out)
		})
	}
}

func TestBoxKilledMidDeploy(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 3})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "movable", Bytes: 30 << 20, Layers: 2})
	a, b := s.app("a", image), s.app("b", image)
	a.Prefer = []spec.Variable{{Name: "first"}}
	b.Consumes = []spec.Edge{{Function: "a", Port: 7000}}
	service := s.service("boxkilled", a, b)
	service.Boxes[0].Labels = map[string]string{"first": "yes"}
	service.Lost.After = spec.Duration(10 * time.Second)
	service.Schedule = spec.Duration(10 * time.Second)
	s.lab.Registry().Fault(lab.Fault{Path: "/blobs/", BytesPerSecond: 4 << 20})
	s.apply(service)
	s.step(service.Name, "place")
	require.NoError(t, s.lab.Kill(t.Context(), service.Boxes[0].Name))
	s.lab.Registry().Heal()
	began := time.Now()
	status := s.until(service.Name, 4*time.Minute, "the service runs without the box", func(status workflows.Status) bool {
		return status.Phase == workflows.PhaseTuning && len(status.Functions) == 2
	})
	t.Logf("correct %s after the box died", time.Since(began).Round(100*time.Millisecond))
	for _, f := range status.Functions {
		require.NotEqual(t, service.Boxes[0].Name, f.Box, f.Function)
		for _, p := range f.Probes {
			require.True(t, p.Connected, p.Fault)
		}
	}
	require.NoError(t, s.lab.Restart(t.Context(), service.Boxes[0].Name))
	require.Empty(t, s.down(service.Name, true).Stayed)
	for _, box := range service.Boxes {
		require.Empty(t, s.containers(box, service.Name))
	}
}
