package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// openIDPath is where signing in at the OpenID provider begins; below it, where the provider sends people back.
const openIDPath = "/sign-in/openid"

// OpenIDCallback is the path that the provider must know as this page's redirect address.
const OpenIDCallback = openIDPath + "/callback"

// stateCookie binds a signing-in to the browser that began it.
const stateCookie = "overcloud-openid"

// openIDBegin sends the browser to the provider.
func (s *Server) openIDBegin(c echo.Context) error {
	to, state, err := s.People.OpenIDBegin(c.Request().Context(), local(c.QueryParam("next")), c.RealIP())
	if err != nil {
		return s.back(c, door(c, err))
	}
	// The provider's answer comes from another site: a strict cookie would not come with it.
	c.SetCookie(&http.Cookie{
		Name: stateCookie, Value: state, Path: openIDPath, HttpOnly: true, Secure: s.secure(c), SameSite: http.SameSiteLaxMode, MaxAge: 600,
	})
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// openIDEnd takes the provider's answer and begins a session.
func (s *Server) openIDEnd(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	kept := ""
	if cookie, err := c.Cookie(stateCookie); err == nil {
		kept = cookie.Value
	}
	c.SetCookie(&http.Cookie{Name: stateCookie, Path: openIDPath, HttpOnly: true, Secure: s.secure(c), SameSite: http.SameSiteLaxMode, MaxAge: -1})
	if fault := c.QueryParam("error"); fault != "" {
		return s.back(c, echo.NewHTTPError(http.StatusUnauthorized, "the OpenID provider refused: "+short(fault)))
	}
	ctx, agent := c.Request().Context(), c.Request().UserAgent()
	secret, person, next, err := s.People.OpenIDEnd(ctx, kept, c.QueryParam("state"), c.QueryParam("code"), c.RealIP(), agent)
	if person.Name != "" || kept != "" {
		s.auditAs(c, person.Name, "sign in with OpenID", short(agent))
	}
	if err != nil {
		s.Log.Warn("sign in with OpenID", "address", c.RealIP(), "err", err)
		return s.back(c, door(c, err))
	}
	c.Set(personKey, person)
	s.setCookie(c, secret)
	return c.Redirect(http.StatusSeeOther, next)
}

// refusedKey is where the outcome of a request is kept that was answered by sending the browser elsewhere.
const refusedKey = "refused"

// back shows on the sign-in page why it did not work: a browser that follows links shows no problem+json.
func (s *Server) back(c echo.Context, err error) error {
	_, detail := explained(err, c)
	c.Set(refusedKey, detail)
	return c.Redirect(http.StatusSeeOther, "/sign-in?refused="+url.QueryEscape(detail))
}

// nextMost bounds what is kept for a stranger, bytes.
const nextMost = 500

// local is an address of this page: anything else becomes its front, so that no link leads from here to a foreign page.
func local(next string) string {
	to, err := url.Parse(next)
	if err != nil || len(next) > nextMost || to.Scheme != "" || to.Host != "" || to.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || slices.Contains([]string{"/sign-in", "/setup"}, to.Path) || strings.HasPrefix(to.Path, openIDPath) {
		return "/"
	}
	return next
}
