package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// recordRules records what the rules may do and may not: today's checks must take and refuse the same in a history that
// was written before.
func recordRules(t *testing.T, r *recorder, name string) {
	id := TuneID("smart-energy", "rules")
	in := coldAisle()
	in.Room.Name = "rules"
	p := &in.Room.Policy
	p.UpEvery, p.DownEvery, p.FastDownEvery = spec.Duration(time.Second), spec.Duration(time.Second), spec.Duration(time.Second)
	_, err := r.client.ExecuteWorkflow(t.Context(), startAs(id), TuneWorkflow, in)
	require.NoError(t, err)
	await := func(desired int) (s TuneState) {
		require.Eventually(t, func() bool {
			value, err := r.client.QueryWorkflow(t.Context(), id, "", QueryState)
			return err == nil && value.Get(&s) == nil && s.ACs[0].Desired == desired && s.ACs[0].Told == s.ACs[0].Revision && s.Told == s.Revision
		}, 30*time.Second, 20*time.Millisecond)
		return s
	}
	send := func(signal string, payload any) {
		require.NoError(t, r.client.SignalWorkflow(t.Context(), id, "", signal, payload))
	}
	obey := func(s TuneState) {
		send(SignalAck, wire.Ack{
			ID: s.ACs[0].CommandID, Revision: s.ACs[0].Revision, Room: "rules", AC: "ac1", State: wire.AckConfirmed, Power: true,
			Setpoint: s.ACs[0].Desired, Source: "command", TimeMillis: time.Now().UnixMilli(),
		})
		time.Sleep(1100 * time.Millisecond) // the rules' own pace
	}
	rules := func(setpoint int, inlet float64) {
		send(SignalRecommend, Recommendation{AC: "ac1", Setpoint: setpoint, Inlet: inlet, Reason: "rules"})
	}
	obey(await(24))
	rules(25, 24)
	obey(await(25))
	rules(27, 24) // two at once
	rules(26, 24)
	obey(await(26))
	rules(25, 26.8)
	obey(await(25))
	rules(22, 26.8) // three at once
	rules(23, 27.9)
	s := await(23)
	obey(s)
	send(SignalRecommend, Recommendation{AC: "ac1", Setpoint: 18, Inlet: 32.4, Emergency: true, Revision: s.ACs[0].Revision + 1, CommandID: "control-1", Reason: "hot"})
	send(SignalOverride, halfHour("ac1", 25))
	obey(await(18))
	rules(18, 26)
	obey(await(25))
	send(SignalPolicy, map[string]any{"policy": map[string]any{"setpoint_max": 24, "setpoint_start": 22}, "who": "Ada"})
	obey(await(18)) // the override is outside the limits
	send(SignalPolicy, map[string]any{"policy": map[string]any{"setpoint_max": 27}, "who": "Ada"})
	obey(await(25))
	send(SignalResume, ResumeRequest{AC: "ac1", Who: "Ada"})
	obey(await(18))
	room := in.Room
	room.AirConditioners = []spec.AirConditioner{{Name: "ac1", Min: 20, Max: 30}, {Name: "ac3", Min: 16, Max: 30}}
	send(SignalRoom, room)
	obey(await(20))
	send(SignalAlert, wire.Alert{ID: "rules/spool/pi-1", Room: "rules", Kind: "spool", Severity: wire.SeverityWarning, BeganMillis: time.Now().UnixMilli(), Source: "edge"})
	require.NoError(t, r.client.CancelWorkflow(t.Context(), id, ""))
	require.Error(t, r.client.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	r.save(name, id)
}
