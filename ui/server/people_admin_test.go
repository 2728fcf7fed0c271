package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

func TestAdminsManagePeople(t *testing.T) {
	s, tokens, _ := guarded(t, people.Rules{})
	admin := bearer(tokens[people.Admin])
	require.NoError(t, s.People.AddUser(t.Context(), "root", people.Admin, password))
	do := func(method, path, body string) (int, string) {
		w := request(t, s, method, path, body, admin...)
		return w.Code, w.Body.String()
	}
	code, text := do("POST", "/api/v1/users", `{"name":"김 영희","role":"operator","password":"`+password+`"}`)
	require.Equal(t, http.StatusCreated, code, text)
	require.NotContains(t, text, "hash")
	session := signedIn(t, s, "김 영희")
	_, text = do("GET", "/api/v1/users", "")
	require.Contains(t, text, `"name":"김 영희","role":"operator","disabled":false`)
	require.NotContains(t, text, "argon2")
	_, text = do("GET", "/api/v1/sessions", "")
	require.Contains(t, text, `"name":"김 영희"`)
	require.NotContains(t, text, "current", "a token asked")
	for _, c := range []struct{ body, says string }{
		{`{}`, "say what to change"}, {`{"role":"king"}`, `no role \"king\"`}, {`{"password":"short"}`, "at least 10"}, {`{"rolle":"admin"}`, "rolle"},
	} {
		code, text = do("PATCH", "/api/v1/users/김%20영희", c.body)
		require.Equal(t, http.StatusUnprocessableEntity, code)
		require.Contains(t, text, c.says)
	}
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", session...).Code)
	code, text = do("PATCH", "/api/v1/users/김%20영희", `{"disabled":true}`)
	require.Equal(t, http.StatusNoContent, code, text)
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", session...).Code)
	code, text = do("DELETE", "/api/v1/users/root", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, text, "root is the last admin")
	code, _ = do("DELETE", "/api/v1/users/%EA%B9%80%20%EC%98%81%ED%9D%AC", "")
	require.Equal(t, http.StatusNoContent, code)
	code, _ = do("DELETE", "/api/v1/users/nobody", "")
	require.Equal(t, http.StatusNotFound, code)

	code, text = do("POST", "/api/v1/tokens", `{"name":"grafana","role":"viewer","for":"24h"}`)
	require.Equal(t, http.StatusCreated, code, text)
	var made struct{ ID, Token string }
	require.NoError(t, json.Unmarshal([]byte(text), &made))
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", bearer(made.Token)...).Code)
	_, text = do("GET", "/api/v1/tokens", "")
	require.Contains(t, text, `"name":"grafana"`)
	require.NotContains(t, text, made.Token)
	code, _ = do("DELETE", "/api/v1/tokens/"+made.ID, "")
	require.Equal(t, http.StatusNoContent, code)
	w := request(t, s, "GET", "/api/v1/state", "", bearer(made.Token)...)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Contains(t, w.Body.String(), "this token is not known here")
	require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	code, text = do("POST", "/api/v1/tokens", `{"name":"x","role":"viewer","for":"soon"}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, text, `\"soon\" is no duration (write 720h)`)
}

func TestChangingTheOwnPasswordEndsTheOtherSessions(t *testing.T) {
	s, tokens, _ := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Viewer, password))
	here, elsewhere := signedIn(t, s, "kim"), signedIn(t, s, "kim")
	change := `{"old":"` + password + `","new":"another long word"}`
	require.Equal(t, http.StatusUnauthorized, request(t, s, "PUT", "/api/v1/me/password", strings.Replace(change, password, "wrong wrong", 1), here...).Code)
	w := request(t, s, "PUT", "/api/v1/me/password", change, here...)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	cookie := cookieOf(t, w)
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", "Cookie", cookie.Name+"="+cookie.Value).Code)
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", elsewhere...).Code)
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", here...).Code)
	require.Equal(t, http.StatusForbidden, request(t, s, "PUT", "/api/v1/me/password", change, bearer(tokens[people.Admin])...).Code)
}

func TestTheAuditShowsWhoDidWhatInPages(t *testing.T) {
	s, tokens, operator := guarded(t, people.Rules{Folder: t.TempDir()})
	admin := bearer(tokens[people.Admin])
	s.Store.Tune(workflows.TuneState{Room: "server-room", Audit: []workflows.AuditEntry{
		{At: time.Now().Add(-time.Hour), Who: "lee", What: "override ac1 21", Why: "from the command line", Outcome: "accepted as o7"},
		{At: time.Now().Add(time.Hour), Who: "lee", What: "policy", Outcome: "refused: no"},
	}}, time.Now())
	request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, bearer(tokens[people.Operator])...)
	operator.answer = context.DeadlineExceeded
	request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, bearer(tokens[people.Operator])...)
	request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, bearer(tokens[people.Viewer])...)
	request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good) // nobody: not worth a line
	var lines []auditLine
	for after, pages := "", 0; ; pages++ {
		w := request(t, s, "GET", "/api/v1/audit?limit=1&after="+after, "", admin...)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		var page Page[auditLine]
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
		lines = append(lines, page.Items...)
		if after = page.Next; after == "" {
			break
		}
		require.Less(t, pages, 10)
	}
	var text []string
	for _, l := range lines {
		text = append(text, strings.Join([]string{l.Source, l.Room, l.Who, l.By, l.What, l.Address, l.Outcome}, "|"))
	}
	require.Equal(t, []string{
		"room|server-room|lee||policy||refused: no",
		"page||a viewer|token|POST /api/v1/rooms/server-room/overrides|192.0.2.1|this needs the role operator; a viewer is viewer",
		"page||a operator|token|set an override|192.0.2.1|no answer in time; look at the room's state before you try again",
		"page||a operator|token|set an override|192.0.2.1|done",
		"room|server-room|lee||override ac1 21||done",
	}, text)
	w := request(t, s, "GET", "/api/v1/audit?after=nonsense", "", admin...)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
}
