package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/spec"
)

// A tiny run of everything: what must hold of any run.
func TestATinyRunHoldsWhatAnyRunMust(t *testing.T) {
	line := "-rooms mc:3-3,small-fixed -days 0.1 -efficiency optimistic -beam 1 -step 1h -out json"
	read := func(line string) []Result {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), strings.Fields(line), &out, io.Discard))
		var results []Result
		require.NoError(t, json.Unmarshal(out.Bytes(), &results))
		return results
	}
	results := read(line)
	require.Len(t, results, 2*len(allControllers()))
	total := map[string]float64{}
	for _, r := range results {
		require.Positive(t, r.CoolersKWh, "%+v", r)
		require.GreaterOrEqual(t, r.FansKWh, -1e-9)
		require.Greater(t, r.SiteKWh, r.TotalKWh)
		require.GreaterOrEqual(t, r.Over27Min, r.BreachMin, "the clock never runs longer than the spell")
		require.Equal(t, r.Safe, r.BreachMin <= 15+1e-6 && r.Over32 == 0, "both rooms can be kept under 32 °C")
		require.Less(t, r.MaxInlet, 60.0)
		total[r.Room+r.Controller] = r.TotalKWh
	}
	for _, room := range []string{"mc-3", "small-fixed"} {
		require.LessOrEqual(t, total[room+nameForesight], total[room+nameBest]*1.0001, "foresight may always stay")
		require.LessOrEqual(t, total[room+nameBest], total[room+nameCalm])
		require.NotEqual(t, total[room+"fixed20"], total[room+"fixed25"])
	}
	require.Equal(t, results, read(line), "equal seeds give equal runs")
	rules := "-rooms mc:3-3 -days 0.1 -efficiency optimistic -controllers rules -out json"
	require.NotEqual(t, read(rules)[0].Score, read(rules + " -seed 2")[0].Score)
}

func TestBadOptionsAreRefusedInOneSentence(t *testing.T) {
	for line, why := range map[string]string{
		"-rooms attic":                           `room "attic" is none of`,
		"-rooms mc:x":                            "mc:200 is two hundred",
		"-rooms mc:9-3":                          "mc:17-17",
		"-rooms small:3":                         "only mc takes a number",
		"-rooms small -controllers wizard":       `controller "wizard" is none of`,
		"-rooms small -controllers fixedhot":     "fixed20 is the setpoint",
		"-days 0":                                "outside 0 (excluded) to 365",
		"-efficiency some":                       "none of optimistic, pessimistic and both",
		"-out picture":                           "none of table, json and csv",
		"-step 90s":                              "whole minutes",
		"-rooms small -references /no/such/file": "references: open",
		"-rooms small -plant http://127.0.0.1:1": "connection refused",
		"-beam 0":                                "keeps nothing",
		"more":                                   "belong to no flag",
		"-rooms small -days 0.01 -controllers pi -jobs 0": "too few",
	} {
		err := run(t.Context(), strings.Fields(line), io.Discard, io.Discard)
		require.ErrorContains(t, err, why, line)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestRandomRoomsAreInTheReferencesRanges(t *testing.T) {
	all, err := cases("mc:200", 1, 96*time.Hour, true)
	require.NoError(t, err)
	require.Len(t, all, 200)
	for _, c := range all {
		p := c.Parameters
		require.NoError(t, p.Validate())
		floor := p.VolumeM3 / 2.5
		require.True(t, p.VolumeM3 >= 20 && p.VolumeM3 <= 300)
		require.True(t, p.LoadW/floor >= 80 && p.LoadW/floor <= 400)
		require.True(t, p.ServerJK/p.ServerWK >= 359 && p.ServerJK/p.ServerWK <= 901, "6 to 15 min")
		capacity := 0.0
		for _, ac := range p.AirConditioners {
			capacity += ac.CapacityW
			require.True(t, ac.COP >= 2.6 && ac.COP <= 4.5 && ac.Hysteresis >= 0.5 && ac.Hysteresis <= 1 && ac.ReturnK >= -1 && ac.ReturnK <= 2)
		}
		require.True(t, len(p.AirConditioners) >= 1 && len(p.AirConditioners) <= 4)
		require.True(t, capacity/p.LoadW >= 1.2 && capacity/p.LoadW <= 2.5)
		for _, s := range c.Probes {
			require.True(t, s.PlaceK >= -2 && s.PlaceK <= 4)
		}
		for at := time.Duration(0); at < 96*time.Hour; at += 10 * time.Minute {
			w := c.Days.At(at)
			require.True(t, w.OutdoorC >= -5 && w.OutdoorC <= 40)
			require.True(t, w.LoadW > 0.4*p.LoadW && w.LoadW < 1.7*p.LoadW, "%g of %g", w.LoadW, p.LoadW)
		}
	}
}

// script is a plant whose hottest inlet is written down; told the coldest setpoint it is at 20 °C after coolsIn.
type script struct {
	inlet   func(time.Duration) float64
	coolsIn time.Duration
	now     time.Duration
	cold    bool
	since   time.Duration
}

func (s *script) Layout() Layout { return Layout{Machines: []string{"ac1"}, Sensors: []int{1}} }
func (s *script) Tell(_ context.Context, _ int, o Order) error {
	s.cold, s.since = o.Setpoint == coldest, s.now
	return nil
}
func (s *script) Happen(context.Context, Weather) error { return nil }
func (s *script) Advance(_ context.Context, d time.Duration) error {
	s.now += d
	return nil
}
func (s *script) Seen(context.Context) (Seen, error) { return Seen{}, nil }
func (s *script) Truth(context.Context) (Truth, error) {
	if s.cold && s.now-s.since >= s.coolsIn {
		return Truth{Inlets: []float64{20}}, nil
	}
	return Truth{Inlets: []float64{s.inlet(s.now)}}, nil
}

func (s *script) Twin() Plant {
	twin := *s
	return &twin
}

// What counts as a breach: see spell.
func TestASpellAbove27CountsWhereCapacityAllows(t *testing.T) {
	spell := func(minutes float64, peak float64) func(time.Duration) float64 {
		return func(at time.Duration) float64 {
			if since := (at - 25*time.Hour).Minutes(); since > 0 && since <= minutes {
				return peak
			}
			return 25
		}
	}
	for name, c := range map[string]struct {
		inlet         func(time.Duration) float64
		coolsIn       time.Duration
		breach, over  float64
		safe          bool
		overAllowable float64
	}{
		"a quarter of an hour is allowed":                     {spell(15, 28), 3 * time.Minute, 15, 15, true, 0},
		"a little more is not":                                {spell(15.2, 28), 3 * time.Minute, 15.17, 15.17, false, 0},
		"where the coldest would take 30 min the clock waits": {spell(44, 28), 30 * time.Minute, 15, 44, true, 0},
		"and runs from then":                                  {spell(50, 28), 30 * time.Minute, 20, 50, false, 0},
		"where nothing helps it never runs":                   {spell(300, 28), 99 * time.Hour, 15, 300, true, 0},
		"above 32 is unsafe":                                  {spell(5, 33), time.Minute, 5, 5, false, 5},
	} {
		t.Run(name, func(t *testing.T) {
			p := &script{inlet: c.inlet, coolsIn: c.coolsIn}
			score, err := trial(t.Context(), p, Case{Name: "script"}, newFixed(p.Layout(), 24), 0.5)
			require.NoError(t, err)
			require.InDelta(t, c.over, score.Over27Min, 0.2)
			require.InDelta(t, c.breach, score.BreachMin, 0.35)
			require.Equal(t, c.safe, score.Safe, "%+v", score)
			require.InDelta(t, c.overAllowable, score.Over32, 0.35)
		})
	}
}

// orders is a controller that says what it was given.
type orders func(at time.Duration) int

func (o orders) Decide(at time.Duration, _ Look) ([]Order, error) {
	return []Order{{Power: true, Setpoint: o(at)}}, nil
}

func TestCommandsAreCountedAndLostFramesSentAgain(t *testing.T) {
	c, err := ordinary("small", 1, 48*time.Hour)
	require.NoError(t, err)
	for _, loss := range []float64{0, 0.5} {
		c.Loss = loss
		plant, err := newLocal(c)
		require.NoError(t, err)
		score, err := trial(t.Context(), plant, c, orders(func(at time.Duration) int { return 22 + int(at/(10*time.Minute))%2 }), 0.25)
		require.NoError(t, err)
		require.Equal(t, 6, score.CommandsHour)
		require.InDelta(t, 144, score.CommandsDay, 1)
		require.Equal(t, 23, plant.model.Peek().AirConditioners[0].Setpoint, "what was said last arrived")
	}
}

// The same room in this process and behind HTTP costs the same.
func TestARoomBehindHTTPIsTheSame(t *testing.T) {
	building, err := server.New(server.Config{Seed: 1, Rooms: []spec.Room{{
		Name: "hall", Sensors: []spec.Sensor{{ID: 1}}, AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg"}},
	}}})
	require.NoError(t, err)
	s := httptest.NewServer(building.Handler())
	t.Cleanup(s.Close)
	var out bytes.Buffer
	line := "-days 0.02 -controllers fixed22,rules -out json -plant " + s.URL
	require.NoError(t, run(t.Context(), strings.Fields(line), &out, io.Discard))
	var far []Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &far))
	out.Reset()
	line = "-days 0.02 -controllers fixed22,rules -out json -rooms small -efficiency pessimistic"
	require.NoError(t, run(t.Context(), strings.Fields(line), &out, io.Discard))
	var near []Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &near))
	require.Len(t, far, 2)
	require.Equal(t, "hall", far[0].Room)
	require.InEpsilon(t, near[0].TotalKWh, far[0].TotalKWh, 0.01)
	require.InEpsilon(t, near[1].TotalKWh, far[1].TotalKWh, 0.1, "its sensors stand a little differently")
}

func TestFaultsAreFoundInATinyRoom(t *testing.T) {
	c, err := ordinary("small", 1, 48*time.Hour)
	require.NoError(t, err)
	for _, f := range faults() {
		switch f.name {
		case "sensor dead", "all frames lost":
			r, err := put(calm(c), f, spec.DefaultPolicy(), true)
			require.NoError(t, err)
			require.Positive(t, r.after, f.name)
			require.LessOrEqual(t, r.after, f.limit, f.name)
		case "two sensors swapped":
			r, err := put(calm(c), f, spec.DefaultPolicy(), false)
			require.NoError(t, err)
			require.Negative(t, r.after, "nothing is to be said: %s", r.kind)
		}
	}
	w, err := ordinaryWeek(calm(c), spec.DefaultPolicy(), true, 0.5)
	require.NoError(t, err)
	require.Empty(t, w.alerts)
}
