package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// services is a hand-written service side that keeps a log.
type services struct {
	log     []string
	answer  error
	status  workflows.Status
	kept    []workflows.Revision
	running workflows.Running
	seen    workflows.Foreseen
}

func (s *services) note(format string, values ...any) (workflows.ApplyAccepted, error) {
	s.log = append(s.log, fmt.Sprintf(format, values...))
	return workflows.ApplyAccepted{Revision: 7}, s.answer
}

func (s *services) Status(context.Context, string) (workflows.Status, error) {
	return s.status, s.answer
}

func (s *services) Deploy(_ context.Context, service string, revision int) (workflows.Graph, error) {
	if revision > 3 {
		return workflows.Graph{}, fmt.Errorf("%w: nothing is known of revision %d of %s", fault.ErrNotFound, revision, service)
	}
	return workflows.MakeGraph(workflows.Status{Service: service, Revision: revision}, nil, nil, time.Unix(1, 0)), s.answer
}

func (s *services) Revisions(context.Context, string) ([]workflows.Revision, error) {
	return s.kept, s.answer
}

func (s *services) Running(context.Context, string) (workflows.Running, error) {
	return s.running, s.answer
}

func (s *services) Foresee(_ context.Context, service string, question workflows.Question) (workflows.Foreseen, error) {
	_, err := s.note("foresee %s: %s", service, question)
	return s.seen, err
}

func (s *services) Apply(_ context.Context, r workflows.ApplyRequest) (workflows.ApplyAccepted, error) {
	return s.note("apply %s plan %s by %s", r.Service.Name, r.PlanHash, r.Who)
}

func (s *services) Scale(_ context.Context, service string, r workflows.ScaleRequest) (workflows.ApplyAccepted, error) {
	return s.note("scale %s %s to %d plan %s by %s: %s", service, r.Function, r.Replicas, r.PlanHash, r.Who, r.Why)
}

func (s *services) Rollback(_ context.Context, service string, r workflows.RollbackRequest) (workflows.ApplyAccepted, error) {
	return s.note("rollback %s to %d plan %s by %s", service, r.Revision, r.PlanHash, r.Who)
}

func (s *services) Drain(_ context.Context, service string, r workflows.DrainRequest) (workflows.ApplyAccepted, error) {
	return s.note("drain %s %s active %t by %s", service, r.Box, r.Active, r.Who)
}

func (s *services) Rebalance(_ context.Context, service string, r workflows.RebalanceRequest) (workflows.ApplyAccepted, error) {
	return s.note("rebalance %s plan %s", service, r.PlanHash)
}

func (s *services) Retry(_ context.Context, service string, r workflows.RetryRequest) (workflows.ApplyAccepted, error) {
	return s.note("retry %s by %s", service, r.Who)
}

func (s *services) Approve(_ context.Context, service string, r workflows.ApproveRequest) error {
	_, err := s.note("approve %s %s by %s", service, r.Step, r.Who)
	return err
}

func (s *services) AskDown(_ context.Context, service string, r workflows.DownRequest) error {
	_, err := s.note("down %s volumes %t by %s: %s", service, r.Volumes, r.Who, r.Why)
	return err
}

func newServiceServer(t *testing.T) (*Server, *services) {
	t.Helper()
	side := &services{status: workflows.Status{Service: "smart-energy", Phase: workflows.PhaseTuning, Revision: 3}}
	return New(Options{
		Service: "smart-energy", Store: state.NewStore(nil), Operator: &operator{}, Graphs: graphs{}, Services: side,
		TemporalWeb: "http://127.0.0.1:8233/namespaces/default/workflows", Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}), side
}

const oneService = "/api/v1/services/smart-energy"

func TestAChangeReachesTheService(t *testing.T) {
	for _, c := range []struct{ path, body, log string }{
		{"/scale", `{"function":"sink","replicas":2,"plan_hash":"ab","who":"kim","why":"slow"}`, "scale smart-energy sink to 2 plan ab by kim: slow"},
		{"/rollback", `{"revision":2,"plan_hash":"ab","who":"kim"}`, "rollback smart-energy to 2 plan ab by kim"},
		{"/drain", `{"box":"rack-1","who":"kim"}`, "drain smart-energy rack-1 active false by kim"},
		{"/drain", `{"box":"rack-1","active":true,"who":"kim"}`, "drain smart-energy rack-1 active true by kim"},
		{"/rebalance", `{"plan_hash":"ab"}`, "rebalance smart-energy plan ab"},
		{"/retry", `{"who":"kim"}`, "retry smart-energy by kim"},
		{"/apply", `{"specification":{"name":"smart-energy","orchestrator":"engine","boxes":[],"functions":[]},"plan_hash":"ab","who":"kim","why":"x"}`, "apply smart-energy plan ab by kim"},
	} {
		t.Run(c.log, func(t *testing.T) {
			s, side := newServiceServer(t)
			w := request(t, s, "POST", oneService+c.path, c.body)
			require.Equal(t, http.StatusAccepted, w.Code, w.Body)
			require.JSONEq(t, `{"revision":7}`, w.Body.String())
			require.Equal(t, []string{c.log}, side.log)
			require.NotNil(t, s.Store.Snapshot(time.Now()).Service, "the page sees at once how the service stands")

			side.answer = fmt.Errorf("%w: smart-energy is being taken down", fault.ErrInvalid)
			w = request(t, s, "POST", oneService+c.path, c.body)
			require.Equal(t, http.StatusUnprocessableEntity, w.Code)
			require.Contains(t, w.Body.String(), `"detail":"smart-energy is being taken down"`)
		})
	}
	s, side := newServiceServer(t)
	w := request(t, s, "POST", oneService+"/approve", `{"step":"stitch","who":"kim"}`)
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	w = request(t, s, "POST", oneService+"/down", `{"service":"smart-energy","volumes":true,"who":"kim","why":"moving"}`)
	require.Equal(t, http.StatusAccepted, w.Code, w.Body)
	require.Equal(t, []string{"approve smart-energy stitch by kim", "down smart-energy volumes true by kim: moving"}, side.log)
}

func TestABadChangeSaysWhyAndChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"the name is not typed":           {"/down", `{"who":"kim"}`, 422, `type \"smart-energy\" to take it down`},
		"another name is typed":           {"/down", `{"service":"smart"}`, 422, `this says \"smart\"`},
		"a misspelt field":                {"/scale", `{"function":"sink","replica":2}`, 422, "replica"},
		"no specification":                {"/apply", `{"who":"kim"}`, 422, "there is no specification to apply"},
		"another service's specification": {"/apply", `{"specification":{"name":"shop"}}`, 422, `the specification is of \"shop\", and this is smart-energy`},
		"a plan for another service":      {"/plan", `{"kind":"apply","specification":{"name":"shop"}}`, 422, "shop"},
		"a Compose file":                  {"/plan", "services:\n  web:\n    image: web\n", 422, "the body is no question"},
		"a body far too long":             {"/plan", `{"kind":"` + strings.Repeat("x", 3<<20) + `"}`, 413, "Request Entity Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			s, side := newServiceServer(t)
			w := request(t, s, "POST", oneService+c.path, c.body)
			require.Equal(t, c.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), c.says)
			require.Empty(t, side.log)
		})
	}
	s, _ := newServer(t) // one that is connected to no workflows
	w := request(t, s, "POST", oneService+"/retry", `{}`)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "not connected to the workflows")
}

func TestAPreviewSaysWhatWouldBeDoneAndNoSecret(t *testing.T) {
	s, side := newServiceServer(t)
	hidden := []spec.Variable{{Name: "TOKEN", Value: "canary"}}
	side.seen = workflows.Foreseen{
		Revision: 3,
		Before:   []plan.Placement{{Container: "smart-energy-web-1", Box: "rack-1"}},
		MatchResult: workflows.MatchResult{
			Boxes: []workflows.BoxStatus{{Name: "rack-1", Fault: "refuses"}, {Name: "rack-2", Reachable: true}},
			Plan: plan.Plan{
				Hash: "ab", Levels: []plan.Level{{Functions: []string{"db"}}, {Functions: []string{"web"}}},
				Placements: []plan.Placement{
					{Function: "web", Replica: 1, Box: "rack-2", Container: "smart-energy-web-1", Action: plan.ActionCreate, Cause: "rack-1 is drained", Environment: hidden},
					{Function: "db", Replica: 1, Box: "rack-2", Container: "smart-energy-db-1", Action: plan.ActionKeep},
				},
				Pulls:    []plan.Pull{{Box: "rack-2", Image: "web:1", SizeBytes: 5}, {Box: "rack-2", Image: "db:1", Present: true}},
				Removals: []plan.Removal{{Box: "rack-1", Container: "smart-energy-web-1", Cause: "moved"}, {Box: "rack-2", Container: "old", First: true}},
				Choices:  []plan.Choice{{Function: "web", Replica: 1, Box: "rack-1", Reasons: []string{"drained"}}, {Function: "web", Replica: 1, Box: "rack-2", Chosen: true, Score: 1}},
			},
		},
	}
	w := request(t, s, "POST", oneService+"/plan", `{"kind":"drain","box":"rack-1"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.NotContains(t, w.Body.String(), "canary")
	var preview Preview
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &preview))
	require.Equal(t, "drain rack-1", preview.What)
	require.Equal(t, 3, preview.Changes)
	var lines []string
	for _, step := range preview.Steps {
		lines = append(lines, strings.TrimRight(step.Action+" "+step.Name+" "+step.From+">"+step.Box, " "))
	}
	require.Equal(t, []string{
		"remove old >rack-2", "pull web:1 >rack-2", "verify db:1 >rack-2", "keep smart-energy-db-1 >rack-2",
		"create smart-energy-web-1 rack-1>rack-2", "remove smart-energy-web-1 >rack-1",
	}, lines, "in the order in which it is done")
	require.Equal(t, map[string]int{"remove": 2, "pull": 1, "verify": 1, "keep": 1, "create": 1}, preview.Counts)
	require.Equal(t, "drained", preview.Matrix[0].Cells[0].Reasons[0])
	require.Equal(t, "refuses", preview.Boxes[0].Fault)

	side.running = workflows.Running{Revision: 3, Service: spec.Service{Volumes: []string{"data"}}, Before: side.seen.Before}
	w = request(t, s, "POST", oneService+"/plan", `{"kind":"down"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &preview))
	require.Equal(t, 1, preview.Changes)
	require.Equal(t, []string{"data"}, preview.Stays)
}

func TestTheChangesOfAServiceArePaged(t *testing.T) {
	s, side := newServiceServer(t)
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 12, minute, 0, 0, time.UTC) }
	side.status.Audit = []workflows.AuditEntry{
		{At: at(1), Who: "ann", What: "start", Outcome: "accepted", Revision: 1},
		{At: at(2), Who: "kim", What: "apply", Outcome: "failed: no box", Revision: 2},
		{At: at(3), What: "reconcile", Outcome: "accepted"},
		{At: at(4), Who: "kim", What: "scale sink to 2", Why: "slow", Outcome: "accepted", Revision: 3},
	}
	side.kept = []workflows.Revision{{Revision: 3, At: at(5), Running: true}, {Revision: 1, At: at(1)}}
	var page Deploys
	read := func(query string) {
		t.Helper()
		w := request(t, s, "GET", oneService+"/deploys"+query, "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		page = Deploys{}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
	}
	read("?limit=2")
	require.Equal(t, "2", page.Next)
	require.Equal(t, Deploy{Revision: 3, At: at(5), Who: "kim", What: "scale sink to 2", Why: "slow", Outcome: "accepted", Running: true}, page.Items[0])
	require.Equal(t, "failed: no box", page.Items[1].Outcome)
	require.False(t, page.Items[1].Kept, "what failed is not to be gone back to")
	read("?limit=2&after=" + page.Next)
	require.Len(t, page.Items, 1)
	require.True(t, page.Items[0].Kept)
	require.Empty(t, page.Next)

	side.status.Revision = 4 // being made
	read("")
	require.Equal(t, "running", page.Items[0].Outcome)
	for path, says := range map[string]string{
		"/deploys?limit=0": "limit", "/deploys?limit=101": "from 1 to 100", "/deploys?after=x": "after", "/deploys/none": `\"none\" is no revision`,
	} {
		w := request(t, s, "GET", oneService+path, "")
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, path)
		require.Contains(t, w.Body.String(), says)
	}
	require.Equal(t, http.StatusNotFound, request(t, s, "GET", oneService+"/deploys/9", "").Code)
	w := request(t, s, "GET", oneService+"/deploys/2", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"web":"http://127.0.0.1:8233/namespaces/default/workflows"`)
	require.Contains(t, request(t, s, "GET", oneService, "").Body.String(), `"web":"http://127.0.0.1:8233/namespaces/default/workflows"`)
}
