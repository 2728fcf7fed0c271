package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/ui/series"
	"github.com/overcloud/overcloud/workflows"
)

// stored answers with what it is given and keeps what it was asked.
type stored struct {
	curves series.Request
	events series.EventsRequest
	export history.Request
	write  func(ctx context.Context, out io.Writer) error
	answer error
}

func (s *stored) Curves(_ context.Context, r series.Request) (series.Answer, error) {
	s.curves = r
	return series.Answer{Tier: history.Raw, Times: []int64{1, 2}, Series: []series.Curve{{ID: "inlet", Kind: series.KindInlet, Unit: "°C", Values: series.Column{24, 25}}}}, s.answer
}

func (s *stored) Events(_ context.Context, r series.EventsRequest) (series.Page, error) {
	s.events = r
	return series.Page{Items: []series.Event{{At: 1, Kind: series.AlertBegan, Text: "warm"}}, Next: "1-1"}, s.answer
}

func (s *stored) Export(ctx context.Context, r history.Request, out io.Writer) error {
	s.export = r
	if s.write != nil {
		return s.write(ctx, out)
	}
	return s.answer
}

func withStored(t *testing.T) (*Server, *stored) {
	t.Helper()
	s, _ := newServer(t)
	kept := &stored{}
	s.Stored = kept
	return s, kept
}

const inRoom = "/api/v1/rooms/server-room/"

func TestSeriesAsksForTheRangeAndAnswersWithATag(t *testing.T) {
	s, kept := withStored(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	changed := workflows.TuneState{Room: "server-room"}
	changed.Policy.SampleEvery = 1234
	s.Store.Tune(changed, now)
	w := request(t, s, "GET", inRoom+"series", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []any{now.Add(-time.Hour), now, 1500}, []any{kept.curves.From, kept.curves.To, kept.curves.Points})
	require.EqualValues(t, 1234, kept.curves.Room.Policy.SampleEvery, "a person may have changed the policy")
	require.Contains(t, w.Body.String(), `"values":[24,25]`)
	again := request(t, s, "GET", inRoom+"series", "", "If-None-Match", w.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.Code)
	w = request(t, s, "GET", inRoom+"series?from=2026-11-23T00:00:00%2B09:00&to=1795440000123&points=20&only=inlet,sensor/3", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []string{"inlet", "sensor/3"}, kept.curves.Only)
	require.Equal(t, []int64{1795359600000, 1795440000123}, []int64{kept.curves.From.UnixMilli(), kept.curves.To.UnixMilli()})
	kept.answer = fmt.Errorf("read at http://influx: %w", fault.ErrUnreachable)
	w = request(t, s, "GET", inRoom+"series", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "InfluxDB does not answer")
	require.NotContains(t, w.Body.String(), "http://influx", "the person gets a sentence, the log the chain")
}

func TestEventsArePages(t *testing.T) {
	s, kept := withStored(t)
	s.Store.Tune(workflows.TuneState{Room: "server-room", Audit: []workflows.AuditEntry{{What: "policy"}}}, time.Now())
	w := request(t, s, "GET", inRoom+"events?limit=7&after=12-1", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.JSONEq(t, `{"items":[{"at":1,"kind":"alert_began","text":"warm"}],"next":"1-1"}`, w.Body.String())
	require.Equal(t, []any{7, "12-1", "server-room", 1}, []any{kept.events.Limit, kept.events.After, kept.events.Room, len(kept.events.Audit)})
	require.InDelta(t, 24*time.Hour, kept.events.To.Sub(kept.events.From), float64(time.Second))
}

func TestBadRangesAreOneSentence(t *testing.T) {
	ahead := time.Now().Add(time.Hour).UnixMilli()
	for path, says := range map[string]string{
		"series?from=yesterday":                      "give Unix milliseconds or RFC 3339",
		"series?from=1790000000":                     "not before the year 2000",
		"series?from=9999999999999999":               "not before the year 2000",
		fmt.Sprintf("series?to=%d", ahead):           "nothing is stored of the future",
		"series?from=1790000000000&to=1780000000000": "from is not before to",
		"series?from=1790000000000&to=1790000000009": "at least 10s",
		"series?from=1000000000000&to=1790000000000": "3660 at the most",
		"series?points=9":                            "a whole number from 10 to 4000",
		"series?points=ten":                          "a whole number from 10 to 4000",
		"events?limit=501":                           "a whole number from 1 to 500",
		"events?from=x":                              "give Unix milliseconds",
		"export.csv?table=weather":                   `there is no \"weather\" to export`,
		"export.csv?table=disk":                      "disk is of boxes, not of rooms",
		"export.csv?every=2m":                        "give raw, 1m or 1h",
		"export.csv?table=alerts&every=1h":           "alerts have no means",
	} {
		s, kept := withStored(t)
		w := request(t, s, "GET", inRoom+path, "")
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, path)
		require.Contains(t, w.Body.String(), says, path)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		require.Equal(t, stored{}, *kept, "nothing was asked")
	}
	for _, path := range []string{"series", "events", "export.csv", "policy"} {
		s, _ := withStored(t)
		require.Equal(t, http.StatusNotFound, request(t, s, "GET", "/api/v1/rooms/attic/"+path, "").Code)
	}
}

func TestAnExportStreamsAndSaysWhenItIsNotWhole(t *testing.T) {
	s, kept := withStored(t)
	kept.write = func(_ context.Context, out io.Writer) error {
		_, err := io.WriteString(out, "time,room\n")
		return err
	}
	w := request(t, s, "GET", inRoom+"export.csv?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z&table=power&every=1h", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "time,room\n", w.Body.String())
	require.Equal(t, "text/csv; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, `attachment; filename="server-room-power-20261101T000000Z-20261102T000000Z.csv"`, w.Header().Get("Content-Disposition"))
	require.Equal(t, []history.Tag{{Name: "room", Value: "server-room"}}, kept.export.Where)
	require.Equal(t, []any{history.Hours, "power", false}, []any{kept.export.Tier, kept.export.Table.Measurement, kept.export.Table.Event})

	kept.write, kept.answer = nil, fmt.Errorf("read: %w", fault.ErrUnreachable)
	w = request(t, s, "GET", inRoom+"export.csv", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "before the first byte it is a problem")
	require.Empty(t, w.Header().Get("Content-Disposition"))

	kept.write = func(_ context.Context, out io.Writer) error {
		_, err := io.WriteString(out, "time,room\n")
		return errors.Join(err, fault.ErrUnreachable)
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	answer, err := server.Client().Get(server.URL + inRoom + "export.csv")
	require.NoError(t, err)
	defer answer.Body.Close()
	_, err = io.ReadAll(answer.Body)
	require.Error(t, err, "a part must not look like the whole")
}

func TestAnExportEndsWhenItsReaderGoesAway(t *testing.T) {
	s, kept := withStored(t)
	ended := make(chan error, 1)
	kept.write = func(ctx context.Context, out io.Writer) error {
		if _, err := io.WriteString(out, "time\n"); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	answer, err := server.Client().Get(server.URL + inRoom + "export.csv")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		t.Fatal("it went on")
	}
}

func TestThePolicyIsATableWithTheUsualBesideIt(t *testing.T) {
	s, _ := withStored(t)
	room, _ := s.Store.Room("server-room")
	now := room.Policy
	now.Warn = 28
	s.Store.Tune(workflows.TuneState{Room: "server-room", Policy: now}, time.Now())
	w := request(t, s, "GET", inRoom+"policy", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var table struct{ Items []PolicyLine }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &table))
	require.Equal(t, PolicyLine{Key: "warn", Value: "28 °C", Usual: "27 °C", Specified: "27 °C", Means: table.Items[2].Means}, table.Items[2])
	require.NotEmpty(t, table.Items[2].Means)
	different := 0
	for _, line := range table.Items {
		if line.Value != line.Usual {
			different++
		}
	}
	require.Equal(t, 1, different)
}
