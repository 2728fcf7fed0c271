//go:build integration

package docker_test

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/fault"
	boxes "github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// pond is a lab of boxes that are to be one swarm.
type pond struct {
	t       *testing.T
	lab     *boxes.Lab
	engines *docker.Engines
	all     []spec.Box
	image   plan.Pull
	nodes   []activities.BoxNode
}

const pondService = "pond"

func newPond(t *testing.T, count int) *pond {
	t.Helper()
	p := &pond{t: t, lab: labtest.New(t, boxes.Options{Boxes: count}), engines: docker.NewEngines(docker.Options{})}
	t.Cleanup(func() { require.NoError(t, p.engines.Close()) })
	p.all = p.lab.Boxes()
	pushed := labtest.Image(t, p.lab, boxes.TestImage{Name: "app"})
	p.image = plan.Pull{Image: p.lab.Registry().Ref(pushed), Digest: pushed.Digest, Manifest: pushed.Manifest, OS: "linux", Arch: here}
	return p
}

// activities are the real ones over the real engines; they are called through a test environment, as by a worker.
func (p *pond) swarm(secrets fakes.Secrets) *activities.Swarm {
	return &activities.Swarm{
		Nodes: p.engines, Engines: p.engines, Secrets: secrets,
		Every: 100 * time.Millisecond, Settle: 500 * time.Millisecond, Stuck: 5 * time.Second,
	}
}

// join makes the boxes one swarm and pulls the image on all of them.
func (p *pond) join() activities.SwarmReport {
	p.t.Helper()
	report, err := act[activities.SwarmReport](p.t, p.swarm(nil).EnsureSwarm, activities.EnsureSwarmInput{Service: pondService, Boxes: p.all})
	require.NoError(p.t, err)
	p.nodes = report.Nodes
	for _, box := range p.all {
		engine, err := p.engines.Open(box)
		require.NoError(p.t, err)
		require.NoError(p.t, engine.Pull(p.t.Context(), p.image, activities.Source{}, nil))
	}
	return report
}

func (p *pond) placements(function, hash string, on ...string) []plan.Placement {
	var all []plan.Placement
	for i, box := range on {
		all = append(all, plan.Placement{
			Function: function, Replica: i + 1, Box: box, Image: p.image.Image, Digest: p.image.Digest, Manifest: p.image.Manifest,
			SpecHash: hash, Command: []string{"serve"}, Networks: []string{"pond_default"}, Restart: "unless-stopped",
			Environment: []spec.Variable{{Name: "NAME", Value: hash}, {Name: "OVERCLOUD_REPLICA", Value: "{{.Task.Slot}}"}},
			StopGrace:   spec.Duration(2 * time.Second),
			Healthcheck: &spec.Healthcheck{Test: []string{"CMD", "/app", "health"}, Interval: spec.Duration(500 * time.Millisecond), Retries: 3},
		})
	}
	return all
}

func (p *pond) named(function string) activities.InSwarm {
	return activities.InSwarm{Managers: p.all[:1], Service: pondService, Function: function}
}

func (p *pond) start(s *activities.Swarm, change string, placements []plan.Placement, more ...func(*activities.StartInSwarmInput)) (activities.SwarmServiceChange, error) {
	in := activities.StartInSwarmInput{
		InSwarm: p.named(placements[0].Function), Revision: 1, Change: change, Placements: placements, Nodes: p.nodes,
		Update: &spec.Update{Parallelism: 1, Monitor: spec.Duration(time.Second)},
	}
	for _, edit := range more {
		edit(&in)
	}
	return act[activities.SwarmServiceChange](p.t, s.StartInSwarm, in)
}

func (p *pond) await(s *activities.Swarm, change string, placements []plan.Placement) (activities.AwaitInSwarmResult, error) {
	return act[activities.AwaitInSwarmResult](p.t, s.AwaitInSwarm, activities.AwaitInSwarmInput{
		InSwarm: p.named(placements[0].Function), Change: change, Hash: placements[0].SpecHash, Replicas: len(placements),
		Nodes: p.nodes, Anew: change != "", HasCheck: placements[0].Healthcheck != nil, Deadline: spec.Duration(3 * time.Minute),
	})
}

// runs starts a function and waits until it is up.
func (p *pond) runs(s *activities.Swarm, change string, placements []plan.Placement) (activities.SwarmServiceChange, []activities.PlacedTask) {
	p.t.Helper()
	changed, err := p.start(s, change, placements)
	require.NoError(p.t, err)
	if changed.Done == activities.SwarmKept {
		change = ""
	}
	awaited, err := p.await(s, change, placements)
	require.NoError(p.t, err)
	require.Len(p.t, awaited.Tasks, len(placements))
	return changed, awaited.Tasks
}

func (p *pond) api(box int) *client.Client { return labtest.Client(p.t, p.all[box]) }

func (p *pond) overlay(s *activities.Swarm) {
	p.t.Helper()
	_, err := act[any](p.t, s.EnsureOverlay, activities.OverlayInput{Managers: p.all[:1], Service: pondService, Name: "pond_default"})
	require.NoError(p.t, err)
}

func TestBoxesBecomeOneSwarmOnce(t *testing.T) {
	p := newPond(t, 3)
	report := p.join()
	require.Equal(t, "box1", report.Created)
	require.Equal(t, []string{"box2", "box3"}, report.Joined)
	require.Equal(t, []string{"box2", "box3"}, report.Promoted, "three boxes: one manager may be lost")
	require.Len(t, report.Nodes, 3)

	began := time.Now()
	again := p.join()
	t.Logf("the look at a swarm of three took %s", time.Since(began))
	require.Empty(t, again.Created)
	require.Empty(t, again.Joined)
	require.Empty(t, again.Promoted)
	require.Eventually(t, func() bool { // a box that was just made a manager needs a moment to be one
		return len(p.join().Managers) == 3
	}, 10*time.Second, 200*time.Millisecond)

	require.NoError(t, p.lab.Cut(t.Context(), "box1"))
	began = time.Now()
	require.Eventually(t, func() bool { // a leader is elected within seconds; until then the others say nothing
		in := activities.EnsureSwarmInput{Service: pondService, Boxes: p.all, There: true}
		var err error
		report, err = act[activities.SwarmReport](t, p.swarm(nil).EnsureSwarm, in)
		return err == nil
	}, time.Minute, 100*time.Millisecond, "two managers of three are enough")
	t.Logf("managed again %s after the leader was lost", time.Since(began))
	require.Len(t, report.Away, 1)
	require.Contains(t, report.Away[0], "box1")
	require.Len(t, report.Nodes, 3, "the node of a box that does not answer is known by its label")
	require.NoError(t, p.lab.Join(t.Context(), "box1"))
}

func TestANodeOfAnotherSwarmIsNeverTakenOutOfIt(t *testing.T) {
	p := newPond(t, 2)
	_, err := p.api(1).SwarmInit(t.Context(), swarm.InitRequest{ListenAddr: "0.0.0.0:2377", AdvertiseAddr: p.all[1].Address})
	require.NoError(t, err)
	_, err = p.api(0).SwarmInit(t.Context(), swarm.InitRequest{ListenAddr: "0.0.0.0:2377", AdvertiseAddr: p.all[0].Address})
	require.NoError(t, err)
	_, err = act[activities.SwarmReport](t, p.swarm(nil).EnsureSwarm, activities.EnsureSwarmInput{Service: pondService, Boxes: p.all})
	require.ErrorContains(t, err, "boxes box1 and box2 manage different swarms")
	_, err = act[activities.SwarmReport](t, p.swarm(nil).EnsureSwarm, activities.EnsureSwarmInput{Service: pondService, Boxes: p.all[1:]})
	require.NoError(t, err, "one that stands already is used")
}

func TestFunctionsRunAsSwarmServices(t *testing.T) {
	p := newPond(t, 2)
	p.join()
	s := p.swarm(nil)
	p.overlay(s)
	p.overlay(s)
	two := p.placements("db", "h1", "box1", "box2")

	t.Run("the registry being down stops nothing", func(t *testing.T) {
		p.t = t
		p.lab.Registry().Stop()
		defer func() { require.NoError(t, p.lab.Registry().Start(t.Context())) }()
		changed, tasks := p.runs(s, "c1", two)
		require.Equal(t, activities.SwarmCreated, changed.Done)
		require.NotEqual(t, tasks[0].Box.Name, tasks[1].Box.Name)
	})
	t.Run("the same again changes nothing", func(t *testing.T) {
		p.t = t
		changed, err := p.start(s, "c2", two)
		require.NoError(t, err)
		require.Equal(t, activities.SwarmServiceChange{Done: activities.SwarmKept}, changed)
	})
	t.Run("a lost answer is found again", func(t *testing.T) {
		p.t = t
		changed, err := p.start(s, "c1", two)
		require.NoError(t, err)
		require.Equal(t, activities.SwarmCreated, changed.Done)
	})
	t.Run("the box's engine sees them as ours", func(t *testing.T) { p.t = t; p.observed() })
	t.Run("scaling keeps what runs", func(t *testing.T) {
		p.t = t
		before := p.containers(0)
		changed, _ := p.runs(s, "c3", p.placements("db", "h1", "box1", "box2", "box1", "box2"))
		require.Equal(t, "2 replicas, wanted 4", changed.Cause)
		require.Subset(t, p.containers(0), before)
		_, _ = p.runs(s, "c4", two)
	})
	t.Run("replicas go where the plan says", func(t *testing.T) {
		p.t = t
		changed, tasks := p.runs(s, "c5", p.placements("db", "h1", "box1"))
		require.NotEqual(t, activities.SwarmKept, changed.Done)
		require.Equal(t, "box1", tasks[0].Box.Name)
		_, tasks = p.runs(s, "c6", p.placements("db", "h1", "box2"))
		require.Equal(t, "box2", tasks[0].Box.Name)
		_, _ = p.runs(s, "c7", two)
	})
	t.Run("what was changed by hand comes back", func(t *testing.T) { p.t = t; p.byHand(s, two) })
	t.Run("a failing update is taken back by the swarm", func(t *testing.T) { p.t = t; p.failingUpdate(s, two) })
	t.Run("a change is taken back once", func(t *testing.T) { p.t = t; p.takenBack(s, two) })
	t.Run("a secret is read by the function and changed by a new value", func(t *testing.T) { p.t = t; p.secrets() })
	t.Run("faults are told", func(t *testing.T) { p.t = t; p.faults(s) })
	t.Run("the sweep leaves the swarm and nothing else", func(t *testing.T) { p.t = t; p.swept(s) })
	t.Run("a box that leaves hands over", func(t *testing.T) { p.t = t; p.leaves(s) })
}

// containers are the IDs of the service's running containers on a box.
func (p *pond) containers(box int) []string {
	p.t.Helper()
	found, err := p.api(box).ContainerList(p.t.Context(), container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "overcloud.service="+pondService))})
	require.NoError(p.t, err)
	var ids []string
	for _, one := range found {
		ids = append(ids, one.ID)
	}
	return ids
}

func (p *pond) observed() {
	replicas := map[int]bool{}
	for _, box := range p.all {
		engine, err := p.engines.Open(box)
		require.NoError(p.t, err)
		seen := engine.Observe(p.t.Context())
		require.Len(p.t, seen.Containers, 1)
		one := seen.Containers[0]
		require.Equal(p.t, "db", one.Function)
		require.Equal(p.t, "h1", one.SpecHash)
		require.Equal(p.t, "healthy", one.Health)
		require.Equal(p.t, 1, one.Revision)
		replicas[one.Replica] = true
	}
	require.Equal(p.t, map[int]bool{1: true, 2: true}, replicas, "the replica is the slot")
}

func (p *pond) byHand(s *activities.Swarm, two []plan.Placement) {
	api := p.api(0)
	edit := func(change func(*swarm.ServiceSpec)) {
		p.t.Helper()
		now, _, err := api.ServiceInspectWithRaw(p.t.Context(), "pond_db", swarm.ServiceInspectOptions{})
		require.NoError(p.t, err)
		change(&now.Spec)
		_, err = api.ServiceUpdate(p.t.Context(), now.ID, now.Version, now.Spec, swarm.ServiceUpdateOptions{})
		require.NoError(p.t, err)
	}
	zero := uint64(0)
	edit(func(s *swarm.ServiceSpec) { s.Mode.Replicated.Replicas = &zero })
	changed, _ := p.runs(s, "hand1", two)
	require.Equal(p.t, "0 replicas, wanted 2", changed.Cause)
	edit(func(s *swarm.ServiceSpec) {
		s.TaskTemplate.ContainerSpec.Env = append(s.TaskTemplate.ContainerSpec.Env, "X=1")
	})
	changed, _ = p.runs(s, "hand2", two)
	require.Equal(p.t, "somebody changed it by hand", changed.Cause)
	require.NoError(p.t, api.ServiceRemove(p.t.Context(), "pond_db"))
	changed, _ = p.runs(s, "hand3", two)
	require.Equal(p.t, activities.SwarmCreated, changed.Done)
}

func (p *pond) failingUpdate(s *activities.Swarm, two []plan.Placement) {
	bad := p.placements("db", "h2", "box1", "box2")
	for i := range bad {
		bad[i].Command = []string{"exit", "3", "no such topic"}
	}
	began := time.Now()
	_, err := p.start(s, "bad", bad)
	require.NoError(p.t, err)
	_, err = p.await(s, "bad", bad)
	require.ErrorContains(p.t, err, "the swarm took the update back: task")
	require.ErrorContains(p.t, err, "non-zero exit (3)")
	require.ErrorContains(p.t, err, "no such topic")
	p.t.Logf("told after %s: %v", time.Since(began), err)
	undone, err := act[bool](p.t, s.UndoInSwarm, activities.UndoInSwarmInput{InSwarm: p.named("db"), Change: "bad"})
	require.NoError(p.t, err)
	require.False(p.t, undone, "the swarm has done it")
	changed, _ := p.runs(s, "after", two)
	require.Equal(p.t, activities.SwarmKept, changed.Done)
}

func (p *pond) takenBack(s *activities.Swarm, two []plan.Placement) {
	_, _ = p.runs(s, "next", p.placements("db", "h3", "box1", "box2"))
	undo := activities.UndoInSwarmInput{InSwarm: p.named("db"), Change: "next"}
	for _, want := range []bool{true, false} {
		undone, err := act[bool](p.t, s.UndoInSwarm, undo)
		require.NoError(p.t, err)
		require.Equal(p.t, want, undone)
	}
	awaited, err := act[activities.AwaitInSwarmResult](p.t, s.AwaitInSwarm, activities.AwaitInSwarmInput{
		InSwarm: p.named("db"), Hash: "h1", Replicas: 2, Nodes: p.nodes, HasCheck: true, Reverting: true, Deadline: spec.Duration(3 * time.Minute),
	})
	require.NoError(p.t, err)
	require.Len(p.t, awaited.Tasks, 2)
	changed, _ := p.runs(s, "kept", two)
	require.Equal(p.t, activities.SwarmKept, changed.Done)

	_, _ = p.runs(s, "new", p.placements("fresh", "h1", "box2"))
	undone, err := act[bool](p.t, s.UndoInSwarm, activities.UndoInSwarmInput{InSwarm: p.named("fresh"), Change: "new"})
	require.NoError(p.t, err)
	require.True(p.t, undone)
	node, err := p.engines.OpenNode(p.all[0])
	require.NoError(p.t, err)
	functions, err := node.SwarmFunctions(p.t.Context(), pondService)
	require.NoError(p.t, err)
	require.Equal(p.t, []string{"db"}, functions, "what was new is gone")
}

func (p *pond) secrets() {
	values := fakes.Secrets{"env:T": "hush-hush"}
	s := p.swarm(values)
	safe := p.placements("safe", "h1", "box2")
	safe[0].Secrets = []spec.SecretUse{{Name: "token", Target: "token"}}
	with := func(in *activities.StartInSwarmInput) { in.Secrets = []spec.Secret{{Name: "token", From: "env:T"}} }
	runs := func(change string) (activities.SwarmServiceChange, string) {
		changed, err := p.start(s, change, safe, with)
		require.NoError(p.t, err)
		if changed.Done == activities.SwarmKept {
			change = ""
		}
		awaited, err := p.await(s, change, safe)
		require.NoError(p.t, err)
		return changed, labtest.Exec(p.t, p.lab, "box2", "docker", "exec", awaited.Tasks[0].Name, "/app", "cat", "/run/secrets/token")
	}
	_, read := runs("s1")
	require.Equal(p.t, "hush-hush", read)
	changed, _ := runs("s2")
	require.Equal(p.t, activities.SwarmKept, changed.Done, "the same value changes nothing")
	values["env:T"] = "new words"
	changed, read = runs("s3")
	require.Equal(p.t, "a secret changed", changed.Cause)
	require.Equal(p.t, "new words", read)
	_, err := act[any](p.t, s.RemoveFromSwarm, p.named("safe"))
	require.NoError(p.t, err)
	left, err := p.api(0).SecretList(p.t.Context(), swarm.SecretListOptions{})
	require.NoError(p.t, err)
	require.Empty(p.t, left)
}

func (p *pond) faults(s *activities.Swarm) {
	taken := p.placements("taken", "h1", "box1", "box1")
	for i := range taken {
		taken[i].Ports = []spec.Port{{Container: 7000, Host: 17000, Protocol: "tcp"}}
	}
	_, err := p.start(s, "f1", taken)
	require.NoError(p.t, err)
	_, err = p.await(s, "f1", taken)
	require.ErrorContains(p.t, err, "port already in use")
	require.ErrorContains(p.t, err, activities.TypePortTaken)

	ends := p.placements("ends", "h1", "box2")
	ends[0].Command, ends[0].Healthcheck = []string{"exit", "4", "no disk"}, nil
	_, err = p.start(s, "f2", ends)
	require.NoError(p.t, err)
	_, err = p.await(s, "f2", ends)
	require.ErrorContains(p.t, err, "task 1 on box2 is failed: task: non-zero exit (4)")
	require.ErrorContains(p.t, err, "no disk")

	_, err = p.start(s, "f3", func() []plan.Placement {
		odd := p.placements("odd", "h1", "box2")
		odd[0].Privileged = true
		return odd
	}())
	require.ErrorContains(p.t, err, "it is privileged, which a swarm cannot give")
}

func (p *pond) swept(s *activities.Swarm) {
	foreign := network.CreateOptions{Driver: "overlay", Attachable: true}
	_, err := p.api(0).NetworkCreate(p.t.Context(), "foreign", foreign)
	require.NoError(p.t, err)
	swept, err := act[activities.SweepResult](p.t, s.SweepSwarm, activities.SweepSwarmInput{Service: pondService, Boxes: p.all})
	require.NoError(p.t, err)
	require.Empty(p.t, swept.Stayed)
	require.Contains(p.t, swept.Removed, "swarm service pond_db on the swarm")
	require.Contains(p.t, swept.Removed, "network pond_default on the swarm")
	swept, err = act[activities.SweepResult](p.t, s.SweepSwarm, activities.SweepSwarmInput{Service: pondService, Boxes: p.all})
	require.NoError(p.t, err)
	require.Equal(p.t, activities.SweepResult{}, swept, "twice is safe")
	require.Empty(p.t, p.containers(0))
	require.Empty(p.t, p.containers(1))
	nodes, err := p.api(0).NodeList(p.t.Context(), swarm.NodeListOptions{})
	require.NoError(p.t, err)
	require.Len(p.t, nodes, 2)
	for _, node := range nodes {
		for label := range node.Spec.Labels {
			require.NotContains(p.t, label, "overcloud.on.")
		}
	}
	node, err := p.engines.OpenNode(p.all[0])
	require.NoError(p.t, err)
	err = node.EnsureOverlay(p.t.Context(), pondService, "foreign")
	require.ErrorIs(p.t, err, fault.ErrRejected)
}

func (p *pond) leaves(s *activities.Swarm) {
	leave := activities.LeaveSwarmInput{Service: pondService, Gone: p.all[:1], Staying: p.all[1:]}
	left, err := act[activities.SweepResult](p.t, s.LeaveSwarm, leave)
	require.NoError(p.t, err)
	require.Equal(p.t, []string{"swarm node of box1"}, left.Removed, "%v", left.Stayed)
	left, err = act[activities.SweepResult](p.t, s.LeaveSwarm, leave)
	require.NoError(p.t, err)
	require.Equal(p.t, activities.SweepResult{}, left)
	nodes, err := p.api(1).NodeList(p.t.Context(), swarm.NodeListOptions{})
	require.NoError(p.t, err)
	require.Len(p.t, nodes, 1, "the box that stays manages it now")
	info, err := p.api(0).Info(context.WithoutCancel(p.t.Context()))
	require.NoError(p.t, err)
	require.Equal(p.t, swarm.LocalNodeStateInactive, info.Swarm.LocalNodeState)
}
