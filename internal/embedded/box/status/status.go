// Package status carries the HTTP status with an error's sentence from where the fault is found to where
// the Engine API answers. The wording follows dockerd where clients look at it.
package status

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is one clear sentence for the caller, with the HTTP status that the Engine API gives for it.
type Error struct {
	Code int
	Text string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Text }

func of(code int, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// NotModified answers 304: it is so already.
func NotModified(format string, args ...any) error {
	return of(http.StatusNotModified, format, args...)
}

// Invalid answers 400: the request cannot be right.
func Invalid(format string, args ...any) error { return of(http.StatusBadRequest, format, args...) }

// Forbidden answers 403.
func Forbidden(format string, args ...any) error { return of(http.StatusForbidden, format, args...) }

// NotFound answers 404.
func NotFound(format string, args ...any) error { return of(http.StatusNotFound, format, args...) }

// Conflict answers 409: not in this state.
func Conflict(format string, args ...any) error { return of(http.StatusConflict, format, args...) }

// Failed answers 500: right, but it did not work.
func Failed(format string, args ...any) error {
	return of(http.StatusInternalServerError, format, args...)
}

// Unsupported answers 501: an engine does it, a process box does not.
func Unsupported(format string, args ...any) error {
	return of(http.StatusNotImplemented, format, args...)
}

// Code is the HTTP status of an error; 500 when none was given.
func Code(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return http.StatusInternalServerError
}
