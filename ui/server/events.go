package server

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// sendMost is how long a reader may take to accept what is sent. A slower one is dropped: its browser comes back by
// itself and gets what it missed in one patch.
const sendMost = 10 * time.Second

// events streams the state at once, then patches as it changes, and a heartbeat with the server's time. A reader that
// comes back with Last-Event-ID gets exactly what it missed. The stream ends with the request's context, so whoever
// ends a session ends its streams.
func (s *Server) events(c echo.Context) error {
	w, r := c.Response(), c.Request()
	packed := acceptsGzip(r)
	reader, err := s.hub.Join(r.Header.Get("Last-Event-ID"), packed)
	if err != nil {
		return err
	}
	defer reader.Leave()
	w.Header().Set(echo.HeaderContentType, "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if packed {
		w.Header().Set(echo.HeaderContentEncoding, "gzip")
	}
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w.Writer) // echo's own Flush says nothing of errors
	var buffer []byte
	for {
		// A buffer that one large event has grown is not kept for the small ones.
		if cap(buffer) > 16<<10 {
			buffer = nil
		}
		if buffer, err = reader.Next(r.Context(), s.Stopping, buffer[:0]); err != nil {
			return nil //nolint:nilerr // the reader or the server goes: nobody to tell
		}
		if err := s.send(w, out, buffer); err != nil {
			s.Log.Debug("a reader of the events has gone", "cause", err.Error())
			return nil
		}
	}
}

func (s *Server) send(w http.ResponseWriter, out *http.ResponseController, text []byte) error {
	// Recorders of tests know no deadline.
	_ = out.SetWriteDeadline(time.Now().Add(sendMost))
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	return nil
}

// acceptsGzip says whether an asker reads gzip.
func acceptsGzip(r *http.Request) bool {
	for _, one := range strings.Split(r.Header.Get(echo.HeaderAcceptEncoding), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return !strings.HasPrefix(strings.ReplaceAll(weight, " ", ""), "q=0") || strings.Contains(weight, "0.")
		}
	}
	return false
}
