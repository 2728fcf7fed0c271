package aircon

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

func (b *bench) remote(setpoint int) {
	frame, err := infrared.LG{}.Encode(infrared.State{Power: true, Setpoint: setpoint}, nil)
	require.NoError(b.t, err)
	b.echo(frame)
}

func (b *bench) last() infrared.State {
	state, _, err := infrared.LG{}.Decode(b.sent[len(b.sent)-1])
	require.NoError(b.t, err)
	return state
}

// What was ordered is cold enough, what a person made of it is not: nobody is left to notice.
func TestAWarmMachineIsToldWhatIsColdEnoughWhenTheEdgeIsAlone(t *testing.T) {
	for name, alone := range map[string]func(*Machine, time.Time) Effects{
		"no orders":   func(m *Machine, now time.Time) Effects { return m.FailSafe(now, 22) },
		"no readings": func(m *Machine, now time.Time) Effects { return m.Blind(now, 22) },
		"a stop":      func(m *Machine, now time.Time) Effects { return m.Farewell(now, 22) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Memory{})
			b.order(1, 20)
			b.run(time.Minute)
			b.remote(28)
			for range 5 { // a guard says it each second
				b.do(alone(b.m, b.now))
				b.run(time.Second)
			}
			require.Len(t, b.sent, 2)
			require.Equal(t, 20, b.last().Setpoint)
		})
	}
}

func TestAStopDoesNotWaitForTheNextTry(t *testing.T) {
	b := newBench(t, Memory{})
	b.broken = errors.New("lircd is away")
	b.order(1, 20)
	b.run(2 * time.Minute)
	tries := len(b.sent)
	b.broken = nil
	b.do(b.m.Farewell(b.now, 22))
	b.run(2 * time.Second)
	require.Len(t, b.sent, tries+1)
	require.Equal(t, 20, b.last().Setpoint)

	b = newBench(t, Memory{})
	b.order(1, 25)
	b.run(time.Minute)
	b.broken = errors.New("lircd is away")
	b.do(b.m.Farewell(b.now, 22))
	b.run(1500 * time.Millisecond)
	b.broken = nil
	b.run(2 * time.Second)
	require.Equal(t, 22, b.m.View().Actual.Setpoint, "it is tried again at once: there is no later")
}

func TestCoolingIsNeverHeldBackByItsMode(t *testing.T) {
	b := newBench(t, Memory{})
	b.m.config.CommandEvery = 5 * time.Minute
	c := command(1, 24)
	c.Mode = infrared.ModeDry
	b.do(b.m.Order(b.now, c, 0))
	b.run(time.Minute)
	b.order(2, 20)
	b.run(2 * time.Second)
	require.Equal(t, infrared.State{Power: true, Setpoint: 20, Mode: "cool", Fan: "auto"}, b.last())

	b.do(b.m.FailSafe(b.now, 22))
	c = command(3, 20)
	c.Mode = infrared.ModeFan
	b.do(b.m.Order(b.now, c, 0))
	b.run(10 * time.Minute)
	require.Equal(t, infrared.ModeCool, b.last().Mode, "no cooling is warmer")
}

// An override ends while its change is held; the rules go one step on from there, not from the override.
func TestTheRulesGoOnFromWhatAPersonWasPromised(t *testing.T) {
	b := newBench(t, Memory{})
	b.m.config.CommandEvery, b.m.config.UpStep, b.m.config.UpEvery = 5*time.Minute, 1, 30*time.Minute
	b.run(time.Hour)
	b.order(1, 20)
	b.run(time.Minute)
	b.order(2, 25) // the override ends
	b.run(time.Minute)
	rules := command(3, 26)
	rules.Origin = wire.OriginRules
	b.do(b.m.Order(b.now, rules, 0))
	b.run(10 * time.Minute)
	require.NotContains(t, states(b.acks), "command rejected c3 26")
	require.Equal(t, 26, b.last().Setpoint)

	b = newBench(t, Memory{})
	b.m.config.CommandEvery, b.m.config.UpStep, b.m.config.UpEvery = 5*time.Minute, 1, 30*time.Minute
	b.run(31 * time.Minute)
	b.order(1, 20)
	b.run(time.Minute)
	for revision := range int64(4) { // step by step while all of them wait
		rules := command(2+revision, 21+int(revision))
		rules.Origin = wire.OriginRules
		b.do(b.m.Order(b.now, rules, 0))
		b.run(time.Second)
	}
	require.Contains(t, states(b.acks), "command rejected c3 22", "two steps are two")
}

func TestAnEmergencyMakesNothingWarmerAndSwitchesNothingOff(t *testing.T) {
	b := newBench(t, Memory{})
	b.m.config.CommandEvery = 5 * time.Minute
	b.order(1, 18)
	b.run(time.Minute)
	off := command(2, 0)
	off.Power, off.Emergency = false, true
	b.do(b.m.Order(b.now, off, 0))
	b.run(time.Minute)
	require.Equal(t, 18, b.last().Setpoint)
	require.Contains(t, states(b.acks), "command rejected c2 0")
	warm := command(3, 26)
	warm.Emergency = true
	b.do(b.m.Order(b.now, warm, 0))
	b.run(time.Minute)
	require.Equal(t, 18, b.last().Setpoint, "it has no haste")
}

// Limits that have changed hold for what is said again, too.
func TestWhatIsRepeatedStaysInsideNewLimits(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 27)
	b.run(time.Minute)
	narrow := b.m.config.Bounds
	narrow.Max = 24
	b.do(b.m.Allow(b.now, narrow))
	b.run(30 * time.Minute)
	require.Equal(t, 24, b.last().Setpoint)
	memory := b.m.Memory()
	require.Equal(t, 24, memory.Wanted.Setpoint)

	memory.Wanted.Setpoint = 99 // of a file that somebody edited, or of another remote
	again := newBench(t, memory)
	again.run(time.Minute)
	require.Equal(t, 27, again.last().Setpoint)
}

// A machine that a power cut or an unheard remote has switched off does not listen to changes: what has to cool
// switches it on as well, and so does what is only repeated.
func TestWhatHasToCoolSwitchesOnToo(t *testing.T) {
	for name, act := range map[string]func(b *bench){
		"a refresh": func(b *bench) { b.run(20 * time.Minute) },
		"an emergency": func(b *bench) {
			c := command(2, 20)
			c.Emergency = true
			b.do(b.m.Order(b.now, c, 0))
		},
		"a fail-safe": func(b *bench) { b.do(b.m.FailSafe(b.now, 20)) },
		"a stop":      func(b *bench) { b.do(b.m.Farewell(b.now, 20)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Memory{})
			b.order(1, 24)
			b.run(time.Minute)
			n := len(b.sent)
			act(b)
			b.run(2 * time.Second)
			require.Greater(t, len(b.sent), n)
			want, err := infrared.LG{}.Encode(b.last(), nil)
			require.NoError(t, err)
			require.Equal(t, want.Code, b.sent[len(b.sent)-1].Code)
		})
	}
}
