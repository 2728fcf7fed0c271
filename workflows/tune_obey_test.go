package workflows

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestAMachineThatDoesNotConfirmIsToldAgainThenPeopleAre(t *testing.T) {
	h := newHall(t)
	h.obey(time.Minute, "ac2")
	h.at(minute(19), func() {
		require.Equal(t, 4, h.ac("ac1").Attempts, "once, and three times again")
		require.Empty(t, h.state().Alerts)
	})
	h.at(minute(21), func() {
		require.Equal(t, "hall/unconfirmed/ac1", h.state().Alerts[0].ID)
		require.Equal(t, 4, h.ac("ac1").Attempts)
	})
	h.at(minute(41), func() { require.Equal(t, 5, h.ac("ac1").Attempts, "slowly, each 20 minutes") })
	h.obey(minute(62), "ac1")
	h.at(minute(63), func() { require.Empty(t, h.state().Alerts) })
	h.run(coldAisle(), 3*time.Hour)
	require.Len(t, h.streams.Commands(), 1+6)
	require.Equal(t, []string{"alert hall/unconfirmed/ac1 began", "alert hall/unconfirmed/ac1 ended"}, h.streams.Matching("alert"))
	h.rising()
}

func TestAnEdgeThatRefusesIsReported(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac2")
	h.at(minute(1), func() {
		a := h.confirmed("ac1")
		a.State, a.Evidence = wire.AckRejected, "24 °C is outside 16 to 22"
		h.SignalWorkflow(SignalAck, a)
	})
	h.at(minute(2), func() {
		s := h.state()
		require.Equal(t, "24 °C is outside 16 to 22", s.Rejected[0].Reason)
		require.Equal(t, "hall/rejected/ac1", s.Alerts[0].ID)
		require.Equal(t, "rejected: 24 °C is outside 16 to 22", h.ac("ac1").Evidence)
	})
	h.run(coldAisle(), minute(3))
}

func TestAHandRemoteIsSeenAndOverruledLater(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.at(minute(10), func() {
		a := h.confirmed("ac1")
		a.Setpoint, a.Source, a.Evidence = 28, "hand remote", "heard 28 °C"
		h.SignalWorkflow(SignalAck, a)
	})
	h.at(minute(11), func() {
		require.Equal(t, 28, *h.ac("ac1").Confirmed)
		require.Equal(t, "hand remote: heard 28 °C", h.ac("ac1").Evidence)
		require.Len(t, h.streams.Commands(), 2)
	})
	h.obey(minute(16), "ac1")
	h.run(coldAisle(), minute(30))
	require.Equal(t, []int{24, 24}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
}

func TestAStaleAckIsNothing(t *testing.T) {
	h := newHall(t)
	var old wire.Ack
	h.at(time.Second, func() { old = h.confirmed("ac1") })
	h.signal(minute(1), SignalOverride, halfHour("ac1", 20))
	h.at(minute(2), func() { h.SignalWorkflow(SignalAck, old) })
	h.at(minute(3), func() { require.Nil(t, h.ac("ac1").Confirmed) })
	h.run(coldAisle(), minute(4))
}

func TestABrokerThatIsAwayLosesNothingAndHearsOnlyTheNewest(t *testing.T) {
	h := newHall(t)
	down := true
	h.streams.Before(fakes.Call{}, func(ctx context.Context, _ fakes.Call) error {
		if down {
			return fmt.Errorf("kafka: %w", fault.ErrUnreachable)
		}
		return nil
	})
	h.signal(minute(10), SignalOverride, halfHour("ac1", 20))
	h.signal(minute(20), SignalOverride, halfHour("ac1", 21))
	h.at(minute(30), func() { require.Empty(t, h.state().Rejected); down = false })
	h.run(coldAisle(), minute(33))
	require.Equal(t, []int{21}, h.told("ac1"))
	require.Equal(t, []int{24}, h.told("ac2"))
	require.Len(t, h.streams.Intents(), 1)
	require.Equal(t, 21, h.streams.Intents()[0].ACs[0].Desired)
}

// While nothing reaches the broker the attempts cost no history, also when the intent is due in the meantime.
func TestABrokerThatIsAwayWhenTheIntentIsDueCostsNoHistory(t *testing.T) {
	h := newHall(t)
	h.obey(time.Minute, "ac1", "ac2")
	down := false
	h.streams.Before(fakes.Call{}, func(context.Context, fakes.Call) error {
		if down {
			return fmt.Errorf("kafka: %w", fault.ErrUnreachable)
		}
		return nil
	})
	h.at(11*time.Hour, func() { down, h.timers = true, 0 })
	h.signal(11*time.Hour+minute(55), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 23, Inlet: 26.8, Reason: "warm"})
	h.at(13*time.Hour, func() {
		require.LessOrEqual(t, h.timers, 2)
		down = false
	})
	h.obey(13*time.Hour+minute(1), "ac1")
	h.run(coldAisle(), 14*time.Hour)
	require.Equal(t, []int{24, 23}, h.told("ac1"))
	h.rising()
}

// A record that no broker takes holds up none of those beside it.
func TestARecordThatIsNoneHoldsUpNoOther(t *testing.T) {
	h := newHall(t)
	h.streams.Before(fakes.Call{Method: "Intent"}, func(context.Context, fakes.Call) error {
		return fmt.Errorf("%w: policy is no JSON object", fault.ErrInvalid)
	})
	h.signal(minute(1), SignalOverride, halfHour("ac1", 20))
	h.signal(minute(1), SignalShelve, AnswerRequest{Alert: "hall/sensor/3", For: spec.Duration(time.Hour), Who: "Ada"})
	h.at(minute(2), func() {
		s := h.state()
		require.Equal(t, "publish", s.Rejected[0].Kind)
		require.Equal(t, "intent", s.Rejected[0].What)
		require.Empty(t, s.Unsaid)
		require.Equal(t, s.ACs[0].Told, s.ACs[0].Revision)
	})
	h.run(coldAisle(), minute(3))
	require.Equal(t, []int{24, 20}, slices.Compact(h.told("ac1")))
	require.NotEmpty(t, h.streams.Answers())
	require.Empty(t, h.streams.Intents())
}
