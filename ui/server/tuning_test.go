package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// tuned is a Control Room over a room's real tuning, on a real Temporal.
func tuned(t *testing.T) (*Server, *temporal.Client) {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	dev, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dev.Stop()) })
	c, err := temporal.Dial(temporal.Options{Address: dev.FrontendHostPort()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.EnsureAttributes(t.Context()))
	w := worker.New(c.SDK(), workflows.TaskQueue, workflows.WorkerOptions())
	workflows.Register(w)
	w.RegisterActivity(&activities.Cooling{Streams: &fakes.Streams{}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	s, _ := newServer(t)
	s.Operator, s.Tunes, s.Answers = c, c, c
	room, _ := s.Store.Room("server-room")
	options := client.StartWorkflowOptions{ID: workflows.TuneID("smart-energy", "server-room"), TaskQueue: workflows.TaskQueue}
	_, err = c.SDK().ExecuteWorkflow(t.Context(), options, workflows.TuneWorkflow, workflows.TuneInput{Service: "smart-energy", Room: room})
	require.NoError(t, err)
	return s, c
}

func TestOverridesAndAnswersOnARealTemporal(t *testing.T) {
	s, c := tuned(t)
	const body = `{"ac":"ac1","setpoint":20,"for":"30m","who":"kim","why":"test","id":"page-1"}`
	set := func(body string) (int, workflows.OverrideAccepted, string) {
		w := request(t, s, "POST", "/api/v1/rooms/server-room/overrides", body)
		var accepted workflows.OverrideAccepted
		if w.Code == http.StatusCreated {
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &accepted))
		}
		return w.Code, accepted, w.Body.String()
	}
	code, first, said := set(body)
	require.Equal(t, http.StatusCreated, code, said)
	require.Equal(t, 20, first.Desired)
	code, again, said := set(body)
	require.Equal(t, http.StatusCreated, code, said)
	require.Equal(t, first, again, "its answer was lost and it was sent again: the same override, with the same end")
	overrides := func() []workflows.ActiveOverride { return s.Store.Snapshot(time.Now()).Rooms[0].ACs[0].Overrides }
	require.Len(t, overrides(), 1)

	code, _, said = set(`{"ac":"ac1","setpoint":50,"for":"30m","who":"kim","why":"test"}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, said, "setpoint 50 °C is outside 18 to 27 °C of ac1")
	code, _, said = set(`{"ac":"ac1","setpoint":20,"for":"30m","why":""}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, said, "who")

	require.Equal(t, http.StatusNoContent, request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides/page-1?who=lee", "").Code)
	require.Empty(t, overrides())
	require.Equal(t, http.StatusNotFound, request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides/page-1?who=lee", "").Code, "it has ended")
	code, _, said = set(body)
	require.Equal(t, http.StatusUnprocessableEntity, code, "what has ended does not begin again")
	require.Contains(t, said, "page-1 has ended already")

	answer := func(verb, body string) (int, string) {
		w := request(t, s, "POST", "/api/v1/alerts/server-room%2Fsensor%2F3/"+verb, body)
		return w.Code, w.Body.String()
	}
	code, said = answer("acknowledge", `{"who":"kim"}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, said, "no alert server-room/sensor/3 lasts in room server-room")
	alert := wire.Alert{
		ID: "server-room/sensor/3", Room: "server-room", Kind: "sensor", Severity: wire.SeverityWarning, BeganMillis: time.Now().UnixMilli(),
		Evidence: "sensor 3 is silent for 2m0s", Source: "control",
	}
	require.NoError(t, c.SignalTune(t.Context(), "smart-energy", "server-room", workflows.SignalAlert, alert))
	// An answer that comes in the same breath as its alert may be heard before it.
	require.Eventually(t, func() bool {
		code, said = answer("acknowledge", `{"who":"kim","why":"on my way"}`)
		return code == http.StatusOK
	}, 10*time.Second, 20*time.Millisecond)
	require.JSONEq(t, `{"alert":"server-room/sensor/3","kind":"acknowledge","lasts":true}`, said)
	code, said = answer("shelve", `{"who":"kim","for":"2h"}`)
	require.Equal(t, http.StatusOK, code, said)
	require.Contains(t, said, `"instead":"acknowledge"`)
	code, said = answer("unshelve", `{"who":"kim"}`)
	require.Equal(t, http.StatusOK, code, said)
	code, said = answer("shelve", `{"who":"kim","for":"2000h"}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, said, "must be from 1s to 336h0m0s")
}
