package server

import (
	"context"
	"errors"
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
	status, detail := status(err)
	if status >= http.StatusInternalServerError {
		s.Log.Error("request", "method", c.Request().Method, "path", c.Request().URL.Path, "err", err)
	}
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	if jsonErr := c.JSON(status, p); jsonErr != nil {
		s.Log.Warn("answer", "err", jsonErr)
	}
}

func status(err error) (int, string) {
	var known *echo.HTTPError
	switch {
	case errors.As(err, &known):
		if text, is := known.Message.(string); is {
			return known.Code, text
		}
		return known.Code, http.StatusText(known.Code)
	case errors.Is(err, fault.ErrInvalid):
		return http.StatusUnprocessableEntity, sentence(err, fault.ErrInvalid)
	case errors.Is(err, fault.ErrNotFound):
		return http.StatusNotFound, sentence(err, fault.ErrNotFound)
	case errors.Is(err, fault.ErrUnreachable):
		return http.StatusServiceUnavailable, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "no answer in time; look at the room's state before you try again"
	}
	return http.StatusInternalServerError, "something failed here; the log of ui says what"
}

// sentence drops the sentinel's own words, which the status says already.
func sentence(err, sentinel error) string {
	return strings.TrimPrefix(strings.TrimSuffix(err.Error(), ": "+sentinel.Error()), sentinel.Error()+": ")
}
