package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/people"
)

// personKey is where a request's person is kept.
const personKey = "person"

// identify finds out who asks, before anything else does. Without a role nobody gets past it to the API, except to what
// signing in needs. What is being served ends when the session or token does.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		person, key, err := s.People.Who(r, s.cookie(c))
		public := forEveryone(r)
		if err != nil && !public {
			return door(c, err)
		}
		c.Set(personKey, person)
		if person.Role == "" && !public {
			return nobody(c)
		}
		if writes(r) {
			return next(c) // it may end its own session, and shall be done whole all the same
		}
		ctx, stop := s.People.Watch(r.Context(), key)
		defer stop()
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// forEveryone says whether a request needs nobody: the page's own files, and what signing in takes.
func forEveryone(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") ||
		slices.Contains([]string{"/api/v1/me", "/api/v1/sign-in", "/api/v1/sign-out", "/api/v1/setup", "/api/v1/openapi.json"}, r.URL.Path)
}

// who asks; nobody, without a role, when identify has not run.
func who(c echo.Context) people.Person {
	person, _ := c.Get(personKey).(people.Person)
	return person
}

// needs lets through only people whose role covers one.
func (s *Server) needs(role people.Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			person := who(c)
			if person.Role == "" {
				return nobody(c)
			}
			if !person.Role.Covers(role) {
				return echo.NewHTTPError(http.StatusForbidden, fmt.Sprintf("this needs the role %s; %s is %s", role, person.Name, person.Role))
			}
			return next(c)
		}
	}
}

func nobody(c echo.Context) error {
	c.Response().Header().Set("WWW-Authenticate", "Bearer")
	return echo.NewHTTPError(http.StatusUnauthorized, "sign in first, or send a token")
}

// door turns what package people refuses into answers: 401, 403, and 429 with when to come back.
func door(c echo.Context, err error) error {
	var later *fault.RetryAfter
	switch {
	case errors.As(err, &later):
		c.Response().Header().Set("Retry-After", strconv.Itoa(max(1, int(later.After.Seconds()))))
		return echo.NewHTTPError(http.StatusTooManyRequests, sentence(err, fault.ErrRateLimited)).SetInternal(err)
	case errors.Is(err, fault.ErrUnauthorised):
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
		return echo.NewHTTPError(http.StatusUnauthorized, sentence(err, fault.ErrUnauthorised)).SetInternal(err)
	case errors.Is(err, fault.ErrRejected):
		return echo.NewHTTPError(http.StatusForbidden, sentence(err, fault.ErrRejected)).SetInternal(err)
	}
	return err
}

// The cookie of a session. By https its name keeps other hosts of the domain from setting it.
const (
	plainCookie  = "overcloud"
	secureCookie = "__Host-overcloud"
)

func (s *Server) cookieName(c echo.Context) string {
	if s.secure(c) {
		return secureCookie
	}
	return plainCookie
}

func (s *Server) secure(c echo.Context) bool { return s.People.Secure() || c.IsTLS() }

// cookie is the session's secret; empty without one.
func (s *Server) cookie(c echo.Context) string {
	cookie, err := c.Cookie(s.cookieName(c))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie gives the browser a session; an empty secret takes it away. The session's end is kept here, so the cookie may
// last as long as a browser allows.
func (s *Server) setCookie(c echo.Context, secret string) {
	cookie := &http.Cookie{
		Name: s.cookieName(c), Value: secret, Path: "/", HttpOnly: true, Secure: s.secure(c), SameSite: http.SameSiteStrictMode, MaxAge: 400 * 24 * 3600,
	}
	if secret == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}
