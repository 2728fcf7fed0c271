package people

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

const (
	// tokenPrefix tells people, and scanners of leaked secrets, what such a text is.
	tokenPrefix = "overcloud_"
	tokenKey    = "token/" // of Watch
	openKey     = "open"   // of Watch: served behind the open door
	mostTokens  = 200
	// TokenFor is how long a token holds unless its maker says otherwise.
	TokenFor = 90 * 24 * time.Hour
	// TokenMost is the longest that a token may hold.
	TokenMost = 5 * 366 * 24 * time.Hour
)

// TokenInfo is a token as an admin sees one, without its secret.
type TokenInfo struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Made    time.Time `json:"made"`
	By      string    `json:"by,omitempty"`      // who made it
	Expires time.Time `json:"expires,omitzero"`  // absent: never
	Used    time.Time `json:"used,omitzero"`     // absent: not yet
	Expired bool      `json:"expired,omitempty"` // it holds no more
}

func (t Token) over(now time.Time) bool { return !t.Expires.IsZero() && now.After(t.Expires) }

// AddToken makes a token; its secret is told once, here. Errors: ErrInvalid.
func (h *House) AddToken(name string, role Role, lasts time.Duration, by string) (secret string, info TokenInfo, err error) {
	if err := checkName(name); err != nil {
		return "", info, err
	}
	if role.rank() == 0 {
		return "", info, invalid("there is no role %q; the roles are viewer, operator and admin", role)
	}
	if lasts <= 0 || lasts > TokenMost {
		return "", info, invalid("a token lasts up to %.0f days (write 720h)", TokenMost.Hours()/24)
	}
	secret = tokenPrefix + random()
	hash := digest(secret)
	now := h.now().UTC().Truncate(time.Second)
	token := Token{ID: hash[:12], Name: name, Role: role, Hash: hash, Made: now, By: by, Expires: now.Add(lasts)}
	err = h.book.change(func(c *content) error {
		for id, old := range c.Tokens {
			if strings.EqualFold(old.Name, name) && !old.over(now) {
				return invalid("there is a token %q already", name)
			}
			if old.over(now.AddDate(0, -3, 0)) {
				delete(c.Tokens, id) // nobody asks any more why it does not work
			}
		}
		if len(c.Tokens) >= mostTokens {
			return invalid("there are %d tokens already: revoke some first", len(c.Tokens))
		}
		c.Tokens[token.ID] = token
		return nil
	})
	if err != nil {
		return "", info, err
	}
	return secret, h.tokenInfo(token, now), nil
}

// Tokens are all tokens by name.
func (h *House) Tokens() []TokenInfo {
	now := h.now()
	list := []TokenInfo{}
	for _, t := range sorted(h.book.view(now).Tokens, func(t Token) string { return strings.ToLower(t.Name) + " " + t.ID }) {
		list = append(list, h.tokenInfo(t, now))
	}
	return list
}

func (h *House) tokenInfo(t Token, now time.Time) TokenInfo {
	h.desk.mu.Lock()
	defer h.desk.mu.Unlock()
	return TokenInfo{
		ID: t.ID, Name: t.Name, Role: t.Role, Made: t.Made, By: t.By, Expires: t.Expires, Used: h.desk.held.Used[t.ID], Expired: t.over(now),
	}
}

// RevokeToken forgets a token, and ends what is being served to it. Errors: ErrNotFound.
func (h *House) RevokeToken(id string) (name string, err error) {
	err = h.book.change(func(c *content) error {
		token, known := c.Tokens[id]
		if !known {
			return notThere("there is no token %q", id)
		}
		name = token.Name
		delete(c.Tokens, id)
		return nil
	})
	h.desk.mu.Lock()
	delete(h.desk.held.Used, id)
	h.desk.dirty = true
	h.desk.mu.Unlock()
	h.Sweep()
	return name, err
}

// token is whose a secret is, with its key for Watch. Errors: ErrUnauthorised, with what to do.
func (h *House) token(secret string) (Person, string, error) {
	now := h.now()
	hash := digest(secret)
	token, known := h.book.view(now).Tokens[hash[:12]]
	if !known || subtle.ConstantTimeCompare([]byte(token.Hash), []byte(hash)) != 1 {
		return Person{}, "", fmt.Errorf("%w: this token is not known here; an admin makes one on the page People", fault.ErrUnauthorised)
	}
	if token.over(now) {
		return Person{}, "", fmt.Errorf("%w: the token %q ended on %s", fault.ErrUnauthorised, token.Name, token.Expires.Format(time.DateOnly))
	}
	h.desk.mu.Lock()
	defer h.desk.mu.Unlock()
	if now.Sub(h.desk.held.Used[token.ID]) > time.Second {
		h.desk.held.Used[token.ID] = now.UTC()
		h.desk.dirty = true
	}
	return Person{Name: token.Name, Role: token.Role, By: ByToken}, tokenKey + token.ID, nil
}
