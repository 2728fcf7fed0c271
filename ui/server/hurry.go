package server

import (
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// bodyMost is how long a body may take to come: a picture of 5 MB over a bad line. Without a bound whoever sends a byte
// now and then holds a connection for ever, signed in or not.
const bodyMost = 2 * time.Minute

// hurry bounds how long a body may take. The bound ends with the body: an answer may take longer.
func hurry(most time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			connection := http.NewResponseController(c.Response().Writer)
			_ = connection.SetReadDeadline(time.Now().Add(most)) // recorders of tests know no deadline
			// What a handler leaves of a body net/http reads afterwards, under the same bound, and sets a new one then.
			r.Body = &hurried{r.Body, func() { _ = connection.SetReadDeadline(time.Time{}) }}
			return next(c)
		}
	}
}

// hurried is a body with a bound, which over takes away.
type hurried struct {
	io.ReadCloser
	over func()
}

// Read implements io.Reader.
func (h *hurried) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if err == io.EOF {
		h.over()
	}
	return n, err
}
