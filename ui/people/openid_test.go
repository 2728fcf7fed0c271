package people

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func openHouse(t *testing.T, p *provider, at *clock) *House {
	t.Helper()
	return house(t, t.TempDir(), at, func(r *Rules) {
		r.SignIn = SignInAuto
		r.OpenID = &OpenIDRules{
			Issuer: p.URL, Client: "control-room", Secret: "s3cret", Redirect: "https://control.example/sign-in/openid/callback", Title: "id.example",
			Claim: "groups", Roles: map[string]Role{"dc-admins": Admin, "dc-staff": Operator, "everyone": Viewer}, Scopes: []string{"profile"},
		}
	})
}

func TestOpenIDSignsInWithTheRoleOfTheClaim(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims map[string]any
		person Person
	}{
		{"the greatest of a list", map[string]any{"preferred_username": "kim", "groups": []string{"everyone", "dc-admins", "dc-staff"}}, Person{"kim", Admin, ByOpenID}},
		{"one text", map[string]any{"email": "lee@example.org", "groups": "dc-staff"}, Person{"lee@example.org", Operator, ByOpenID}},
		{"texts with blanks between", map[string]any{"name": "Park", "groups": "x everyone"}, Person{"Park", Viewer, ByOpenID}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := newClock()
			p := newProvider(t, at.now)
			p.claims = c.claims
			h := openHouse(t, p, at)
			address, state, err := h.OpenIDBegin(t.Context(), "/rooms/lab", "a")
			require.NoError(t, err)
			back := p.visit(address)
			require.Equal(t, state, back.Get("state"))
			secret, person, next, err := h.OpenIDEnd(t.Context(), state, back.Get("state"), back.Get("code"), "a", "Firefox")
			require.NoError(t, err)
			require.Equal(t, c.person, person)
			require.Equal(t, "/rooms/lab", next)
			require.Equal(t, c.person, who(t, h, secret))
			at.add(openIDMost / 2)
			require.Equal(t, c.person, who(t, h, secret))
			at.add(openIDMost/2 + time.Second)
			require.Empty(t, who(t, h, secret).Role, "the provider is asked again each day")
			_, _, _, err = h.OpenIDEnd(t.Context(), state, state, back.Get("code"), "a", "")
			require.ErrorIs(t, err, fault.ErrUnauthorised, "an answer is good once")
		})
	}
}

func TestOpenIDRefusesWhatProvesNothing(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	forge := func(claim string, value any) func(*provider) {
		return func(p *provider) { p.forge = func(claims map[string]any) { claims[claim] = value } }
	}
	for _, c := range []struct {
		name  string
		wrong func(*provider)
		fault error
		says  string
	}{
		{"a nonce of another signing-in", forge("nonce", "another"), fault.ErrUnauthorised, "belongs to another signing-in"},
		{"no nonce", forge("nonce", nil), fault.ErrUnauthorised, "belongs to another signing-in"},
		{"a token for another client", forge("aud", "somebody-else"), fault.ErrUnauthorised, "expected audience"},
		{"a token of another issuer", forge("iss", "https://evil.example"), fault.ErrUnauthorised, "different provider"},
		{"an expired token", forge("exp", newClock().at.Add(-time.Minute).Unix()), fault.ErrUnauthorised, "expired"},
		{"a forged signature", func(p *provider) { p.signer = other }, fault.ErrUnauthorised, "verify signature"},
		{"somebody without a role", forge("groups", []string{"visitors"}), fault.ErrRejected, "kim has no role here"},
		{"somebody without the claim", forge("groups", nil), fault.ErrRejected, `the claim "groups"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := newClock()
			p := newProvider(t, at.now)
			p.claims = map[string]any{"preferred_username": "kim", "groups": "dc-admins"}
			c.wrong(p)
			h := openHouse(t, p, at)
			address, state, err := h.OpenIDBegin(t.Context(), "/", "a")
			require.NoError(t, err)
			back := p.visit(address)
			secret, _, _, err := h.OpenIDEnd(t.Context(), state, back.Get("state"), back.Get("code"), "a", "")
			require.ErrorIs(t, err, c.fault)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, secret)
			require.Empty(t, h.Sessions(""))
		})
	}
}

func TestOpenIDEndsWhereItBegan(t *testing.T) {
	at := newClock()
	p := newProvider(t, at.now)
	p.claims = map[string]any{"preferred_username": "kim", "groups": "dc-admins"}
	h := openHouse(t, p, at)
	begin := func() (state, code string) {
		address, state, err := h.OpenIDBegin(t.Context(), "/", "a")
		require.NoError(t, err)
		return state, p.visit(address).Get("code")
	}
	end := func(kept, state, code string) error {
		_, _, _, err := h.OpenIDEnd(t.Context(), kept, state, code, "a", "")
		return err
	}
	state, code := begin()
	require.ErrorContains(t, end("", state, code), "not begun in this browser", "somebody else's link")
	state, code = begin()
	require.ErrorContains(t, end(state, "another", code), "not begun in this browser")
	require.ErrorContains(t, end("", "", code), "not begun in this browser")
	state, _ = begin()
	require.ErrorContains(t, end(state, state, "made up"), "did not take the code (invalid_grant)")
	state, _ = begin()
	_, code = begin()
	require.ErrorContains(t, end(state, state, code), "did not take the code", "PKCE: a code of another signing-in")
	at.add(time.Minute)
	state, code = begin()
	at.add(pendingFor + time.Second)
	require.ErrorContains(t, end(state, state, code), "too long ago")
}

func TestAProviderThatIsAwayStopsNothingElse(t *testing.T) {
	at := newClock()
	p := newProvider(t, at.now)
	h := openHouse(t, p, at)
	p.Close()
	_, _, err := h.OpenIDBegin(t.Context(), "/", "a")
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "a", "")
	require.NoError(t, err)
	_, _, err = house(t, "", at).OpenIDBegin(t.Context(), "/", "a")
	require.ErrorIs(t, err, fault.ErrNotFound)
}
