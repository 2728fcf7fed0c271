package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// operator is a hand-written workflow side that keeps a log.
type operator struct {
	log    []string
	answer error
}

func (o *operator) Override(_ context.Context, service, room string, override workflows.Override) (workflows.OverrideAccepted, error) {
	o.log = append(o.log, fmt.Sprintf("override %s/%s %s %d for %s by %s: %s", service, room, override.AC, override.Setpoint, override.For, override.Who, override.Why))
	return workflows.OverrideAccepted{ID: "o1", Desired: override.Setpoint}, o.answer
}

func (o *operator) Resume(_ context.Context, service, room string, request workflows.ResumeRequest) error {
	o.log = append(o.log, fmt.Sprintf("resume %s/%s %s by %s", service, room, request.ID, request.Who))
	return o.answer
}

// graphs knows one service.
type graphs struct{}

func (graphs) Graph(_ context.Context, service string) (workflows.Graph, error) {
	if service != "smart-energy" {
		return workflows.Graph{}, fmt.Errorf("no service %s is running: %w", service, fault.ErrNotFound)
	}
	begun := time.Unix(1, 0).UTC()
	return workflows.MakeGraph(workflows.Status{Service: service, Phase: workflows.PhaseTuning}, []workflows.Step{
		{ID: "plan", Phase: "match", Title: "match", State: workflows.StepDone, Started: begun, Ended: begun.Add(time.Second), Attempts: 2},
		{ID: "pull/a", Phase: "place", Title: "pull a", State: workflows.StepWaiting, After: []string{"plan"}},
	}, nil, begun), nil
}

func newServer(t *testing.T) (*Server, *operator) {
	t.Helper()
	people := &operator{}
	room := spec.Room{
		Name: "server-room", Title: "Server room", Policy: spec.DefaultPolicy(),
		Sensors:         []spec.Sensor{{ID: 1, Source: "simulated://1"}, {ID: 2, Source: "simulated://2"}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}},
	}
	return New(Options{
		Service: "smart-energy", Store: state.NewStore([]spec.Room{room}), Operator: people, Graphs: graphs{},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}), people
}

func request(t *testing.T, s *Server, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	conforms(t, method, path, w)
	return w
}

const good = `{"ac":"ac1","setpoint":20,"for":"30m","who":"kim","why":"test"}`

func TestOverrideReachesTheWorkflow(t *testing.T) {
	s, people := newServer(t)
	w := request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Equal(t, []string{"override smart-energy/server-room ac1 20 for 30m0s by kim: test"}, people.log)
	require.Contains(t, w.Body.String(), `"desired":20`)
}

func TestBadRequestsSayWhyAndChangeNothing(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"an unknown room", "POST", "/api/v1/rooms/attic/overrides", good, 404, `there is no room \"attic\"`},
		{"an unknown air conditioner", "POST", "/api/v1/rooms/server-room/overrides", strings.Replace(good, "ac1", "ac9", 1), 422, `has no air conditioner \"ac9\"; it has ac1`},
		{"a misspelt field", "POST", "/api/v1/rooms/server-room/overrides", strings.Replace(good, "setpoint", "setpiont", 1), 422, "setpiont"},
		{"a duration that is none", "POST", "/api/v1/rooms/server-room/overrides", strings.Replace(good, "30m", "soon", 1), 422, "write 30s, 15m or 2h"},
		{"no JSON", "POST", "/api/v1/rooms/server-room/overrides", "20 degrees", 422, "the body is no override"},
		{"two values", "POST", "/api/v1/rooms/server-room/overrides", good + good, 422, "more than one value"},
		{"an override that is not there", "DELETE", "/api/v1/rooms/server-room/overrides/o7", "", 404, `has no override \"o7\"`},
		{"a path that is not there", "GET", "/api/v1/nothing", "", 404, "Not Found"},
		{"a body far too long", "POST", "/api/v1/rooms/server-room/overrides", `{"ac":"` + strings.Repeat("x", 70000) + `"}`, 413, "Request Entity Too Large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, people := newServer(t)
			w := request(t, s, c.method, c.path, c.body)
			require.Equal(t, c.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), c.says)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Empty(t, people.log)
		})
	}
}

func TestTheWorkflowsAnswerBecomesAStatus(t *testing.T) {
	for _, c := range []struct {
		answer error
		status int
		says   string
	}{
		{fmt.Errorf("setpoint 50 is outside 18 to 27 °C: %w", fault.ErrInvalid), 422, `"setpoint 50 is outside 18 to 27 °C"`},
		{fmt.Errorf("temporal on 127.0.0.1:7233: %w", fault.ErrUnreachable), 503, "127.0.0.1:7233"},
		{context.DeadlineExceeded, 504, "no answer in time"},
		{io.ErrUnexpectedEOF, 500, "the log of ui says what"},
	} {
		s, people := newServer(t)
		people.answer = c.answer
		w := request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good)
		require.Equal(t, c.status, w.Code)
		require.Contains(t, w.Body.String(), c.says)
	}
}

func TestAPageOfAnotherSiteMayNotAct(t *testing.T) {
	s, people := newServer(t)
	w := request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Empty(t, people.log)
}

func TestClearEndsAKnownOverride(t *testing.T) {
	s, people := newServer(t)
	s.Store.Tune(workflows.TuneState{Room: "server-room", ACs: []workflows.ACState{{
		Name: "ac1", Overrides: []workflows.ActiveOverride{{Override: workflows.Override{ID: "o1"}}},
	}}}, time.Now())
	w := request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides/o1?who=lee", "")
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	require.Equal(t, []string{"resume smart-energy/server-room o1 by lee"}, people.log)
}

func TestAServiceIsShownAsGraphs(t *testing.T) {
	s, _ := newServer(t)
	w := request(t, s, "GET", "/api/v1/services/smart-energy", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{
		"service": "smart-energy", "revision": 0, "phase": "tuning", "since": "0001-01-01T00:00:00Z",
		"steps": [
			{"id": "plan", "phase": "match", "title": "match", "state": "done", "started": "1970-01-01T00:00:01Z",
			 "ended": "1970-01-01T00:00:02Z", "attempts": 2, "duration_ms": 1000},
			{"id": "pull/a", "phase": "place", "title": "pull a", "state": "waiting", "after": ["plan"], "duration_ms": 0}
		],
		"edges": [{"from": "plan", "to": "pull/a"}], "functions": [], "links": [], "boxes": [], "tuned": [],
		"steps_revision": 0, "critical": ["plan"], "duration_ms": 1000, "runs": [], "wanted": []
	}`, w.Body.String())
	w = request(t, s, "GET", "/api/v1/services/nobody", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Contains(t, w.Body.String(), "no service nobody is running")
}

func TestThePageHasNoInlineScript(t *testing.T) {
	s, _ := newServer(t)
	w := request(t, s, "GET", "/", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.NotRegexp(t, `<script>|<style>|\son[a-z]+=|style=`, w.Body.String())
}
