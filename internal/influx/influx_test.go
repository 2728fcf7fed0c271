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
	"github.com/overcloud/overcloud/internal/influx/influxtest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, url, bucket string) *Client {
	t.Helper()
	c, err := New(Config{URL: url, Org: "overcloud", Bucket: bucket})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestSeriesAreReadAsTheyWereWritten(t *testing.T) {
	server := influxtest.New(t)
	server.Database("overcloud")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := open(t, server.URL, "overcloud/autogen")
	var lines strings.Builder
	for i := range 60 {
		at := noon.Add(time.Duration(i) * 10 * time.Second).UnixMilli()
		fmt.Fprintf(&lines, "temp,room=lab,sensor=1 temperature=%d,note=\"x\" %d\n", 20+i%2, at)
		fmt.Fprintf(&lines, "temp,room=lab,sensor=2 temperature=30 %d\n", at)
		fmt.Fprintf(&lines, "temp,room=ha\\ \\\"${l}l temperature=5 %d\n", at)
	}
	require.NoError(t, c.Write(ctx, []byte(lines.String())))
	require.NoError(t, c.Write(ctx, []byte(lines.String())), "twice is once")
	require.NoError(t, c.Write(ctx, nil))
	lab := map[string]string{"room": "lab", "sensor": "1"}

	raw, err := c.Series(ctx, "temp", "temperature", lab, noon, noon.Add(time.Hour), 0)
	require.NoError(t, err)
	require.Len(t, raw, 60)
	require.Equal(t, Point{noon.Add(10 * time.Second), 21}, raw[1])

	means, err := c.Series(ctx, "temp", "temperature", lab, noon, noon.Add(10*time.Minute), time.Minute)
	require.NoError(t, err)
	require.Len(t, means, 10)
	require.Equal(t, Point{noon.Add(time.Minute), 20.5}, means[0])

	latest, ok, err := c.Latest(ctx, "temp", "temperature", lab, noon)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Point{noon.Add(590 * time.Second), 21}, latest)
	_, ok, err = c.Latest(ctx, "temp", "temperature", map[string]string{"room": "none"}, noon)
	require.NoError(t, err)
	require.False(t, ok)

	by, err := c.LatestBy(ctx, "temp", "temperature", map[string]string{"room": "lab"}, "sensor", noon)
	require.NoError(t, err)
	require.Equal(t, map[string]Point{"1": {noon.Add(590 * time.Second), 21}, "2": {noon.Add(590 * time.Second), 30}}, by)

	each, err := c.SeriesBy(ctx, "temp", "temperature", map[string]string{"room": "lab"}, "sensor", noon, noon.Add(10*time.Minute), time.Minute)
	require.NoError(t, err)
	require.Len(t, each, 2)
	require.Len(t, each["2"], 10)
	require.Equal(t, Point{noon.Add(time.Minute), 20.5}, each["1"][0])
	require.Equal(t, Point{noon.Add(time.Minute), 30}, each["2"][0])

	awkward, err := c.Series(ctx, "temp", "temperature", map[string]string{"room": `ha \"${l}l`}, noon, noon.Add(time.Hour), 0)
	require.NoError(t, err)
	require.Len(t, awkward, 60, "quotes and backslashes in a tag")
	_, err = c.Series(ctx, "temp", "temperature", lab, noon, noon, 0)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestTheServersRefusalsAreTold(t *testing.T) {
	server := influxtest.New(t)
	server.Database("overcloud")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := open(t, server.URL, "overcloud/autogen")
	require.NoError(t, c.Ping(ctx))
	require.NoError(t, c.Write(ctx, []byte("m f=1 1760000000000")))

	err := c.Write(ctx, []byte("m f=1 1760000000001\nnonsense\n"))
	require.ErrorIs(t, err, fault.ErrRejected)
	require.ErrorContains(t, err, "unable to parse")
	err = c.Write(ctx, []byte(`m f="text" 1760000000002`))
	require.ErrorIs(t, err, fault.ErrRejected)
	require.ErrorContains(t, err, "field type conflict")

	err = open(t, server.URL, "nowhere/autogen").Write(ctx, []byte("m f=1 1"))
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, "there is no bucket nowhere/autogen")
	_, err = open(t, server.URL, "nowhere/autogen").Series(ctx, "m", "f", nil, noon, noon.Add(1), 0)
	require.Error(t, err)

	server.Stop()
	err = c.Write(ctx, []byte("m f=1 1"))
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorIs(t, c.Ping(ctx), fault.ErrUnreachable)
	_, err = c.Series(ctx, "m", "f", nil, noon, noon.Add(1), 0)
	require.ErrorIs(t, err, fault.ErrUnreachable)
}

func TestStatusCodesSayWhetherToTryAgain(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusTooManyRequests: fault.ErrUnreachable, http.StatusServiceUnavailable: fault.ErrUnreachable,
		http.StatusInternalServerError: fault.ErrUnreachable, http.StatusUnauthorized: fault.ErrUnauthorised,
		http.StatusForbidden: fault.ErrUnauthorised, http.StatusRequestEntityTooLarge: fault.ErrRejected,
		http.StatusUnprocessableEntity: fault.ErrRejected,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		err := open(t, server.URL, "b").Write(t.Context(), []byte("m f=1 1"))
		require.ErrorIs(t, err, want, "status %d", status)
		server.Close()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := open(t, "http://127.0.0.1:1", "b").Write(ended, []byte("m f=1 1"))
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, errors.Is(err, fault.ErrUnreachable))
	_, err = New(Config{URL: "influx:8086", Bucket: "b"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = New(Config{URL: "http://influx:8086"})
	require.ErrorIs(t, err, fault.ErrInvalid)
}
