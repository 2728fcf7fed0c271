package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/ui/people"
)

// auditKey is where a request's deeds are kept until it is known how they went.
const auditKey = "audit"

// audit says what a request does, for the audit: what in a few words that stay the same ("set an override"), detail
// with what it was done to. It is written when the request is answered, with its outcome. Behind the open door the name
// is the one that the body gave: see auditAs.
func (s *Server) audit(c echo.Context, what, detail string) { s.auditAs(c, who(c).Name, what, detail) }

// auditAs is audit with the name of who does it, for the open door and for who is only just signing in.
func (s *Server) auditAs(c echo.Context, name, what, detail string) {
	deeds, _ := c.Get(auditKey).([]people.Deed)
	c.Set(auditKey, append(deeds, people.Deed{Who: name, What: what, Detail: detail}))
}

// recorded writes what a request did. A write that no handler named is written too when somebody known asked for it.
func (s *Server) recorded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		deeds, _ := c.Get(auditKey).([]people.Deed)
		person := who(c) // without a role: a stranger, whose lines are bounded
		if len(deeds) == 0 && writes(c.Request()) && c.Path() != "" && person.Role != "" {
			deeds = []people.Deed{{Who: person.Name, What: c.Request().Method + " " + c.Request().URL.Path}}
		}
		outcome, code := people.Done, http.StatusOK
		if err != nil {
			code, outcome = explained(err, c)
		} else if refused, is := c.Get(refusedKey).(string); is {
			outcome = refused
		}
		if code == http.StatusTooManyRequests {
			return err // whoever tries on and on shall not push everything else out
		}
		for _, deed := range deeds {
			deed.At, deed.By, deed.Address, deed.Outcome = s.Now(), person.By, c.RealIP(), outcome
			add := s.People.Journal.Add
			if person.Role == "" {
				add = s.People.AddStranger
			}
			if err := add(deed); err != nil {
				s.Log.Error("audit", "who", deed.Who, "what", deed.What, "detail", deed.Detail, "err", err)
			}
		}
		return err
	}
}

func writes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}
