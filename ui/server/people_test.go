package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/ui/people"
)

func TestThePageItselfIsForEveryone(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	for _, path := range []string{"/", "/sign-in", "/setup", "/people", "/assets/app.js", "/healthz"} {
		require.Equal(t, http.StatusOK, request(t, s, "GET", path, "").Code, path)
	}
	w := request(t, s, "GET", "/api/v1/me", "")
	require.JSONEq(t, `{"name":"","role":"","by":"","sign_in":{"local":false,"set_up":true}}`, w.Body.String())
}

func TestSignInGivesASessionAndSignOutEndsIt(t *testing.T) {
	s, _, operator := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Operator, password))
	w := request(t, s, "POST", "/api/v1/sign-in", `{"name":"kim","password":"`+password+`"}`)
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"name":"kim","role":"operator","by":"session","sign_in":{"local":true,"set_up":false}}`, w.Body.String())
	cookie := cookieOf(t, w)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Equal(t, "overcloud", cookie.Name)
	first := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", first...).Code)
	cookie = cookieOf(t, request(t, s, "POST", "/api/v1/sign-in", `{"name":"kim","password":"`+password+`"}`, first...))
	session := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", first...).Code, "the browser has one session")
	require.Equal(t, http.StatusCreated, request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, session...).Code)
	require.Contains(t, operator.log[0], "by kim: ")
	require.Equal(t, http.StatusForbidden, request(t, s, "GET", "/api/v1/users", "", session...).Code)
	w = request(t, s, "POST", "/api/v1/sign-out", "", session...)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Negative(t, w.Result().Cookies()[0].MaxAge)
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", session...).Code, "the cookie is of no use any more")
}

func TestByHTTPSTheCookieIsForThisHostAndHTTPSOnly(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{URL: "https://control.example"})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Admin, password))
	w := request(t, s, "POST", "/api/v1/sign-in", `{"name":"kim","password":"`+password+`"}`)
	cookie := cookieOf(t, w)
	require.Equal(t, "__Host-overcloud", cookie.Name)
	require.True(t, cookie.Secure && cookie.HttpOnly && cookie.Path == "/" && cookie.Domain == "")
	require.Contains(t, w.Header().Get("Strict-Transport-Security"), "max-age")
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "", "Cookie", "overcloud="+cookie.Value).Code)
	require.Equal(t, http.StatusOK, request(t, s, "GET", "/api/v1/state", "", "Cookie", cookie.Name+"="+cookie.Value).Code)
	require.Equal(t, http.StatusOK, request(t, s, "POST", "/api/v1/sign-in", `{"name":"kim","password":"`+password+`"}`, "Origin", "https://control.example").Code)
}

func TestGuessesGetOneAnswerAndThenHaveToWait(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Admin, password))
	answer := func(name string) *httptest.ResponseRecorder {
		return request(t, s, "POST", "/api/v1/sign-in", `{"name":"`+name+`","password":"wrong wrong wrong"}`)
	}
	wrong, unknown := answer("kim"), answer("nobody")
	require.Equal(t, http.StatusUnauthorized, wrong.Code)
	require.Equal(t, wrong.Body.String(), unknown.Body.String())
	require.Contains(t, wrong.Body.String(), `"the name or the password is wrong"`)
	var last *httptest.ResponseRecorder
	for range 20 {
		if last = answer("kim"); last.Code != http.StatusUnauthorized {
			break
		}
	}
	require.Equal(t, http.StatusTooManyRequests, last.Code)
	require.Regexp(t, `^\d+$`, last.Header().Get("Retry-After"))
	require.Contains(t, last.Body.String(), "too many tries; wait")
	deeds, err := s.People.Journal.Page(0, 100)
	require.NoError(t, err)
	require.LessOrEqual(t, len(deeds), 10, "who tries on and on does not fill the audit")
	require.Equal(t, "the name or the password is wrong", deeds[0].Outcome)
}

func TestAPageOfAnotherSiteMayNotWrite(t *testing.T) {
	s, _, operator := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Admin, password))
	session := signedIn(t, s, "kim")
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		for _, write := range [][2]string{
			{"POST", "/api/v1/rooms/server-room/overrides"}, {"DELETE", "/api/v1/users/kim"}, {"PUT", "/api/v1/me/password"}, {"POST", "/api/v1/sign-in"}, {"POST", "/api/v1/sign-out"},
		} {
			w := request(t, s, write[0], write[1], good, append(header, session...)...)
			require.Equal(t, http.StatusForbidden, w.Code, "%v %v", header, write)
			require.Contains(t, w.Body.String(), `"a page of another site may not act here"`)
		}
	}
	require.Empty(t, operator.log)
	require.Equal(t, http.StatusCreated, request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good, append([]string{"Sec-Fetch-Site", "same-origin"}, session...)...).Code)
}

func TestTheStreamEndsWithItsSession(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Admin, password))
	session := signedIn(t, s, "kim")
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	open := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/events", nil)
		require.NoError(t, err)
		r.Header.Set(session[0], session[1])
		return server.Client().Do(r)
	}
	answer, err := open()
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	require.True(t, lines.Scan(), "it begins")
	require.Equal(t, http.StatusNoContent, request(t, s, "POST", "/api/v1/sign-out", "", session...).Code)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
		}
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the stream goes on")
	}
	again, err := open()
	require.NoError(t, err)
	require.NoError(t, again.Body.Close())
	require.Equal(t, http.StatusUnauthorized, again.StatusCode)
}

func TestSetUpThroughTheAPI(t *testing.T) {
	file := filepath.Join(t.TempDir(), "code")
	s, _, _ := guarded(t, people.Rules{SignIn: people.SignInAuto, Listen: "127.0.0.1:8080", CodeFile: file, Folder: t.TempDir()})
	local := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	require.Equal(t, http.StatusOK, local("GET", "/api/v1/state", "").Code, "the door is open")
	require.Equal(t, http.StatusUnauthorized, request(t, s, "GET", "/api/v1/state", "").Code, "but not to another name of this machine")
	w := local("POST", "/api/v1/users", `{"name":"kim","role":"admin","password":"`+password+`"}`)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "make the first admin on the page /setup")
	code, err := os.ReadFile(file)
	require.NoError(t, err)
	body := func(code, password string) string {
		text, err := json.Marshal(map[string]string{"code": strings.TrimSpace(code), "name": "kim", "password": password})
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, http.StatusUnauthorized, local("POST", "/api/v1/setup", body("wrong", password)).Code)
	require.Equal(t, http.StatusUnprocessableEntity, local("POST", "/api/v1/setup", body(string(code), "short")).Code)
	w = local("POST", "/api/v1/setup", body(string(code), password))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.NotEmpty(t, cookieOf(t, w).Value)
	require.Equal(t, http.StatusUnauthorized, local("GET", "/api/v1/state", "").Code, "the door is closed")
	require.Equal(t, http.StatusUnprocessableEntity, local("POST", "/api/v1/setup", body(string(code), password)).Code)
}

func TestOnlyAProxyOfOursSaysWhereARequestCameFrom(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	require.NoError(t, s.People.AddUser(t.Context(), "kim", people.Admin, password))
	request(t, s, "POST", "/api/v1/sign-in", `{"name":"kim","password":"`+password+`"}`, "X-Forwarded-For", "1.2.3.4", "X-Real-IP", "1.2.3.4")
	require.Equal(t, "192.0.2.1", s.People.Sessions("")[0].Address)
}

func TestSecurityHeaders(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	for _, path := range []string{"/", "/assets/app.js", "/api/v1/me", "/api/v1/nothing", "/sign-in"} {
		h := request(t, s, "GET", path, "").Header()
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			require.Contains(t, csp, part, path)
		}
		require.NotContains(t, csp, "unsafe")
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "DENY", h.Get("X-Frame-Options"))
		require.Equal(t, "same-origin", h.Get("Referrer-Policy"))
	}
}

func TestWhereToGoOnStaysOnThisPage(t *testing.T) {
	for next, want := range map[string]string{
		"/rooms/lab?x=1": "/rooms/lab?x=1", "": "/", "rooms": "/", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/",
		"/sign-in": "/", "/setup": "/", "/sign-in/openid": "/", "/\tevil": "/",
	} {
		require.Equal(t, want, local(next), next)
	}
}
