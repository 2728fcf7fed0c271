package series

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/line"
	"github.com/overcloud/overcloud/internal/spec"
)

// On the real servers: what the sink wrote and what was rolled up come back as curves and events.
func TestWhatInfluxDBKeepsComesBack(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *influxtest.Server{"1.8": influxtest.New, "2.x": influxtest.NewTwo} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			server.Database("overcloud")
			c, err := influx.New(influx.Config{URL: server.URL, Org: "overcloud", Token: server.Token, Bucket: "overcloud/autogen"})
			require.NoError(t, err)
			t.Cleanup(c.Close)
			now := time.Now().Truncate(time.Minute)
			fillDays(t, c, now)
			stored := New(c, "overcloud/autogen")
			for _, test := range []struct {
				length time.Duration
				tier   history.Tier
			}{{time.Minute, history.Raw}, {20 * time.Hour, history.Raw}, {48 * time.Hour, history.Minutes}, {30 * 24 * time.Hour, history.Hours}} {
				a, err := stored.Curves(t.Context(), Request{Room: lab(), From: now.Add(-test.length), To: now, Points: 1500})
				require.NoError(t, err, "%s", test.length)
				require.Equal(t, test.tier, a.Tier)
				inlet, setpoint := curve(t, a, "inlet"), curve(t, a, "setpoint/ac1")
				values := 0
				for i, v := range inlet.Values {
					if !math.IsNaN(v) {
						values++
						require.InDelta(t, 24.5, v, 0.51)
						require.Equal(t, 22+boolean(a.Times[i] >= now.Add(-time.Hour).UnixMilli()), setpoint.Values[i], "at %d", a.Times[i])
					}
				}
				require.Greater(t, values, 5, "%s", test.length)
				require.InDelta(t, 900, most(curve(t, a, "load").Values[len(a.Times)/2], 900), 1)
			}
			page, err := stored.Events(t.Context(), EventsRequest{Room: "lab", From: now.AddDate(0, 0, -30), To: now, Now: now, Limit: 10})
			require.NoError(t, err)
			require.Len(t, page.Items, 2)
			require.Equal(t, []string{AlertEnded, AlertBegan}, []string{page.Items[0].Kind, page.Items[1].Kind})
			require.Equal(t, "it is warm", page.Items[1].Text)
			server.Stop()
			_, err = stored.Curves(t.Context(), Request{Room: lab(), From: now.Add(-time.Hour), To: now, Points: 100})
			require.ErrorIs(t, err, fault.ErrUnreachable)
		})
	}
}

func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// fillDays stores three days, raw and rolled up to an hour ago.
func fillDays(t *testing.T, c *influx.Client, now time.Time) {
	t.Helper()
	require.NoError(t, c.Keep(t.Context(), "overcloud/minutes", 0))
	require.NoError(t, c.Keep(t.Context(), "overcloud/hours", 0))
	until := now.Add(-time.Hour).Truncate(time.Hour)
	roller := history.NewRoller(until, now, spec.History{}, func(tier history.Tier, lines []byte) error {
		return c.WriteIn(t.Context(), history.In("overcloud/autogen", tier), lines)
	})
	var w line.Writer
	store := func(measurement, field string, tags []history.Tag, step time.Duration, value func(i int) float64) {
		series := &history.Series{Measurement: measurement, Field: field, Tags: tags}
		i := 0
		for at := now.Add(-72 * time.Hour); at.Before(now); at = at.Add(step) {
			v := value(i)
			i++
			w.Begin(measurement)
			for _, tag := range tags {
				w.Tag(tag.Name, tag.Value)
			}
			w.Float(field, v)
			w.End(at.UnixMilli())
			require.NoError(t, roller.Add(history.Sample{Series: series, At: at.UnixMilli(), Value: history.Value{Kind: history.Float, Float: v}}))
		}
		require.NoError(t, c.Write(t.Context(), w.Buf))
		w = line.Writer{}
	}
	for id := 1; id <= 3; id++ {
		store("temp", "temperature", temp("", strconv.Itoa(id)).Tags, 10*time.Second, func(i int) float64 { return 24 + float64(i%2) })
	}
	store("power", "watts", []history.Tag{{Name: "room", Value: "lab"}}, 30*time.Second, func(int) float64 { return 900 })
	require.NoError(t, roller.Close())
	require.NoError(t, c.WriteIn(t.Context(), "overcloud/hours", history.Cursor{Until: until, Swept: now}.Line()))
	command := func(setpoint int64, at time.Time) {
		w.Begin("command")
		w.Tag("room", "lab")
		w.Tag("ac", "ac1")
		w.Int("setpoint", setpoint)
		w.Bool("power", true)
		w.Text("reason", "raise")
		w.End(at.UnixMilli())
	}
	command(22, now.AddDate(0, -6, 0))
	require.NoError(t, c.WriteIn(t.Context(), "overcloud/hours", w.Buf))
	w = line.Writer{}
	command(23, now.Add(-time.Hour))
	for i, active := range []bool{true, false} {
		w.Begin("alert")
		w.Tag("room", "lab")
		w.Tag("kind", "warm")
		w.Tag("severity", "warning")
		w.Tag("alert", "lab/warm")
		w.Bool("active", active)
		w.Text("evidence", "it is warm")
		w.End(now.Add(time.Duration(i-20) * time.Minute).UnixMilli())
	}
	require.NoError(t, c.Write(t.Context(), w.Buf))
}
