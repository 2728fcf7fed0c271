package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		signal  string
		payload any
		reason  string
	}{
		{"unknown machine", SignalOverride, halfHour("ac9", 20), `there is no air conditioner "ac9" in room hall (there are ac1, ac2)`},
		{"too cold", SignalOverride, halfHour("ac2", 12), "setpoint 12 °C is outside 20 to 27 °C of ac2"},
		{"nobody, for ever", SignalOverride, Override{AC: "ac1", Setpoint: 20}, "for 0s must be above 0s and at most 24h0m0s; who must be given; why must be given"},
		{"no number", SignalOverride, map[string]any{"ac": "ac1", "setpoint": "cold"}, "setpoint must not be a string"},
		{"no duration", SignalOverride, map[string]any{"ac": "ac1", "setpoint": 20, "for": "soon"}, `its payload is not readable: "soon" is no duration (write 30s, 15m or 2h)`},
		{"nothing to resume", SignalResume, ResumeRequest{AC: "ac1"}, "there is no override to end"},
		{"a policy that cannot be", SignalPolicy, map[string]any{"policy": map[string]any{"band_low": 29}}, "policy.band-high: band-high is 26.5 °C, but band-low is 29 °C: the order is band-low < band-high < warn < high < critical"},
		{"another room", SignalRoom, spec.Room{Name: "attic"}, `it is of room "attic", not "hall"`},
		{"rules that leap", SignalRecommend, Recommendation{AC: "ac1", Setpoint: 27, Inlet: 24, Reason: "x"}, "raising by 3 °C at once is more than 1"},
		{"rules beyond the limits", SignalRecommend, Recommendation{AC: "ac1", Setpoint: 17, Emergency: true}, "setpoint 17 °C is outside 18 to 27 °C"},
		{"an ack of nobody", SignalAck, wire.Ack{ID: "x", Revision: 1, Room: "hall", AC: "ac9", State: wire.AckSent, Power: true, Setpoint: 20, Source: "command", TimeMillis: nine.UnixMilli()}, "there is no air conditioner hall/ac9 here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHall(t)
			h.obey(time.Minute, "ac1", "ac2")
			var before TuneState
			h.at(minute(2), func() { before = h.state() })
			h.signal(minute(3), c.signal, c.payload)
			h.at(minute(4), func() {
				after := h.state()
				require.Len(t, after.Rejected, 1)
				require.Equal(t, c.signal, after.Rejected[0].Kind)
				require.Equal(t, c.reason, after.Rejected[0].Reason)
				require.Equal(t, "refused: "+c.reason, after.Audit[len(after.Audit)-1].Outcome)
				require.Equal(t, before.Taken.Refused+1, after.Taken.Refused)
				after.Rejected, after.Audit, after.Seen, after.Taken = nil, before.Audit, before.Seen, before.Taken
				require.Equal(t, before, after)
			})
			h.run(coldAisle(), minute(5))
			require.Len(t, h.streams.Commands(), 2)
			require.Len(t, h.streams.Intents(), 1)
		})
	}
}

type reply struct {
	accepted bool
	result   OverrideAccepted
	err      error
}

func (h *hall) update(id string, o Override, answered *reply) {
	h.UpdateWorkflow(UpdateOverride, id, &testsuite.TestUpdateCallback{
		OnAccept: func() { answered.accepted = true },
		OnReject: func(err error) { answered.err = err },
		OnComplete: func(result any, err error) {
			if answered.err = err; err == nil {
				answered.result = result.(OverrideAccepted)
			}
		},
	}, o)
}

func TestTheUpdateAnswersAtOnce(t *testing.T) {
	h := newHall(t)
	var good, again, bad reply
	h.at(time.Minute, func() { h.update("u1", halfHour("ac1", 21), &good) })
	h.at(minute(2), func() {
		h.update("u2", Override{AC: "ac1", Setpoint: 21, For: spec.Duration(minute(30)), Who: "Ada", Why: "x", ID: "u1"}, &again)
	})
	h.at(minute(3), func() { h.update("u3", halfHour("ac1", 31), &bad) })
	h.at(minute(4), func() {
		require.Len(t, h.ac("ac1").Overrides, 1)
		require.Empty(t, h.state().Rejected, "an update that is refused leaves no trace")
	})
	h.run(coldAisle(), minute(5))
	require.Equal(t, OverrideAccepted{ID: "u1", Until: nine.Add(minute(31)), Desired: 21}, utc(good.result))
	require.Equal(t, utc(good.result), utc(again.result))
	require.False(t, bad.accepted)
	var application *temporal.ApplicationError
	require.ErrorAs(t, bad.err, &application)
	require.Equal(t, activities.TypeInvalid, application.Type())
	require.Equal(t, "setpoint 31 °C is outside 18 to 27 °C of ac1", application.Message())
}

func utc(o OverrideAccepted) OverrideAccepted { o.Until = o.Until.UTC(); return o }

func TestTheSameOverrideTwiceIsHarmless(t *testing.T) {
	h := newHall(t)
	o := halfHour("ac1", 20)
	o.ID = "visit"
	h.signal(minute(1), SignalOverride, o)
	h.obey(minute(2), "ac1", "ac2")
	h.signal(minute(10), SignalOverride, o)
	h.signal(minute(11), SignalResume, ResumeRequest{ID: "visit", Who: "Ada"})
	h.signal(minute(12), SignalOverride, o)
	h.at(minute(13), func() {
		require.Equal(t, 24, h.ac("ac1").Desired)
		require.Equal(t, "override visit has ended already", h.state().Rejected[0].Reason)
	})
	h.run(coldAisle(), minute(14))
	require.Equal(t, []int{24, 20, 24}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
}

func TestOverridesQueueNewestFirst(t *testing.T) {
	h := newHall(t)
	long, short := halfHour("ac1", 20), halfHour("ac1", 22)
	long.ID, short.ID = "long", "short"
	long.For = spec.Duration(2 * time.Hour)
	h.signal(minute(1), SignalOverride, long)
	h.signal(minute(2), SignalOverride, short)
	h.at(minute(3), func() {
		ac := h.ac("ac1")
		require.Equal(t, 22, ac.Desired)
		require.Equal(t, "short", ac.Overrides[0].ID)
		require.Equal(t, "the newer override short holds", ac.Overrides[1].Suspended)
	})
	h.at(minute(33), func() { require.Equal(t, 20, h.ac("ac1").Desired, "the older one returns") })
	h.signal(minute(34), SignalResume, ResumeRequest{Who: "Ada", Why: "done"})
	h.at(minute(35), func() { require.Equal(t, 24, h.ac("ac1").Desired) })
	h.run(coldAisle(), minute(36))
}

func TestAnEmergencySuspendsAnOverrideWhichReturns(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.signal(minute(1), SignalOverride, halfHour("ac1", 25))
	h.obey(minute(1)+time.Second, "ac1")
	var revision int64
	h.at(minute(2), func() {
		revision = h.ac("ac1").Revision + 5
		h.SignalWorkflow(SignalRecommend, Recommendation{
			AC: "ac1", Setpoint: 18, Inlet: 32.5, Reason: "inlet 32.5 °C", Emergency: true, Revision: revision, CommandID: "control-1",
		})
	})
	h.at(minute(3), func() {
		ac := h.ac("ac1")
		require.Equal(t, 18, ac.Desired)
		require.Equal(t, revision, ac.Revision)
		require.Equal(t, "control-1", ac.CommandID)
		require.Equal(t, "25 °C is warmer than the emergency's 18: inlet 32.5 °C", ac.Overrides[0].Suspended)
		require.Equal(t, "emergency", h.state().Mode)
		require.Equal(t, []int{24, 25}, h.told("ac1"), "adopted, not sent again")
		require.Equal(t, []int{24}, h.told("ac2"))
	})
	h.obey(minute(4), "ac1")
	h.signal(minute(10), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 18, Inlet: 26, Reason: "over"})
	h.at(minute(11), func() {
		ac := h.ac("ac1")
		require.Equal(t, 25, ac.Desired, "the override returns by itself")
		require.Empty(t, ac.Overrides[0].Suspended)
	})
	h.obey(minute(12), "ac1")
	h.at(minute(32), func() { require.Equal(t, 18, h.ac("ac1").Desired, "then the rules go on from where they were") })
	h.run(coldAisle(), minute(33))
	require.Equal(t, []int{24, 25, 25, 18}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
	h.rising()
}

func TestAColderOverrideIsToldAfterAnEmergencyOfTheControlLoop(t *testing.T) {
	h := newHall(t)
	h.signal(minute(1), SignalOverride, halfHour("ac1", 20))
	h.at(minute(2), func() {
		h.SignalWorkflow(SignalRecommend, Recommendation{
			AC: "ac1", Setpoint: 22, Reason: "no good reading", Emergency: true, Revision: h.ac("ac1").Revision + 1, CommandID: "control-1",
		})
	})
	h.at(minute(3), func() { require.Equal(t, 20, h.ac("ac1").Desired) })
	h.run(coldAisle(), minute(4))
	require.Equal(t, []int{24, 20, 20}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
	h.rising()
}
