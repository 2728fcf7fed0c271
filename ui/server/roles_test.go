package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/ui/state"
)

const password = "correct horse battery"

// guarded is a server behind sign-in, with tokens of each role.
func guarded(t *testing.T, rules people.Rules) (*Server, map[people.Role]string, *operator) {
	t.Helper()
	if rules.SignIn == "" {
		rules.SignIn = people.SignInLocal
	}
	if rules.Listen == "" {
		rules.Listen = "0.0.0.0:8080"
	}
	if rules.Now == nil {
		rules.Now = time.Now
	}
	rules.Log, rules.Memory = slog.New(slog.DiscardHandler), 64
	house, err := people.Open(rules)
	require.NoError(t, err)
	tokens := map[people.Role]string{}
	for _, role := range people.Roles() {
		tokens[role], _, err = house.AddToken("a "+string(role), role, time.Hour, "")
		require.NoError(t, err)
	}
	operator := &operator{}
	room := spec.Room{
		Name: "server-room", Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{{ID: 1, Source: "simulated://1"}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}},
	}
	s := New(Options{
		Service: "smart-energy", Store: state.NewStore([]spec.Room{room}), Operator: operator, Graphs: graphs{},
		People: house, Log: slog.New(slog.DiscardHandler), Now: rules.Now,
	})
	return s, tokens, operator
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// cookieOf is the session of an answer.
func cookieOf(t *testing.T, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	for _, cookie := range w.Result().Cookies() {
		if strings.HasSuffix(cookie.Name, plainCookie) && cookie.Value != "" {
			return cookie
		}
	}
	t.Fatal("no session in ", w.Header())
	return nil
}

func signedIn(t *testing.T, s *Server, name string) []string {
	t.Helper()
	w := request(t, s, "POST", "/api/v1/sign-in", `{"name":"`+name+`","password":"`+password+`"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	cookie := cookieOf(t, w)
	return []string{"Cookie", cookie.Name + "=" + cookie.Value}
}

// needed is the least role of every write, and of what only admins read; whatever else is read needs a viewer. An empty
// role needs nobody.
func needed() map[string]people.Role {
	return map[string]people.Role{
		"GET /api/v1/me": "", "POST /api/v1/sign-in": "", "POST /api/v1/sign-out": "", "POST /api/v1/setup": "", "GET /api/v1/openapi.json": "",
		"PUT /api/v1/me/password": people.Viewer,
		"GET /api/v1/users":       people.Admin, "POST /api/v1/users": people.Admin, "PATCH /api/v1/users/:user": people.Admin, "DELETE /api/v1/users/:user": people.Admin,
		"GET /api/v1/tokens": people.Admin, "POST /api/v1/tokens": people.Admin, "DELETE /api/v1/tokens/:token": people.Admin,
		"GET /api/v1/sessions": people.Admin, "DELETE /api/v1/sessions/:session": people.Admin, "GET /api/v1/audit": people.Admin,

		"POST /api/v1/rooms/:room/overrides": people.Operator, "DELETE /api/v1/rooms/:room/overrides": people.Operator,
		"DELETE /api/v1/rooms/:room/overrides/:id": people.Operator,
		"PUT /api/v1/rooms/:room/picture":          people.Admin, "DELETE /api/v1/rooms/:room/picture": people.Admin,
		"POST /api/v1/alerts/:alert/acknowledge": people.Operator, "POST /api/v1/alerts/:alert/shelve": people.Operator,
		"POST /api/v1/alerts/:alert/unshelve": people.Operator, "POST /api/v1/notices/test": people.Admin,

		"POST /api/v1/services/:service/plan": people.Operator, "POST /api/v1/services/:service/apply": people.Operator,
		"POST /api/v1/services/:service/rollback": people.Operator, "POST /api/v1/services/:service/scale": people.Operator,
		"POST /api/v1/services/:service/retry": people.Operator, "POST /api/v1/services/:service/approve": people.Operator,
		"POST /api/v1/services/:service/rebalance": people.Operator, "POST /api/v1/services/:service/drain": people.Operator,
		"POST /api/v1/services/:service/down": people.Admin, "GET /api/v1/services/:service/specification": people.Operator,
	}
}

func TestEveryRouteWantsItsRole(t *testing.T) {
	s, tokens, _ := guarded(t, people.Rules{})
	table, seen := needed(), map[string]bool{}
	parameter := regexp.MustCompile(`:\w+`)
	for _, route := range s.echo.Routes() {
		name := route.Method + " " + route.Path
		if !strings.HasPrefix(route.Path, "/api/") || strings.HasSuffix(route.Path, "*") || seen[name] || !strings.ContainsAny(route.Method[:1], "GPD") {
			continue
		}
		least, listed := table[name]
		if !listed && route.Method == http.MethodGet {
			least, listed = people.Viewer, true
		}
		require.True(t, listed, "say in needed() who may %s", name)
		seen[name] = true
		for _, role := range append([]people.Role{""}, people.Roles()...) {
			code, body := try(t, s, route.Method, parameter.ReplaceAllString(route.Path, "x"), tokens[role])
			switch {
			case least == "" || role.Covers(least):
				if code == http.StatusUnauthorized || code == http.StatusForbidden {
					require.NotRegexp(t, "sign in first|needs the role", body, "%s as %q", name, role)
				}
			case role == "":
				require.Equal(t, http.StatusUnauthorized, code, name)
				require.Contains(t, body, `"sign in first, or send a token"`)
			default:
				require.Equal(t, http.StatusForbidden, code, "%s as %s", name, role)
				require.Contains(t, body, `"this needs the role `+string(least)+`; a `+string(role)+` is `+string(role)+`"`)
			}
		}
	}
	for name := range table {
		require.True(t, seen[name], "there is no route %s any more", name)
	}
	require.Greater(t, len(seen), 40)
}

// try sends a request that a stream does not hold for ever.
func try(t *testing.T, s *Server, method, path, token string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader("{}"))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
