package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// raw sends what the 2017 page sent, letter by letter, and gives the status and the body of the answer.
func raw(t *testing.T, address, method, target string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, target, address)
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

func TestThe2017CallBecomesAnOverride(t *testing.T) {
	s, operator := newServer(t)
	server := httptest.NewServer(s.Legacy(time.Hour))
	defer server.Close()
	for _, c := range []struct {
		name, method, target string
		status               int
		says, does           string
	}{
		{"as the 2017 page sent it", "PUT", "/control/temp?name=ac1&temperature=23&direction=+1", 200, "", "override smart-energy/server-room ac1 23 for 1h0m0s by 2017 API at 127.0.0.1: asked by the 2017 call"},
		{"one button down", "PUT", "/control/temp?name=AC1&temperature=18&direction=-1", 200, "", "override smart-energy/server-room ac1 18 for 1h0m0s by 2017 API at 127.0.0.1: asked by the 2017 call"},
		{"with the room and no direction", "PUT", "/control/temp?name=server-room/ac1&temperature=30", 200, "", "override smart-energy/server-room ac1 30 for 1h0m0s by 2017 API at 127.0.0.1: asked by the 2017 call"},
		{"too cold", "PUT", "/control/temp?name=ac1&temperature=17&direction=-1", 200, "Out of range", ""},
		{"too warm", "PUT", "/control/temp?name=ac1&temperature=31&direction=+1", 200, "Out of range", ""},
		{"an unknown machine", "PUT", "/control/temp?name=ac9&temperature=20", 404, `there is no air conditioner "ac9"; there are server-room/ac1`, ""},
		{"no machine", "PUT", "/control/temp?temperature=20", 404, `there is no air conditioner ""; there are server-room/ac1`, ""},
		{"no temperature", "PUT", "/control/temp?name=ac1", 400, `temperature "" is no whole number of °C`, ""},
		{"half a degree", "PUT", "/control/temp?name=ac1&temperature=20.5", 400, `temperature "20.5" is no whole number of °C`, ""},
		{"no number", "PUT", "/control/temp?name=ac1&temperature=NaN", 400, `temperature "NaN" is no whole number of °C`, ""},
		{"two temperatures", "PUT", "/control/temp?name=ac1&temperature=20&temperature=30", 400, "temperature is given 2 times", ""},
		{"a direction that is none", "PUT", "/control/temp?name=ac1&temperature=20&direction=up", 400, `direction "up" is neither +1 nor -1`, ""},
		{"another method", "GET", "/control/temp?name=ac1&temperature=20", 405, "Method Not Allowed\n", ""},
		{"another path", "PUT", "/control/power?name=ac1", 404, "404 page not found\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			operator.log = nil
			status, body := raw(t, server.Listener.Addr().String(), c.method, c.target)
			require.Equal(t, c.status, status, body)
			require.Equal(t, c.says, body)
			if c.does == "" {
				require.Empty(t, operator.log)
				return
			}
			require.Equal(t, []string{c.does}, operator.log)
			deeds, err := s.People.Journal.Page(0, 10)
			require.NoError(t, err)
			require.Equal(t, "2017 API at 127.0.0.1", deeds[0].Who)
			require.Equal(t, "done", deeds[0].Outcome)
		})
	}
}

func TestThe2017CallSaysWhatTheWorkflowSays(t *testing.T) {
	s, operator := newServer(t)
	server := httptest.NewServer(s.Legacy(time.Hour))
	defer server.Close()
	operator.answer = fmt.Errorf("setpoint 29 is outside 18 to 27 °C: %w", fault.ErrInvalid)
	status, body := raw(t, server.Listener.Addr().String(), "PUT", "/control/temp?name=ac1&temperature=29&direction=+1")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Equal(t, "setpoint 29 is outside 18 to 27 °C", body)
	deeds, err := s.People.Journal.Page(0, 10)
	require.NoError(t, err)
	require.Equal(t, "setpoint 29 is outside 18 to 27 °C", deeds[0].Outcome)
}

func TestAPageOfAnotherSiteMayNotUseThe2017Call(t *testing.T) {
	s, operator := newServer(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/control/temp?name=ac1&temperature=20", nil)
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	s.Legacy(time.Hour).ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Empty(t, operator.log)
}
