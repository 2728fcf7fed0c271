package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// logReader reads one stream of a log.
type logReader struct {
	t      *testing.T
	body   *bufio.Reader
	lastID string
	leave  func()
}

func watchLog(t *testing.T, url, query, lastID string) *logReader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/functions/sink/logs"+query, http.NoBody)
	require.NoError(t, err)
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	r := &logReader{t: t, body: bufio.NewReader(answer.Body), leave: func() { cancel(); answer.Body.Close() }}
	t.Cleanup(r.leave)
	return r
}

// next is the data of the next event of a name, decoded.
func (r *logReader) next(name string, into any) {
	r.t.Helper()
	event := ""
	for {
		line, err := r.body.ReadString('\n')
		require.NoError(r.t, err)
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "id":
			r.lastID = value
		case key == "event":
			event = value
		case key == "data" && event == name:
			require.NoError(r.t, json.Unmarshal([]byte(value), into))
			return
		}
	}
}

func (r *logReader) lines() []string {
	r.t.Helper()
	var batch logBatch
	r.next("lines", &batch)
	var texts []string
	for _, line := range batch.Lines {
		texts = append(texts, line.Text)
	}
	return texts
}

func TestViewersOfALogShareOneFollowing(t *testing.T) {
	s, l := boxServer(t)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	first := watchLog(t, web.URL, "", "")
	<-l.begun
	l.say(1000, 2000)
	require.Equal(t, []string{"line 1000", "line 2000"}, first.lines())
	second := watchLog(t, web.URL, "?replica=1&tail=1", "")
	require.Equal(t, []string{"line 2000"}, second.lines(), "its last lines first")
	l.say(2000, 3000)
	require.Equal(t, []string{"line 3000"}, first.lines(), "what a new follower brings again is not shown again")
	require.Equal(t, []string{"line 3000"}, second.lines())
	l.publish(wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 2, TimeMillis: 1, Lines: []wire.LogLine{{Nanos: 1, Text: "of another replica"}}})
	l.publish(wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 1, Box: "rack-1", Note: "its box does not answer", TimeMillis: 7})
	var note logNote
	first.next("note", &note)
	require.Equal(t, logNote{Text: "its box does not answer", At: 7, Box: "rack-1"}, note)
	l.publish(wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 1, Dropped: 12, TimeMillis: 8})
	var batch logBatch
	first.next("lines", &batch)
	require.Equal(t, 12, batch.Dropped)

	left := first.lastID
	require.Equal(t, "3000000000.0", left)
	first.leave()
	l.say(4000, 5000)
	back := watchLog(t, web.URL, "", left)
	require.Equal(t, []string{"line 4000", "line 5000"}, back.lines(), "who comes back gets what it missed")
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Equal(t, 1, l.tails)
	require.Equal(t, []string{"smart-energy/sink/1"}, l.watched)
}

func TestAPageLearnsThatALogIsNotFollowed(t *testing.T) {
	s, l := boxServer(t)
	l.fault = fmt.Errorf("Temporal at 127.0.0.1:7233 does not answer: %w", fault.ErrUnreachable)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	reader := watchLog(t, web.URL, "", "")
	var pulse logPulse
	for pulse.Fault == "" {
		reader.next("heartbeat", &pulse)
	}
	require.Contains(t, pulse.Fault, "Temporal at 127.0.0.1:7233 does not answer")
}

func TestTheLinesOfALog(t *testing.T) {
	kept := newLogLines(5)
	add := func(at int64, n int) bool {
		_, is := kept.add(wire.LogLine{Nanos: at, N: n, Text: "x"})
		return is
	}
	shown := func(tail int, after string) (ids []string) {
		for _, line := range kept.last(tail, after) {
			ids = append(ids, line.ID)
		}
		return ids
	}
	require.True(t, add(30, 0))
	require.True(t, add(10, 0), "a follower that begins anew brings older ones too")
	require.True(t, add(30, 1))
	require.False(t, add(30, 0))
	require.Equal(t, []string{"10.0", "30.0", "30.1"}, shown(9, ""))
	for at := int64(40); at < 70; at += 10 {
		require.True(t, add(at, 0))
	}
	require.Equal(t, []string{"30.0", "30.1", "40.0", "50.0", "60.0"}, shown(9, ""), "the oldest goes")
	require.False(t, add(20, 0), "what is older than all is gone for good")
	require.Equal(t, []string{"60.0"}, shown(1, ""))
	require.Equal(t, []string{"40.0", "50.0", "60.0"}, shown(1, "30.1"), "what a reader missed, however much")
	require.Equal(t, []string{"60.0"}, shown(1, "nonsense"))
	require.Empty(t, shown(9, "60.0"))

	large := newLogLines(5000)
	for i := range 3000 {
		large.add(wire.LogLine{Nanos: int64(i + 1), Text: strings.Repeat("x", 1<<10)})
	}
	require.LessOrEqual(t, len(large.lines), logBytes>>10)
	require.Greater(t, len(large.lines), logBytes>>10-2)
	require.True(t, slices.IsSortedFunc(large.lines, order))
}

func TestASlowViewerIsDroppedAndHoldsNobodyUp(t *testing.T) {
	s, l := boxServer(t)
	slow, _, err := s.logs.join(logName{"sink", 1}, 10, "")
	require.NoError(t, err)
	<-l.begun
	for i := range int64(200) {
		l.say(i + 1)
	}
	count := 0
	for range slow.events {
		count++
	}
	require.Equal(t, cap(slow.events), count, "what was waiting, and then the end")
	slow.leave()
	_, first, err := s.logs.join(logName{"sink", 1}, 200, "")
	require.NoError(t, err)
	batch, is := first[len(first)-1].data.(logBatch)
	require.True(t, is)
	require.Len(t, batch.Lines, 200)
}
