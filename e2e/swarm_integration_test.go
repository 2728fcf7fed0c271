//go:build integration

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// swarmed is a chain of three functions with two replicas each, in a swarm of two boxes.
func (s *stage) swarmed(image lab.Image) spec.Service {
	db, api, web := s.app("db", image), s.app("api", image), s.app("web", image)
	for _, f := range []*spec.Function{&db, &api, &web} {
		f.Replicas, f.Networks, f.MaxPerBox = 2, []string{"pond_default"}, 1
		f.StopGrace = spec.Duration(time.Second)
		f.Update = &spec.Update{Parallelism: 1, Monitor: spec.Duration(2 * time.Second)}
		f.Environment = append(f.Environment, spec.Variable{Name: "DB", Value: "{{db.host}}:{{db.port}}"})
	}
	db.Mounts = []spec.Mount{{Kind: "volume", Source: "pond_data", Target: "/data"}}
	web.Ports = []spec.Port{{Container: 7000, Host: 17000, Protocol: "tcp"}}
	after := func(name string) []spec.Dependency {
		return []spec.Dependency{{Function: name, Condition: "service_healthy"}}
	}
	api.DependsOn, api.Consumes = after("db"), []spec.Edge{{Function: "db", Port: 7000}}
	web.DependsOn, web.Consumes = after("api"), []spec.Edge{{Function: "api", Port: 7000}}
	service := s.service("pond", db, api, web)
	service.Orchestrator, service.Volumes = spec.OrchestratorSwarm, []string{"pond_data"}
	return service.Normalise()
}

// withFunction is a service with one function edited.
func withFunction(service spec.Service, name string, change func(*spec.Function)) spec.Service {
	service.Functions = append([]spec.Function(nil), service.Functions...)
	for i := range service.Functions {
		if service.Functions[i].Name == name {
			change(&service.Functions[i])
		}
	}
	return service
}

func TestAServiceInASwarmFromDeployToDown(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	service := s.swarmed(labtest.Image(t, s.lab, lab.TestImage{Name: "app"}))
	steps := []struct {
		name string
		run  func(*stage, spec.Service)
	}{
		{"deploy proves every connection over the overlay", (*stage).swarmDeploys},
		{"the same again changes nothing and skips the set-up", (*stage).swarmAgain},
		{"scale up and down", (*stage).swarmScales},
		{"a failing update reverts", (*stage).swarmReverts},
		{"a rolling update replaces all", (*stage).swarmRolls},
		{"a swarm service removed by hand comes back", (*stage).swarmHeals},
		{"a registry that is down stops no restart", (*stage).swarmRestarts},
		{"down leaves nothing but the swarm, twice is safe", (*stage).swarmDown},
	}
	for _, step := range steps {
		began := time.Now()
		t.Run(step.name, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			step.run(s, service)
		})
		t.Logf("%s: %.1f s", step.name, time.Since(began).Seconds())
	}
}

func (s *stage) swarmDeploys(service spec.Service) {
	status := s.runs(service)
	require.Len(s.t, status.Functions, 6)
	proven := 0
	for _, f := range status.Functions {
		require.Equal(s.t, "healthy", f.State)
		require.True(s.t, strings.HasPrefix(f.Container, "pond_"+f.Function+"."), f.Container)
		for _, p := range f.Probes {
			require.True(s.t, p.Connected, p.Fault)
			require.Equal(s.t, p.Provider+":7000", p.Address)
			proven++
		}
	}
	require.Equal(s.t, 4, proven)
	for _, box := range s.lab.Boxes() {
		for _, container := range s.swarmContainers(box, service.Name) {
			if strings.HasPrefix(container, "pond_web.") {
				said := labtest.Exec(s.t, s.lab, box.Name, "docker", "exec", container, "/app", "env")
				require.Contains(s.t, said, "OVERCLOUD_BOX="+box.Name+"\n", "a task knows its box")
				require.Contains(s.t, said, "DB=db:7000\n")
				said = labtest.Exec(s.t, s.lab, box.Name, "docker", "exec", container, "/app", "dial", "api:7000")
				require.True(s.t, strings.HasPrefix(said, "api@"), said)
			}
		}
	}
}

// swarmContainers are the names of the running containers of a service on a box.
func (s *stage) swarmContainers(box spec.Box, service string) (names []string) {
	for name, state := range s.containers(box, service) {
		if state == "running" {
			names = append(names, name)
		}
	}
	return names
}

// ids are the IDs of the tasks that run.
func (s *stage) ids() map[string]bool {
	s.t.Helper()
	tasks, err := labtest.Client(s.t, s.lab.Boxes()[0]).TaskList(s.t.Context(), swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("desired-state", "running"))})
	require.NoError(s.t, err)
	ids := map[string]bool{}
	for _, task := range tasks {
		ids[task.ID] = true
	}
	return ids
}

func (s *stage) swarmAgain(service spec.Service) {
	made := s.changes(service)
	require.Zero(s.t, made.Changes(), "%s", made.String())
	before, began := s.ids(), time.Now()
	status := s.runs(service)
	s.t.Logf("an apply without changes took %s", time.Since(began))
	require.Equal(s.t, before, s.ids())
	for _, step := range status.Steps {
		if step.ID == "swarm" {
			require.Equal(s.t, "2 nodes, nothing to do", step.Detail)
		}
		if strings.HasPrefix(step.ID, "start/") {
			require.Equal(s.t, "unchanged", step.Detail, step.ID)
		}
	}
}

func (s *stage) swarmScales(service spec.Service) {
	before := s.ids()
	status := s.runs(withFunction(service, "api", func(f *spec.Function) { f.Replicas, f.MaxPerBox = 4, 2 }))
	require.Len(s.t, status.Functions, 8)
	for id := range before {
		require.True(s.t, s.ids()[id], "what ran still runs")
	}
	require.Len(s.t, s.runs(service).Functions, 6)
	made := s.changes(service)
	require.Zero(s.t, made.Changes(), "the slots that are left are replicas 1 and 2: %s", made.String())
}

func (s *stage) swarmReverts(service spec.Service) {
	status := s.fails(withFunction(service, "web", func(f *spec.Function) { f.Command = []string{"exit", "3", "no such page"} }))
	require.Contains(s.t, status.Fault, "start pond_web: the swarm took the update back: task")
	require.Contains(s.t, status.Fault, "non-zero exit (3)")
	require.Contains(s.t, status.Fault, "no such page")
	require.Equal(s.t, "EXITED", status.FaultType)
	s.eventually("what ran before runs", func() bool { made := s.changes(service); return made.Changes() == 0 })
}

func (s *stage) swarmRolls(service spec.Service) {
	before := s.ids()
	next := withFunction(service, "web", func(f *spec.Function) {
		f.Environment = append(f.Environment, spec.Variable{Name: "NEW", Value: "yes"})
	}).Normalise()
	s.runs(next)
	now := s.ids()
	kept := 0
	for id := range before {
		if now[id] {
			kept++
		}
	}
	require.Equal(s.t, 4, kept, "only the two of web were replaced")
	s.runs(service)
}

func (s *stage) swarmHeals(service spec.Service) {
	api := labtest.Client(s.t, s.lab.Boxes()[0])
	require.NoError(s.t, api.ServiceRemove(s.t.Context(), "pond_api"))
	zero := uint64(0)
	web, _, err := api.ServiceInspectWithRaw(s.t.Context(), "pond_web", swarm.ServiceInspectOptions{})
	require.NoError(s.t, err)
	web.Spec.Mode.Replicated.Replicas = &zero
	_, err = api.ServiceUpdate(s.t.Context(), web.ID, web.Version, web.Spec, swarm.ServiceUpdateOptions{})
	require.NoError(s.t, err)
	s.eventually("they are gone", func() bool { return len(s.ids()) == 2 })
	require.NoError(s.t, s.client.Reconcile(s.t.Context(), service.Name))
	s.eventually("they are back", func() bool { return len(s.ids()) == 6 })
	s.until(service.Name, time.Minute, "it is well", func(status workflows.Status) bool {
		made := s.changes(service)
		return status.Phase == workflows.PhaseTuning && made.Changes() == 0
	})
}

func (s *stage) swarmRestarts(service spec.Service) {
	s.lab.Registry().Stop()
	defer func() { require.NoError(s.t, s.lab.Registry().Start(s.t.Context())) }()
	box := s.lab.Boxes()[1]
	for _, container := range s.swarmContainers(box, service.Name) {
		labtest.Exec(s.t, s.lab, box.Name, "docker", "kill", container)
	}
	s.eventually("the swarm has begun them again", func() bool { return len(s.swarmContainers(box, service.Name)) == 3 })
}

func (s *stage) swarmDown(service spec.Service) {
	report := s.down(service.Name, true)
	require.Empty(s.t, report.Stayed)
	for _, box := range s.lab.Boxes() {
		api := labtest.Client(s.t, box)
		require.Empty(s.t, s.containers(box, service.Name))
		match := filters.NewArgs(filters.Arg("label", "overcloud.service="+service.Name))
		networks, err := api.NetworkList(s.t.Context(), network.ListOptions{Filters: match})
		require.NoError(s.t, err)
		require.Empty(s.t, networks)
		volumes, err := api.VolumeList(s.t.Context(), volume.ListOptions{Filters: match})
		require.NoError(s.t, err)
		require.Empty(s.t, volumes.Volumes)
		info, err := api.Info(s.t.Context())
		require.NoError(s.t, err)
		require.Equal(s.t, swarm.LocalNodeStateActive, info.Swarm.LocalNodeState, "the swarm stands")
	}
	s.runs(service)
	require.Empty(s.t, s.down(service.Name, true).Stayed)
	require.Empty(s.t, s.ids())
}

// A box of a swarm is lost: what ran there is held, then moves, and there is one copy of it when the box is back.
func TestABoxOfASwarmIsLostAndComesBack(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 3})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "app"})
	app := s.app("app", image)
	app.Networks = []string{"pond_default"}
	app.StopGrace = spec.Duration(time.Second)
	app.Constraints = []spec.Constraint{{Key: "node.hostname", Op: "!=", Value: "box1"}}
	service := s.service("pond", app)
	service.Orchestrator = spec.OrchestratorSwarm
	service.Lost = spec.Lost{After: spec.Duration(10 * time.Second)}
	service.Schedule = spec.Duration(10 * time.Second)
	first := s.runs(service.Normalise()).Functions[0].Box
	require.NoError(t, s.lab.Kill(t.Context(), first))
	began := time.Now()
	moved := s.until("pond", 2*time.Minute, "it has moved", func(status workflows.Status) bool {
		return len(status.Functions) == 1 && status.Functions[0].Box != first && status.Functions[0].State == "healthy" && status.Phase == workflows.PhaseTuning
	})
	t.Logf("moved from %s to %s after %s", first, moved.Functions[0].Box, time.Since(began))
	require.NoError(t, s.lab.Restart(context.WithoutCancel(t.Context()), first))
	s.eventually("one copy runs", func() bool {
		running := 0
		for _, box := range s.lab.Boxes() {
			running += len(s.swarmContainers(box, "pond"))
		}
		return running == 1
	})
	require.Empty(t, s.down("pond", true).Stayed)
}

// eventually polls for a minute.
func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	require.Eventually(s.t, holds, time.Minute, 200*time.Millisecond, what)
}
