package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// SignIn checks a password and begins a session; secret is for the cookie. Errors: ErrUnauthorised, the same for unknown
// names, wrong passwords and disabled users, after the same time; RetryAfter with ErrRateLimited.
func (h *House) SignIn(ctx context.Context, name, password, address, agent string) (secret string, person Person, err error) {
	user, err := h.verify(ctx, name, address, password)
	if err != nil {
		return "", Person{}, err
	}
	secret, err = h.begin(Session{Name: user.Name, By: BySession, Stamp: user.Stamp, Address: address, Agent: agent})
	return secret, Person{Name: user.Name, Role: user.Role, By: BySession}, err
}

// verify is the check of a name and a password, bounded in how often. A hash that was made with less than today's cost
// is made anew.
func (h *House) verify(ctx context.Context, name, address, password string) (User, error) {
	now := h.now()
	if err := h.limits.try(now, h.triedAs(short(name, nameMost), address), address); err != nil {
		return User{}, err
	}
	wrong := fmt.Errorf("%w: the name or the password is wrong", fault.ErrUnauthorised)
	if len(password) > passwordMost {
		password = ""
	}
	user, known := h.book.view(now).user(name)
	if !known || user.Disabled {
		user.Hash = ""
	}
	fits, old, err := h.hasher.check(ctx, password, user.Hash)
	if err != nil {
		return User{}, err
	}
	if !fits {
		return User{}, wrong
	}
	h.limits.good(h.triedAs(name, address))
	if old {
		h.renew(ctx, user, password)
	}
	return user, nil
}

// triedAs is by what tries at a name are counted: where its owner has a session they are counted apart from everybody
// else's, so that whoever guesses at a name from elsewhere does not keep its owner out.
func (h *House) triedAs(name, address string) string {
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.held.Sessions {
		if s.By == BySession && s.Address == address && strings.EqualFold(s.Name, name) {
			return name + " at " + address
		}
	}
	return name
}

// renew makes a hash with today's cost. The password is the same, so sessions go on.
func (h *House) renew(ctx context.Context, user User, password string) {
	hash, err := h.hasher.make(ctx, password)
	if err == nil {
		err = h.book.change(func(c *content) error {
			key := strings.ToLower(user.Name)
			if now, known := c.Users[key]; known && now.Hash == user.Hash {
				now.Hash = hash
				c.Users[key] = now
			}
			return nil
		})
	}
	if err != nil {
		h.rules.Log.Warn("a password's hash stays as it is", "user", user.Name, "err", err)
	}
}
