package durable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// cabinet opens the archives of a test, each request of which may fail.
type cabinet struct {
	archives
	fail func() error
}

func (c cabinet) Open(place history.Place, token string) (activities.Archive, error) {
	a, err := c.archives.Open(place, token)
	return shaky{a, c.fail}, err
}

type shaky struct {
	activities.Archive
	fail func() error
}

func (s shaky) WriteIn(ctx context.Context, bucket string, lines []byte) error {
	if err := s.fail(); err != nil {
		return err
	}
	if err := s.Archive.WriteIn(ctx, bucket, lines); err != nil {
		return err
	}
	return s.fail() // stored, and nobody hears of it
}

// archived is a database with readings of some days, and what ought to become of them.
type archived struct {
	t      *testing.T
	ctx    context.Context
	client *influx.Client
	in     activities.HistoryInput
	now    time.Time
	want   map[string]window // by tier, series and start
	bucket string
}

type window struct {
	n              int64
	sum, low, high float64
}

func newArchived(t *testing.T, server *influxtest.Server, database string) *archived {
	t.Helper()
	server.Database(database)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	a := &archived{t: t, ctx: ctx, now: time.Now().Truncate(time.Second), want: map[string]window{}, bucket: database + "/autogen"}
	place := history.Place{URL: server.URL, Org: server.Org, Bucket: a.bucket}
	if server.Token != "" {
		place.Token = spec.Secret{Name: "influx", From: "env:TOKEN"}
	}
	a.in = activities.HistoryInput{Service: "smart-energy", Place: place, Keep: spec.History{Raw: spec.Duration(5 * 24 * time.Hour), Late: spec.Duration(48 * time.Hour)}}
	var err error
	a.client, err = influx.New(influx.Config{URL: server.URL, Org: server.Org, Token: server.Token, Bucket: a.bucket})
	require.NoError(t, err)
	t.Cleanup(a.client.Close)
	return a
}

// readings stores two sensors' readings, one a bad one each tenth time.
func (a *archived) readings(from, to time.Time, every time.Duration) {
	a.t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(from.Unix())))
	var lines strings.Builder
	flush := func(least int) {
		if lines.Len() > least {
			require.NoError(a.t, a.client.Write(a.ctx, []byte(lines.String())))
			lines.Reset()
		}
	}
	for at := from; at.Before(to); at = at.Add(every) {
		for sensor := 1; sensor <= 2; sensor++ {
			celsius := math.Round(2000+random.Float64()*800) / 100
			quality := "good"
			if random.IntN(10) == 0 {
				quality, celsius = "bad", 85
			}
			fmt.Fprintf(&lines, "temp,room=lab,sensor=%d,quality=%s temperature=%g %d\n", sensor, quality, celsius, at.UnixMilli())
			if quality == "good" {
				a.expect(fmt.Sprintf("temp temperature %d", sensor), at, celsius)
			}
		}
		watts := math.Round(random.Float64() * 1000)
		fmt.Fprintf(&lines, "power,room=lab,ac=ac1 watts=%g %d\n", watts, at.UnixMilli())
		a.expect("power watts ac1", at, watts)
		flush(200_000)
	}
	flush(0)
}

func (a *archived) expect(series string, at time.Time, value float64) {
	for _, tier := range []history.Tier{history.Minutes, history.Hours} {
		key := fmt.Sprintf("%s %s %d", tier, series, at.Truncate(tier.Length()).UnixMilli())
		w := a.want[key]
		if w.n == 0 {
			w.low, w.high = value, value
		}
		w.n, w.sum, w.low, w.high = w.n+1, w.sum+value, min(w.low, value), max(w.high, value)
		a.want[key] = w
	}
}

// run runs the workflow as Temporal would, with the real activities; fail is asked before and after each write.
func (a *archived) run(now time.Time, fail func() error) (workflows.HistoryReport, error) {
	a.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterActivity(&activities.History{
		Archives: cabinet{fail: fail}, Secrets: tokens{}, Budget: 2 * time.Second, Now: func() time.Time { return now },
	})
	env.ExecuteWorkflow(workflows.HistoryWorkflow, a.in)
	if err := env.GetWorkflowError(); err != nil {
		return workflows.HistoryReport{}, err
	}
	var report workflows.HistoryReport
	require.NoError(a.t, env.GetWorkflowResult(&report))
	return report, nil
}

type tokens struct{}

func (tokens) Resolve(context.Context, spec.Secret) ([]byte, error) { return []byte("of-a-test"), nil }

// stored is what the tiers hold.
func (a *archived) stored() map[string]window {
	a.t.Helper()
	got := map[string]window{}
	for _, tier := range []history.Tier{history.Minutes, history.Hours} {
		for _, measurement := range []string{"temp", "power"} {
			query := history.Select(history.In(a.bucket, tier), measurement, nil, nil, a.now.Add(-1000*time.Hour), a.now.Add(1000*time.Hour))
			require.NoError(a.t, a.client.Rows(a.ctx, query, func(s history.Sample) error {
				field, part, _ := strings.Cut(s.Series.Field, "_")
				key := fmt.Sprintf("%s %s %s %s %d", tier, measurement, field, s.Series.Tag("sensor")+s.Series.Tag("ac"), s.At)
				w := got[key]
				switch part {
				case history.PartMean:
					w.sum = s.Value.Float
				case history.PartMin:
					w.low = s.Value.Float
				case history.PartMax:
					w.high = s.Value.Float
				case history.PartCount:
					w.n = s.Value.Int
				}
				require.Empty(a.t, s.Series.Tag("quality"))
				got[key] = w
				return nil
			}))
		}
	}
	return got
}

// check compares what is stored with what ought to be, up to a minute and the hour before it.
func (a *archived) check(until time.Time) {
	a.t.Helper()
	got, want := a.stored(), map[string]window{}
	for key, w := range a.want {
		var start int64
		_, err := fmt.Sscan(key[strings.LastIndexByte(key, ' ')+1:], &start)
		require.NoError(a.t, err)
		length := history.Minutes.Length()
		if strings.HasPrefix(key, string(history.Hours)) {
			length = history.Hours.Length()
		}
		if time.UnixMilli(start).Add(length).After(until) {
			continue
		}
		w.sum /= float64(w.n)
		want[key] = w
	}
	require.NotEmpty(a.t, want)
	require.Len(a.t, got, len(want))
	for key, w := range want {
		g := got[key]
		require.Equal(a.t, w.n, g.n, key)
		require.InDelta(a.t, w.sum, g.sum, 1e-9, key)
		require.InDelta(a.t, w.low, g.low, 0, key)
		require.InDelta(a.t, w.high, g.high, 0, key)
	}
}

// The same on 1.8 and on 2.x.
func TestReadingsAreRolledUpHoweverOftenItIsStopped(t *testing.T) {
	for _, test := range []struct {
		name string
		new  func(testing.TB) *influxtest.Server
	}{{"InfluxDB 1.8", influxtest.New}, {"InfluxDB 2.x", influxtest.NewTwo}} {
		t.Run(test.name, func(t *testing.T) {
			a := newArchived(t, test.new(t), "overcloud")
			stopped(t, a)
		})
	}
}

func stopped(t *testing.T, a *archived) {
	well := func() error { return nil }
	empty, err := a.run(a.now, well)
	require.NoError(t, err)
	require.Zero(t, empty.Windows, "nothing was ever stored")
	require.False(t, empty.Trim.Trimmed)

	began := a.now.Add(-70 * time.Hour)
	a.readings(began, a.now, 20*time.Second)
	command := fmt.Sprintf("command,room=lab,ac=ac1 setpoint=22i,power=true,reason=\"warm\" %d", began.UnixMilli())
	require.NoError(t, a.client.Write(a.ctx, []byte(command)))

	// A request fails now and then, before or after InfluxDB had it; the activity is tried again and goes on.
	var requests atomic.Int64
	random := rand.New(rand.NewPCG(7, 7))
	report, err := a.run(a.now, func() error {
		if requests.Add(1); random.IntN(60) == 0 {
			return fmt.Errorf("the line went dead: %w", fault.ErrUnreachable)
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, report.Trim.Trimmed, "%+v", report)
	until := a.now.Add(-time.Minute).Truncate(time.Minute)
	a.check(until)
	events := 0
	query := history.Select(history.In(a.bucket, history.Hours), "command", nil, nil, began.Add(-time.Hour), a.now)
	require.NoError(t, a.client.Rows(a.ctx, query, func(history.Sample) error { events++; return nil }))
	require.Equal(t, 3, events, "the command has three fields")

	// A run that ends for good in the middle; then one that is well. What came late meanwhile is in it.
	a.now = a.now.Add(26 * time.Hour)
	a.readings(began.Add(40*time.Hour+3*time.Second), began.Add(42*time.Hour), 45*time.Second)
	requests.Store(0)
	_, err = a.run(a.now, func() error {
		if requests.Add(1) > 5 {
			return errors.Join(fault.ErrInvalid, errors.New("stopped"))
		}
		return nil
	})
	require.Error(t, err)
	before := maps.Clone(a.stored())
	report, err = a.run(a.now, well)
	require.NoError(t, err)
	require.Positive(t, report.Windows)
	a.check(a.now)
	require.NotEqual(t, before, a.stored())

	after := a.stored()
	again, err := a.run(a.now, well)
	require.NoError(t, err)
	require.Positive(t, again.Windows, "the last hour again")
	require.Equal(t, after, a.stored(), "running twice changes nothing")
}
