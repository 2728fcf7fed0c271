package control

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func hall() spec.Room {
	policy := spec.DefaultPolicy()
	policy.DownAfter, policy.FastDownAfter = spec.Duration(20*time.Second), 0 // tests are shorter than a room's patience
	return spec.Room{
		Name: "hall", Policy: policy,
		Sensors:         []spec.Sensor{{ID: 1}, {ID: 2}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}},
	}
}

// fixture is a room with time in the test's hands.
type fixture struct {
	t     *testing.T
	house *house
	room  *room
	now   time.Time
}

func newFixture(t *testing.T) *fixture {
	h := newHouse(Config{Rooms: []spec.Room{hall()}, Holder: "me", Log: slog.New(slog.DiscardHandler)}, noon)
	f := &fixture{t: t, house: h, room: h.rooms[0], now: noon}
	f.room.gain(noon, h.log)
	return f
}

// says is what the workflow wants, as an intent.
func (f *fixture) says(auto, desired int, revision int64, emergency bool) {
	f.learn(intent{Intent: wire.Intent{Room: "hall", Revision: f.now.Unix(), ACs: []wire.IntentAC{{
		AC: "ac1", Auto: auto, Desired: desired, CommandRevision: revision, Emergency: emergency,
	}}}})
}

// learn takes a word that comes from the broker now.
func (f *fixture) learn(value any) { f.house.learn(word{value, f.now}, f.now) }

// hears takes a reading of the hall that comes from the broker now.
func (f *fixture) hears(r wire.Reading) bool { return f.room.take(&r, f.now, f.now) }

// run decides each 10 s with this inlet, and returns everything that came out.
func (f *fixture) run(inlet float64, span time.Duration) effects {
	f.t.Helper()
	var all effects
	for end := f.now.Add(span); f.now.Before(end); f.now = f.now.Add(10 * time.Second) {
		for id := 1; id <= 2 && inlet > 0; id++ {
			f.hears(wire.Reading{Room: "hall", Sensor: id, At: f.now, Celsius: inlet})
		}
		e := f.room.decide(f.now)
		all.commands = append(all.commands, e.commands...)
		all.alerts = append(all.alerts, e.alerts...)
		all.signals = append(all.signals, e.signals...)
		all.dropped = append(all.dropped, e.dropped...)
		if e.decision != nil {
			require.NoError(f.t, e.decision.Validate())
			all.decision = e.decision
		}
		if e.lease != nil {
			require.NoError(f.t, e.lease.Validate())
			all.lease = e.lease
		}
	}
	for _, c := range all.commands {
		require.NoError(f.t, c.Validate())
	}
	return all
}

func TestAStepIsRecommendedOnceAndAgainOnlyWhenNobodyTakesIt(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, 7, false)
	require.Empty(t, f.run(26, time.Minute).signals)
	step := f.run(28.5, 30*time.Second)
	require.Len(t, step.signals, 1)
	require.Equal(t, 22, step.signals[0].Setpoint)
	require.Contains(t, step.signals[0].Reason, "inlet 28.5 °C is above 27.5")
	require.Len(t, f.run(28.5, 20*time.Second).signals, 1, "nobody took it")
	f.says(22, 22, 8, false)
	require.Empty(t, f.run(26, time.Minute).signals, "it is taken")
	require.Nil(t, f.room.machines[0].wanted)
}

func TestAStepThatNobodyTakesIsForgotten(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, 7, false)
	require.Len(t, f.run(28.5, 10*time.Second).signals, 1)
	require.Equal(t, []string{"ac1"}, f.run(26.0, 3*time.Minute).dropped)
	require.Empty(t, f.run(26.0, 10*time.Minute).signals)
}

func TestAnEmergencyGoesStraightToTheMachine(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, noon.Unix()+100, false)
	e := f.run(32.5, 30*time.Second)
	require.Len(t, e.commands, 1)
	c := e.commands[0]
	require.Equal(t, 18, c.Setpoint)
	require.True(t, c.Emergency)
	require.Equal(t, noon.Unix()+101, c.Revision, "the next after all that is known")
	require.Len(t, e.signals, 1)
	require.Equal(t, c.Revision, e.signals[0].Revision)
	require.Equal(t, c.ID, e.signals[0].CommandID)
	require.True(t, e.signals[0].Emergency)
	require.Equal(t, "hall/critical", e.alerts[0].ID)

	// Temporal is away: the signal is offered again and again, the command is not, until nobody confirms it.
	e = f.run(32.5, 4*time.Minute)
	require.Empty(t, e.commands)
	require.NotEmpty(t, e.signals)
	e = f.run(32.5, 2*time.Minute)
	require.Len(t, e.commands, 1)
	c = e.commands[0]
	require.Greater(t, c.Revision, noon.Unix()+101)
	f.learn(wire.Ack{Room: "hall", AC: "ac1", State: wire.AckConfirmed, Revision: c.Revision})
	require.Empty(t, f.run(32.5, 10*time.Minute).commands)

	// The workflow is back and adopts it; then the room cools, and the emergency is taken back.
	f.says(18, 18, c.Revision, true)
	require.Empty(t, f.run(32.5, 15*time.Minute).signals)
	e = f.run(26, 3*time.Minute)
	require.Len(t, e.signals, 2, "once, and again after 30 s")
	require.Equal(t, workflows.Recommendation{AC: "ac1", Setpoint: 18, Inlet: 26, Reason: e.signals[0].Reason}, e.signals[0])
	f.says(18, 18, c.Revision, false)
	require.Empty(t, f.run(26, 5*time.Minute).signals)
}

func TestAnEmergencyWinsARevisionThatTheWorkflowUsedToo(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, noon.Unix()+100, false)
	c := f.run(32.5, 10*time.Second).commands[0]
	rival := wire.Command{ID: "tune-1", Revision: c.Revision, Room: "hall", AC: "ac1", Power: true, Setpoint: 25}
	f.learn(rival)
	f.learn(c) // ours came second: the edge passes over it
	e := f.run(32.5, 20*time.Second)
	require.Len(t, e.commands, 1)
	require.Equal(t, c.Revision+1, e.commands[0].Revision)
}

func TestABlindRoomFailsColdAndGetsNoLease(t *testing.T) {
	f := newFixture(t)
	f.says(25, 25, 7, false)
	require.NotNil(t, f.run(26, time.Minute).lease)
	f.run(0, 2*time.Minute)
	f.room.leased = time.Time{}
	e := f.run(0, 10*time.Second)
	require.Nil(t, e.lease)
	require.Equal(t, 22, f.room.machines[0].mine.Setpoint)
	require.Equal(t, rules.FailCold, f.room.last.Action)
}

// Kafka is away for ten minutes: the room does not go cold for it when Kafka is back, and no sensor is blamed.
func TestABrokerThatIsAwayIsNoDeadSensor(t *testing.T) {
	f := newFixture(t)
	f.says(25, 25, 7, false)
	f.run(26, time.Minute)
	answers := kafka.Link{SilentSeconds: 0.3}
	require.True(t, f.room.reached(answers, f.now))
	for range 60 {
		require.False(t, f.room.reached(kafka.Link{SilentSeconds: 30}, f.now))
		f.now = f.now.Add(10 * time.Second)
	}
	require.False(t, f.room.reached(answers, f.now), "what was measured is on its way")
	f.now = f.now.Add(time.Second)
	f.hears(wire.Reading{Room: "hall", Sensor: 1, At: f.now, Celsius: 26})
	f.hears(wire.Reading{Room: "hall", Sensor: 2, At: f.now, Celsius: 26})
	require.True(t, f.room.reached(answers, f.now))
	e := f.run(26, 5*time.Minute)
	require.Empty(t, e.commands)
	require.Empty(t, e.alerts)

	require.False(t, f.room.reached(kafka.Link{SilentSeconds: 30}, f.now))
	f.now = f.now.Add(10 * time.Minute)
	require.False(t, f.room.reached(answers, f.now))
	f.now = f.now.Add(backlogMost)
	require.True(t, f.room.reached(answers, f.now), "no reading comes: now it counts")
	require.NotEmpty(t, f.run(0, 2*time.Minute).commands, "and the room fails cold")
}

func TestAlertsOfBeforeARestartEnd(t *testing.T) {
	f := newFixture(t)
	before := wire.Alert{ID: "hall/warm", Room: "hall", Kind: "warm", Severity: wire.SeverityWarning, BeganMillis: noon.Add(-time.Hour).UnixMilli(), Source: rules.Source}
	f.run(26, 10*time.Second)
	f.learn(before) // the tail is read after the first decision
	e := f.run(26, 3*time.Minute)
	require.Len(t, e.alerts, 1)
	require.Equal(t, before.BeganMillis, e.alerts[0].BeganMillis)
	require.NotZero(t, e.alerts[0].EndedMillis)
	require.Empty(t, f.run(26, 10*time.Minute).alerts)
}

// A forerunner's alert whose record the broker stamped after our start (two clocks) is taken over all the same; our own
// that comes back is not taken for somebody else's.
func TestAlertsOfAForerunnerAreTakenOverAndOurOwnKnown(t *testing.T) {
	f := newFixture(t)
	e := f.run(32.5, 10*time.Second)
	require.Equal(t, "hall/critical", e.alerts[0].ID)
	own := e.alerts[0]
	e = f.run(26, 5*time.Minute)
	require.NotZero(t, e.alerts[len(e.alerts)-1].EndedMillis)
	f.learn(own) // late from the broker
	for _, a := range e.alerts {
		f.learn(a)
	}
	require.Empty(t, f.run(26, 10*time.Minute).alerts)
	other := wire.Alert{ID: "hall/high", Room: "hall", Kind: "high", Severity: wire.SeverityHigh, BeganMillis: f.now.UnixMilli(), Source: rules.Source}
	f.learn(other)
	e = f.run(26, 3*time.Minute)
	ended := slices.IndexFunc(e.alerts, func(a wire.Alert) bool { return a.ID == "hall/high" })
	require.GreaterOrEqual(t, ended, 0)
	require.NotZero(t, e.alerts[ended].EndedMillis)
}

// Temporal was away for the whole emergency: the workflow must hear where the machine stands before it hears that
// the emergency is over.
func TestAnEmergencyThatEndedUnheardIsStillAdopted(t *testing.T) {
	f := newFixture(t)
	f.says(24, 24, noon.Unix()+100, false)
	c := f.run(32.5, 10*time.Second).commands[0]
	f.run(26, 5*time.Minute)
	require.NotEqual(t, rules.Emergency, f.room.last.Action)
	f.run(26, 20*time.Minute)
	w := f.room.machines[0].wanted
	require.NotNil(t, w)
	require.True(t, w.Emergency)
	require.Equal(t, []any{18, c.Revision, c.ID}, []any{w.Setpoint, w.Revision, w.CommandID})
	f.says(18, 18, c.Revision, true)
	e := f.run(26, 10*time.Second)
	require.Len(t, e.signals, 1)
	require.False(t, e.signals[0].Emergency)
	require.Equal(t, 18, e.signals[0].Setpoint)
}

func TestClocksThatAreWrongDoNotFoolUs(t *testing.T) {
	f := newFixture(t)
	ahead := wire.Reading{Room: "hall", Sensor: 1, At: noon.Add(time.Hour), Celsius: 26}
	f.hears(ahead)
	require.Equal(t, noon, f.room.probe(1).last.At, "a clock that is ahead does not keep a dead sensor fresh")
	behind := wire.Reading{Room: "hall", Sensor: 2, At: noon.AddDate(-50, 0, 0), Celsius: 26, Unsynchronised: true}
	f.hears(behind)
	require.Equal(t, noon, f.room.probe(2).last.At, "one that is not set is not taken for dead")
	f.hears(wire.Reading{Room: "hall", Sensor: 1, At: noon.Add(-time.Minute), Celsius: 40})
	require.InDelta(t, 26, f.room.probe(1).last.Celsius, 0, "an older one changes nothing")
}
