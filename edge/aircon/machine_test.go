package aircon

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

func config() Config {
	return Config{
		Room: "hall", AC: "ac1", Profile: infrared.LG{},
		Bounds:   Bounds{Min: 18, Max: 27, ResendMost: 3, RetryEvery: 5 * time.Minute, RefreshEvery: 20 * time.Minute},
		EchoWait: 3 * time.Second, Spacing: time.Second, Simulated: true,
	}
}

// bench drives a machine through time, with a transmitter that works and an echo that can be switched off.
type bench struct {
	t      *testing.T
	m      *Machine
	now    time.Time
	deaf   bool  // no echo
	broken error // of the transmitter
	sent   []infrared.Frame
	at     []time.Time
	acks   []wire.Ack
	alerts []wire.Alert
	notes  []string
	saves  int
}

func newBench(t *testing.T, memory Memory) *bench {
	b := &bench{t: t, now: time.UnixMilli(1_790_000_000_000)}
	b.m = New(config(), memory, b.now)
	return b
}

func (b *bench) do(e Effects) {
	if e.Save {
		b.saves++
	}
	if e.Note != "" {
		b.notes = append(b.notes, e.Note)
	}
	b.acks, b.alerts = append(b.acks, e.Acks...), append(b.alerts, e.Alerts...)
	for _, a := range e.Acks {
		require.NoError(b.t, a.Validate(), "%+v", a)
	}
	for _, a := range e.Alerts {
		require.NoError(b.t, a.Validate(), "%+v", a)
	}
	if e.Send == nil {
		return
	}
	b.sent, b.at = append(b.sent, *e.Send), append(b.at, b.now)
	b.do(b.m.Sent(b.now, b.broken))
	if !b.deaf && b.broken == nil {
		b.echo(*e.Send)
	}
}

func (b *bench) echo(f infrared.Frame) {
	state, code, err := infrared.LG{}.Decode(f)
	require.NoError(b.t, err)
	b.do(b.m.Heard(b.now, state, code))
}

// run lets time pass in steps of 100 ms, or a second when it is long.
func (b *bench) run(d time.Duration) {
	step := 100 * time.Millisecond
	if d > 10*time.Minute {
		step = time.Second
	}
	for end := b.now.Add(d); b.now.Before(end); b.now = b.now.Add(step) {
		b.do(b.m.Tick(b.now))
	}
}

func command(revision int64, setpoint int) wire.Command {
	return wire.Command{
		ID: fmt.Sprintf("c%d", revision), Revision: revision, Room: "hall", AC: "ac1", Power: true,
		Setpoint: setpoint, Mode: "cool", Fan: "auto", TTLMillis: 600_000,
	}
}

func (b *bench) order(revision int64, setpoint int) {
	b.do(b.m.Order(b.now, command(revision, setpoint), 0))
}

func (b *bench) codes() []string {
	var out []string
	for _, f := range b.sent {
		out = append(out, f.Code.String())
	}
	return out
}

func states(acks []wire.Ack) []string {
	var out []string
	for _, a := range acks {
		out = append(out, fmt.Sprintf("%s %s %s %d", a.Source, a.State, a.ID, a.Setpoint))
	}
	return out
}

func TestAnOrderIsSentAndConfirmedByItsEcho(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 24)
	b.run(time.Second)
	require.Equal(t, []string{"0x880095E"}, b.codes(), "nothing is known: switch on as well")
	require.Equal(t, []string{"command sent c1 24", "command confirmed c1 24"}, states(b.acks))
	require.Equal(t, "infrared echo 0x880095E", b.acks[1].Evidence)
	require.True(t, b.acks[1].Simulated)
	b.order(2, 24)
	b.run(2 * time.Second)
	require.Equal(t, "0x8808956", b.codes()[1], "known to be on")
	require.Empty(t, b.alerts)
}

func TestSeenAndPassedRevisionsAndExpiredOnesAreIgnored(t *testing.T) {
	b := newBench(t, Memory{Revision: 5})
	b.order(5, 20)
	b.order(4, 20)
	b.do(b.m.Order(b.now, command(6, 20), 11*time.Minute))
	b.run(time.Minute)
	require.Empty(t, b.sent)
	require.Empty(t, b.acks)
	require.Contains(t, b.notes[0], "expired")
	b.do(b.m.Order(b.now, command(7, 21), -1))
	b.run(time.Second)
	require.Len(t, b.sent, 1, "with a clock that nobody trusts the revision alone counts")
}

func TestLimitsAreCheckedAgain(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 17)
	b.run(patience + time.Second)
	b.order(2, 28)
	b.run(patience + time.Second)
	c := command(3, 24)
	c.Mode = "toast"
	b.do(b.m.Order(b.now, c, 0))
	b.run(time.Minute)
	require.Empty(t, b.sent)
	require.Equal(t, []string{"command rejected c1 17", "command rejected c2 28", "command rejected c3 24"}, states(b.acks))
	require.Equal(t, "setpoint 17 °C is outside 18 to 27 °C of ac1", b.acks[0].Evidence)
	require.EqualValues(t, 3, b.m.Memory().Revision, "a rejection is not repeated")
}

func TestUnheardFramesAreSentAgainThenAlertThenEnd(t *testing.T) {
	b := newBench(t, Memory{})
	b.deaf = true
	b.order(1, 22)
	b.run(time.Minute)
	require.Len(t, b.sent, 4, "once and three times again")
	require.Equal(t, []string{"command sent c1 22"}, states(b.acks), "sent is said once, confirmed never")
	require.Len(t, b.alerts, 1)
	require.Equal(t, "hall/infrared/ac1", b.alerts[0].ID)
	for i, gap := range []time.Duration{5 * time.Second, 7 * time.Second, 11 * time.Second} {
		require.InDelta(t, gap.Seconds(), b.at[i+1].Sub(b.at[i]).Seconds(), 0.5, "echo time and backoff")
	}
	b.run(11 * time.Minute)
	require.Len(t, b.sent, 6, "slowly on")
	require.Len(t, b.alerts, 1, "said once")
	b.deaf = false
	b.run(6 * time.Minute)
	require.Equal(t, "command confirmed c1 22", states(b.acks)[1])
	require.Len(t, b.alerts, 2)
	require.NotZero(t, b.alerts[1].EndedMillis)
	require.Equal(t, b.alerts[0].BeganMillis, b.alerts[1].BeganMillis)
}

func TestABrokenTransmitterIsNotSent(t *testing.T) {
	b := newBench(t, Memory{})
	b.broken = errors.New("transmission failed")
	b.order(1, 22)
	b.run(time.Minute)
	require.Empty(t, b.acks)
	require.Len(t, b.alerts, 1)
	require.Contains(t, b.alerts[0].Evidence, "transmission failed")
}

func TestFramesKeepTheirSpacingAndTheNewestOrderWins(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 24)
	b.run(200 * time.Millisecond)
	b.order(2, 23)
	b.order(3, 22)
	b.run(3 * time.Second)
	require.Len(t, b.sent, 2)
	require.GreaterOrEqual(t, b.at[1].Sub(b.at[0]), time.Second)
	require.Equal(t, 22, b.acks[len(b.acks)-1].Setpoint)
}

func TestTheFullStateIsRepeated(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(1, 24)
	b.run(41 * time.Minute)
	require.Equal(t, []string{"0x880095E", "0x880095E", "0x880095E"}, b.codes(), "idempotent: also after a power cut")
	require.Equal(t, []string{"command sent c1 24", "command confirmed c1 24", "refresh confirmed c1 24", "refresh confirmed c1 24"}, states(b.acks))
}

func TestARestartRemembersAndRepeats(t *testing.T) {
	b := newBench(t, Memory{})
	b.order(9, 23)
	b.run(time.Second)
	again := newBench(t, b.m.Memory())
	again.order(9, 20)
	again.run(time.Minute)
	require.Len(t, again.sent, 1)
	require.Equal(t, []string{"refresh confirmed c9 23"}, states(again.acks))
}

// Whatever comes in whatever order: limits hold, revisions are acted on once, no orders means never warmer,
// frames keep their spacing.
