package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/overcloud/overcloud/internal/fault"
)

// OpenIDRules is an OpenID Connect provider and what its word is worth here.
type OpenIDRules struct {
	Issuer   string // https://id.example.org
	Client   string
	Secret   string // empty for a public client, which PKCE protects
	Redirect string // https://control.example.org/sign-in/openid/callback
	Title    string // what the page calls it
	Scopes   []string
	// Claim names the claim with a person's groups or roles: a text or a list of texts.
	Claim string
	// Roles are the roles of the claim's values; "*" is everybody's.
	Roles map[string]Role
}

const (
	// pendingFor is how long somebody may take at the provider, mostPending how many may at once: some hundred bytes each.
	// One address gets 230 of them in that time, so that it takes many to keep people out.
	pendingFor  = 10 * time.Minute
	mostPending = 10_000
	// askProvider bounds one request to the provider.
	askProvider = 10 * time.Second
)

// openID is the code flow with PKCE, state and nonce.
type openID struct {
	rules OpenIDRules

	mu       sync.Mutex
	provider *oidc.Provider // nil until it answered: a provider that is away does not stop the page
	pending  map[string]pending
}

// pending is somebody who is at the provider, under the hash of the state.
type pending struct {
	nonce    string
	verifier string
	next     string
	until    time.Time
}

func newOpenID(rules OpenIDRules) *openID {
	return &openID{rules: rules, pending: map[string]pending{}}
}

// known asks the provider for what it offers, once it answers.
func (o *openID) known(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The keys are fetched later by the same context, which must outlive this request; the client has the bound.
	lasting := oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: askProvider})
	provider, err := oidc.NewProvider(lasting, o.rules.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the OpenID provider %s: %w: %w", o.rules.Issuer, fault.ErrUnreachable, err)
	}
	o.provider = provider
	return provider, nil
}

func (o *openID) config(provider *oidc.Provider) oauth2.Config {
	return oauth2.Config{
		ClientID: o.rules.Client, ClientSecret: o.rules.Secret, Endpoint: provider.Endpoint(), RedirectURL: o.rules.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, o.rules.Scopes...),
	}
}

// OpenIDBegin is where to send somebody who signs in at the provider, and the state that must be in that browser's
// cookie when it comes back. next is where the person wanted to go. Errors: ErrNotFound without a provider;
// ErrUnreachable; RetryAfter.
func (h *House) OpenIDBegin(ctx context.Context, next, address string) (url, state string, err error) {
	o := h.openID
	if o == nil {
		return "", "", notThere("no OpenID provider is set up here")
	}
	if err := h.limits.try(h.now(), "/openid "+network(address), address); err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, askProvider)
	defer cancel()
	provider, err := o.known(ctx)
	if err != nil {
		return "", "", err
	}
	state = random()
	waiting := pending{nonce: random(), verifier: oauth2.GenerateVerifier(), next: next, until: h.now().Add(pendingFor)}
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, one := range o.pending {
		if h.now().After(one.until) {
			delete(o.pending, key)
		}
	}
	if len(o.pending) >= mostPending {
		return "", "", &fault.RetryAfter{Err: fmt.Errorf("%w: too many people are signing in; try again in a minute", fault.ErrRateLimited), After: time.Minute}
	}
	o.pending[digest(state)] = waiting
	config := o.config(provider)
	return config.AuthCodeURL(state, oidc.Nonce(waiting.nonce), oauth2.S256ChallengeOption(waiting.verifier)), state, nil
}

// OpenIDEnd takes the provider's answer: state and code of the address, kept of the cookie. It begins a session. Errors:
// ErrUnauthorised for an answer that nobody asked for or that does not prove who it is; ErrRejected for somebody without a
// role; ErrUnreachable.
func (h *House) OpenIDEnd(ctx context.Context, kept, state, code, address, agent string) (secret string, person Person, next string, err error) {
	o := h.openID
	if o == nil {
		return "", person, "", notThere("no OpenID provider is set up here")
	}
	o.mu.Lock()
	waiting, known := o.pending[digest(state)]
	delete(o.pending, digest(state))
	o.mu.Unlock()
	if state == "" || !known || !same256(kept, state) || h.now().After(waiting.until) {
		return "", person, "", fmt.Errorf("%w: this signing-in was not begun in this browser, or too long ago; begin again", fault.ErrUnauthorised)
	}
	ctx, cancel := context.WithTimeout(ctx, askProvider)
	defer cancel()
	person, err = o.person(ctx, h.now, code, waiting)
	if err != nil {
		return "", person, "", err
	}
	secret, err = h.begin(Session{Name: person.Name, By: ByOpenID, Role: person.Role, Address: address, Agent: agent})
	return secret, person, waiting.next, err
}

// person turns a code into who that is.
func (o *openID) person(ctx context.Context, now func() time.Time, code string, waiting pending) (Person, error) {
	provider, err := o.known(ctx)
	if err != nil {
		return Person{}, err
	}
	config := o.config(provider)
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(waiting.verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500 {
			return Person{}, fmt.Errorf("%w: the OpenID provider did not take the code (%s)", fault.ErrUnauthorised, refused.ErrorCode)
		}
		return Person{}, fmt.Errorf("redeem the code at %s: %w: %w", o.rules.Issuer, fault.ErrUnreachable, err)
	}
	raw, is := tokens.Extra("id_token").(string)
	if !is {
		return Person{}, fmt.Errorf("%w: the OpenID provider sent no ID token", fault.ErrUnauthorised)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: o.rules.Client, Now: now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, fmt.Errorf("%w: the OpenID provider's word on who you are is not good: %w", fault.ErrUnauthorised, err)
	}
	if !same256(id.Nonce, waiting.nonce) {
		return Person{}, fmt.Errorf("%w: the OpenID provider's word on who you are belongs to another signing-in", fault.ErrUnauthorised)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("%w: the claims of the ID token: %w", fault.ErrUnauthorised, err)
	}
	person := Person{Name: nameOf(claims), Role: o.role(claims), By: ByOpenID}
	if person.Role == "" {
		return person, fmt.Errorf("%w: %s has no role here; the claim %q would have to hold one of those in UI_OPENID_ROLES", fault.ErrRejected, person.Name, o.rules.Claim)
	}
	return person, nil
}

// nameOf is what to call somebody.
func nameOf(claims map[string]any) string {
	for _, claim := range []string{"preferred_username", "email", "name", "sub"} {
		if name, is := claims[claim].(string); is && strings.TrimSpace(name) != "" {
			return short(strings.TrimSpace(name), nameMost)
		}
	}
	return "somebody"
}

// role is the greatest role that the claim gives.
func (o *openID) role(claims map[string]any) Role {
	values := []string{"*"}
	switch claim := claims[o.rules.Claim].(type) {
	case string:
		values = append(values, strings.Fields(claim)...)
		values = append(values, claim)
	case []any:
		for _, one := range claim {
			if text, is := one.(string); is {
				values = append(values, text)
			}
		}
	}
	var greatest Role
	for _, value := range values {
		if role := o.rules.Roles[value]; role.rank() > greatest.rank() {
			greatest = role
		}
	}
	return greatest
}
