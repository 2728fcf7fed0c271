package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/people"
)

func TestAStrangerDoesNotPushTheAuditOut(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	agent := strings.Repeat("<", 4000)
	for range 300 {
		w := request(t, s, "GET", "/sign-in/openid/callback?code=x&state=y", "", "Cookie", stateCookie+"=x", "User-Agent", agent)
		require.Equal(t, http.StatusSeeOther, w.Code)
	}
	deeds, err := s.People.Journal.Page(0, 1000)
	require.NoError(t, err)
	require.LessOrEqual(t, len(deeds), 50)
	require.NotEmpty(t, deeds)
	require.LessOrEqual(t, len(deeds[0].Detail), 64)
}

func TestTheCodeOfTheSetUpIsNotShownInLogs(t *testing.T) {
	s, l := boxServer(t)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	reader := watchLog(t, web.URL, "", "")
	<-l.begun
	l.publish(wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 1, TimeMillis: 1, Lines: []wire.LogLine{{Nanos: 1, Text: `{"msg":"make the first admin","code":"FKCB-USWE-VG7U-ALGA"}`}}})
	require.Equal(t, []string{`{"msg":"make the first admin","code":"••••"}`}, reader.lines())
}

func TestThe2017CallAnswersOnLoopbackOnlyToItsOwnName(t *testing.T) {
	s, operator := newServer(t)
	web := httptest.NewServer(s.Legacy(time.Hour))
	t.Cleanup(web.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, web.URL+"/control/temp?name=ac1&temperature=20", nil)
	require.NoError(t, err)
	r.Host = "rebound.example:4000" // whose name leads to 127.0.0.1
	answer, err := web.Client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.Empty(t, operator.log)
}

func TestABodyThatDoesNotFitIsExplainedInWordsOfJSON(t *testing.T) {
	s, operator := newServer(t)
	for body, says := range map[string]string{
		``:                          "the body is no override: it is empty",
		`{"ac":"ac1"`:               "the body is no override: it ends in the middle",
		`[]`:                        "the body is no override: it is an array",
		`{"ac":7}`:                  "the body is no override: ac cannot be a number",
		`{"ac":"a","for":5}`:        "the body is no override: for cannot be a number",
		`{"setpoint":1e400}`:        "the body is no override: setpoint cannot be a number 1e400",
		`{"ac":"ac1","setpont":20}`: `the body is no override: unknown field \"setpont\"`,
	} {
		w := request(t, s, "POST", "/api/v1/rooms/server-room/overrides", body)
		require.Equal(t, http.StatusUnprocessableEntity, w.Code)
		require.Contains(t, w.Body.String(), says)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	require.Empty(t, operator.log)
}

// away is a store whose error names what only its owner needs to know.
type away struct{ err error }

func (a away) Alerts(context.Context, string, time.Time, time.Time) ([]wire.Alert, []wire.Answer, error) {
	return nil, nil, fmt.Errorf("read at http://10.0.0.7:8086: %w", a.err)
}

func TestAlertsOfAStoreThatIsAwayNameNoAddress(t *testing.T) {
	s, _ := newServer(t)
	for _, err := range []error{fault.ErrUnreachable, context.DeadlineExceeded} {
		s.AlertHistory = away{err}
		w := request(t, s, "GET", "/api/v1/alerts?state=all", "")
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Contains(t, w.Body.String(), "InfluxDB does not answer")
		require.NotContains(t, w.Body.String(), "10.0.0.7")
	}
	w := request(t, s, "GET", "/api/v1/alerts?state=all&to=9223372036854775807", "")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code, "a time that no store knows is the asker's fault")
}

func TestABodyThatTricklesHoldsNoConnection(t *testing.T) {
	e := echo.New()
	var body struct{ Name string }
	e.POST("/", func(c echo.Context) error { return readAs(c, &body, "name") }, hurry(100*time.Millisecond))
	web := httptest.NewServer(e)
	t.Cleanup(web.Close)
	conn, err := net.Dial("tcp", web.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = io.ReadAll(conn)
	require.NoError(t, err, "the server has closed the connection")
}

func TestAnAnswerMayTakeLongerThanItsBody(t *testing.T) {
	e := echo.New()
	e.POST("/", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		select {
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		case <-time.After(300 * time.Millisecond):
		}
		return c.NoContent(http.StatusNoContent)
	}, hurry(50*time.Millisecond))
	web := httptest.NewServer(e)
	t.Cleanup(web.Close)
	for range 2 { // on one connection
		answer, err := web.Client().Post(web.URL, "text/plain", strings.NewReader("quick"))
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
	}
}
