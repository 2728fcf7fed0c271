package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/anomaly"
	"github.com/overcloud/overcloud/internal/optimise"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestMetersReachTheRulesAndTheOptimiserForAsLongAsTheySpeak(t *testing.T) {
	f := newFixture(t)
	f.room.spec.AirConditioners[0].Supply = 9
	f.room.machines[0].spec.Supply = 9
	f.room.probes = append(f.room.probes, probe{id: 9})
	f.says(24, 24, 7, false)
	f.run(26, 10*time.Second)
	l := f.room.lesson(f.now)
	require.True(t, math.IsNaN(l.seen.LoadW) && math.IsNaN(l.seen.Machines[0].Watts) && math.IsNaN(l.seen.Machines[0].SupplyC), "%+v", l.seen)

	f.learn(wire.Power{Room: "hall", AC: "ac1", Watts: 900, TimeMillis: f.now.UnixMilli()})
	f.learn(wire.Power{Room: "hall", AC: "ac1", Watts: 100, TimeMillis: f.now.Add(-time.Minute).UnixMilli()}) // late
	f.learn(wire.Power{Room: "hall", Watts: 4000, TimeMillis: f.now.Add(time.Hour).UnixMilli()})              // a clock that is ahead
	f.learn(wire.Power{Room: "hall", AC: "none", Watts: 1, TimeMillis: f.now.UnixMilli()})
	require.False(t, f.hears(wire.Reading{Room: "hall", Sensor: 9, At: f.now, Celsius: 33}), "hot supply air is no emergency")
	l = f.room.lesson(f.now)
	require.Equal(t, optimise.Machine{Setpoint: 24, Watts: 900, SupplyC: 33}, l.seen.Machines[0])
	require.InDelta(t, 4000, l.seen.LoadW, 0)
	require.Equal(t, 2, l.seen.Fresh)
	require.InDelta(t, 26, l.seen.Hottest, 0)
	ac := f.room.input(f.now).ACs[0]
	require.InDelta(t, 900, ac.Watts, 0)
	require.Equal(t, f.now.UnixMilli(), ac.MeteredAt.UnixMilli())

	f.run(26, 2*time.Minute)
	require.True(t, f.room.input(f.now).ACs[0].MeteredAt.IsZero(), "it is silent")
	require.True(t, math.IsNaN(f.room.lesson(f.now).seen.LoadW))
}

func TestAMachineIsLostForAsLongAsAnAlertSaysSo(t *testing.T) {
	f := newFixture(t)
	lost := func() bool { return f.room.input(f.now).ACs[0].Lost }
	say := func(kind, severity string, ended bool) {
		a := wire.Alert{ID: "hall/" + kind + "/ac1", Room: "hall", Kind: kind, Severity: severity, BeganMillis: f.now.UnixMilli(), Source: "edge"}
		if ended {
			a.EndedMillis = a.BeganMillis
		}
		f.learn(a)
	}
	say("no-effect", wire.SeverityWarning, false)
	require.False(t, lost(), "a person with the remote, perhaps")
	say("no-effect", wire.SeverityHigh, false)
	require.True(t, lost())
	say("unconfirmed", wire.SeverityHigh, false)
	say("no-effect", wire.SeverityHigh, true)
	require.True(t, lost(), "one reason is left")
	say("unconfirmed", wire.SeverityHigh, true)
	require.False(t, lost())
	say("clock", wire.SeverityWarning, false)
	require.False(t, lost())
}

// A box's disk fills: the alert is published like those of the rules, and a successor ends it.
func TestBoxesAreJudgedInTheirRoom(t *testing.T) {
	place := hall()
	place.Boxes = []string{"rack-1"}
	begin := func(at time.Time) *fixture {
		h := newHouse(Config{Rooms: []spec.Room{place}, Holder: "me", Log: slog.New(slog.DiscardHandler)}, at)
		f := &fixture{t: t, house: h, room: h.rooms[0], now: at}
		return f
	}
	percent := 97.5
	step := func(f *fixture, span time.Duration) (alerts []wire.Alert) {
		for end := f.now.Add(span); f.now.Before(end); {
			for _, box := range []string{"rack-1", "elsewhere"} {
				f.learn(wire.Resource{Box: box, TimeMillis: f.now.UnixMilli(), Disks: []wire.Disk{{Path: "/", Percent: percent}}})
			}
			for _, a := range f.run(26, 10*time.Second).alerts {
				require.NoError(t, a.Validate())
				alerts = append(alerts, a)
			}
		}
		return alerts
	}
	f := begin(noon)
	f.room.gain(noon, f.house.log)
	alerts := step(f, time.Hour)
	at := slices.IndexFunc(alerts, func(a wire.Alert) bool { return a.Kind == anomaly.KindDisk })
	require.GreaterOrEqual(t, at, 0, "%v", alerts)
	full := alerts[at]
	require.Equal(t, "hall/box-disk/rack-1", strings.TrimSuffix(full.ID, "/"))
	require.Equal(t, "control", full.Source)

	next := begin(f.now)
	next.learn(full)
	percent = 40
	next.room.gain(next.now, next.house.log)
	alerts = step(next, 2*time.Hour)
	at = slices.IndexFunc(alerts, func(a wire.Alert) bool { return a.ID == full.ID })
	require.GreaterOrEqual(t, at, 0, "%v", alerts)
	require.NotZero(t, alerts[at].EndedMillis)
	require.Equal(t, full.BeganMillis, alerts[at].BeganMillis)
}

// teach gives an advisor's only room a lesson each 10 s.
func teach(a *advisor, from time.Time, span time.Duration) {
	policy := hall().Policy
	for at := from; at.Before(from.Add(span)); at = at.Add(10 * time.Second) {
		phase := at.Sub(noon).Minutes()
		a.take(lesson{policy: &policy, seen: optimise.Observation{
			At: at, Inlet: 25 + math.Sin(phase/7), Fresh: 2, LoadW: 4000, OutdoorC: math.NaN(),
			Machines: []optimise.Machine{{Setpoint: 23 + int(phase/60)%3, Watts: 900 + 100*math.Sin(phase/11), SupplyC: math.NaN()}},
		}}, at)
	}
}

func TestWhatWasLearnedOutlivesTheProcess(t *testing.T) {
	var log bytes.Buffer
	var published []wire.Learned
	begin := func() *advisor {
		return newAdvisor(newFixture(t).house, func(l wire.Learned) { published = append(published, l) }, slog.New(slog.NewTextHandler(&log, nil)))
	}
	first := begin()
	teach(first, noon, 5*time.Hour)
	require.Len(t, published, 5, "once an hour")
	for _, l := range published {
		require.NoError(t, l.Validate())
		require.Less(t, len(l.Model), 8<<10)
	}
	newest := published[4]
	own := first.pupils[0].model
	first.take(lesson{learned: &published[3]}, noon.Add(5*time.Hour))
	require.Same(t, own, first.pupils[0].model, "it knows better than an older record")

	next := begin()
	for _, l := range []wire.Learned{published[3], newest, published[2]} {
		next.take(lesson{learned: &l}, noon.Add(5*time.Hour))
	}
	require.Equal(t, newest.TimeMillis, next.pupils[0].at)
	text, err := json.Marshal(next.pupils[0].model)
	require.NoError(t, err)
	empty, err := json.Marshal(&optimise.Model{})
	require.NoError(t, err)
	require.NotEqual(t, string(empty), string(text))
	require.InDelta(t, len(newest.Model), len(text), 100)
	teach(next, noon.Add(5*time.Hour), time.Minute)
	next.take(lesson{handing: []int{0}}, noon.Add(5*time.Hour+time.Minute))
	require.Empty(t, log.String())

	broken := newest
	broken.TimeMillis++
	broken.Model = json.RawMessage(`{"version":"of another world","block":7,"power":"x"}`)
	third := begin()
	third.take(lesson{learned: &broken}, noon.Add(6*time.Hour))
	teach(third, noon.Add(6*time.Hour), time.Minute)
	require.LessOrEqual(t, strings.Count(log.String(), "\n"), 1, log.String())
}

// An optimiser that breaks down takes neither the process nor the other rooms along.
func TestAnOptimiserThatBreaksDownBeginsAnew(t *testing.T) {
	var log bytes.Buffer
	a := newAdvisor(newFixture(t).house, func(wire.Learned) {}, slog.New(slog.NewTextHandler(&log, nil)))
	teach(a, noon, time.Minute)
	for range 3 {
		a.take(lesson{policy: nil, seen: optimise.Observation{At: noon}}, noon)
	}
	require.Equal(t, 1, strings.Count(log.String(), "broke down"))
	require.Nil(t, a.pupils[0].out.Load())
	teach(a, noon.Add(time.Minute), time.Minute)
	require.NotNil(t, a.pupils[0].out.Load())
}

// However busy the optimiser is, nobody waits for it.
func TestNobodyWaitsForTheOptimiser(t *testing.T) {
	a := newAdvisor(newFixture(t).house, func(wire.Learned) {}, slog.New(slog.DiscardHandler))
	for range 2 * lessonsMost {
		a.give(lesson{})
	}
	require.EqualValues(t, lessonsMost, a.missed.Load())
}

func TestAQueueSendsTheNewestOfAKeyAndOnlyOneAtATime(t *testing.T) {
	q := newQueue[int]()
	for i := range 5 {
		q.put("a", i, false)
	}
	q.put("b", 10, false)
	q.put("c", 20, true)
	taken := q.pop(2)
	require.Equal(t, []entry[int]{{"c", 20}, {"a", 4}}, taken)
	q.put("a", 5, false) // while the former is on its way
	require.Equal(t, []entry[int]{{"b", 10}}, q.pop(9))
	require.Empty(t, q.pop(9))
	q.done(taken, false) // neither arrived: of a the newer one waits
	require.Equal(t, 3, q.size())
	require.Equal(t, []entry[int]{{"c", 20}, {"a", 5}}, q.pop(9))
	q.done([]entry[int]{{"c", 20}, {"a", 5}, {"b", 10}}, true)
	require.Zero(t, q.size())
	q.put("d", 1, false)
	q.drop("d")
	require.Empty(t, q.pop(9))
	q.put("d", 2, false)
	require.Equal(t, []entry[int]{{"d", 2}}, q.pop(9))
}

// The page of a large house names those in trouble, and not all.
func TestALargeHousesPageIsShort(t *testing.T) {
	l := newLoop(Config{Rooms: manyRooms(500), Holder: "me", Tick: 10 * time.Second, Log: slog.New(slog.DiscardHandler)})
	now := time.Now()
	for i, r := range l.house.rooms {
		celsius := 26.0
		if i == 321 {
			celsius = 33
		}
		for _, p := range r.probes {
			r.take(&wire.Reading{Sensor: p.id, At: now, Celsius: celsius}, now, now)
		}
		r.gain(now, l.cfg.Log)
		r.decide(now)
	}
	s := l.summary(now)
	require.Equal(t, 500, s.Ours)
	require.Equal(t, map[string]int{"hold": 499, "emergency": 1}, s.Actions)
	require.NotEmpty(t, s.Rooms)
	require.Equal(t, "room-321", s.Rooms[0].Room)
	require.LessOrEqual(t, len(s.Rooms), listMost)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.Less(t, len(text), 16<<10)
	require.Contains(t, s.Rooms[0].Reason, "33.0 °C", fmt.Sprint(s.Rooms[0]))
}
