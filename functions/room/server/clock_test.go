package server

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASteppedClockMovesOnlyWhenItIsTold(t *testing.T) {
	b, err := New(Config{Rooms: rooms(), Speed: 0, Seed: 1})
	require.NoError(t, err)
	s := httptest.NewServer(b.Handler())
	t.Cleanup(s.Close)
	clock, hall := s.URL+"/api/v1/clock", s.URL+"/api/v1/room/hall"
	b.Advance(time.Hour) // as Run does with real time
	code, said := call(t, "GET", clock, "")
	require.Equal(t, 200, code)
	require.Equal(t, map[string]any{"stepped": true, "elapsed_s": 0.0}, said)
	_, first := call(t, "GET", hall, "")

	code, said = call(t, "POST", clock, `{"advance_s": 3600}`)
	require.Equal(t, 200, code)
	require.Equal(t, map[string]any{"stepped": true, "elapsed_s": 3600.0}, said)
	_, later := call(t, "GET", hall, "")
	require.NotEqual(t, first["state"], later["state"])

	for body, why := range map[string]string{
		`{}`: "the body is", `{"advance_s": -1}`: "outside 0 to 86400", `{"advance_s": 1e9}`: "outside 0 to 86400", `{"hour": 1}`: "unknown field",
	} {
		code, said = call(t, "POST", clock, body)
		require.Equal(t, 400, code, body)
		require.Contains(t, said["error"], why)
	}
	_, same := call(t, "GET", hall, "")
	require.Equal(t, later["state"], same["state"], "a refused step moves nothing")

	code, said = call(t, "POST", clock, `{"restart": true}`)
	require.Equal(t, 200, code)
	require.Equal(t, 0.0, said["elapsed_s"])
	_, again := call(t, "GET", hall, "")
	require.Equal(t, first["state"], again["state"])
}

func TestARunningClockIsNotStepped(t *testing.T) {
	_, room := start(t, Config{Seed: 1})
	code, said := call(t, "POST", strings.TrimSuffix(room, "/room")+"/clock", `{"advance_s": 10}`)
	require.Equal(t, 400, code)
	require.Contains(t, said["error"], "ROOM_SPEED=0")
}
