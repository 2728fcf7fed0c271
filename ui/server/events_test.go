package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
)

// sent is one event of a stream.
type sent struct{ id, kind, data string }

// follow opens the stream as a browser does.
func follow(t *testing.T, ctx context.Context, url, lastID string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/events", nil)
	require.NoError(t, err)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	return answer, lines
}

// event is the next one that is no heartbeat; not ok when the stream has ended.
func event(lines *bufio.Scanner) (e sent, ok bool) {
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			if e.kind != "heartbeat" {
				return e, true
			}
			e = sent{}
		}
	}
	return e, false
}

func TestAStreamBeginsWithTheStateAndGoesOnWhereItWas(t *testing.T) {
	s, _ := newServer(t)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	answer, lines := follow(t, t.Context(), server.URL, "")
	require.True(t, answer.Uncompressed, "it came as gzip")
	first, _ := event(lines)
	require.Equal(t, "state", first.kind)
	var snapshot state.Snapshot
	require.NoError(t, json.Unmarshal([]byte(first.data), &snapshot))
	require.Nil(t, snapshot.Rooms[0].Inlet, "nothing was read yet")

	s.Store.Reading(wire.Reading{Room: "server-room", Sensor: 1, At: time.Now(), Celsius: 25.5})
	patch, _ := event(lines)
	require.Equal(t, "patch", patch.kind)
	require.Contains(t, patch.data, `"rooms/server-room/inlet":25.5`)
	answer.Body.Close()

	s.Store.Reading(wire.Reading{Room: "server-room", Sensor: 2, At: time.Now(), Celsius: 26.5})
	answer, lines = follow(t, t.Context(), server.URL, patch.id)
	defer answer.Body.Close()
	missed, _ := event(lines)
	if !strings.Contains(missed.data, "set") { // it came back before the hub looked again
		missed, _ = event(lines)
	}
	require.Equal(t, "patch", missed.kind)
	require.Contains(t, missed.data, `"rooms/server-room/sensors/2"`)
	require.NotContains(t, missed.data, `"rooms/server-room/sensors/1"`, "only what was missed")
	require.Contains(t, missed.data, `"rooms/server-room/inlet":26`)
}

func TestAnotherProcessSendsTheWhole(t *testing.T) {
	before, _ := newServer(t)
	server := httptest.NewServer(before.Handler())
	answer, lines := follow(t, t.Context(), server.URL, "")
	first, _ := event(lines)
	answer.Body.Close()
	server.Close()
	after, _ := newServer(t)
	server = httptest.NewServer(after.Handler())
	defer server.Close()
	answer, lines = follow(t, t.Context(), server.URL, first.id)
	defer answer.Body.Close()
	whole, _ := event(lines)
	require.Equal(t, "state", whole.kind)
}

func TestManyReadersAllHearAndAStopEndsThemAtOnce(t *testing.T) {
	const readers = 200
	s, _ := newServer(t)
	stopping := make(chan struct{})
	s.Stopping = stopping
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	var group errgroup.Group
	for range readers {
		answer, lines := follow(t, t.Context(), server.URL, "")
		group.Go(func() error {
			defer answer.Body.Close()
			for {
				e, ok := event(lines)
				if !ok {
					return io.ErrUnexpectedEOF
				}
				if strings.Contains(e.data, `"celsius":33`) {
					break
				}
			}
			for { // until the server ends it
				if _, ok := event(lines); !ok {
					return nil
				}
			}
		})
	}
	require.Equal(t, readers, s.hub.Readers())
	s.Store.Reading(wire.Reading{Room: "server-room", Sensor: 1, At: time.Now(), Celsius: 33})
	time.AfterFunc(time.Second, func() { close(stopping) })
	require.NoError(t, group.Wait())
	require.Eventually(t, func() bool { return s.hub.Readers() == 0 }, 5*time.Second, 10*time.Millisecond)
}

// stuck is a connection that takes nothing more.
type stuck struct {
	http.ResponseWriter
	deadline chan time.Time
}

func (s *stuck) SetWriteDeadline(at time.Time) error { s.deadline <- at; return nil }

func (s *stuck) Write([]byte) (int, error) {
	at := <-s.deadline
	if wait := time.Until(at); wait < sendMost-time.Second || wait > sendMost {
		return 0, net.UnknownNetworkError("no deadline")
	}
	return 0, &net.OpError{Op: "write", Err: context.DeadlineExceeded}
}

func TestAReaderThatTakesNothingIsDropped(t *testing.T) {
	s, _ := newServer(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := &stuck{httptest.NewRecorder(), make(chan time.Time, 1)}
	ended := make(chan struct{})
	go func() {
		s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/events", nil))
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("it still waits for a reader that takes nothing")
	}
	require.Zero(t, s.hub.Readers())
	require.Contains(t, log.String(), "deadline exceeded")
}
