package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// looker is the workflow side of boxes and logs, the stream of logs, and what boxes have measured.
type looker struct {
	looks  atomic.Int32
	answer func() (activities.Inspection, error)

	mu      sync.Mutex
	watched []string
	fault   error
	takes   map[int]func(wire.LogLines)
	tails   int
	begun   chan struct{} // one for each tail that has begun
}

func newLooker() *looker {
	return &looker{takes: map[int]func(wire.LogLines){}, begun: make(chan struct{}, 16), answer: func() (activities.Inspection, error) {
		return activities.Inspection{Box: "rack-1", Reachable: true, Engine: activities.EngineFacts{Version: "28.0"}}, nil
	}}
}

func (l *looker) Inspect(_ context.Context, service, box string) (activities.Inspection, error) {
	l.looks.Add(1)
	if service != "smart-energy" || box != "rack-1" {
		return activities.Inspection{}, fmt.Errorf("no box %s of %s: %w", box, service, fault.ErrNotFound)
	}
	return l.answer()
}

func (l *looker) WatchLog(_ context.Context, service, function string, replica, _ int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = append(l.watched, fmt.Sprintf("%s/%s/%d", service, function, replica))
	return l.fault
}

func (l *looker) TailLogs(ctx context.Context, _ time.Time, take func(wire.LogLines)) error {
	l.mu.Lock()
	l.tails++
	mine := l.tails
	l.takes[mine] = take
	l.mu.Unlock()
	l.begun <- struct{}{}
	<-ctx.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.takes, mine)
	return ctx.Err()
}

// say publishes lines of sink 1, at so many ms.
func (l *looker) say(at ...int64) {
	record := wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 1, Box: "rack-1", TimeMillis: 1}
	for _, ms := range at {
		record.Lines = append(record.Lines, wire.LogLine{Nanos: ms * 1e6, Stream: wire.StreamOut, Text: fmt.Sprint("line ", ms)})
	}
	l.publish(record)
}

func (l *looker) publish(record wire.LogLines) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, take := range l.takes {
		take(record)
	}
}

func (l *looker) Items(_ context.Context, box string, from, to time.Time, step time.Duration) (BoxItems, error) {
	one := 1.5
	return BoxItems{
		Box: box, From: from.UnixMilli(), To: to.UnixMilli(), Step: step.Milliseconds(), Interval: 10_000,
		Series: []BoxSeries{{Item: "load1", Values: []*float64{nil, &one}}},
	}, l.fault
}

func (l *looker) Disks(_ context.Context, _ string, _ time.Time, step time.Duration, windows int) (map[string][]float64, error) {
	values := make([]float64, windows)
	for i := range values {
		values[i] = 80
		if step == time.Hour {
			values[i] = 60 + float64(i)*0.1
		}
	}
	return map[string][]float64{"/": values, "/new": {math.NaN()}}, l.fault
}

func boxServer(t *testing.T) (*Server, *looker) {
	t.Helper()
	l, store := newLooker(), state.NewStore(nil)
	store.Service(workflows.Status{
		Service: "smart-energy", Phase: workflows.PhaseTuning,
		Boxes:     []workflows.BoxStatus{{Name: "rack-1", Engine: "tcp://rack-1:2376", Reachable: true}, {Name: "rack-2", Engine: "tcp://rack-2:2376"}},
		Functions: []workflows.FunctionStatus{{Function: "sink", Replica: 1, Box: "rack-1"}, {Function: "sink", Replica: 2, Box: "rack-2"}},
	})
	load := 1.5
	store.Resource(wire.Resource{Box: "rack-1", TimeMillis: time.Now().UnixMilli(), Source: "snmp", Load1: &load, Disks: []wire.Disk{{Path: "/", Percent: 77}, {Path: "/new", Percent: 5}}})
	stopping := make(chan struct{})
	t.Cleanup(func() { close(stopping) })
	return New(Options{
		Service: "smart-energy", Store: store, Boxes: l, BoxHistory: l, Logs: l,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Stopping: stopping,
	}), l
}

// ask also holds the answer against the description of the API.
func ask(t *testing.T, s *Server, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return request(t, s, http.MethodGet, "/api/v1"+path, "", header...)
}

func TestBoxesAreListedInPages(t *testing.T) {
	s, _ := boxServer(t)
	var page Page[state.Box]
	answer := ask(t, s, "/boxes?limit=1")
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &page))
	require.Equal(t, []any{1, "rack-1", "rack-1"}, []any{len(page.Items), page.Items[0].Name, page.Next})
	require.Equal(t, http.StatusNotModified, ask(t, s, "/boxes?limit=1", "If-None-Match", answer.Header().Get("ETag")).Code)
	var last Page[state.Box]
	require.NoError(t, json.Unmarshal(ask(t, s, "/boxes?limit=1&after=rack-1").Body.Bytes(), &last))
	require.Equal(t, []any{"rack-2", ""}, []any{last.Items[0].Name, last.Next})
	require.Contains(t, ask(t, s, "/boxes/rack-1").Body.String(), `"load1":1.5`)
	for path, words := range map[string]string{
		"/boxes/rack-9": `there is no box \"rack-9\"`, "/boxes/rack-9/items": "there is no box", "/boxes/rack-9/disks": "there is no box",
		"/boxes/rack-9/inspection": "there is no box", "/functions/nothing/logs": `there is no function \"nothing\"`,
		"/functions/sink/logs?replica=3": "there is no replica 3",
	} {
		refused := ask(t, s, path)
		require.Equal(t, http.StatusNotFound, refused.Code, path)
		require.Contains(t, refused.Body.String(), words)
	}
	for _, path := range []string{"/boxes/rack-1/items?minutes=0", "/boxes/rack-1/items?points=many", "/functions/sink/logs?tail=-1", "/functions/sink/logs?replica=x"} {
		require.Equal(t, http.StatusUnprocessableEntity, ask(t, s, path).Code, path)
	}
}

func TestItemsAndOutlooks(t *testing.T) {
	s, l := boxServer(t)
	var items BoxItems
	require.NoError(t, json.Unmarshal(ask(t, s, "/boxes/rack-1/items?minutes=60&points=30").Body.Bytes(), &items))
	require.Equal(t, []int64{120_000, 3_600_000}, []int64{items.Step, items.To - items.From})
	require.Zero(t, items.From%items.Step, "whole steps: an answer holds for one")
	var page Page[DiskOutlook]
	require.NoError(t, json.Unmarshal(ask(t, s, "/boxes/rack-1/disks").Body.Bytes(), &page))
	require.Equal(t, "/", page.Items[0].Path)
	require.True(t, page.Items[0].Filling)
	require.InDelta(t, 0.1, page.Items[0].PerHour, 0.001)
	require.WithinDuration(t, time.Now().Add(230*time.Hour), time.UnixMilli(page.Items[0].FullAt), 3*time.Hour)
	require.Equal(t, DiskOutlook{Path: "/new", Percent: 5}, page.Items[1], "too little is known")
	l.fault = fmt.Errorf("InfluxDB is away: %w", fault.ErrUnreachable)
	require.Equal(t, http.StatusServiceUnavailable, ask(t, s, "/boxes/rack-1/items").Code)
	require.Equal(t, http.StatusOK, ask(t, s, "/boxes/rack-1/disks").Code, "an outlook holds for a minute")
	require.JSONEq(t, `{"items":[]}`, ask(t, s, "/boxes/rack-2/disks").Body.String(), "nothing is measured there")
}

func TestALookIsSharedAndKept(t *testing.T) {
	s, l := boxServer(t)
	var now atomic.Int64
	s.Now = func() time.Time { return time.UnixMilli(now.Load()) }
	release := make(chan struct{})
	good := l.answer
	l.answer = func() (activities.Inspection, error) { <-release; return good() }
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if answer := ask(t, s, "/boxes/rack-1/inspection"); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "28.0") {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
		})
	}
	require.Eventually(t, func() bool { return l.looks.Load() == 1 }, 5*time.Second, time.Millisecond)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.looks.get(gone, "rack-1", lookAge, s.Now, nil)
	require.ErrorIs(t, err, context.Canceled, "who goes away waits for nothing")
	close(release)
	all.Wait()
	require.Equal(t, int32(1), l.looks.Load())
	now.Add(lookAge.Milliseconds() - 1)
	ask(t, s, "/boxes/rack-1/inspection")
	require.Equal(t, int32(1), l.looks.Load(), "it holds for 10 s")
	now.Add(1)
	l.answer = func() (activities.Inspection, error) {
		return activities.Inspection{}, fmt.Errorf("no worker answers: %w", fault.ErrUnreachable)
	}
	for range 2 {
		failed := ask(t, s, "/boxes/rack-1/inspection")
		require.Equal(t, http.StatusServiceUnavailable, failed.Code)
		require.Contains(t, failed.Body.String(), "no worker answers")
	}
	require.Equal(t, int32(2), l.looks.Load(), "a failure holds for 2 s")
	now.Add(failureAge.Milliseconds())
	l.answer = good
	require.Equal(t, http.StatusOK, ask(t, s, "/boxes/rack-1/inspection").Code)
}
