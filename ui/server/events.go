package server

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"
)

// heartbeat is how often a quiet stream says that it lives: a page that hears nothing for more than two of
// them covers its controls.
const heartbeat = 5 * time.Second

// least is the shortest time between two snapshots on one stream: people read no faster.
const least = 500 * time.Millisecond

// events streams a snapshot at once and after each change, and a heartbeat with the server's time. The id of
// an event is the snapshot's version; a reader that comes back needs no replay, since each snapshot is whole.
func (s *Server) events(c echo.Context) error {
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	ctx := c.Request().Context()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	version, err := s.sendSnapshot(c)
	if err != nil {
		return nil //nolint:nilerr // the reader went away: nobody to tell
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.Stopping:
			return nil
		case <-beat.C:
			if _, err := fmt.Fprintf(w, "event: heartbeat\ndata: {\"now\":%d}\n\n", s.Now().UnixMilli()); err != nil {
				return nil //nolint:nilerr // the reader went away
			}
			w.Flush()
		case <-s.Store.Changed(version):
			if version, err = s.sendSnapshot(c); err != nil {
				return nil //nolint:nilerr // the reader went away
			}
			pause(ctx.Done(), least)
		}
	}
}

func (s *Server) sendSnapshot(c echo.Context) (uint64, error) {
	snapshot := s.Store.Snapshot(s.Now())
	body, err := json.Marshal(snapshot)
	if err != nil {
		return 0, fmt.Errorf("encode the state: %w", err)
	}
	if _, err := fmt.Fprintf(c.Response(), "id: %d\nevent: state\ndata: %s\n\n", snapshot.Version, body); err != nil {
		return 0, err
	}
	c.Response().Flush()
	return snapshot.Version, nil
}

func pause(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
