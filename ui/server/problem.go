package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
)

// Problem is an error as RFC 9457 writes it: one sentence for the person in Detail.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// problem is the one place that turns errors into answers: the person gets a sentence, the log the chain.
func (s *Server) problem(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, detail := explained(err, c)
	if status >= http.StatusInternalServerError {
		s.Log.Error("request", "method", c.Request().Method, "path", c.Request().URL.Path, "err", err)
	}
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store") // what somebody may not see now, another one may
	if jsonErr := c.JSON(status, p); jsonErr != nil {
		s.Log.Warn("answer", "err", jsonErr)
	}
}

// explained is the status of an error, and the sentence for the person.
func explained(err error, c echo.Context) (int, string) {
	var known *echo.HTTPError
	if !errors.As(err, &known) {
		return status(err)
	}
	text, is := known.Message.(string)
	if is && text != http.StatusText(known.Code) {
		return known.Code, text
	}
	r := c.Request()
	switch known.Code {
	case http.StatusNotFound:
		return known.Code, fmt.Sprintf("there is nothing at %s", r.URL.Path)
	case http.StatusMethodNotAllowed:
		allowed, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		return known.Code, fmt.Sprintf("%s cannot be asked at %s; possible: %s", r.Method, r.URL.Path, strings.TrimPrefix(allowed, "OPTIONS, "))
	case http.StatusRequestEntityTooLarge:
		return known.Code, "the body is larger than is taken here"
	case http.StatusTooManyRequests:
		return known.Code, "too many requests; try again later"
	}
	return known.Code, http.StatusText(known.Code)
}

func status(err error) (int, string) {
	switch {
	case errors.Is(err, fault.ErrInvalid):
		return http.StatusUnprocessableEntity, sentence(err, fault.ErrInvalid)
	case errors.Is(err, fault.ErrNotFound):
		return http.StatusNotFound, sentence(err, fault.ErrNotFound)
	case errors.Is(err, fault.ErrUnreachable):
		return http.StatusServiceUnavailable, sentence(err, fault.ErrUnreachable)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "no answer in time; look at the room's state before you try again"
	}
	return http.StatusInternalServerError, "something failed here; the log of ui says what"
}

// sentence drops the sentinel's own words, which the status says already.
func sentence(err, sentinel error) string {
	return strings.TrimPrefix(strings.TrimSuffix(err.Error(), ": "+sentinel.Error()), sentinel.Error()+": ")
}
