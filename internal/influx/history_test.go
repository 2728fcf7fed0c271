package influx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
)

// onBoth runs a test on 1.8, and on 2.x where there is one.
func onBoth(t *testing.T, test func(t *testing.T, ctx context.Context, server *influxtest.Server, c *Client)) {
	for name, start := range map[string]func(testing.TB) *influxtest.Server{"1.8": influxtest.New, "2.x": influxtest.NewTwo} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			server.Database("overcloud")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			c, err := New(Config{URL: server.URL, Org: "overcloud", Token: server.Token, Bucket: "overcloud/autogen"})
			require.NoError(t, err)
			t.Cleanup(c.Close)
			test(t, ctx, server, c)
		})
	}
}

func TestBucketsAreMadeAndKeptAndSeriesReadAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, server *influxtest.Server, c *Client) {
		const day = 24 * time.Hour
		for _, keep := range []time.Duration{0, 730 * day, 730 * day, 90 * day, 2 * day, 0} {
			require.NoError(t, c.Keep(ctx, "overcloud/minutes", keep), "%s", keep)
		}
		require.NoError(t, c.Keep(ctx, "overcloud/autogen", 2*day), "shorter than its files")
		old, young := time.Now().Add(-100*day).Truncate(time.Second), time.Now().Add(-time.Hour).Truncate(time.Second)
		point := func(at time.Time) string {
			return fmt.Sprintf("m,room=my\\ \\,\\=room,z=\"q\" f=1.5,i=3i,b=true,t=\"a\\\"b,c\" %d", at.UnixMilli())
		}
		require.NoError(t, c.WriteIn(ctx, "overcloud/minutes", []byte(point(old)+"\n"+point(young))), "for ever")

		err := c.Write(ctx, []byte(point(old)+"\n"+point(young)+"\n"+strings.Replace(point(old), "f=1.5", "f=2", 1)))
		require.ErrorIs(t, err, fault.ErrRejected)
		var partial *Partial
		require.ErrorAs(t, err, &partial)
		require.True(t, partial.TooOld, partial.Error())
		require.Equal(t, 2, partial.Dropped)
		err = c.Write(ctx, []byte(fmt.Sprintf("m,room=x f=\"text\" %d\nm,room=x f=3 %d", young.UnixMilli(), young.Add(1).UnixMilli())))
		require.ErrorAs(t, err, &partial)
		require.Equal(t, []string{"m", "f"}, []string{partial.Measurement, partial.Field}, partial.Error())

		var got []string
		query := history.Select("overcloud/minutes", "m", nil, []history.Tag{{Name: "room", Value: "my ,=room"}}, old, young.Add(time.Second))
		require.NoError(t, c.Rows(ctx, query, func(s history.Sample) error {
			got = append(got, fmt.Sprintf("%s %v %d %v", s.Series.Field, s.Series.Tags, s.At, s.Value))
			return nil
		}))
		want := []string{}
		for _, at := range []time.Time{old, young} {
			for _, v := range []string{"b %s %d {3 0 1 }", "f %s %d {1 1.5 0 }", "i %s %d {2 0 3 }", `t %s %d {4 0 0 a"b,c}`} {
				want = append(want, fmt.Sprintf(v, `[{room my ,=room} {z "q"}]`, at.UnixMilli()))
			}
		}
		require.ElementsMatch(t, want, got)

		mine := errors.New("enough")
		require.Equal(t, mine, c.Rows(ctx, query, func(history.Sample) error { return mine }), "as it is")
		require.ErrorIs(t, c.Rows(ctx, history.Select("nowhere/none", "m", nil, nil, old, young), nil), fault.ErrNotFound)
		require.Error(t, c.Rows(ctx, "no flux", nil), "a status of 500 from 1.8, of 400 from 2.x")
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, c.Rows(ended, query, nil), context.Canceled)
		server.Stop()
		require.ErrorIs(t, c.Rows(ctx, query, nil), fault.ErrUnreachable)
		require.ErrorIs(t, c.Keep(ctx, "overcloud/minutes", 0), fault.ErrUnreachable)
	})
}

func TestAnAnswerThatBreaksOffIsNoAnswer(t *testing.T) {
	body := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v2/query") {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)+len("cut")))
			fmt.Fprint(w, body)
		}
	}))
	defer server.Close()
	c := open(t, server.URL, "b")
	const head = "#datatype,string,long,dateTime:RFC3339,double,string\r\n,result,table,_time,_value,room\r\n"
	for text, want := range map[string]string{
		head + ",_result,0,2026-11-20T12:00:00Z,1,lab\r\n": "unexpected EOF",
		head + ",_result,0,2026-11-20T12:00:00Z,1\r\n":     "does not fit",
		head + ",_result,0,noon,1,lab\r\n":                 "is no time",
		head + ",_result,0,2026-11-20T12:00:00Z,x,lab\r\n": "is no double",
	} {
		body = text
		err := c.Rows(t.Context(), "q", func(history.Sample) error { return nil })
		require.ErrorIs(t, err, fault.ErrUnreachable)
		require.ErrorContains(t, err, want)
	}
	body = "#datatype,string,string\r\n,error,reference\r\n,it broke,897\r\n"
	err := c.Rows(t.Context(), "q", nil)
	require.ErrorIs(t, err, fault.ErrRejected)
	require.ErrorContains(t, err, "it broke")
}

func TestAQuestionIsAnsweredByTheTierThatFits(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, _ *influxtest.Server, c *Client) {
		begin := time.Now().Add(-40 * time.Hour).Truncate(time.Hour)
		require.NoError(t, c.Keep(ctx, "overcloud/minutes", 0))
		require.NoError(t, c.Keep(ctx, "overcloud/hours", 0))
		ask := func(every time.Duration) Answer {
			a, err := c.Windows(ctx, Question{
				Measurement: "temp", Field: "temperature", Tags: map[string]string{"room": "lab"}, By: "sensor",
				From: begin, To: begin.Add(10 * time.Hour), Every: every,
			})
			require.NoError(t, err)
			return a
		}
		require.Empty(t, ask(time.Hour).By)
		var raw, hours strings.Builder
		for i := range 10 * 60 {
			at := begin.Add(time.Duration(i) * time.Minute).UnixMilli()
			fmt.Fprintf(&raw, "temp,room=lab,sensor=1,quality=good temperature=%d %d\n", i%7, at)
			fmt.Fprintf(&raw, "temp,room=lab,sensor=1,quality=bad temperature=99 %d\n", at)
		}
		require.NoError(t, c.Write(ctx, []byte(raw.String())))
		before := ask(2*time.Hour + time.Minute)
		require.Equal(t, 2*time.Hour, before.Every)
		require.NotEmpty(t, before.By["1"], "nothing is rolled up yet: raw readings answer")

		// Eight hours are rolled up, with other numbers than the raw ones, to tell them apart.
		for i := range 8 {
			fmt.Fprintf(&hours, "temp,room=lab,sensor=1 temperature_mean=%d,temperature_min=-5,temperature_max=50,temperature_count=%di %d\n",
				20+i, 60*(i+1), begin.Add(time.Duration(i)*time.Hour).UnixMilli())
		}
		require.NoError(t, c.WriteIn(ctx, "overcloud/hours", []byte(hours.String())))
		require.NoError(t, c.WriteIn(ctx, "overcloud/hours", history.Cursor{Until: begin.Add(8 * time.Hour)}.Line()))
		one := ask(time.Hour)
		require.Equal(t, history.Hours, one.Tier)
		require.Len(t, one.By["1"], 10)
		require.Equal(t, Window{begin.UTC().Add(time.Hour), begin.UTC().Add(2 * time.Hour), 21, -5, 50, 120}, one.By["1"][1])
		require.EqualValues(t, 60, one.By["1"][9].Count, "the newest part is raw, and good ones only")
		require.InDelta(t, 6, one.By["1"][9].Max, 0)
		all := ask(1000 * time.Hour).By["1"]
		require.NotEmpty(t, all)
		var sum float64
		var n int64
		for _, w := range all {
			sum, n = sum+w.Mean*float64(w.Count), n+w.Count
		}
		weighted := 0.0
		for i := range 8 {
			weighted += float64((20 + i) * 60 * (i + 1))
		}
		for i := 480; i < 600; i++ {
			weighted += float64(i % 7)
		}
		require.EqualValues(t, 60*36+120, n)
		require.InDelta(t, weighted, sum, 1e-6, "weighted by the counts")
		require.Equal(t, history.Raw, ask(10*time.Second).Tier)
		require.Len(t, ask(10 * time.Second).By["1"], 600)
		_, err := c.Windows(ctx, Question{Measurement: "temp", Field: "temperature", From: begin, To: begin, Every: time.Hour})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// A year of a sensor has 8,760 hours: a screen must not wait for them.
func TestAYearOfASensorIsAnsweredAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, _ *influxtest.Server, c *Client) {
		require.NoError(t, c.Keep(ctx, "overcloud/hours", 0))
		begin := time.Now().Add(-365 * 24 * time.Hour).Truncate(time.Hour)
		for sensor := range 8 {
			var lines strings.Builder
			for i := range 8760 {
				fmt.Fprintf(&lines, "temp,room=lab,sensor=%d temperature_mean=%g,temperature_min=20,temperature_max=30,temperature_count=360i %d\n",
					sensor, 20+float64(i%97)/10, begin.Add(time.Duration(i)*time.Hour).UnixMilli())
			}
			require.NoError(t, c.WriteIn(ctx, "overcloud/hours", []byte(lines.String())))
		}
		require.NoError(t, c.WriteIn(ctx, "overcloud/hours", history.Cursor{Until: begin.Add(8760 * time.Hour)}.Line()))
		best := time.Hour
		for range 5 {
			began := time.Now()
			a, err := c.Windows(ctx, Question{
				Measurement: "temp", Field: "temperature", Tags: map[string]string{"room": "lab", "sensor": "3"},
				From: begin, To: begin.Add(8760 * time.Hour), Every: time.Hour,
			})
			require.NoError(t, err)
			require.Len(t, a.By[""], 8760)
			best = min(best, time.Since(began))
		}
		t.Logf("a year of hours of one sensor: %s", best)
		require.Less(t, best, time.Second, "300 ms on a quiet machine")
	})
}
