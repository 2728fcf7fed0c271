package activities_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// shoal is Swarm over fakes: four boxes that may become a swarm.
type shoal struct {
	*bench
	all   *fakes.Swarm
	swarm *activities.Swarm
}

func newShoal(t *testing.T) *shoal {
	b := newBench(t)
	b.engines = fakes.NewEngines(plan.Box{Name: "box-1"}, plan.Box{Name: "box-2"}, plan.Box{Name: "box-3"}, plan.Box{Name: "box-4"})
	s := &shoal{bench: b, all: fakes.NewSwarm(b.engines)}
	s.swarm = &activities.Swarm{Nodes: s.all, Engines: b.engines, Secrets: b.secrets, Every: time.Millisecond, Settle: time.Millisecond, Stuck: 20 * time.Millisecond}
	b.env.RegisterActivity(s.swarm)
	return s
}

func boxesOf(numbers ...int) (boxes []spec.Box) {
	for _, n := range numbers {
		boxes = append(boxes, spec.Box{Name: fmt.Sprintf("box-%d", n), Engine: fmt.Sprintf("tcp://10.0.0.%d:2376", n), Address: fmt.Sprintf("10.0.0.%d", n)})
	}
	return boxes
}

func (s *shoal) ensure(in activities.EnsureSwarmInput) (activities.SwarmReport, error) {
	in.Service = "s"
	return run[activities.SwarmReport](s.bench, s.swarm.EnsureSwarm, in)
}

func TestASwarmIsMadeOnceAndJoinedLater(t *testing.T) {
	s := newShoal(t)
	s.engines.Lose("box-3")
	report, err := s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2, 3)})
	require.NoError(t, err)
	require.Equal(t, "box-1", report.Created)
	require.Equal(t, []string{"box-2"}, report.Joined)
	require.Equal(t, []string{"box-3: box box-3: connection refused: unreachable"}, report.Away)
	require.Empty(t, report.Promoted, "of two, neither could be lost")

	s.engines.Find("box-3")
	report, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2, 3)})
	require.NoError(t, err)
	require.Equal(t, []string{"box-3"}, report.Joined)
	require.Equal(t, []string{"box-2", "box-3"}, report.Promoted)

	s.engines.Lose("box-1")
	report, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2, 3), There: true})
	require.NoError(t, err)
	require.Equal(t, activities.BoxNode{Box: boxesOf(1)[0], Node: "box-1", Away: true}, report.Nodes[0], "known by its label")
	require.Equal(t, boxesOf(2, 3), report.Managers)
}

func TestASwarmThatIsAwayIsNotMadeAgain(t *testing.T) {
	s := newShoal(t)
	_, err := s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1)})
	require.NoError(t, err)
	s.engines.Lose("box-1")
	_, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2), There: true})
	fails(t, err, activities.TypeUnreachable, true, "no manager of the swarm answers (box-1: ")
	require.Equal(t, 1, s.engines.Count("init "))

	s.engines.Find("box-1")
	_, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(2), Known: boxesOf(1), There: true})
	require.NoError(t, err, "the manager may be a box of a specification before")
	require.Equal(t, []string{"join box-2"}, s.engines.Matching("join "))
}

func TestABoxInASwarmOfStrangersIsLeftInIt(t *testing.T) {
	s := newShoal(t)
	_, err := s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2)})
	require.NoError(t, err)
	_, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(2)})
	fails(t, err, activities.TypeRejected, false, "box box-2 is in a swarm that none of the boxes manages")
	s.engines.Lose("box-1")
	_, err = s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2)})
	fails(t, err, activities.TypeUnreachable, true, "box box-2 is in a swarm of which no manager answers (box-1: no answer)")
}

// inShoal is a function of two replicas on two boxes.
func (s *shoal) input(hash string) activities.StartInSwarmInput {
	in := activities.StartInSwarmInput{
		InSwarm: activities.InSwarm{Managers: boxesOf(1), Service: "s", Function: "kafka"}, Revision: 1, Change: "c-" + hash,
	}
	for i, box := range boxesOf(1, 2) {
		p := kafka()
		p.Replica, p.Box, p.SpecHash = i+1, box.Name, hash
		in.Placements = append(in.Placements, p)
		in.Nodes = append(in.Nodes, activities.BoxNode{Box: box, Node: box.Name})
	}
	return in
}

func (s *shoal) pulled() {
	s.t.Helper()
	_, err := s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(1, 2)})
	require.NoError(s.t, err)
	for _, box := range boxesOf(1, 2) {
		engine, err := s.engines.Open(box)
		require.NoError(s.t, err)
		require.NoError(s.t, engine.Pull(context.Background(), pullOf("r/kafka:dev"), activities.Source{}, nil))
	}
}

func TestStartInSwarmNeedsItsImageOnEveryBox(t *testing.T) {
	s := newShoal(t)
	s.pulled()
	s.engines.Spoil("box-2", digest)
	_, err := run[activities.SwarmServiceChange](s.bench, s.swarm.StartInSwarm, s.input("h1"))
	fails(t, err, activities.TypeNotFound, false, "start kafka in the swarm: on box-2: image r/kafka:dev")
	require.Empty(t, s.all.Services())
}

func TestStartInSwarmGivesSecretsAndSaysWhatIsMissing(t *testing.T) {
	s := newShoal(t)
	s.pulled()
	in := s.input("h1")
	in.Placements[0].Secrets = []spec.SecretUse{{Name: "token", Target: "token"}}
	_, err := run[activities.SwarmServiceChange](s.bench, s.swarm.StartInSwarm, in)
	fails(t, err, activities.TypeSecret, false, "secret token is declared nowhere")
	in.Nodes = in.Nodes[:1]
	in.Placements[0].Secrets = nil
	_, err = run[activities.SwarmServiceChange](s.bench, s.swarm.StartInSwarm, in)
	fails(t, err, activities.TypeUnreachable, true, "box box-2 is not in the swarm")
	in.Placements[0].Privileged = true
	_, err = run[activities.SwarmServiceChange](s.bench, s.swarm.StartInSwarm, in)
	fails(t, err, activities.TypeInvalid, false, "it is privileged, which a swarm cannot give")
}

func TestSweepSwarmOfBoxesInNoSwarmIsNothing(t *testing.T) {
	s := newShoal(t)
	swept, err := run[activities.SweepResult](s.bench, s.swarm.SweepSwarm, activities.SweepSwarmInput{Service: "s", Boxes: boxesOf(1, 2)})
	require.NoError(t, err)
	require.Equal(t, activities.SweepResult{}, swept)
	s.pulled()
	s.engines.Lose("box-1")
	swept, err = run[activities.SweepResult](s.bench, s.swarm.SweepSwarm, activities.SweepSwarmInput{Service: "s", Boxes: boxesOf(1, 2)})
	require.NoError(t, err)
	require.Len(t, swept.Stayed, 1)
	require.Contains(t, swept.Stayed[0], "swarm services of s: no manager of the swarm answers")
}

func TestABoxLeavesTheSwarmThatItWasTakenInto(t *testing.T) {
	s := newShoal(t)
	s.pulled()
	leave := func(service string, gone ...int) activities.SweepResult {
		in := activities.LeaveSwarmInput{Service: service, Gone: boxesOf(gone...), Staying: boxesOf(2)}
		left, err := run[activities.SweepResult](s.bench, s.swarm.LeaveSwarm, in)
		require.NoError(t, err)
		return left
	}
	require.Equal(t, activities.SweepResult{}, leave("other", 1), "only what the service itself took into it")
	require.Equal(t, []string{"swarm node of box-1"}, leave("s", 1).Removed)
	report, err := s.ensure(activities.EnsureSwarmInput{Boxes: boxesOf(2), There: true})
	require.NoError(t, err)
	require.Equal(t, boxesOf(2), report.Managers, "it was handed over")
	left, err := run[activities.SweepResult](s.bench, s.swarm.LeaveSwarm, activities.LeaveSwarmInput{Service: "s", Gone: boxesOf(2)})
	require.NoError(t, err)
	require.Equal(t, []string(nil), left.Removed, "%v", left)

	s = newShoal(t)
	s.pulled()
	s.engines.Fail(fakes.Call{Method: "Leave"}, 1, fault.ErrUnreachable)
	require.Len(t, leave("s", 1).Stayed, 1)
	require.Equal(t, []string{"swarm node of box-1"}, leave("s", 1).Removed)
}
