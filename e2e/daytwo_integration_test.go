//go:build integration

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// function finds the status of the first replica of a function.
func function(status workflows.Status, name string) workflows.FunctionStatus {
	for _, f := range status.Functions {
		if f.Function == name {
			return f
		}
	}
	return workflows.FunctionStatus{}
}

func (s *stage) box(name string) spec.Box {
	for _, box := range s.lab.Boxes() {
		if box.Name == name {
			return box
		}
	}
	s.t.Fatalf("no box %s", name)
	return spec.Box{}
}

// reconcile lets the service look at the world now.
func (s *stage) reconcile(service string) {
	s.t.Helper()
	require.NoError(s.t, s.client.Reconcile(s.t.Context(), service))
}

// hashicorp/nomad's `disconnect`, moby/moby#48068: a dead box's functions move after a stated time, without a schedule
// and without anybody asking, and one copy stays when the box is back.
func TestABoxThatDiesGivesItsFunctionsAwayAfterAStatedTime(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	pushed := labtest.Image(t, s.lab, lab.TestImage{Name: "moves", Bytes: 1 << 20})
	service := s.service("moves", s.app("web", pushed))
	service.Lost.After = spec.Duration(20 * time.Second)
	from := function(s.runs(service), "web").Box
	require.NoError(t, s.lab.Kill(t.Context(), from))
	s.reconcile(service.Name)

	held := s.until(service.Name, time.Minute, "web is held", func(status workflows.Status) bool { return function(status, "web").State == "held" })
	require.Equal(t, from, function(held, "web").Box)
	var since time.Time
	for _, box := range held.Boxes {
		if box.Name == from {
			since = box.Absent
		}
	}
	require.WithinDuration(t, time.Now(), since, time.Minute)
	moved := s.until(service.Name, 2*time.Minute, "web runs elsewhere", func(status workflows.Status) bool {
		return function(status, "web").Box != from && status.Phase == workflows.PhaseTuning
	})
	t.Logf("web runs on %s %s after %s was first found away", function(moved, "web").Box, time.Since(since).Round(100*time.Millisecond), from)
	require.Greater(t, time.Since(since), 20*time.Second)
	require.Less(t, time.Since(since), 75*time.Second)

	require.NoError(t, s.lab.Restart(t.Context(), from))
	s.reconcile(service.Name)
	require.Eventually(t, func() bool { return len(s.containers(s.box(from), service.Name)) == 0 }, time.Minute, 500*time.Millisecond, "the old copy stays")
	require.Contains(t, s.containers(s.box(function(moved, "web").Box), service.Name), "moves-web-1")
	out, code := s.starter("history", service.Name)
	require.Zero(t, code, out)
	require.Contains(t, out, "reconcile")
	require.Empty(t, s.down(service.Name, true).Stayed)
}

// Azure/iotedge#7259.
func TestACrashIsRepairedWhileAnUpdateHangsInAPull(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	one := labtest.Image(t, s.lab, lab.TestImage{Name: "hang-a", Bytes: 1 << 20})
	two := labtest.Image(t, s.lab, lab.TestImage{Name: "hang-b", Bytes: 1 << 20})
	service := s.service("hang", on("box1", s.app("a", one)), on("box2", s.app("b", two)))
	s.runs(service)

	next := labtest.Image(t, s.lab, lab.TestImage{Name: "hang-a", Tag: "next", Bytes: 8 << 20})
	s.lab.Registry().Fault(lab.Fault{Path: "/blobs/", StallAfter: 1000})
	service.Functions[0].Image = s.lab.Registry().Ref(next)
	revision := s.apply(service)
	s.step(service.Name, "place")
	require.NoError(t, labtest.Client(t, s.box("box2")).ContainerKill(t.Context(), "hang-b-1", "KILL"))
	begun := time.Now()
	s.reconcile(service.Name)
	require.Eventually(t, func() bool { return s.containers(s.box("box2"), service.Name)["hang-b-1"] == "running" }, 30*time.Second, 100*time.Millisecond)
	t.Logf("healed %s after the reconcile, while the update hangs", time.Since(begun).Round(10*time.Millisecond))
	status, err := s.client.Status(t.Context(), service.Name)
	require.NoError(t, err)
	require.Equal(t, workflows.PhasePlacing, status.Phase)
	require.Equal(t, revision, status.Revision)

	s.lab.Registry().Heal()
	status = s.until(service.Name, 5*time.Minute, "the update is done", settled(revision))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	require.Equal(t, next.Digest, function(status, "a").Digest)
	require.Empty(t, s.down(service.Name, true).Stayed)
}

func TestARollbackBringsBackTheDigestAndASweepTakesWhatIsLeft(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	first := labtest.Image(t, s.lab, lab.TestImage{Name: "shop", Bytes: 1 << 20})
	service := s.service("shop", s.app("web", first))
	s.runs(service)
	second := labtest.Image(t, s.lab, lab.TestImage{Name: "shop", Bytes: 2 << 20}) // the tag moves
	require.Equal(t, second.Digest, function(s.runs(service), "web").Digest)

	out, code := s.starter("rollback", service.Name, "--why", "slower than before")
	require.Zero(t, code, out)
	status, err := s.client.Status(t.Context(), service.Name)
	require.NoError(t, err)
	require.Equal(t, first.Digest, function(status, "web").Digest)
	require.Equal(t, 3, status.Revision)
	out, code = s.starter("history", service.Name, "--json")
	require.Zero(t, code, out)
	var history struct{ Revisions []workflows.Revision }
	require.NoError(t, json.Unmarshal([]byte(out), &history))
	require.Equal(t, first.Digest, history.Revisions[0].Images[0].Digest)
	require.Equal(t, second.Digest, history.Revisions[1].Images[0].Digest)

	box := s.lab.Boxes()[0]
	s.orphan(box, service.Name, first)
	out, code = s.starter("sweep", service.Name, "--dry-run")
	require.Equal(t, 2, code, out)
	require.Regexp(t, `would go +box1 +left-behind .*revision 3 of shop has no such container here`, out)
	require.NotContains(t, out, "stranger")
	out, code = s.starter("sweep", service.Name)
	require.Zero(t, code, out)
	require.Contains(t, out, "removed")
	require.NotContains(t, s.containers(box, service.Name), "left-behind")

	out, code = s.starter("sweep", service.Name, "--images", "--dry-run")
	require.Zero(t, code, "both images are named by revisions that are kept: %s", out)
	require.Empty(t, s.down(service.Name, true).Stayed)
	images, err := labtest.Client(t, box).ImageList(t.Context(), listOf("shop"))
	require.NoError(t, err)
	require.Len(t, images, 2, "they are collected ten minutes after down, unless the service is up again")
	s.startStranger(box, first)
	service.Functions[0].Image = s.lab.Registry().Ref(labtest.Image(t, s.lab, lab.TestImage{Name: "shop", Tag: "third", Bytes: 1 << 20}))
	s.runs(service)
	out, code = s.starter("sweep", service.Name, "--images")
	require.Zero(t, code, out)
	images, err = labtest.Client(t, box).ImageList(t.Context(), listOf("shop"))
	require.NoError(t, err)
	require.Len(t, images, 2, "the one that runs, and the one that a stranger's container uses: %s", out)
	require.Equal(t, 1, strings.Count(out, "removed"), out)
}

// listOf are the images of a test image's repository.
func listOf(name string) image.ListOptions {
	return image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", "*/test/"+name))}
}

// orphan leaves a container of a revision before, and one of somebody else.
func (s *stage) orphan(box spec.Box, service string, of lab.Image) {
	s.t.Helper()
	api := labtest.Client(s.t, box)
	_, err := api.ContainerCreate(s.t.Context(), &container.Config{
		Image: s.lab.Registry().Ref(of), Cmd: []string{"serve"},
		Labels: map[string]string{docker.LabelService: service, docker.LabelFunction: "old", docker.LabelReplica: "1", docker.LabelRevision: "1"},
	}, nil, nil, nil, "left-behind")
	require.NoError(s.t, err)
}

func (s *stage) startStranger(box spec.Box, of lab.Image) {
	s.t.Helper()
	_, err := labtest.Client(s.t, box).ContainerCreate(s.t.Context(), &container.Config{
		Image: s.lab.Registry().Host() + "/" + of.Repository + "@" + of.Digest, Cmd: []string{"serve"},
	}, nil, nil, nil, "stranger")
	require.NoError(s.t, err)
}

func TestADrainedBoxIsEmptyAndARebalanceUsesItAgain(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	pushed := labtest.Image(t, s.lab, lab.TestImage{Name: "even", Bytes: 1 << 20})
	web := s.app("web", pushed)
	web.Replicas = 4
	web.Resources.MemoryBytes = 16 << 20
	service := s.service("even", web)
	s.runs(service)
	out, code := s.starter("drain", service.Name, "box2", "--why", "new fan")
	require.Zero(t, code, out)
	require.Empty(t, s.containers(s.box("box2"), service.Name))
	require.Len(t, s.containers(s.box("box1"), service.Name), 4)
	s.runs(service)
	require.Empty(t, s.containers(s.box("box2"), service.Name), "the file says nothing of the box")

	out, code = s.starter("drain", service.Name, "box2", "--active")
	require.Zero(t, code, out)
	out, code = s.starter("rebalance", service.Name, "--dry-run", "--json")
	require.Equal(t, 2, code, out)
	var moves struct {
		PlanHash string `json:"plan_hash"`
		Moves    []struct{ From, To string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &moves))
	require.NotEmpty(t, moves.Moves)
	out, code = s.starter("rebalance", service.Name, "--plan-hash", "stale")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "no longer stale")
	out, code = s.starter("rebalance", service.Name, "--plan-hash", moves.PlanHash)
	require.Zero(t, code, out)
	require.Len(t, s.containers(s.box("box2"), service.Name), len(moves.Moves))
	out, code = s.starter("rebalance", service.Name, "--dry-run")
	require.Zero(t, code, out)
	require.Empty(t, s.down(service.Name, true).Stayed)
}
