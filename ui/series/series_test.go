package series

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

func TestTheResolutionFitsTheRange(t *testing.T) {
	const day = 24 * time.Hour
	fast := lab()
	fast.Policy.SampleEvery /= 10
	slow := lab()
	slow.Policy.SampleEvery = 0 // not stated
	for _, test := range []struct {
		length time.Duration
		points int
		want   string
	}{
		{10 * time.Second, 1500, "raw 0s"},
		{time.Hour, 1500, "raw 0s"},
		{6 * time.Hour, 1500, "raw 20s"},
		{48 * time.Hour, 1500, "minutes 2m0s"},
		{7 * day, 1500, "minutes 7m0s"},
		{30 * day, 1500, "hours 1h0m0s"},
		{365 * day, 1500, "hours 6h0m0s"},
		{365 * day, 300, "hours 30h0m0s"},
		{3650 * day, 4000, "hours 22h0m0s"},
	} {
		for _, room := range []string{"usual", "unstated"} {
			r := Request{Room: lab(), From: noon.Add(-test.length), To: noon, Points: test.points}
			if room == "unstated" {
				r.Room = slow
			}
			p := planned(r)
			require.Equal(t, test.want, fmt.Sprintf("%s %s", p.tier, p.step), "%s in %d points, %s", test.length, test.points, room)
			require.LessOrEqual(t, p.n, test.points+2)
			if p.step > 0 {
				require.False(t, p.from.After(r.From))
				require.False(t, p.from.Add(time.Duration(p.n)*p.step).Before(noon))
			}
		}
	}
	p := planned(Request{Room: fast, From: noon.Add(-6 * time.Hour), To: noon, Points: 1500})
	require.Equal(t, history.Minutes, p.tier, "so many readings a second are not read for hours")
}

func TestReadingsAreShownAsTheyAreAndAGapIsAGap(t *testing.T) {
	s := &shelf{}
	// Sensor 2 is read 3 ms after sensor 1, and both are silent from noon+50s to noon+5m.
	first := temp("temperature", "1")
	s.put(raw, first, noon, 10*time.Second, 24, 24.2, 24.4, 24.6, 24.8)
	s.put(raw, temp("temperature", "2"), noon.Add(3*time.Millisecond), 10*time.Second, 25, 25, 25, 25, 25)
	s.put(raw, first, noon.Add(5*time.Minute), 10*time.Second, 26, 26)
	s.put(raw, temp("humidity", "1"), noon, 10*time.Second, 50)
	bad := temp("temperature", "2")
	bad.Tags[0].Value = "bad"
	s.put(raw, bad, noon.Add(20*time.Second), time.Second, 85)
	a, err := New(s, raw).Curves(t.Context(), Request{Room: lab(), From: noon, To: noon.Add(10 * time.Minute), Points: 1000})
	require.NoError(t, err)
	require.Equal(t, history.Raw, a.Tier)
	require.Zero(t, a.StepMillis)
	one, inlet := curve(t, a, "sensor/1"), curve(t, a, "inlet")
	require.Equal(t, "A", one.Name)
	require.Nil(t, one.Min)
	seen := map[int64]float64{}
	for i, at := range a.Times {
		if i > 0 {
			require.Greater(t, at, a.Times[i-1])
		}
		if !math.IsNaN(one.Values[i]) {
			seen[at] = one.Values[i]
		}
	}
	require.Len(t, seen, 7, "each reading")
	gap := false
	for i := 1; i < len(a.Times); i++ {
		gap = gap || a.Times[i] > noon.Add(40*time.Second).UnixMilli() && a.Times[i] < noon.Add(5*time.Minute).UnixMilli() && math.IsNaN(one.Values[i]) && math.IsNaN(inlet.Values[i])
	}
	require.True(t, gap, "where nothing came there is a row without values: %v", a.Times)
	require.InDelta(t, 24.5, inlet.Values[0], 1e-9, "both sensors stand in one row")
	require.InDelta(t, control.DewPoint(24, 50), curve(t, a, "dew_point").Values[0], 1e-9)
	for _, c := range a.Series {
		require.NotEqual(t, KindSetpoint, c.Kind, "nobody has told anything")
	}
}

func TestTheMedianTakesEachSensorForAsLongAsItIsFresh(t *testing.T) {
	s := &shelf{}
	s.put(raw, temp("temperature", "1"), noon, 10*time.Second, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20)
	s.put(raw, temp("temperature", "2"), noon, time.Second, 30) // once, then silent
	a, err := New(s, raw).Curves(t.Context(), Request{Room: lab(), From: noon, To: noon.Add(3 * time.Minute), Points: 1000, Only: []string{"inlet"}})
	require.NoError(t, err)
	require.Len(t, a.Series, 1)
	at := map[int64]float64{}
	for i, ms := range a.Times {
		at[(ms-noon.UnixMilli())/1000] = a.Series[0].Values[i]
	}
	require.InDelta(t, 25, at[0], 1e-9)
	require.InDelta(t, 25, at[90], 1e-9, "as old as stale-after")
	require.InDelta(t, 20, at[100], 1e-9, "too old")
}

func TestAYearComesFromHoursAndItsEndFromReadings(t *testing.T) {
	s := &shelf{}
	year := 365 * 24 * time.Hour
	from, until := noon.Add(-year), noon.Add(-time.Hour)
	for _, sensor := range []string{"1", "2"} {
		for part, offset := range map[string]float64{"mean": 0, "min": -2, "max": 3} {
			values := make([]float64, int(until.Sub(from)/time.Hour))
			for i := range values {
				values[i] = 24 + offset + float64(i%2)
			}
			half := len(values) / 2 // and ten days of nothing
			series := window("temperature_"+part, sensor)
			s.put("o/hours", series, from, time.Hour, values[:half]...)
			s.put("o/hours", series, from.Add(time.Duration(half+240)*time.Hour), time.Hour, values[half+240:]...)
		}
	}
	s.rolled(until)
	s.put(raw, temp("temperature", "1"), until, 10*time.Second, 30, 40)
	stored := New(s, raw)
	r := Request{Room: lab(), From: from, To: noon, Points: 1500}
	a, err := stored.Curves(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, history.Hours, a.Tier)
	one, inlet := curve(t, a, "sensor/1"), curve(t, a, "inlet")
	require.InDelta(t, 24.5, one.Values[10], 1e-9, "half of the hours have 24, half 25")
	require.InDelta(t, 22, one.Min[10], 1e-9)
	require.InDelta(t, 28, one.Max[10], 1e-9)
	require.InDelta(t, 22, inlet.Min[10], 1e-9)
	missing := 0
	for i := range one.Values {
		if math.IsNaN(one.Values[i]) {
			missing++
			require.True(t, math.IsNaN(one.Min[i]) && math.IsNaN(inlet.Values[i]))
		}
	}
	require.InDelta(t, 40, missing, 1, "ten days are 40 windows of 6 h")
	last := len(one.Values) - 1
	for math.IsNaN(one.Values[last]) {
		last--
	}
	require.InDelta(t, 40, one.Max[last], 1e-9, "what is not rolled up yet")
	require.Less(t, one.Values[last], 26.0, "two readings weigh less than hours of them")

	before := s.count(`"o/hours"`, "temperature_mean")
	require.Positive(t, before)
	b, err := stored.Curves(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, before, s.count(`"o/hours"`, "temperature_mean"), "what is known is not asked for again")
	require.Equal(t, marshal(t, a), marshal(t, b))
	r.Now = noon.Add(2 * time.Minute)
	_, err = stored.Curves(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, before+1, s.count(`"o/hours"`, "temperature_mean"), "but for the newest chunk, which late readings change")
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestReadingsPastTheirRetentionAreAnsweredByMinutes(t *testing.T) {
	s := &shelf{}
	s.put(raw, temp("temperature", "1"), noon, time.Second, 20)
	s.put("o/minutes", window("temperature_mean", "1"), noon.Add(-2400*time.Hour), time.Minute, 24, 25, 26)
	s.rolled(noon)
	a, err := New(s, raw).Curves(t.Context(), Request{Room: lab(), From: noon.Add(-2400 * time.Hour), To: noon.Add(-2399 * time.Hour), Points: 100, Now: noon})
	require.NoError(t, err)
	require.Equal(t, history.Minutes, a.Tier)
	require.InDelta(t, 25, curve(t, a, "sensor/1").Values[1], 1e-9)
	a, err = New(s, raw).Curves(t.Context(), Request{Room: lab(), From: noon.Add(-4800 * time.Hour), To: noon.Add(-4799 * time.Hour), Points: 100, Now: noon})
	require.NoError(t, err)
	require.Empty(t, a.Series, "there is nothing at all")
	require.NotEmpty(t, a.Times)
	require.Equal(t, history.Raw, a.Tier, "nothing is not a coarser nothing")
}

func TestTheSetpointThatHeldAtTheBeginningHolds(t *testing.T) {
	s := &shelf{}
	told := func(bucket string, at time.Time, setpoint float64, power bool) {
		tags := []history.Tag{{Name: "ac", Value: "ac1"}, {Name: "room", Value: "lab"}}
		s.put(bucket, &history.Series{Measurement: "command", Field: "setpoint", Tags: tags}, at, 0, setpoint)
		on := history.Value{Kind: history.Bool}
		if power {
			on.Int = 1
		}
		s.samples[bucket][&history.Series{Measurement: "command", Field: "power", Tags: tags}] = []history.Sample{{At: at.UnixMilli(), Value: on}}
	}
	s.rolled(noon.Add(-48 * time.Hour))
	told("o/hours", noon.Add(-100*24*time.Hour), 22, true)
	ask := func(from, to time.Time) []string {
		a, err := New(s, raw).Curves(t.Context(), Request{Room: lab(), From: from, To: to, Points: 100, Now: noon})
		require.NoError(t, err)
		var all []string
		for i, v := range curve(t, a, "setpoint/ac1").Values {
			if text := fmt.Sprint(v); i == 0 || all[len(all)-1] != text {
				all = append(all, text)
			}
		}
		return all
	}
	require.Equal(t, []string{"22"}, ask(noon.Add(-time.Minute), noon), "told a hundred days ago")
	told(raw, noon.Add(-time.Hour), 23, true)
	told(raw, noon.Add(-30*time.Second), 20, true)
	told(raw, noon.Add(-20*time.Second), 20, false)
	told(raw, noon.Add(-10*time.Second), 21, true)
	require.Equal(t, []string{"23", "20", "NaN", "21"}, ask(noon.Add(-time.Minute), noon), "none while it is told to be off")
	require.Equal(t, []string{"NaN", "22"}, ask(noon.Add(-101*24*time.Hour), noon.Add(-99*24*time.Hour)), "nothing was told before")
}

func TestValuesAreWrittenAsPeopleReadThem(t *testing.T) {
	require.Equal(t, `[24.13,null,-0.5,8075]`, marshal(t, Column{24.1267, math.NaN(), -0.5, 8075}))
	require.Equal(t, `[]`, marshal(t, Column{}))
	require.NotContains(t, marshal(t, Curve{Values: Column{1}}), "min")
}

func TestARequestThatNobodyCanAnswerIsRefused(t *testing.T) {
	for want, r := range map[string]Request{
		"at least 10s":            {From: noon, To: noon.Add(9 * time.Second), Points: 100},
		"3660 at the most":        {From: noon.AddDate(-11, 0, 0), To: noon, Points: 100},
		"from 10 to 4000":         {From: noon.Add(-time.Hour), To: noon, Points: 4001},
		"points is 0":             {From: noon.Add(-time.Hour), To: noon},
		"it must be at least 10s": {From: noon, To: noon.Add(-time.Hour), Points: 100},
	} {
		_, err := New(&shelf{}, raw).Curves(t.Context(), r)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	gone := fmt.Errorf("read: %w", fault.ErrUnreachable)
	_, err := New(&shelf{answer: gone}, raw).Curves(t.Context(), Request{Room: lab(), From: noon.Add(-time.Hour), To: noon, Points: 100})
	require.ErrorIs(t, err, fault.ErrUnreachable)
}

func TestManyWhoAskForAYearAtOnceAskOnce(t *testing.T) {
	s := &shelf{}
	s.put("o/hours", window("temperature_mean", "1"), noon.Add(-300*time.Hour), time.Hour, make([]float64, 290)...)
	s.rolled(noon)
	stored := New(s, raw)
	done := make(chan error)
	for range 20 {
		go func() {
			_, err := stored.Curves(t.Context(), Request{Room: lab(), From: noon.Add(-8760 * time.Hour), To: noon, Points: 500, Only: []string{"sensor/1"}})
			done <- err
		}()
	}
	var all []error
	for range 20 {
		all = append(all, <-done)
	}
	require.NoError(t, errors.Join(all...))
	queries := map[string]int{}
	for _, text := range s.asked {
		if strings.Contains(text, "temperature_mean") {
			queries[text]++
		}
	}
	require.Len(t, queries, 13)
	for text, n := range queries {
		require.LessOrEqual(t, n, 2, text) // a second one may begin just after the first has ended, before it is looked up
	}
}

func TestTheCacheForgetsWhatWasUsedLongAgo(t *testing.T) {
	c := newCache()
	for i := range 10 {
		c.put(&chunk{query: fmt.Sprint(i), until: noon, values: cacheMost / 4})
		c.get("0", noon.Add(-time.Second))
	}
	require.LessOrEqual(t, c.values, cacheMost)
	require.Len(t, c.known, 4)
	require.NotNil(t, c.get("0", noon.Add(-time.Second)), "it was used all the time")
	require.Nil(t, c.get("0", noon), "but is good no longer")
	require.Len(t, c.known, 3)
}
