package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// The edge holds the rules to the policy's rate again, and people not: whose word a command is must be right.
func TestEachCommandSaysWhoseWordItIs(t *testing.T) {
	h := newHall(t)
	h.obey(minute(1), "ac1", "ac2")
	h.signal(minute(20), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 25, Inlet: 24, Reason: "cool enough"})
	h.signal(minute(21), SignalOverride, halfHour("ac1", 20))
	h.signal(minute(30), SignalResume, ResumeRequest{AC: "ac1", Who: "kim"})
	h.signal(minute(40), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 24, Inlet: 26.8, Reason: "warm"})
	narrow := spec.DefaultPolicy()
	narrow.SetpointMax, narrow.SetpointStart = 23, 22
	h.signal(minute(50), SignalPolicy, PolicyRequest{Policy: wire.Encode(narrow), Who: "kim"})
	h.signal(minute(60), SignalPolicy, PolicyRequest{Policy: wire.Encode(spec.DefaultPolicy()), Who: "kim"})
	for _, at := range []int{22, 31, 41, 51, 61} {
		h.obey(minute(at), "ac1", "ac2")
	}
	h.run(coldAisle(), minute(62))
	type word struct {
		setpoint int
		origin   string
	}
	var words []word
	for _, c := range h.streams.Commands() {
		if c.AC == "ac1" {
			if w := (word{c.Setpoint, c.Origin}); len(words) == 0 || words[len(words)-1] != w {
				words = append(words, w)
			}
		}
	}
	require.Equal(t, []word{
		{24, wire.OriginPerson}, // the start
		{25, wire.OriginRules},
		{20, wire.OriginPerson}, // an override begins
		{25, wire.OriginPerson}, // and ends: five at once, and nobody's step
		{24, wire.OriginRules},
		{23, wire.OriginPerson}, // other limits
		{24, wire.OriginPerson},
	}, words)
}

// An override ends and its edge has not heard of it yet: the rules' next step is five more to that edge, and a person's.
func TestAStepOnTopOfAPersonsUnsentWordIsThePersons(t *testing.T) {
	h := newHall(t)
	h.obey(minute(1), "ac1", "ac2")
	h.signal(minute(10), SignalOverride, halfHour("ac1", 20))
	h.obey(minute(11), "ac1")
	h.signal(minute(20), SignalResume, ResumeRequest{AC: "ac1", Who: "kim"})
	h.signal(minute(23), SignalRecommend, Recommendation{AC: "ac1", Setpoint: 25, Inlet: 23, Reason: "cool enough"})
	h.obey(minute(40), "ac1", "ac2")
	h.run(coldAisle(), minute(41))
	last := wire.Command{}
	for _, c := range h.streams.Commands() {
		if c.AC == "ac1" {
			last = c
		}
	}
	require.Equal(t, 25, last.Setpoint)
	require.Equal(t, wire.OriginPerson, last.Origin)
}

// A machine that nothing can prove is its edge's to look after: it is not told again and again, and nobody is woken.
func TestAMachineThatCannotTellIsNoFault(t *testing.T) {
	h := newHall(t)
	h.obey(minute(1), "ac2")
	h.at(minute(2), func() {
		a := h.confirmed("ac1")
		a.State, a.CannotTell, a.Evidence = wire.AckSent, true, "it need not cool: 23.2 °C of return air, told 24 °C"
		h.SignalWorkflow(SignalAck, a)
	})
	h.at(minute(100), func() {
		require.Empty(t, h.state().Alerts)
		require.Nil(t, h.ac("ac1").Confirmed)
		require.Equal(t, 24, *h.ac("ac1").Sent)
		require.Equal(t, "sent: it need not cool: 23.2 °C of return air, told 24 °C", h.ac("ac1").Evidence)
	})
	h.obey(minute(101), "ac1")
	h.at(minute(102), func() { require.Equal(t, 24, *h.ac("ac1").Confirmed) })
	h.run(coldAisle(), minute(103))
	require.Equal(t, []int{24}, h.told("ac1"))
}

func TestAnOrderByCoAPIsAPersonsChange(t *testing.T) {
	h := newHall(t)
	h.obey(minute(1), "ac1", "ac2")
	h.at(minute(10), func() {
		a := h.confirmed("ac1")
		a.Setpoint, a.Source, a.ID, a.Evidence = 21, "coap", "coap", "infrared echo 0x8808653"
		h.SignalWorkflow(SignalAck, a)
	})
	h.at(minute(11), func() {
		require.Equal(t, 21, *h.ac("ac1").Confirmed)
		require.Equal(t, "coap: infrared echo 0x8808653", h.ac("ac1").Evidence)
	})
	h.obey(minute(16), "ac1")
	h.run(coldAisle(), minute(30))
	require.Equal(t, []int{24, 24}, h.told("ac1"), "told again when it has lasted")
}
