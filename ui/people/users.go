package people

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The rules of names and passwords: long enough, and not the name; no other.
const (
	nameMost      = 64
	passwordLeast = 10   // characters
	passwordMost  = 1024 // bytes: hashing a book would be work for nothing
)

// UserInfo is a user as an admin sees one.
type UserInfo struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Disabled bool      `json:"disabled"`
	Made     time.Time `json:"made"`
	Changed  time.Time `json:"changed"` // when the password was set
}

// Edit is what is changed of a user; nil stays.
type Edit struct {
	Role     *Role   `json:"role"`
	Password *string `json:"password"`
	Disabled *bool   `json:"disabled"`
}

// Users are all local users by name.
func (h *House) Users() []UserInfo {
	list := []UserInfo{}
	for _, u := range h.book.view(h.now()).sortedUsers() {
		list = append(list, UserInfo{Name: u.Name, Role: u.Role, Disabled: u.Disabled, Made: u.Made, Changed: u.Changed})
	}
	return list
}

// AddUser makes a user. Errors: ErrInvalid for a name, role or password that cannot be, or a name that is taken.
func (h *House) AddUser(ctx context.Context, name string, role Role, password string) error {
	return h.add(ctx, name, role, password, func(*content) error { return nil })
}

// add makes a user if allowed, which sees what holds, does not object.
func (h *House) add(ctx context.Context, name string, role Role, password string, allowed func(*content) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	if role.rank() == 0 {
		return invalid("there is no role %q; the roles are viewer, operator and admin", role)
	}
	if err := checkPassword(name, password); err != nil {
		return err
	}
	hash, err := h.hasher.make(ctx, password)
	if err != nil {
		return err
	}
	now := h.now().UTC().Truncate(time.Second)
	return h.book.change(func(c *content) error {
		if err := allowed(c); err != nil {
			return err
		}
		if _, taken := c.user(name); taken {
			return invalid("there is a user %q already", name)
		}
		c.Users[strings.ToLower(name)] = User{Name: name, Role: role, Hash: hash, Stamp: random(), Made: now, Changed: now}
		return nil
	})
}

// EditUser changes a user. A new password, a new role and being disabled end the user's sessions. Errors: ErrNotFound;
// ErrInvalid, also when no admin would be left.
func (h *House) EditUser(ctx context.Context, name string, edit Edit) error {
	if edit.Role != nil && edit.Role.rank() == 0 {
		return invalid("there is no role %q; the roles are viewer, operator and admin", *edit.Role)
	}
	var hash string
	if edit.Password != nil {
		if err := checkPassword(name, *edit.Password); err != nil {
			return err
		}
		var err error
		if hash, err = h.hasher.make(ctx, *edit.Password); err != nil {
			return err
		}
	}
	err := h.book.change(func(c *content) error {
		user, known := c.user(name)
		if !known {
			return notThere("there is no user %q", name)
		}
		fewer := edit.Role != nil && *edit.Role != Admin || edit.Disabled != nil && *edit.Disabled
		if fewer && c.lastAdmin(name) {
			return invalid("%s is the last admin: make another one first", user.Name)
		}
		if edit.Role != nil {
			user.Role = *edit.Role
		}
		if edit.Disabled != nil {
			user.Disabled = *edit.Disabled
		}
		if hash != "" {
			user.Hash, user.Changed = hash, h.now().UTC().Truncate(time.Second)
		}
		user.Stamp = random()
		c.Users[strings.ToLower(name)] = user
		return nil
	})
	h.Sweep()
	return err
}

// RemoveUser forgets a user. Errors: ErrNotFound; ErrInvalid when no admin would be left.
func (h *House) RemoveUser(name string) error {
	err := h.book.change(func(c *content) error {
		user, known := c.user(name)
		if !known {
			return notThere("there is no user %q", name)
		}
		if c.lastAdmin(name) {
			return invalid("%s is the last admin: make another one first", user.Name)
		}
		delete(c.Users, strings.ToLower(name))
		return nil
	})
	h.Sweep()
	return err
}

// ChangePassword is a person's own change, with the old password; it ends all of that person's sessions. Errors:
// ErrUnauthorised for a wrong old password; ErrInvalid; RetryAfter.
func (h *House) ChangePassword(ctx context.Context, name, address, old, password string) error {
	if _, err := h.verify(ctx, name, address, old); err != nil {
		return err
	}
	return h.EditUser(ctx, name, Edit{Password: &password})
}

func checkName(name string) error {
	switch {
	case name == "" || utf8.RuneCountInString(name) > nameMost:
		return invalid("a name has 1 to %d characters", nameMost)
	case strings.TrimSpace(name) != name:
		return invalid("a name does not begin or end with a blank")
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-@+", r) {
			return invalid("a name has letters, digits, blanks and . _ - @ +, but not %q", r)
		}
	}
	return nil
}

func checkPassword(name, password string) error {
	switch {
	case !utf8.ValidString(password):
		return invalid("the password is no text")
	case utf8.RuneCountInString(password) < passwordLeast:
		return invalid("a password has at least %d characters", passwordLeast)
	case len(password) > passwordMost:
		return invalid("a password has at most %d bytes", passwordMost)
	case strings.EqualFold(strings.TrimSpace(password), name):
		return invalid("a password is not the name")
	}
	return nil
}
