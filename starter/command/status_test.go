package command

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

func TestStatusShowsStepsBelowWhatLetThemBegin(t *testing.T) {
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	status := workflows.Status{
		Service: "shop", Phase: workflows.PhaseStitching, Revision: 2, Since: begin,
		Functions: []workflows.FunctionStatus{{Function: "web", Replica: 1, Box: "rack-1", State: "healthy", Probes: []workflows.ProbeStatus{{Provider: "db", Fault: "refused"}}}},
		Boxes:     []workflows.BoxStatus{{Name: "rack-1", Engine: "tcp://10.0.0.1:2376", Reachable: true, Platform: "linux/amd64"}, {Name: "rack-2", Engine: "ssh://b", Fault: "cut off"}},
	}
	steps := []workflows.Step{
		{ID: "pull/a", Phase: "place", Title: "pull a", State: workflows.StepDone, Started: at(0), Ended: at(2), Detail: "verified", Attempts: 3, Retries: []string{"refused\nmore"}},
		{ID: "start/db/1", Phase: "stitch", Title: "create db", State: workflows.StepDone, Started: at(2), Ended: at(4), After: []string{"pull/a"}, Attempts: 1},
		{ID: "start/web/1", Phase: "stitch", Title: "create web", State: workflows.StepFailed, Started: at(4), Ended: at(5), After: []string{"start/db/1"}, Detail: "exited"},
		{ID: "start/job/1", Phase: "stitch", Title: "create job", State: workflows.StepStopped, Started: at(4), Ended: at(5), After: []string{"start/db/1"}},
		{ID: "probe/web/1/db/db:5432", Phase: "stitch", Title: "web reaches db", State: workflows.StepWaiting, After: []string{"start/web/1", "start/db/1"}},
	}
	o := overview{
		Status: status, graph: workflows.MakeGraph(status, steps, nil, at(9)),
		Tuned: []workflows.FunctionTuning{{
			ScaleState: workflows.ScaleState{Function: "web", Tune: spec.Tune{Metric: scale.CPU, Target: 50, Least: 1, Most: 4}, Replicas: 2},
			Load:       &scale.Load{Replicas: 2, Measured: 1, Sum: 30},
		}},
	}
	var out strings.Builder
	require.NoError(t, o.write(&out, at(9)))
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	require.Equal(t, `shop  stitching  revision 2  since 9s

PLACE   STATE  BEGAN   TOOK   TRIES  RESULT
pull a  done   +0.0 s  2.0 s  3      verified (tried again: refused …)

STITCH              STATE    BEGAN   TOOK   TRIES  RESULT
create db           done     +2.0 s  2.0 s  1
├ create web        failed   +4.0 s  1.0 s         exited
│ └ web reaches db  waiting
└ create job        stopped  +4.0 s  1.0 s

FUNCTION  BOX     STATE    ADDRESS  CONNECTED TO
web/1     rack-1  healthy           db (NOT: refused)

BOX     ENGINE               PLATFORM     STATE
rack-1  tcp://10.0.0.1:2376  linux/amd64  answers
rack-2  ssh://b              -            does not answer: cut off`, strings.Join(lines[:len(lines)-3], "\n"))
	require.Equal(t, "web    2 (1 to 4)  cpu 30 %, wanted 50, 1 not measured  -", lines[len(lines)-1])
}

func TestAWatchedPageFitsTheTerminal(t *testing.T) {
	page := "shop  tuning\n  revision 3 keeps running\n\nSTEP\n" + strings.Repeat("a step\n", 40) + "a box with a long name\n"
	rows := fit(page, 20, 10)
	require.Len(t, rows, 10)
	require.Equal(t, []string{"shop  tuning", "  revision 3 keeps …", "… 36 more lines: a …"}, rows[:3])
	require.Equal(t, "a box with a long n…", rows[9])
	require.Equal(t, []string{"shop", "", "STEP"}, fit("shop\n\nSTEP\n", 20, 10), "what fits stays")
}

func TestWhatIsHeldDoesNotCountAsRunning(t *testing.T) {
	web := workflows.FunctionStatus{Function: "web", Replica: 1, Box: "rack-1", State: "healthy"}
	held := workflows.FunctionStatus{Function: "db", Replica: 1, Box: "rack-2", State: workflows.StateHeld}
	require.Equal(t, "1 replicas", runs([]workflows.FunctionStatus{web}))
	require.Equal(t, "1 of 2 replicas; held, because the box does not answer: db/1 on rack-2", runs([]workflows.FunctionStatus{web, held}))
}
