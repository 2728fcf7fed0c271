package workflows

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// hall is a test environment with the real Cooling over fake streams. Its clock starts at 09:00.
type hall struct {
	*testsuite.TestWorkflowEnvironment
	t       *testing.T
	streams *fakes.Streams
	timers  int
	updates int
}

var nine = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

func newHall(t *testing.T) *hall {
	t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quietLog())
	h := &hall{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, streams: &fakes.Streams{}}
	h.SetStartTime(nine)
	h.SetTestTimeout(20 * time.Second)
	h.RegisterWorkflow(TuneWorkflow)
	h.RegisterActivity(&activities.Cooling{Streams: h.streams})
	h.SetOnTimerScheduledListener(func(string, time.Duration) { h.timers++ })
	return h
}

func coldAisle() TuneInput {
	return TuneInput{Service: "smart-energy", Room: spec.Room{
		Name: "hall", Policy: spec.DefaultPolicy(),
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 16, Max: 30}, {Name: "ac2", Min: 20, Max: 30}},
	}}
}

// at does something at a time after nine.
func (h *hall) at(after time.Duration, do func()) { h.RegisterDelayedCallback(do, after) }

func (h *hall) signal(after time.Duration, name string, payload any) {
	h.at(after, func() { h.SignalWorkflow(name, payload) })
}

func (h *hall) state() TuneState {
	h.t.Helper()
	value, err := h.QueryWorkflow(QueryState)
	require.NoError(h.t, err)
	var s TuneState
	require.NoError(h.t, value.Get(&s))
	return s
}

func (h *hall) ac(name string) ACState {
	h.t.Helper()
	s := h.state()
	ac := s.find(name)
	require.NotNil(h.t, ac)
	return *ac
}

// obey makes the edge confirm whatever a machine was told last.
func (h *hall) obey(after time.Duration, acs ...string) {
	h.at(after, func() {
		for _, name := range acs {
			h.SignalWorkflow(SignalAck, h.confirmed(name))
		}
	})
}

func (h *hall) confirmed(name string) wire.Ack {
	ac := h.ac(name)
	return wire.Ack{
		ID: ac.CommandID, Revision: ac.Revision, Room: "hall", AC: name, State: wire.AckConfirmed, Power: true,
		Setpoint: ac.Desired, Evidence: "infrared echo", Source: "command", TimeMillis: h.Now().UnixMilli(),
	}
}

// run ends the workflow after a while and expects that it was the cancel that ended it.
func (h *hall) run(in TuneInput, until time.Duration) {
	h.t.Helper()
	h.at(until, h.CancelWorkflow)
	h.ExecuteWorkflow(TuneWorkflow, in)
	require.True(h.t, h.IsWorkflowCompleted())
	require.True(h.t, temporal.IsCanceledError(h.GetWorkflowError()), "%v", h.GetWorkflowError())
}

// told is what a machine was told so far, in order.
func (h *hall) told(ac string) []int {
	var told []int
	for _, c := range h.streams.Commands() {
		require.NoError(h.t, c.Validate())
		if c.AC == ac {
			told = append(told, c.Setpoint)
		}
	}
	return told
}

func (h *hall) rising() {
	h.t.Helper()
	last := map[string]int64{}
	for _, c := range h.streams.Commands() {
		require.Greater(h.t, c.Revision, last[c.AC])
		last[c.AC] = c.Revision
	}
	var intent int64
	for _, i := range h.streams.Intents() {
		require.NoError(h.t, i.Validate())
		require.GreaterOrEqual(h.t, i.Revision, intent)
		intent = i.Revision
	}
}

func minute(n int) time.Duration { return time.Duration(n) * time.Minute }

func halfHour(ac string, setpoint int) Override {
	return Override{AC: ac, Setpoint: setpoint, For: spec.Duration(minute(30)), Who: "Ada", Why: "work at rack 2"}
}

func TestARoomIsToldTheStartAndThenLeftInPeace(t *testing.T) {
	h := newHall(t)
	h.obey(time.Minute, "ac1", "ac2")
	h.at(2*time.Minute, func() {
		h.timers = 0
		require.Equal(t, 24, *h.ac("ac1").Confirmed)
		require.Equal(t, "infrared echo", h.ac("ac2").Evidence)
	})
	h.run(coldAisle(), 25*time.Hour)
	require.Equal(t, []int{24}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
	// A quiet day: nothing but the intent, twice again, each with one timer.
	require.Equal(t, 1+2, len(h.streams.Intents()))
	require.LessOrEqual(t, h.timers, 3)
	first := h.streams.Intents()[0]
	require.Equal(t, "hall", first.Room)
	require.Equal(t, 24, first.ACs[0].Desired)
	require.JSONEq(t, `"15m0s"`, string(jsonField(t, first.Policy, "up_every")))
	h.rising()
}

func TestAnOverrideHoldsAndExpiresByItself(t *testing.T) {
	h := newHall(t)
	h.obey(time.Minute, "ac1", "ac2")
	h.signal(minute(10), SignalOverride, halfHour("ac1", 20))
	h.at(minute(11), func() {
		ac := h.ac("ac1")
		require.Equal(t, 20, ac.Desired)
		require.Len(t, ac.Overrides, 1)
		require.Equal(t, nine.Add(minute(40)), ac.Overrides[0].Until.UTC())
		require.Equal(t, "override", h.state().Mode)
		require.Equal(t, "override by Ada until 3 Nov 09:40Z: work at rack 2", ac.Reason)
	})
	h.obey(minute(12), "ac1")
	h.at(minute(41), func() {
		require.Equal(t, 24, h.ac("ac1").Desired)
		require.Empty(t, h.ac("ac1").Overrides)
		require.Equal(t, "auto", h.state().Mode)
		audit := h.state().Audit
		require.Equal(t, "ended: its time is over", audit[len(audit)-1].Outcome)
	})
	h.obey(minute(42), "ac1")
	h.run(coldAisle(), time.Hour)
	require.Equal(t, []int{24, 20, 24}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
	h.rising()
}

func TestPolicyAndRoomChangeWhileRunning(t *testing.T) {
	h := newHall(t)
	h.signal(minute(1), SignalPolicy, map[string]any{"policy": map[string]any{"setpoint_max": 23, "setpoint_start": 22}, "who": "Ada"})
	h.at(minute(2), func() {
		require.Equal(t, 23, h.ac("ac1").Desired)
		require.Equal(t, spec.Duration(minute(15)), h.state().Policy.UpEvery, "what is left out stays")
	})
	room := coldAisle().Room
	room.AirConditioners = append(room.AirConditioners[:1], spec.AirConditioner{Name: "ac3", Min: 18, Max: 22})
	h.signal(minute(3), SignalRoom, room)
	h.at(minute(4), func() {
		s := h.state()
		require.Equal(t, 23, s.Policy.SetpointMax, "an apply with the same policy keeps a person's")
		require.Len(t, s.ACs, 2)
		require.Equal(t, 22, h.ac("ac3").Desired)
	})
	room.Policy.SetpointMax = 26
	h.signal(minute(5), SignalRoom, room)
	h.at(minute(6), func() { require.Equal(t, 24, h.ac("ac1").Desired) })
	h.run(coldAisle(), minute(7))
}

func TestAlertsOfOthersAreKeptWhileTheyLast(t *testing.T) {
	h := newHall(t)
	a := wire.Alert{ID: "hall/spool/pi-1", Room: "hall", Kind: "spool", Severity: wire.SeverityWarning, BeganMillis: nine.UnixMilli(), Evidence: "81 %", Source: "edge"}
	h.signal(minute(1), SignalAlert, a)
	h.signal(minute(2), SignalAlert, a)
	h.at(minute(3), func() { require.Equal(t, []wire.Alert{a}, h.state().Alerts) })
	ended := a
	ended.EndedMillis = nine.Add(time.Hour).UnixMilli()
	h.signal(minute(4), SignalAlert, ended)
	h.at(minute(5), func() { require.Empty(t, h.state().Alerts) })
	h.run(coldAisle(), minute(6))
	require.Empty(t, h.streams.Alerts(), "they are published already")
}

// The history is made to look long: the run ends with its state, and the next one goes on as if nothing were.
func TestNothingIsLostWhenARunHandsOver(t *testing.T) {
	h := newHall(t)
	h.signal(minute(1), SignalOverride, halfHour("ac1", 20))
	h.obey(minute(2), "ac1", "ac2")
	h.at(minute(10), func() {
		second := halfHour("ac2", 21)
		second.For = spec.Duration(2 * time.Hour)
		h.SignalWorkflow(SignalOverride, second)
		h.SignalWorkflow(SignalOverride, halfHour("ac9", 21))
		h.SignalWorkflow(SignalRecommend, Recommendation{AC: "ac1", Setpoint: 23, Inlet: 26.8, Reason: "warm"})
	})
	h.at(minute(11), func() {
		h.SetCurrentHistoryLength(600)
		h.SignalWorkflow(SignalAck, h.confirmed("ac2"))
	})
	in := coldAisle()
	in.MaxEvents = 500
	h.ExecuteWorkflow(TuneWorkflow, in)
	var handed *workflow.ContinueAsNewError
	require.True(t, errors.As(h.GetWorkflowError(), &handed), "%v", h.GetWorkflowError())
	var next TuneInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(handed.Input, &next))
	require.Equal(t, 23, next.Carry.ACs[0].Auto)
	require.Equal(t, 21, next.Carry.ACs[1].Desired)
	require.Len(t, next.Carry.Rejected, 1)

	later := newHall(t)
	later.SetStartTime(nine.Add(minute(11)))
	later.at(minute(5), func() {
		require.Equal(t, 20, later.ac("ac1").Desired)
		require.Equal(t, 20, *later.ac("ac1").Confirmed)
	})
	later.at(minute(21), func() { require.Equal(t, 23, later.ac("ac1").Desired, "it expires on time") })
	later.run(next, minute(23))
	require.Equal(t, []int{24, 20, 23}, append(h.told("ac1"), later.told("ac1")...))
	require.Equal(t, []int{24, 21}, append(h.told("ac2"), later.told("ac2")...))
	later.rising()
}

func TestARoomThatCannotBeIsRefused(t *testing.T) {
	h := newHall(t)
	in := coldAisle()
	in.Room.Policy.BandLow = 40
	h.ExecuteWorkflow(TuneWorkflow, in)
	require.ErrorContains(t, h.GetWorkflowError(), "band-low is 40 °C")
}

func jsonField(t *testing.T, object json.RawMessage, name string) json.RawMessage {
	t.Helper()
	fields := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(object, &fields))
	return fields[name]
}
