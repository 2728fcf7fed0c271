package workflows

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

func ranked(id, priority string, setpoint, minutes int) Override {
	return Override{AC: "ac1", Setpoint: setpoint, For: spec.Duration(minute(minutes)), Who: "Ada", Why: "why", ID: id, Priority: priority}
}

func TestOverridesHoldByPriorityAndReturnByThemselves(t *testing.T) {
	h := newHall(t)
	h.signal(minute(1), SignalOverride, ranked("low", "low", 22, 120))
	h.signal(minute(2), SignalOverride, ranked("high", "high", 20, 30))
	h.signal(minute(3), SignalOverride, ranked("later", "", 23, 60))
	h.signal(minute(4), SignalOverride, ranked("bad", "urgent", 23, 60))
	h.at(minute(5), func() {
		ac := h.ac("ac1")
		require.Equal(t, 20, ac.Desired)
		require.Equal(t, []string{"high", "later", "low"}, []string{ac.Overrides[0].ID, ac.Overrides[1].ID, ac.Overrides[2].ID})
		require.Equal(t, "the override high of high priority holds", ac.Overrides[1].Suspended)
		require.Equal(t, "the override high of high priority holds", ac.Overrides[2].Suspended)
		require.Equal(t, `priority "urgent" is unknown: write low, normal or high`, h.state().Rejected[0].Reason)
		require.Equal(t, "override ac1 to 20 °C for 30m0s, high priority", h.state().Audit[1].What)
		require.Equal(t, nine.Add(minute(32)), h.state().Audit[1].Until.UTC())
	})
	h.at(minute(33), func() {
		require.Equal(t, 23, h.ac("ac1").Desired, "the normal one returns")
		require.Equal(t, "the override later of normal priority holds", h.ac("ac1").Overrides[1].Suspended)
	})
	h.at(minute(40), func() {
		accepted, err := ask[ResumeAccepted](h, UpdateResume, ResumeRequest{ID: "later", Who: "Bob", Why: "done"})
		h.at(time.Second, func() {
			require.NoError(t, *err)
			require.Equal(t, []EndedOverride{{ID: "later", AC: "ac1", Setpoint: 23, Desired: 22}}, accepted.Ended)
		})
	})
	h.at(minute(41), func() {
		_, err := ask[ResumeAccepted](h, UpdateResume, ResumeRequest{ID: "later", Who: "Bob"})
		h.at(time.Second, func() {
			require.Equal(t, "there is no override later (there is low of ac1)", says(t, *err))
		})
	})
	h.at(minute(122), func() { require.Equal(t, 24, h.ac("ac1").Desired, "then the rules") })
	h.run(coldAisle(), minute(123))
	require.Equal(t, []int{24, 22, 20, 23, 22, 24}, slices.Compact(h.told("ac1")))
	h.rising()
}

func TestAFloodOfWishesKeepsNoHighOneOut(t *testing.T) {
	s := newTuneState(coldAisle(), nine)
	for i := range 20 {
		err := s.takeOverride(nine, ranked(fmt.Sprint("n", i), "normal", 22, 60))
		require.Equal(t, i >= 10, err != nil, i)
	}
	require.EqualError(t, s.takeOverride(nine, ranked("l", "low", 22, 60)), "ac1 has 10 overrides already, end one first")
	require.NoError(t, s.takeOverride(nine, ranked("h", "high", 20, 60)))
	s.settle(nine)
	require.Equal(t, 20, s.ACs[0].Desired)
}

// An emergency beats what is warmer whatever its priority is, lets the next one hold that is cold enough, and gives
// back what it took.
func TestAnEmergencyPassesOverWarmOverridesInTheQueue(t *testing.T) {
	h := newHall(t)
	h.signal(minute(1), SignalOverride, ranked("warm", "high", 26, 60))
	h.signal(minute(2), SignalOverride, ranked("cold", "low", 18, 60))
	h.obey(minute(3), "ac1", "ac2")
	h.signal(minute(4), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 20, Inlet: 31, Reason: "inlet 31.0 °C", Emergency: true})
	h.at(minute(5), func() {
		ac := h.ac("ac1")
		require.Equal(t, 18, ac.Desired)
		require.Equal(t, "26 °C is warmer than the emergency's 20: inlet 31.0 °C", ac.Overrides[0].Suspended)
		require.Empty(t, ac.Overrides[1].Suspended)
	})
	h.signal(minute(10), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 20, Inlet: 26, Reason: "over"})
	h.at(minute(11), func() {
		ac := h.ac("ac1")
		require.Equal(t, 26, ac.Desired)
		require.Equal(t, "the override warm of high priority holds", ac.Overrides[1].Suspended)
	})
	h.run(coldAisle(), minute(12))
}

func TestAPolicyIsChangedInPartsAndSaysWhatChanged(t *testing.T) {
	h := newHall(t)
	set := func(after time.Duration, request PolicyRequest, check func(PolicyAccepted, error)) {
		h.at(after, func() {
			accepted, err := ask[PolicyAccepted](h, UpdatePolicy, request)
			h.at(time.Second, func() { check(*accepted, *err) })
		})
	}
	set(minute(1), PolicyRequest{Policy: json.RawMessage(`{"setpoint_max":23,"setpoint_start":22}`), Who: "Ada", Why: "heat wave"}, func(a PolicyAccepted, err error) {
		require.NoError(t, err)
		require.Equal(t, []PolicyChange{{"setpoint-max", "27 °C", "23 °C"}, {"setpoint-start", "24 °C", "22 °C"}}, a.Changed)
		require.Equal(t, 23, h.ac("ac1").Desired)
		last := h.state().Audit[len(h.state().Audit)-1]
		require.Equal(t, "accepted: setpoint-max 27 °C -> 23 °C, setpoint-start 24 °C -> 22 °C", last.Outcome)
		require.Equal(t, "heat wave", last.Why)
	})
	refused := map[string]string{
		`{"setpoint_maxx":23}`:  `a policy has no "setpoint_maxx"`,
		`{"setpoint_max":"23"}`: "policy.setpoint_max must not be a string",
		`{"up_every":"soon"}`:   `its payload is not readable: "soon" is no duration (write 30s, 15m or 2h)`,
		`{"setpoint_max":17}`:   "",
		``:                      "policy must be given: the fields that change",
	}
	n := 2
	for policy, reason := range refused {
		set(minute(n), PolicyRequest{Policy: json.RawMessage(policy), Who: "Ada"}, func(_ PolicyAccepted, err error) {
			if text := says(t, err); reason != "" {
				require.Equal(t, reason, text)
			}
			require.Equal(t, 23, h.state().Policy.SetpointMax)
			require.EqualValues(t, 1, h.state().Taken.Policies)
		})
		n++
	}
	set(minute(20), PolicyRequest{Policy: json.RawMessage(`{"setpoint_max":23}`), Who: "Ada"}, func(a PolicyAccepted, err error) {
		require.NoError(t, err)
		require.Empty(t, a.Changed)
	})
	set(minute(21), PolicyRequest{Reset: true, Policy: json.RawMessage(`{"up_every":"20m"}`), Who: "Ada"}, func(a PolicyAccepted, err error) {
		require.NoError(t, err)
		require.Equal(t, []PolicyChange{{"setpoint-max", "23 °C", "27 °C"}, {"setpoint-start", "22 °C", "24 °C"}, {"up-every", "15m", "20m"}}, a.Changed)
	})
	h.run(coldAisle(), minute(22))
}

// A schedule narrows what the rules want; what people want, and the hard limits, it leaves alone.
func TestTheHourOfAScheduleHoldsForTheRules(t *testing.T) {
	in := coldAisle()
	most := 24
	in.Room.Policy.Schedule = []spec.ScheduleEntry{{From: "10:00", To: "12:00", SetpointMax: &most}}
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.signal(minute(20), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 25, Inlet: 24, Reason: "cool"})
	h.signal(minute(70), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 26, Inlet: 24, Reason: "warmer at ten"})
	h.at(minute(71), func() {
		require.Equal(t, 25, h.ac("ac1").Desired, "outside the hour's limits: refused")
		require.Len(t, h.state().Rejected, 1)
	})
	h.signal(minute(80), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 24, Inlet: 24, Reason: "the hour"})
	h.signal(minute(81), SignalOverride, ranked("o", "", 26, 10))
	h.at(minute(82), func() { require.Equal(t, 26, h.ac("ac1").Desired, "a person may") })
	h.at(minute(92), func() {
		require.Equal(t, 24, h.ac("ac1").Desired)
		why, err := h.state().Explain("ac1", h.Now())
		require.NoError(t, err)
		require.Contains(t, why[0].Sentence, "the limits are 18 to 27 °C, at this hour 18 to 24 °C for the rules")
	})
	h.run(in, minute(93))
}

func TestWhyIsOneSentenceWithNumbers(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.signal(minute(20), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 25, Inlet: 24, Reason: "inlet 24.0 °C below the band for 15m: one up"})
	h.obey(minute(21), "ac1")
	sentence := func(ac string) string {
		why, err := h.state().Explain(ac, h.Now())
		require.NoError(t, err)
		return why[0].Sentence
	}
	h.at(minute(150), func() {
		require.Equal(t, "ac1 is told 25 °C since 3 Nov 09:20Z (2h10m) because of the rules: inlet 24.0 °C below the band for 15m: one up; "+
			"the limits are 18 to 27 °C; it is confirmed (infrared echo)", sentence("ac1"))
		_, err := h.state().Explain("ac7", h.Now())
		require.EqualError(t, err, `there is no air conditioner "ac7" in room hall (there are ac1, ac2)`)
		all, err := h.state().Explain("", h.Now())
		require.NoError(t, err)
		require.Len(t, all, 2)
	})
	h.signal(minute(151), SignalOverride, ranked("o1", "high", 20, 60))
	h.signal(minute(152), SignalOverride, ranked("o2", "", 22, 60))
	h.at(minute(153), func() {
		require.Equal(t, "ac1 is told 20 °C since 3 Nov 11:31Z (2m) because of the override: override by Ada until 3 Nov 12:31Z: why (high priority, 58m left); "+
			"the rules would have 25 °C: inlet 24.0 °C below the band for 15m: one up; the limits are 18 to 27 °C; "+
			"the override o2 by Ada to 22 °C until 3 Nov 12:32Z waits: the override o1 of high priority holds; it was told once and is not confirmed", sentence("ac1"))
	})
	h.signal(minute(154), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 18, Inlet: 32.4, Reason: "inlet 32.4 °C", Emergency: true})
	h.at(minute(155), func() {
		require.Equal(t, "ac1 is told 18 °C since 3 Nov 11:34Z (1m) because of the emergency: inlet 32.4 °C; the limits are 18 to 27 °C; "+
			"the override o1 by Ada to 20 °C until 3 Nov 12:31Z waits: 20 °C is warmer than the emergency's 18: inlet 32.4 °C; "+
			"the override o2 by Ada to 22 °C until 3 Nov 12:32Z waits: 22 °C is warmer than the emergency's 18: inlet 32.4 °C; "+
			"it was told once and is not confirmed", sentence("ac1"))
	})
	h.run(coldAisle(), minute(156))
}

// What a person did is still to be read after an edge or a control loop was refused a thousand times.
func TestRefusedMachinesDoNotPushPeopleOutOfTheAudit(t *testing.T) {
	s := newTuneState(coldAisle(), nine)
	require.NoError(t, s.takeOverride(nine, ranked("o", "", 20, 60)))
	for range 1000 {
		s.reject(nine, SignalRecommend, "control", "ac1 to 30 °C", fmt.Errorf("no"))
	}
	require.Len(t, s.Audit, mostAudit)
	require.Equal(t, "accepted as o", s.Audit[0].Outcome)
	for i := range 200 {
		s.reject(nine, SignalOverride, "Bob", fmt.Sprint(i), fmt.Errorf("no"))
	}
	require.Len(t, s.Audit, mostAudit)
	machines := 0
	for _, entry := range s.Audit {
		if entry.refusedMachine() {
			machines++
		}
	}
	require.LessOrEqual(t, machines, mostRejected)
}

// A run's state that an older version has written is taken up as it was meant.
func TestTheStateOfAnOlderVersionIsTakenUp(t *testing.T) {
	var in TuneInput
	require.NoError(t, json.Unmarshal(inputOf(t, "testdata/tune-1.json"), &in))
	require.NotNil(t, in.Carry, "the last run of a chain")
	fresh := spec.DefaultPolicy()
	require.True(t, in.Carry.Policy.Equal(fresh), "what it did not know has its default: %v", PolicyChanges(fresh, in.Carry.Policy))
	require.True(t, in.Room.Policy.Equal(fresh))
	h := newHall(t)
	h.SetStartTime(in.Carry.ACs[0].AutoSince)
	before := *in.Carry
	h.at(minute(1), func() {
		s := h.state()
		require.Equal(t, before.ACs[0].Auto, s.ACs[0].Auto)
		require.Equal(t, before.Alerts, s.Alerts)
		h.SignalWorkflow(SignalOverride, ranked("after", "high", 20, 30))
	})
	h.at(minute(2), func() { require.Equal(t, 20, h.ac("ac1").Desired) })
	h.run(in, minute(3))
	require.Greater(t, len(h.streams.Commands()), 0)
}

// inputOf is the input of a recorded history.
func inputOf(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var history struct {
		Events []struct {
			Started struct {
				Input struct {
					Payloads []struct {
						Data []byte `json:"data"`
					} `json:"payloads"`
				} `json:"input"`
			} `json:"workflowExecutionStartedEventAttributes"`
		} `json:"events"`
	}
	require.NoError(t, json.Unmarshal(data, &history))
	return history.Events[0].Started.Input.Payloads[0].Data
}
