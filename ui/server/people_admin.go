package server

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/people"
)

func (s *Server) users(c echo.Context) error {
	return pageOf(c, s.People.Users(), func(u people.UserInfo) string { return u.Name })
}

// pageOf answers with a part of a list that nobody on the way keeps.
func pageOf[T any](c echo.Context, items []T, key func(T) string) error {
	page, err := paged(c, items, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, page)
}

// addUser makes a user. The first one is made by the set-up, which knows the code of the log.
func (s *Server) addUser(c echo.Context) error {
	var body struct {
		Name     string      `json:"name"`
		Role     people.Role `json:"role"`
		Password string      `json:"password"`
	}
	if err := readAs(c, &body, "user"); err != nil {
		return err
	}
	s.audit(c, "add a user", fmt.Sprintf("%s as %s", short(body.Name), short(string(body.Role))))
	if s.People.Ways().SetUp {
		return fmt.Errorf("%w: make the first admin on the page /setup", fault.ErrInvalid)
	}
	if err := s.People.AddUser(c.Request().Context(), body.Name, body.Role, body.Password); err != nil {
		return door(c, err)
	}
	for _, user := range s.People.Users() {
		if user.Name == body.Name {
			return c.JSON(http.StatusCreated, user)
		}
	}
	return c.NoContent(http.StatusCreated)
}

// editUser changes the role or password of a user, or disables one.
func (s *Server) editUser(c echo.Context) error {
	var edit people.Edit
	if err := readAs(c, &edit, "change of a user"); err != nil {
		return err
	}
	name := named(c, "user")
	what := "change a user"
	switch {
	case edit.Password != nil:
		what = "set a user's password"
	case edit.Role != nil:
		what = fmt.Sprintf("make a user %s", short(string(*edit.Role)))
	case edit.Disabled != nil && *edit.Disabled:
		what = "disable a user"
	case edit.Disabled != nil:
		what = "enable a user"
	}
	s.audit(c, what, short(name))
	if edit == (people.Edit{}) {
		return fmt.Errorf("%w: say what to change: role, password or disabled", fault.ErrInvalid)
	}
	if err := s.People.EditUser(c.Request().Context(), name, edit); err != nil {
		return door(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) removeUser(c echo.Context) error {
	name := named(c, "user")
	s.audit(c, "remove a user", short(name))
	if err := s.People.RemoveUser(name); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) tokens(c echo.Context) error {
	return pageOf(c, s.People.Tokens(), func(u people.TokenInfo) string { return u.ID })
}

// addToken makes a token and tells it, once.
func (s *Server) addToken(c echo.Context) error {
	var body struct {
		Name string      `json:"name"`
		Role people.Role `json:"role"`
		For  string      `json:"for"` // 720h; empty: 90 days
	}
	if err := readAs(c, &body, "token"); err != nil {
		return err
	}
	body.For = cmp.Or(body.For, people.TokenFor.String())
	s.audit(c, "make a token", fmt.Sprintf("%s as %s for %s", short(body.Name), short(string(body.Role)), short(body.For)))
	lasts, err := time.ParseDuration(body.For)
	if err != nil {
		return fmt.Errorf("%w: %q is no duration (write 720h)", fault.ErrInvalid, short(body.For))
	}
	secret, info, err := s.People.AddToken(body.Name, body.Role, lasts, who(c).Name)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, struct {
		people.TokenInfo
		Token string `json:"token"`
	}{info, secret})
}

func (s *Server) revokeToken(c echo.Context) error {
	name, err := s.People.RevokeToken(c.Param("token"))
	s.audit(c, "revoke a token", short(name))
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) sessions(c echo.Context) error {
	return pageOf(c, s.People.Sessions(s.cookie(c)), func(u people.SessionInfo) string { return u.ID })
}

func (s *Server) endSession(c echo.Context) error {
	s.audit(c, "end a session", short(c.Param("session")))
	if err := s.People.EndSession(c.Param("session")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// named is a parameter of the path. The router leaves it escaped when a client escaped more than it had to, as browsers do.
func named(c echo.Context, name string) string {
	text := c.Param(name)
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
