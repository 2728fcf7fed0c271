package server

import (
	"fmt"
	"net"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/ui/people"
)

// peopleRoutes are signing in and out, and who may do what.
func (s *Server) peopleRoutes(e *echo.Echo, api *echo.Group) {
	e.IPExtractor = addressOf(s.People.Proxies())
	api.GET("/me", s.me)
	api.PUT("/me/password", s.changePassword, small(), s.needs(people.Viewer))
	api.POST("/sign-in", s.signIn, small())
	api.POST("/sign-out", s.signOut, small())
	api.POST("/setup", s.setUp, small())
	e.GET(openIDPath, s.openIDBegin)
	e.GET(openIDPath+"/callback", s.openIDEnd)

	admin := s.needs(people.Admin)
	api.GET("/users", s.users, admin)
	api.POST("/users", s.addUser, small(), admin)
	api.PATCH("/users/:user", s.editUser, small(), admin)
	api.DELETE("/users/:user", s.removeUser, small(), admin)
	api.GET("/tokens", s.tokens, admin)
	api.POST("/tokens", s.addToken, small(), admin)
	api.DELETE("/tokens/:token", s.revokeToken, small(), admin)
	api.GET("/sessions", s.sessions, admin)
	api.DELETE("/sessions/:session", s.endSession, small(), admin)
	api.GET("/audit", s.auditPage, admin)
}

// identity is the answer of /me.
type identity struct {
	people.Person
	SignIn people.SignIns `json:"sign_in"`
}

// me answers who asks.
func (s *Server) me(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, identity{who(c), s.People.Ways()})
}

// credentials are the body of signing in and, with a code, of the set-up.
type credentials struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Code     string `json:"code,omitempty"`
}

// signIn begins a session.
func (s *Server) signIn(c echo.Context) error {
	var body credentials
	if err := readAs(c, &body, "name and password"); err != nil {
		return err
	}
	return s.enter(c, body)
}

func (s *Server) enter(c echo.Context, body credentials) error {
	s.auditAs(c, short(body.Name), "sign in", short(c.Request().UserAgent()))
	secret, person, err := s.People.SignIn(c.Request().Context(), body.Name, body.Password, c.RealIP(), c.Request().UserAgent())
	if err != nil {
		return door(c, err)
	}
	if old := s.cookie(c); old != "" {
		if err := s.People.SignOut(old); err != nil { // who was here before in this browser is not any more
			s.Log.Warn("end the session before", "err", err)
		}
	}
	s.setCookie(c, secret)
	c.Set(personKey, person)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, identity{person, s.People.Ways()})
}

// signOut ends the session, if there is one.
func (s *Server) signOut(c echo.Context) error {
	if secret := s.cookie(c); secret != "" {
		if name := who(c).Name; name != "" {
			s.audit(c, "sign out", "")
		}
		if err := s.People.SignOut(secret); err != nil {
			return err
		}
	}
	s.setCookie(c, "")
	return c.NoContent(http.StatusNoContent)
}

// setUp makes the first admin and signs that person in.
func (s *Server) setUp(c echo.Context) error {
	var body credentials
	if err := readAs(c, &body, "code, name and password"); err != nil {
		return err
	}
	s.auditAs(c, short(body.Name), "make the first admin", "")
	if err := s.People.SetUp(c.Request().Context(), body.Code, body.Name, body.Password, c.RealIP()); err != nil {
		return door(c, err)
	}
	return s.enter(c, credentials{Name: body.Name, Password: body.Password})
}

// changePassword is a person's own.
func (s *Server) changePassword(c echo.Context) error {
	var body struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := readAs(c, &body, "old and new password"); err != nil {
		return err
	}
	person := who(c)
	s.audit(c, "change the own password", "")
	if person.By != people.BySession {
		return echo.NewHTTPError(http.StatusForbidden, "only who signed in with a password can change it")
	}
	if err := s.People.ChangePassword(c.Request().Context(), person.Name, c.RealIP(), body.Old, body.New); err != nil {
		return door(c, err)
	}
	return s.enter(c, credentials{Name: person.Name, Password: body.New})
}

// short bounds what a stranger writes into the audit.
func short(name string) string { return fmt.Sprintf("%.64s", name) }

// addressOf finds where a request came from: whom the connection says, unless that is a proxy of ours, which then says.
func addressOf(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, proxy := range proxies {
		trust = append(trust, echo.TrustIPRange(proxy))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
