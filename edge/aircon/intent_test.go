package aircon

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnotherPolicyAllowsWhatWaitsForIt(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 28)
	b.run(time.Second)
	require.Empty(t, b.sent)
	require.Empty(t, b.acks, "the policy that allows it may be on its way")
	wider := config().Bounds
	wider.Max = 28
	b.do(b.m.Allow(b.now, wider))
	b.run(10 * time.Second)
	require.Equal(t, []string{"command sent c1 28", "command confirmed c1 28"}, states(b.acks))
	narrower := config().Bounds
	narrower.Max = 25
	b.do(b.m.Allow(b.now, narrower))
	b.order(2, 26)
	b.run(10 * time.Second)
	require.Equal(t, "command rejected c2 26", states(b.acks)[2])
	require.Len(t, b.sent, 1)
}

func TestANewerCommandReplacesOneThatWaitsForItsPolicy(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 28)
	b.order(2, 24)
	b.run(10 * time.Second)
	require.Equal(t, []string{"command sent c2 24", "command confirmed c2 24"}, states(b.acks))
}

// A mistaken limit must not keep a machine warm in an emergency.
func TestAnEmergencyColderThanTheLimitsIsTheColdestAllowed(t *testing.T) {
	b := newBench(t, Memory{})
	c := command(1, 16)
	c.Emergency = true
	b.do(b.m.Order(b.now, c, 0))
	b.run(time.Second)
	require.Equal(t, []string{"command sent c1 18", "command confirmed c1 18"}, states(b.acks), "and the ack says what it is")
	c = command(2, 28)
	c.Emergency = true
	b.do(b.m.Order(b.now, c, 0))
	b.run(10 * time.Second)
	require.Equal(t, "command rejected c2 28", states(b.acks)[2], "warmer than the limits is no emergency's wish")
}

func TestAHandRemoteIsContradictedInAnEmergency(t *testing.T) {
	b := newBench(t, Memory{})
	warm := newBench(t, Memory{})
	warm.order(1, 27)
	warm.run(2 * time.Second)
	b.order(1, 18)
	b.run(2 * time.Second)
	b.echo(warm.sent[0])
	b.run(10 * time.Second)
	require.Len(t, b.sent, 1, "a person may, while there is no emergency")
	c := command(2, 18)
	c.Emergency = true
	b.do(b.m.Order(b.now, c, 0))
	b.run(2 * time.Second)
	b.run(echoes)
	b.echo(warm.sent[0])
	b.run(2 * time.Second)
	require.Len(t, b.sent, 3)
	require.Equal(t, "refresh confirmed c2 18", states(b.acks)[len(b.acks)-1])
}

func TestAnEdgeWithoutMemoryTakesTheIntent(t *testing.T) {
	b := newBench(t, Memory{})
	b.do(b.m.Order(b.now, command(7, 23), 12*time.Minute)) // it expired while the edge was away
	b.m.Intend(b.now, 7, 23)
	b.run(time.Minute)
	require.Empty(t, b.sent, "nobody is known to decide")
	b.do(b.m.Resume(b.now))
	b.run(10 * time.Second)
	require.Equal(t, []string{"command sent intent-7 23", "command confirmed intent-7 23"}, states(b.acks))
	b.order(7, 23)
	b.run(10 * time.Second)
	require.Len(t, b.sent, 1, "its command has been carried out")
}

func TestAnIntentOlderThanWhatWasOrderedIsPassedOver(t *testing.T) {
	b := newBench(t, Memory{})
	b.do(b.m.Resume(b.now))
	b.order(8, 18)
	b.m.Intend(b.now, 7, 26)
	b.run(time.Minute)
	require.Len(t, b.sent, 1)

	b = newBench(t, Memory{})
	b.do(b.m.Resume(b.now))
	emergency := command(8, 18)
	emergency.Emergency = true
	b.do(b.m.Order(b.now, emergency, time.Hour)) // expired, and the workflow never heard of it
	b.m.Intend(b.now, 7, 26)
	b.run(time.Minute)
	require.Empty(t, b.sent, "the machine stands colder than the intent knows")
}

func TestACommandThatExpiresWhileItWaitsIsNotCarriedOut(t *testing.T) {
	b := newBench(t, Memory{})
	wider := config().Bounds
	wider.CommandEvery = time.Minute
	b.do(b.m.Allow(b.now, wider))
	b.order(1, 22)
	b.run(time.Second)
	c := command(2, 26)
	c.TTLMillis = 30_000
	b.do(b.m.Order(b.now, c, time.Second))
	b.run(2 * time.Minute)
	require.Len(t, b.sent, 1)
	require.Equal(t, "command c2 has expired while it waited", b.notes[len(b.notes)-1])
	b.do(b.m.Order(b.now, c, -1))
	b.run(time.Second)
	require.Len(t, b.sent, 2, "where no clock is trusted its revision alone counts")
}
