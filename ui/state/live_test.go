package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

func TestMeansAreOverWhatIsGoodAndFresh(t *testing.T) {
	now := time.Now()
	r := room()
	r.Sensors = append(r.Sensors, spec.Sensor{ID: 4, Role: spec.RoleSupply}, spec.Sensor{ID: 5, Role: spec.RoleAmbient})
	r.Boxes = []string{"a", "b", "gone"}
	s := NewStore([]spec.Room{r})
	empty := s.Snapshot(now).Rooms[0].Means
	require.Equal(t, Means{Temperature: Mean{All: 4}, Humidity: Mean{All: 4}, CPU: Mean{All: 3}, Memory: Mean{All: 3}, Disk: Mean{All: 3}}, empty)
	s.Reading(wire.Reading{Sensor: 1, At: now, Celsius: 24, Humidity: 40, HasHumidity: true})
	s.Reading(wire.Reading{Sensor: 2, At: now, Celsius: 80, Bad: true})
	s.Reading(wire.Reading{Sensor: 3, At: now.Add(-10 * time.Minute), Celsius: 50})
	s.Reading(wire.Reading{Sensor: 4, At: now, Celsius: 14})
	s.Reading(wire.Reading{Sensor: 5, At: now, Celsius: 25.11})
	cpu, total, free := func(v float64) *float64 { return &v }, 1000.0, 250.0
	s.Resource(wire.Resource{Box: "a", TimeMillis: now.UnixMilli(), CPUPercent: cpu(10), MemTotal: &total, MemAvail: &free, Disks: []wire.Disk{{Percent: 20}, {Percent: 40}}})
	s.Resource(wire.Resource{Box: "b", TimeMillis: now.UnixMilli(), CPUPercent: cpu(25)})
	s.Resource(wire.Resource{Box: "gone", TimeMillis: now.Add(-time.Hour).UnixMilli(), CPUPercent: cpu(99)})
	s.Resource(wire.Resource{Box: "elsewhere", TimeMillis: now.UnixMilli(), CPUPercent: cpu(99)})
	m := s.Snapshot(now).Rooms[0].Means
	is := func(want float64, of int, got Mean) {
		t.Helper()
		require.NotNil(t, got.Value)
		require.InDelta(t, want, *got.Value, 1e-9)
		require.Equal(t, of, got.Of)
	}
	is(24.6, 2, m.Temperature)
	is(40, 1, m.Humidity)
	is(17.5, 2, m.CPU)
	is(75, 1, m.Memory)
	is(30, 1, m.Disk)
}

func TestTheNewestDecisionHoldsAndTheLogFoldsWhatIsSaidAgain(t *testing.T) {
	s := NewStore([]spec.Room{room()})
	require.Nil(t, s.Snapshot(time.Now()).Rooms[0].Decision)
	left := int64(1000)
	say := func(at int64, action, reason string, setpoint int) {
		s.Decision(wire.Decision{
			Room: "r", TimeMillis: at, Holder: "c", Action: action, Reason: reason, Fresh: 1, Inlet: 24, ACs: []wire.DecisionAC{{AC: "ac1", Setpoint: setpoint}},
			ToCriticalMillis: &left, Memory: json.RawMessage(`{"secret":1}`),
		})
	}
	say(1, "hold", "inside the band at 24.1 °C", 24)
	say(2, "hold", "inside the band at 24.3 °C", 24)
	say(3, "hold", "inside the band at 24.3 °C", 25)
	say(4, "lower", "above the band at 27.3 °C", 24)
	say(2, "raise", "late", 24)
	say(4, "raise", "said twice", 24)
	shown := s.Snapshot(time.Now()).Rooms[0].Decision
	require.Equal(t, int64(4), shown.TimeMillis)
	require.Equal(t, int64(1000), *shown.ToCriticalMillis)
	text, err := json.Marshal(s.Snapshot(time.Now()))
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret", "what the rules remember is nobody's business")
	log := s.Decisions("r")
	require.Len(t, log, 3)
	require.Equal(t, []int64{4, 3, 1}, []int64{log[0].TimeMillis, log[1].TimeMillis, log[2].TimeMillis})
	require.Equal(t, int64(2), log[2].UntilMillis)
	require.Equal(t, "inside the band at 24.3 °C", log[2].Reason)
	for i := range int64(3 * decisionsMost) {
		say(10+i, []string{"hold", "lower"}[i%2], "words", 24)
	}
	log = s.Decisions("r")
	require.Len(t, log, decisionsMost)
	require.True(t, slices.IsSortedFunc(log, func(a, b LoggedDecision) int { return int(b.TimeMillis - a.TimeMillis) }))
	require.Empty(t, s.Decisions("attic"))
}

func TestPowerIsOfMachinesAndOfTheLoad(t *testing.T) {
	s, now := NewStore([]spec.Room{room()}), time.Now()
	view := s.Snapshot(now).Rooms[0]
	require.Nil(t, view.Load)
	require.Nil(t, view.ACs[0].Power)
	s.Power(wire.Power{Room: "r", AC: "ac1", Watts: 900, TimeMillis: 10})
	s.Power(wire.Power{Room: "r", AC: "ac1", Watts: 100, TimeMillis: 9})
	s.Power(wire.Power{Room: "r", Watts: 5000, TimeMillis: 10, Simulated: true})
	view = s.Snapshot(now).Rooms[0]
	require.InDelta(t, 900, view.ACs[0].Power.Watts, 0)
	require.InDelta(t, 5000, view.Load.Watts, 0)
	require.True(t, view.Load.Simulated)
}

func TestSectionsCoverTheSnapshot(t *testing.T) {
	now := time.UnixMilli(1_789_999_997_000)
	s := NewStore([]spec.Room{room()})
	s.Service(workflows.Status{Service: "s", Boxes: []workflows.BoxStatus{{Name: "a/b c"}}})
	s.Tune(workflows.TuneState{Room: "r", Policy: spec.DefaultPolicy()}, now)
	s.Heard("kafka", now, nil)
	s.Heard("temporal", now, nil)
	s.Heard("temporal", now, fmt.Errorf("away"))
	sections, err := s.Snapshot(now).Sections()
	require.NoError(t, err)
	for _, path := range []string{
		"service", "sources", "alerts", "boxes/a%2Fb%20c", "rooms/r/inlet", "rooms/r/means", "rooms/r/policy", "rooms/r/decision", "rooms/r/load",
		"rooms/r/sensors/1", "rooms/r/acs/ac1", "rooms/r/mode",
	} {
		require.Contains(t, sections, path)
	}
	for _, path := range []string{"rooms/r/sensors", "rooms/r/acs", "rooms/r", "now", "version", "rooms/r/picture"} {
		require.NotContains(t, sections, path)
	}
	require.JSONEq(t, `{"kafka":{"heard_at":1789999995000},"temporal":{"heard_at":1789999997000,"fault":"away"}}`, string(sections["sources"]))
	// Answers that bring nothing new make no new sections for a while.
	s.Tune(workflows.TuneState{Room: "r", Policy: spec.DefaultPolicy()}, now.Add(2*time.Second))
	s.Heard("kafka", now.Add(2*time.Second), nil)
	again, err := s.Snapshot(now.Add(2 * time.Second)).Sections()
	require.NoError(t, err)
	require.Equal(t, sections, again)
}
