package command

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/workflows"
)

func TestMistakesInTheVerbsOfDayTwoAreOneSentence(t *testing.T) {
	away := "Temporal at 127.0.0.1:1 does not answer"
	for line, want := range map[string]string{
		"rollback":                    "no argument was given; write starter rollback SERVICE [--to REVISION]",
		"rollback shop --to x":        `invalid argument "x" for "--to" flag: write a whole number (starter rollback --help)`,
		"rollback shop":               away,
		"history shop":                away,
		"drain shop":                  "1 argument was given; write starter drain SERVICE BOX [--active]",
		"drain shop rack-1":           away,
		"retry shop":                  away,
		"rebalance shop":              away,
		"rebalance shop --dry-run":    away,
		"sweep":                       "no argument was given; write starter sweep SERVICE|FILE [--all] [--images] [--dry-run]",
		"sweep shop --dry-run":        away,
		"sweep shop --all --dry-run":  away,
		"sweep shop --images":         away,
		"rebalance shop extra --json": "too much (2 arguments) was given; write starter rebalance SERVICE [--dry-run] [--plan-hash HASH]",
	} {
		code, _, errs := run(t, strings.Fields(line)...)
		require.Equal(t, 1, code, line)
		require.Equal(t, "starter: "+want+"\n", errs, line)
	}
}

func TestMovesShowTheGainOrWhyTheBoxNoLongerFits(t *testing.T) {
	at := func(container, function, box string) plan.Placement {
		return plan.Placement{Container: container, Function: function, Replica: 1, Box: box}
	}
	before := []plan.Placement{at("s-a-1", "a", "one"), at("s-b-1", "b", "one"), at("s-c-1", "c", "one")}
	made := plan.Plan{Hash: "1234", Placements: []plan.Placement{at("s-a-1", "a", "two"), at("s-b-1", "b", "two"), at("s-c-1", "c", "one"), at("s-d-1", "d", "two")}}
	made.Choices = []plan.Choice{
		{Function: "a", Replica: 1, Box: "one", Score: 1.25},
		{Function: "a", Replica: 1, Box: "two", Score: 2, Chosen: true},
		{Function: "b", Replica: 1, Box: "one", Reasons: []string{"the box is drained"}},
		{Function: "b", Replica: 1, Box: "two", Chosen: true},
	}
	var out strings.Builder
	require.NoError(t, writeMoves(&out, "s", made.Hash, movesOf(before, made)))
	require.Equal(t, `MOVES  FROM  TO   GAIN
s-a-1  one   two  +0.75
s-b-1  one   two  the box is drained
plan 1234; carry it out with: starter rebalance s --plan-hash 1234
`, out.String())
	out.Reset()
	require.NoError(t, writeMoves(&out, "s", "1234", movesOf(before, plan.Plan{Placements: before})))
	require.Equal(t, "s: every function is where it is best; plan 1234 moves nothing\n", out.String())
}

func TestHistorySaysWhoDidWhatWhenWithWhichDigest(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)
	p := past{
		Audit: []workflows.AuditEntry{
			{At: at, Who: "ann", What: "apply", Revision: 1, Outcome: "failed: no box\n  rack-1: full"},
			{At: at.Add(time.Hour), What: "reconcile", Why: "web-1: exited", Outcome: "accepted"},
		},
		Revisions: []workflows.Revision{{Revision: 2, At: at, Who: "kai", What: "apply", Running: true, Images: []workflows.RevisionImage{
			{Image: "web:1", Digest: "sha256:aa"}, {Image: "db:1", Digest: "sha256:bb"},
		}}},
	}
	var out strings.Builder
	require.NoError(t, p.write(&out))
	lines := strings.Split(out.String(), "\n")
	fields := func(line int) string { return strings.Join(strings.Fields(lines[line]), " ") }
	require.Equal(t, "2026-11-23 12:00:00 ann 1 apply failed: no box …", fields(1))
	require.Equal(t, "2026-11-23 13:00:00 - - reconcile done (web-1: exited)", fields(2))
	require.Equal(t, "2 (runs) 2026-11-23 12:00:00 kai apply web:1 sha256:aa", fields(5))
	require.Equal(t, "db:1 sha256:bb", fields(6))
}

func TestASweepSaysWhatWouldGoWhatWentAndWhatStays(t *testing.T) {
	report := workflows.SweepReport{
		Items: []workflows.SweepItem{
			{Box: "one", Name: "a", Reason: "nobody wants it"},
			{Box: "one", Name: "b", Reason: "too young", Waits: true},
			{Box: "two", Name: "web@sha256:aa", Reason: "nobody names it", Bytes: 2_500_000, Gone: true},
		},
	}
	var out strings.Builder
	require.NoError(t, writeSweep(&out, report, true))
	require.Equal(t, `would go  one  a                      nobody wants it
waits     one  b                      too young
removed   two  web@sha256:aa  2.5 MB  nobody names it
3 images, 2.5 MB
`, out.String())
	require.Equal(t, exit(exitChanges), sweepExit(report, true, nil))
	require.NoError(t, sweepExit(report, false, nil))
	report.Stayed = []string{"box two does not answer"}
	require.Error(t, sweepExit(report, false, nil))
	out.Reset()
	require.NoError(t, writeSweep(&out, workflows.SweepReport{}, true))
	require.Equal(t, "nothing is there that nobody wants\n", out.String())
}
