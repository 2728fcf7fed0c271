package follow

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/starter/screen"
	"github.com/overcloud/overcloud/workflows"
)

// story answers with one status after the other, the last one for ever; nil is a server that is away.
type story struct {
	statuses []*workflows.Status
	progress map[string]workflows.Progress
	pending  map[string][]workflows.Pending
}

func (s *story) Status(context.Context, string) (workflows.Status, error) {
	now := s.statuses[0]
	if len(s.statuses) > 1 {
		s.statuses = s.statuses[1:]
	}
	if now == nil {
		return workflows.Status{}, fmt.Errorf("Temporal does not answer: %w", fault.ErrUnreachable)
	}
	return *now, nil
}

func (s *story) Progress(_ context.Context, id string) (workflows.Progress, error) {
	progress, found := s.progress[id]
	if !found {
		return progress, fault.ErrNotFound
	}
	return progress, nil
}

func (s *story) Pending(_ context.Context, id string) ([]workflows.Pending, error) {
	return s.pending[id], nil
}

// page is a View that keeps what it was told.
type page struct {
	lines []screen.Line
	said  []string
}

func (p *page) Show(lines []screen.Line) { p.lines = lines }
func (p *page) Print(text string)        { p.said = append(p.said, text) }

func watch(t *testing.T, s *story) (view *page, err error) {
	t.Helper()
	view = &page{}
	synctest.Test(t, func(t *testing.T) {
		_, err = Until(t.Context(), s, "hall", 2, view, func(step string) string { return "approve " + step })
	})
	return view, err
}

func at(phase string, more ...func(*workflows.Status)) *workflows.Status {
	s := &workflows.Status{Service: "hall", Revision: 2, Phase: phase}
	for _, change := range more {
		change(s)
	}
	return s
}

func TestFollowsUntilTheRevisionRuns(t *testing.T) {
	before := at(workflows.PhaseTuning)
	before.Revision = 1
	_, err := watch(t, &story{statuses: []*workflows.Status{before, nil, at(workflows.PhaseMatching), at(workflows.PhaseTuning)}})
	require.NoError(t, err)
}

func TestFollowingAServiceThatIsTakenDownSaysSo(t *testing.T) {
	gone := &leaving{story{statuses: []*workflows.Status{at(workflows.PhaseMatching)}}, 2}
	synctest.Test(t, func(t *testing.T) {
		_, err := Until(t.Context(), gone, "hall", 2, &page{}, func(string) string { return "" })
		require.EqualError(t, err, "hall was taken down")
	})
}

// leaving answers some times and is gone then.
type leaving struct {
	story
	left int
}

func (l *leaving) Status(ctx context.Context, service string) (workflows.Status, error) {
	if l.left--; l.left < 0 {
		return workflows.Status{}, fault.ErrNotFound
	}
	return l.story.Status(ctx, service)
}

func TestARepairThatBeginsAsTheRevisionRunsIsNotShown(t *testing.T) {
	runs := at(workflows.PhaseTuning, func(s *workflows.Status) {
		s.Children = []string{"match/hall/2"}
		s.Steps = []workflows.Step{{ID: "observe/a", Phase: "match", Title: "observe a", State: workflows.StepDone}}
	})
	view, err := watch(t, &story{statuses: []*workflows.Status{runs}, progress: map[string]workflows.Progress{
		"match/hall/2": {Steps: []workflows.Step{{ID: "observe/a", Phase: "match", Title: "observe a", State: workflows.StepRunning}}},
	}})
	require.NoError(t, err)
	require.Equal(t, screen.Done, view.lines[0].State)
}

func TestWhatRanBeforeUnderTheSameNameIsNotShown(t *testing.T) {
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	old := workflows.Step{ID: "observe/a", Phase: "match", Title: "observe a", State: workflows.StepFailed, Started: begin.Add(-time.Minute)}
	now := workflows.Step{ID: "observe/a", Phase: "match", Title: "observe a", State: workflows.StepRunning, Started: begin}
	for step, left := range map[*workflows.Step]int{&old: 0, &now: 1} {
		require.Len(t, since(begin, []child{{progress: workflows.Progress{Steps: []workflows.Step{*step}}}}), left)
	}
}

func TestAServerThatStaysAwayEndsTheFollowing(t *testing.T) {
	_, err := watch(t, &story{statuses: []*workflows.Status{at(workflows.PhaseMatching), nil}})
	require.ErrorIs(t, err, fault.ErrUnreachable)
}

func TestAFailureIsOneSentence(t *testing.T) {
	log := "{\"level\":\"INFO\"}\n{\"level\":\"ERROR\"}\nroom: ROOM_SPEED \"NaN\" is no number"
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{
		"await hall-room-1 on rack-2: exited with code 1; its last lines:\n" + log:          "await hall-room-1 on rack-2: exited with code 1; its last words: room: ROOM_SPEED \"NaN\" is no number",
		"resolve r/a:1: ask r: not found: GET https://r/v2/a/manifests/1: MANIFEST_UNKNOWN": "resolve r/a:1: ask r: not found: MANIFEST_UNKNOWN",
		"resolve r/a:1: resolve r/a:1: not found":                                           "resolve r/a:1: not found",
		"pull r/edge on pi-1: " + digest + ": digest does not match":                        "pull r/edge on pi-1: sha256:0123456789ab: digest does not match",
	} {
		failed := at(workflows.PhaseFailed, func(s *workflows.Status) { s.Fault, s.FaultType = text, "WHY" })
		_, err := watch(t, &story{statuses: []*workflows.Status{failed}})
		require.EqualError(t, err, "hall failed (WHY): "+want)
		gaveWay := at(workflows.PhaseTuning, func(s *workflows.Status) {
			s.Failed = &workflows.FailedRevision{Revision: 2, Fault: text, FaultType: "WHY"}
		})
		_, err = watch(t, &story{statuses: []*workflows.Status{gaveWay}})
		require.EqualError(t, err, "hall failed (WHY): "+want, "the one before runs again")
	}
}

func TestAnApprovalIsAskedForOnceAndMarked(t *testing.T) {
	waiting := at(workflows.PhaseStitching, func(s *workflows.Status) {
		s.Waiting, s.Children = "start/edge", []string{"stitch/hall/2"}
	})
	s := &story{statuses: []*workflows.Status{waiting, waiting, waiting, at(workflows.PhaseTuning)}, progress: map[string]workflows.Progress{
		"stitch/hall/2": {Steps: []workflows.Step{
			{ID: "start/kafka/1", Phase: "stitch", Title: "create hall-kafka-1 on rack-1", State: workflows.StepDone, Detail: "not there"},
			{ID: "approval/start/edge", Phase: "stitch", Title: "approval of start/edge", State: workflows.StepApproval},
		}},
	}}
	lines := Lines(*waiting, ask(t.Context(), s, *waiting))
	require.Equal(t, screen.Approval, lines[2].State)
	require.Equal(t, "waits for a person's approval of start/edge", lines[2].Detail)
	require.Empty(t, lines[2].Steps[0].Detail)
	view, err := watch(t, s)
	require.NoError(t, err)
	require.Equal(t, []string{"hall waits for a person's approval of start/edge:\n  approve start/edge"}, view.said)
}

func pulling(pending workflows.Pending) screen.Line {
	pending.ActivityID = "a1"
	place := workflows.Progress{Workflow: "place/hall/2", Steps: []workflows.Step{{
		ID: "pull/pi-1/edge", Phase: "place", Title: "pull 127.0.0.1:5000/overcloud/edge:dev on pi-1", State: workflows.StepRunning, ActivityID: "a1",
	}}}
	return Lines(workflows.Status{}, []child{{progress: place, pending: []workflows.Pending{pending}}})[1]
}

func TestARunningPullTellsItsBytesAndItsAttempts(t *testing.T) {
	place := pulling(workflows.Pending{
		Attempt: 2, Fault: "pull 127.0.0.1:5000/overcloud/edge:dev on pi-1: connection refused",
		Pull: activities.PullProgress{Bytes: 12.3e6, TotalBytes: 20e6, Rate: 4.1e6, Layers: 5, LayersDone: 3},
	})
	require.Equal(t, screen.Running, place.State)
	require.Equal(t, "0 of 1", place.Detail)
	require.Equal(t, "pull overcloud/edge:dev on pi-1", place.Steps[0].Title)
	require.Equal(t, "[#######-----]  12.3/20.0 MB  4.1 MB/s  2s left  layers 3/5  attempt 2, the one before: connection refused", place.Steps[0].Detail)
}

func TestEveryMomentOfAPullIsOneLine(t *testing.T) {
	for want, p := range map[string]activities.PullProgress{
		"": {},
		"[------------]  0.0/20.0 MB  asks m1.example/edge":                   {TotalBytes: 20e6, From: "m1.example/edge"},
		"[------------]  0.0/20.0 MB  0.0 MB/s  layers 0/2":                   {TotalBytes: 20e6, Layers: 2},
		"[######------]  10.0/20.0 MB  0.1 MB/s  1m40s left  layers 1/2":      {Bytes: 10e6, TotalBytes: 20e6, Layers: 2, LayersDone: 1, Rate: 1e5},
		"[############]  20.0/20.0 MB  unpacks  layers 1/2":                   {Bytes: 20e6, TotalBytes: 20e6, Layers: 2, LayersDone: 1, Rate: 9e6},
		"[############]  30.0/20.0 MB  unpacks  layers 1/2":                   {Bytes: 30e6, TotalBytes: 20e6, Layers: 2, LayersDone: 1},
		"[#-----------]  100.0/1000.0 MB  0.0 MB/s  25h0m0s left  layers 0/1": {Bytes: 100e6, TotalBytes: 1000e6, Layers: 1, Rate: 1e4},
		"[#-----------]  100.0/1000.0 MB  900.0 MB/s  1s left  layers 0/1":    {Bytes: 100e6, TotalBytes: 1000e6, Layers: 1, Rate: 9e8},
		"[#-----------]  100.0/1000.0 MB  0.0 MB/s  layers 0/1":               {Bytes: 100e6, TotalBytes: 1000e6, Layers: 1, Rate: 999},
	} {
		require.Equal(t, want, pulling(workflows.Pending{Attempt: 1, Pull: p}).Steps[0].Detail)
	}
}

func TestLayersAreShownWhileTheyAreFew(t *testing.T) {
	each := []activities.LayerProgress{
		{ID: "a1", Status: activities.LayerDone, Bytes: 1e6, Total: 1e6},
		{ID: "b2", Status: activities.LayerDownloading, Bytes: 5e5, Total: 1e6},
		{ID: "c3", Status: activities.LayerExtracting, Bytes: 1e6, Total: 1e6},
		{ID: "d4", Status: activities.LayerWaiting},
	}
	p := activities.PullProgress{TotalBytes: 4e6, Layers: 4, Each: each}
	layers := pulling(workflows.Pending{Pull: p}).Steps[0].Steps
	require.Len(t, layers, 2)
	require.Equal(t, "layer b2 [######------]  0.5/1.0 MB", layers[0].Title+" "+layers[0].Detail)
	require.Equal(t, "layer c3 extracting", layers[1].Title+" "+layers[1].Detail)
	for range fewLayers {
		p.Each = append(p.Each, each[1])
	}
	require.Empty(t, pulling(workflows.Pending{Pull: p}).Steps[0].Steps)
}

func TestABoxThatDoesNotAnswerIsAWarning(t *testing.T) {
	match := Lines(workflows.Status{Steps: []workflows.Step{
		{ID: "observe/pi-1", Phase: "match", Title: "observe pi-1", State: workflows.StepDone, Detail: "does not answer: engine tcp://a"},
		{ID: "observe/pi-2", Phase: "match", Title: "observe pi-2", State: workflows.StepDone, Detail: "linux/arm64"},
	}}, nil)[0]
	require.Equal(t, screen.Done, match.State)
	require.Equal(t, screen.Warning, match.Steps[0].State)
	require.Equal(t, screen.Done, match.Steps[1].State)
}

func TestTitlesNameImagesWithoutTheirRegistry(t *testing.T) {
	for text, want := range map[string]string{
		"pull localhost:5000/a:1 on b":                 "pull a:1 on b",
		"pull registry.example.org/team/a:1 on b":      "pull team/a:1 on b",
		"pull docker.io/library/redis:7 on b":          "pull library/redis:7 on b",
		"pull team/a:1 on b":                           "pull team/a:1 on b",
		"pull registry.example.org:443/a@sha256:12 on": "pull a@sha256:12 on",
	} {
		require.Equal(t, want, title(workflows.Step{ID: "pull/b/x", Title: text}))
	}
	require.Equal(t, "edge reaches kafka at 127.0.0.1:9092", title(workflows.Step{ID: "probe/edge", Title: "edge reaches kafka at 127.0.0.1:9092"}))
}

func TestHeadlinesSumTheirStepsUp(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	step := func(id, state string, from, to time.Duration) workflows.Step {
		s := workflows.Step{ID: id, Phase: "place", State: state, Started: began.Add(from)}
		if to > 0 {
			s.Ended = began.Add(to)
		}
		return s
	}
	for want, steps := range map[string][]workflows.Step{
		"waiting ":       {},
		"running 1 of 2": {step("a", workflows.StepDone, 0, 2), {ID: "b", Phase: "place", State: workflows.StepWaiting}},
		"done 2 of 2":    {step("a", workflows.StepDone, 0, 2), step("b", workflows.StepDone, 1, 3)},
		"failed 1 of 3":  {step("a", workflows.StepDone, 0, 2), step("b", workflows.StepFailed, 1, 3), step("c", workflows.StepRunning, 1, 0)},
	} {
		line := Lines(workflows.Status{Steps: steps}, nil)[1]
		require.Equal(t, want, line.State+" "+line.Detail)
		if line.State == screen.Done {
			require.Equal(t, 3*time.Nanosecond, line.Ended.Sub(line.Started))
		}
	}
}
