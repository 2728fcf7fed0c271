package aircon

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestFailSafeIsColderOnlyAndEndsWithTheOrders(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 26)
	b.run(time.Second)
	b.do(b.m.FailSafe(b.now, 22))
	b.run(2 * time.Second)
	require.Equal(t, "fail-safe confirmed fail-safe 22", states(b.acks)[3])
	b.do(b.m.FailSafe(b.now, 25))
	b.run(2 * time.Second)
	require.Len(t, b.sent, 2, "never warmer")
	b.do(b.m.FailSafe(b.now, 10))
	b.run(2 * time.Second)
	require.Equal(t, 18, b.acks[len(b.acks)-1].Setpoint, "the emergency, inside the limits")
	b.order(2, 27)
	b.run(2 * time.Second)
	require.Len(t, b.sent, 3, "a warmer order waits for a lease")
	b.do(b.m.Resume(b.now))
	b.run(2 * time.Second)
	require.Equal(t, "command confirmed c2 27", states(b.acks)[len(b.acks)-1])
}

func TestFailSafeLeavesWhatIsColdEnough(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 19)
	b.run(time.Second)
	b.do(b.m.FailSafe(b.now, 22))
	b.run(time.Minute)
	require.Len(t, b.sent, 1)
	b.do(b.m.Resume(b.now))
	b.run(time.Minute)
	require.Len(t, b.sent, 1)
}

func TestFailSafeSwitchesOn(t *testing.T) {
	b := newBench(t, Memory{})
	c := command(1, 24)
	c.Power = false
	b.do(b.m.Order(b.now, c, 0))
	b.run(time.Second)
	require.Equal(t, []string{"0x88C0051"}, b.codes())
	b.do(b.m.FailSafe(b.now, 22))
	b.run(2 * time.Second)
	require.Equal(t, "0x880075C", b.codes()[1])
}

func TestTheHandRemoteIsReportedAndTheRefreshPutsItRight(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 24)
	b.run(time.Minute)
	frame, err := infrared.LG{}.Encode(infrared.State{Power: true, Setpoint: 28}, nil)
	require.NoError(t, err)
	b.echo(frame)
	last := b.acks[len(b.acks)-1]
	require.Equal(t, "hand remote confirmed c1 28", states(b.acks)[2])
	require.Contains(t, last.Evidence, frame.Code.String())
	b.run(20 * time.Minute)
	require.Equal(t, "refresh confirmed c1 24", states(b.acks)[3])

	b.do(b.m.FailSafe(b.now, 22))
	b.run(2 * time.Second)
	b.run(time.Minute)
	n := len(b.sent)
	b.echo(frame)
	b.run(2 * time.Second)
	require.Len(t, b.sent, n+1, "without orders nobody warms the room unseen")
}

func TestAnOvertakenEchoIsNoHandRemote(t *testing.T) {
	b := newBench(t, Memory{})
	b.deaf = true
	b.order(1, 24)
	b.run(200 * time.Millisecond)
	b.order(2, 22)
	b.echo(b.sent[0])
	b.run(2 * time.Second)
	for _, a := range b.acks {
		require.NotEqual(t, SourceHandRemote, a.Source)
	}
}

func TestNothingBreaksTheRules(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 3))
		b := newBench(t, Memory{})
		noOrders, coldest := false, 99
		confirmed := map[string]bool{}
		for revision := int64(1); revision < 300; revision++ {
			before := len(b.sent)
			b.deaf = random.IntN(3) == 0
			switch random.IntN(8) {
			case 6:
				b.m.Intend(b.now, revision+int64(random.IntN(3)), 10+random.IntN(25))
			case 7:
				b.do(b.m.Allow(b.now, config().Bounds))
			case 0, 1:
				b.order(max(1, revision-int64(random.IntN(3))), 10+random.IntN(25))
			case 2:
				if w := b.m.Memory().Wanted; !noOrders && w != nil && w.Power {
					coldest = w.Setpoint
				}
				noOrders = true
				b.do(b.m.FailSafe(b.now, 18+random.IntN(6)))
			case 3:
				b.do(b.m.Resume(b.now))
				noOrders, coldest = false, 99
			default:
				b.run(time.Duration(random.IntN(8000)) * time.Millisecond)
			}
			for _, f := range b.sent[before:] {
				state, _, err := infrared.LG{}.Decode(f)
				require.NoError(t, err)
				require.True(t, !state.Power || state.Setpoint >= 18 && state.Setpoint <= 27, "%s", state)
				if noOrders {
					require.True(t, state.Power)
					require.LessOrEqual(t, state.Setpoint, coldest, "warmer without orders")
					coldest = state.Setpoint
				}
			}
		}
		for i := 1; i < len(b.at); i++ {
			require.GreaterOrEqual(t, b.at[i].Sub(b.at[i-1]), time.Second)
		}
		for _, a := range b.acks {
			if a.Source == SourceCommand && a.State == wire.AckRejected {
				require.False(t, confirmed[a.ID], "rejected twice: %s", a.ID)
				confirmed[a.ID] = true
			}
		}
	}
}
