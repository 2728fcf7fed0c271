package workflows

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
)

// TestTuningOnARealServer floods one room with messages while its runs hand over every few dozen events, and
// finds each of them again. With OVERCLOUD_RECORD set it writes the history that TestReplay replays.
func TestTuningOnARealServer(t *testing.T) {
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", SearchAttributes: searchAttributes(), ClientOptions: &client.Options{Logger: quietLog()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, streams := server.Client(), &fakes.Streams{}
	w := worker.New(c, TaskQueue, WorkerOptions())
	w.RegisterWorkflow(TuneWorkflow)
	w.RegisterActivity(&activities.Cooling{Streams: streams})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	in := coldAisle()
	in.MaxEvents = 40
	id := TuneID("smart-energy", "hall")
	run, err := c.ExecuteWorkflow(t.Context(), startAs(id), TuneWorkflow, in)
	require.NoError(t, err)
	first := run.GetRunID()
	const messages = 120
	for i := range messages {
		o := halfHour("ac1", 18+i%9)
		switch i % 3 {
		case 0:
			o.AC, o.Why = "ac9", "number "+time.Duration(i).String()
			require.NoError(t, c.SignalWorkflow(t.Context(), id, "", SignalOverride, o))
		case 1:
			o.ID = "o" + time.Duration(i).String()
			require.NoError(t, c.SignalWorkflow(t.Context(), id, "", SignalOverride, o))
			require.NoError(t, c.SignalWorkflow(t.Context(), id, "", SignalResume, ResumeRequest{ID: o.ID}))
		case 2:
			a := wire.Alert{ID: "hall/spool/" + time.Duration(i).String(), Room: "hall", Kind: "spool", Severity: wire.SeverityWarning, BeganMillis: time.Now().UnixMilli(), Source: "edge"}
			require.NoError(t, c.SignalWorkflow(t.Context(), id, "", SignalAlert, a))
		}
	}
	last := Override{AC: "ac2", Setpoint: 21, For: spec.Duration(time.Hour), Who: "Ada", Why: "the last"}
	handle, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: UpdateOverride, Args: []any{last}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	var accepted OverrideAccepted
	require.NoError(t, handle.Get(t.Context(), &accepted))
	require.Equal(t, 21, accepted.Desired)

	var s TuneState
	require.Eventually(t, func() bool {
		value, err := c.QueryWorkflow(t.Context(), id, "", QueryState)
		return err == nil && value.Get(&s) == nil && len(s.Alerts) == messages/3 && s.Told == s.Revision
	}, 30*time.Second, 50*time.Millisecond)
	refused := 0
	for _, m := range s.Rejected {
		if m.Kind == SignalOverride {
			refused++
		}
	}
	require.Positive(t, refused)
	seen := 0
	for i := 1; i < messages; i += 3 {
		for _, id := range s.Seen {
			if id == "o"+time.Duration(i).String() {
				seen++
				break
			}
		}
	}
	require.Equal(t, messages/3, seen, "every override was taken")
	require.Empty(t, s.find("ac1").Overrides, "and every one of them ended")
	described, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	require.NotEqual(t, first, described.GetWorkflowExecutionInfo().GetExecution().GetRunId(), "runs have handed over")
	t.Logf("history of the last run: %d events; %d commands", described.GetWorkflowExecutionInfo().GetHistoryLength(), len(streams.Commands()))
	require.NoError(t, c.CancelWorkflow(t.Context(), id, ""))
	require.Error(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))

	if os.Getenv("OVERCLOUD_RECORD") != "" {
		r := &recorder{t: t, address: server.FrontendHostPort(), client: c}
		r.save("tune", id)
		recordDay(t, r)
		recordRules(t, r, "tune-rules")
	}
}

// recordDay records one of everything that happens to a room.
func recordDay(t *testing.T, r *recorder) {
	id := TuneID("smart-energy", "day")
	in := coldAisle()
	in.Room.Name = "day"
	in.Room.Policy.EvidenceWindow = spec.Duration(10 * time.Second)
	_, err := r.client.ExecuteWorkflow(t.Context(), startAs(id), TuneWorkflow, in)
	require.NoError(t, err)
	await := func(reached func(TuneState) bool) (s TuneState) {
		require.Eventually(t, func() bool {
			value, err := r.client.QueryWorkflow(t.Context(), id, "", QueryState)
			return err == nil && value.Get(&s) == nil && s.Told == s.Revision && reached(s)
		}, 30*time.Second, 20*time.Millisecond)
		return s
	}
	send := func(name string, payload any) {
		require.NoError(t, r.client.SignalWorkflow(t.Context(), id, "", name, payload))
	}
	desired := func(n int) func(TuneState) bool {
		return func(s TuneState) bool { return s.ACs[0].Desired == n && s.ACs[0].Told == s.ACs[0].Revision }
	}
	ack := func(s TuneState, state, source string, setpoint int) {
		send(SignalAck, wire.Ack{
			ID: s.ACs[0].CommandID, Revision: s.ACs[0].Revision, Room: "day", AC: "ac1", State: state, Power: true,
			Setpoint: setpoint, Source: source, TimeMillis: time.Now().UnixMilli(),
		})
	}
	s := await(desired(24))
	ack(s, wire.AckConfirmed, "command", 24)
	brief := halfHour("ac1", 20)
	brief.For = spec.Duration(3 * time.Second)
	send(SignalOverride, brief)
	s = await(desired(20))
	ack(s, wire.AckSent, "command", 20)
	ack(s, wire.AckConfirmed, "command", 20)
	s = await(desired(24)) // it has expired
	ack(s, wire.AckConfirmed, ackHandRemote, 28)
	s = await(func(s TuneState) bool { return s.ACs[0].Confirmed == nil && s.ACs[0].Told > 0 }) // told again
	send(SignalRecommend, Recommendation{AC: "ac1", Setpoint: 18, Emergency: true, Revision: s.ACs[0].Revision + 1, CommandID: "control-1", Reason: "hot"})
	s = await(desired(18))
	ack(s, wire.AckConfirmed, "command", 18)
	send(SignalRecommend, Recommendation{AC: "ac1", Setpoint: 18, Reason: "over"})
	send(SignalOverride, map[string]any{"ac": "ac1", "setpoint": "cold"})
	send(SignalPolicy, map[string]any{"policy": map[string]any{"setpoint_min": 19, "fail_cold": 21}})
	await(desired(19))
	long := halfHour("ac1", 22)
	long.ID = "long"
	send(SignalOverride, long)
	await(desired(22))
	send(SignalResume, ResumeRequest{ID: "long", Who: "Ada"})
	await(desired(19))
	recordPeople(t, r, id)
	await(desired(20))
	require.NoError(t, r.client.CancelWorkflow(t.Context(), id, ""))
	require.Error(t, r.client.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	r.save("tune-day", id)
}

// recordPeople records what people say by updates: overrides that queue, a policy in parts, answers to alerts.
func recordPeople(t *testing.T, r *recorder, id string) {
	said := func(name string, payload any) {
		handle, err := r.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: name, Args: []any{payload}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		require.NoError(t, err)
		require.NoError(t, handle.Get(t.Context(), nil))
	}
	said(UpdateOverride, ranked("low", "low", 21, 60))
	said(UpdateOverride, ranked("high", "high", 23, 60))
	said(UpdateOverride, ranked("later", "", 22, 60))
	said(UpdateResume, ResumeRequest{ID: "high", Who: "Ada"})
	said(UpdatePolicy, PolicyRequest{Policy: json.RawMessage(`{"setpoint_min":20,"fail_cold":21}`), Who: "Ada", Why: "heat wave"})
	alert := dry(time.Now())
	alert.ID, alert.Room = "day/spool/pi-1", "day"
	require.NoError(t, r.client.SignalWorkflow(t.Context(), id, "", SignalAlert, alert))
	require.Eventually(t, func() bool {
		var s TuneState
		value, err := r.client.QueryWorkflow(t.Context(), id, "", QueryState)
		return err == nil && value.Get(&s) == nil && len(s.Alerts) > 0
	}, 30*time.Second, 20*time.Millisecond)
	said(UpdateAcknowledge, AnswerRequest{Alert: alert.ID, Who: "Ada"})
	said(UpdateShelve, AnswerRequest{Alert: "day/sensor/3", For: spec.Duration(time.Second), Who: "Ada"})
	said(UpdateShelve, AnswerRequest{Alert: "day/sensor/4", For: spec.Duration(time.Hour), Who: "Ada"})
	said(UpdateUnshelve, AnswerRequest{Alert: "day/sensor/4", Who: "Ada"})
	said(UpdateResume, ResumeRequest{Who: "Ada"})
}
