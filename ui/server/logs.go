package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// Bounds of a log that is shown.
const (
	tailUsual = 200
	tailMost  = logKept
)

// functionLogs streams the log of one replica of a function: its last ?tail=200 lines, then each new one. A reader that
// comes back with Last-Event-ID gets what it missed, as far as it is kept. Events: `lines`, `note` (why no lines come;
// empty when they do) and `heartbeat`.
func (s *Server) functionLogs(c echo.Context) error {
	replica, err := whole(c, "replica", 0, 0, 1<<16)
	if err != nil {
		return err
	}
	tail, err := whole(c, "tail", tailUsual, 0, tailMost)
	if err != nil {
		return err
	}
	function, err := s.knownFunction(c.Param("function"), replica)
	if err != nil {
		return err
	}
	viewer, first, err := s.logs.join(logName{function.Function, function.Replica}, tail, c.Request().Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer viewer.leave()
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := s.tell(w, first...); err != nil {
		return nil //nolint:nilerr // the reader went away
	}
	s.stream(c, w, viewer)
	return nil
}

// stream sends what comes until the reader, its session or the server goes.
func (s *Server) stream(c echo.Context, w *echo.Response, viewer *logViewer) {
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-c.Request().Context().Done():
			return
		case <-s.Stopping:
			return
		case event, open := <-viewer.events:
			if !open {
				return // too slow: its browser comes back with the last line that it has
			}
			err = s.tell(w, event)
		case <-beat.C:
			err = s.tell(w, viewer.pulse(s.Now()))
		}
		if err != nil {
			s.Log.Debug("a reader of a log has gone", "cause", err.Error())
			return
		}
	}
}

// heartbeatEvery is the pace of heartbeats of a log: a page that hears nothing for two of them says so.
const heartbeatEvery = 5 * time.Second

// tell sends events.
func (s *Server) tell(w *echo.Response, events ...logEvent) error {
	var text strings.Builder
	for _, event := range events {
		data, err := json.Marshal(event.data)
		if err != nil {
			return fmt.Errorf("encode an event of a log: %w", err)
		}
		if event.id != "" {
			fmt.Fprintf(&text, "id: %s\n", event.id)
		}
		fmt.Fprintf(&text, "event: %s\ndata: %s\n\n", event.name, data)
	}
	return s.send(w, http.NewResponseController(w), []byte(text.String()))
}

// knownFunction is a replica of a function of the service; replica 0 is its first one.
func (s *Server) knownFunction(name string, replica int) (workflows.FunctionStatus, error) {
	status := s.Store.Snapshot(s.Now()).Service
	if status == nil {
		return workflows.FunctionStatus{}, fmt.Errorf("service %s has not answered yet: %w", s.Service, fault.ErrUnreachable)
	}
	i := slices.IndexFunc(status.Functions, func(f workflows.FunctionStatus) bool {
		return f.Function == name && (replica == 0 || f.Replica == replica)
	})
	if i < 0 && replica > 0 {
		return workflows.FunctionStatus{}, fmt.Errorf("there is no replica %d of function %.100q: %w", replica, name, fault.ErrNotFound)
	}
	if i < 0 {
		return workflows.FunctionStatus{}, fmt.Errorf("there is no function %.100q: %w", name, fault.ErrNotFound)
	}
	return status.Functions[i], nil
}
