package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/ui/people"
)

// discovered is a provider that tells where it is and no more; package people's tests have a whole one.
func discovered(t *testing.T) *httptest.Server {
	t.Helper()
	var provider *httptest.Server
	provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/authorise","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/keys"}`, provider.URL)
	}))
	t.Cleanup(provider.Close)
	return provider
}

func refused(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	to, err := url.Parse(w.Header().Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "/sign-in", to.Path)
	return to.Query().Get("refused")
}

func TestOpenIDSendsTheBrowserAwayAndTakesItBack(t *testing.T) {
	provider := discovered(t)
	s, _, _ := guarded(t, people.Rules{URL: "https://control.example", OpenID: &people.OpenIDRules{
		Issuer: provider.URL, Client: "control-room", Redirect: "https://control.example" + OpenIDCallback, Title: "Example ID", Roles: map[string]people.Role{"*": people.Viewer},
	}})
	require.Contains(t, request(t, s, "GET", "/api/v1/me", "").Body.String(), `"openid":"Example ID"`)
	w := request(t, s, "GET", "/sign-in/openid?next=/alerts", "")
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	to, err := url.Parse(w.Header().Get("Location"))
	require.NoError(t, err)
	require.Equal(t, provider.URL+"/authorise", to.Scheme+"://"+to.Host+to.Path)
	q := to.Query()
	require.Equal(t, "code", q.Get("response_type"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.NotEmpty(t, q.Get("code_challenge"))
	require.NotEmpty(t, q.Get("nonce"))
	require.Equal(t, "https://control.example/sign-in/openid/callback", q.Get("redirect_uri"))
	cookie := w.Result().Cookies()[0]
	require.Equal(t, q.Get("state"), cookie.Value)
	require.True(t, cookie.HttpOnly && cookie.Secure && cookie.SameSite == http.SameSiteLaxMode && cookie.Path == "/sign-in/openid")

	back := "/sign-in/openid/callback?code=x&state=" + q.Get("state")
	require.Contains(t, refused(t, request(t, s, "GET", back, "")), "was not begun in this browser")
	require.Contains(t, refused(t, request(t, s, "GET", "/sign-in/openid/callback?error=access_denied", "")), "the OpenID provider refused: access_denied")
	require.Empty(t, s.People.Sessions(""))
}

func TestWithoutAProviderTheSignInPageSaysSo(t *testing.T) {
	s, _, _ := guarded(t, people.Rules{})
	require.Equal(t, "no OpenID provider is set up here", refused(t, request(t, s, "GET", "/sign-in/openid", "")))
	require.Equal(t, "no OpenID provider is set up here", refused(t, request(t, s, "GET", "/sign-in/openid/callback?code=x&state=y", "")))
}
