package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

func room() spec.Room {
	return spec.Room{
		Name: "r", Policy: spec.DefaultPolicy(),
		Sensors:         []spec.Sensor{{ID: 1}, {ID: 2}, {ID: 3}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}},
	}
}

func TestInletIsTheMedianOfGoodAndFreshSensors(t *testing.T) {
	now := time.Now()
	s := NewStore([]spec.Room{room()})
	require.Nil(t, s.Snapshot(now).Rooms[0].Inlet)
	s.Reading(wire.Reading{Sensor: 1, At: now, Celsius: 24})
	s.Reading(wire.Reading{Sensor: 2, At: now, Celsius: 60, Bad: true, Reason: "implausible"})
	s.Reading(wire.Reading{Sensor: 3, At: now.Add(-2 * time.Minute), Celsius: 40})
	view := s.Snapshot(now).Rooms[0]
	require.InDelta(t, 24, *view.Inlet, 1e-9)
	require.True(t, view.Sensors[2].Stale, "older than 90 s")
	require.Nil(t, s.Snapshot(now.Add(2 * time.Minute)).Rooms[0].Inlet, "all are stale later")
}

func TestAnOlderWordChangesNothing(t *testing.T) {
	now := time.Now()
	s := NewStore([]spec.Room{room()})
	s.Reading(wire.Reading{Sensor: 1, At: now, Celsius: 24})
	version := s.Snapshot(now).Version
	s.Reading(wire.Reading{Sensor: 1, At: now.Add(-time.Second), Celsius: 30})
	s.Ack(wire.Ack{Room: "r", AC: "ac1", Revision: 5, State: wire.AckConfirmed, Setpoint: 22, TimeMillis: 50})
	s.Ack(wire.Ack{Room: "r", AC: "ac1", Revision: 4, State: wire.AckConfirmed, Setpoint: 27, TimeMillis: 60})
	view := s.Snapshot(now)
	require.Equal(t, version+1, view.Version)
	require.InDelta(t, 24, *view.Rooms[0].Sensors[0].Celsius, 1e-9)
	require.Equal(t, 22, *view.Rooms[0].ACs[0].Confirmed)
}

func TestAnIntentIsShownWhileTheWorkflowIsSilent(t *testing.T) {
	now := time.Now()
	s := NewStore([]spec.Room{room()})
	s.Tune(workflows.TuneState{Room: "r", Revision: 3, Policy: spec.DefaultPolicy(), ACs: []workflows.ACState{{Name: "ac1", Desired: 25}}}, now)
	s.Intent(wire.Intent{Room: "r", Revision: 2, ACs: []wire.IntentAC{{AC: "ac1", Desired: 19}}})
	require.Equal(t, 25, s.Snapshot(now).Rooms[0].ACs[0].Desired, "the workflow's word is newer")
	s.Intent(wire.Intent{Room: "r", Revision: 4, ACs: []wire.IntentAC{{AC: "ac1", Desired: 20, Reason: "override"}}})
	require.Equal(t, 20, s.Snapshot(now).Rooms[0].ACs[0].Desired)
}

func TestAnAlertThatEndedStaysEnded(t *testing.T) {
	s := NewStore(nil)
	s.Alert(wire.Alert{ID: "a", BeganMillis: 1})
	require.Len(t, s.Snapshot(time.Now()).Alerts, 1)
	s.Alert(wire.Alert{ID: "a", BeganMillis: 1, EndedMillis: 2})
	s.Alert(wire.Alert{ID: "a", BeganMillis: 1})
	require.Empty(t, s.Snapshot(time.Now()).Alerts, "a begin that comes late does not raise it again")
	s.Alert(wire.Alert{ID: "a", BeganMillis: 3})
	require.Len(t, s.Snapshot(time.Now()).Alerts, 1, "it began anew")
}

func TestAnAlertShowsWhoAnswered(t *testing.T) {
	s, now := NewStore(nil), time.UnixMilli(1_790_000_000_000)
	at := now.UnixMilli()
	s.Alert(wire.Alert{ID: "a", BeganMillis: at - 100})
	shown := func() *wire.Answer { return s.Snapshot(now).Alerts[0].Answer }
	require.Nil(t, shown())
	s.Answer(wire.Answer{Alert: "a", Kind: wire.AnswerAcknowledge, Who: "kim", TimeMillis: at - 200})
	require.Nil(t, shown(), "it was of the episode before")
	s.Answer(wire.Answer{Alert: "a", Kind: wire.AnswerAcknowledge, Who: "lee", TimeMillis: at - 50})
	require.Equal(t, "lee", shown().Who)
	s.Answer(wire.Answer{Alert: "a", Kind: wire.AnswerShelve, Who: "kim", TimeMillis: at - 40, UntilMillis: at + 1000})
	require.Equal(t, at+1000, shown().UntilMillis)
	s.Answer(wire.Answer{Alert: "a", Kind: wire.AnswerAcknowledge, Who: "old", TimeMillis: at - 45})
	require.Equal(t, "kim", shown().Who, "the newest holds")
	now = now.Add(2 * time.Second)
	require.Nil(t, shown(), "its time has come")
	s.Answer(wire.Answer{Alert: "a", Kind: wire.AnswerUnshelve, Who: "kim", TimeMillis: at + 3000})
	require.Nil(t, shown())
}

func TestChangedWakesOnlyAtAChange(t *testing.T) {
	s := NewStore(nil)
	quiet := s.Changed(0)
	select {
	case <-quiet:
		t.Fatal("woke without a change")
	default:
	}
	s.Alert(wire.Alert{ID: "a", BeganMillis: 1})
	<-quiet
	<-s.Changed(0)
}
