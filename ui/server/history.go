package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/ui/series"
	"github.com/overcloud/overcloud/workflows"
)

// Stored reads what InfluxDB keeps of a room: package series. Errors: ErrInvalid, ErrUnreachable, ErrNotFound.
type Stored interface {
	Curves(ctx context.Context, r series.Request) (series.Answer, error)
	Events(ctx context.Context, r series.EventsRequest) (series.Page, error)
	// Export writes a table as CSV, oldest first, as it reads it. What was written before an error is not whole.
	Export(ctx context.Context, r history.Request, out io.Writer) error
}

// historyRoutes are what was stored of rooms.
func (s *Server) historyRoutes(api *echo.Group) {
	api.GET("/rooms/:room/series", s.series)
	api.GET("/rooms/:room/events", s.roomEvents)
	api.GET("/rooms/:room/export.csv", s.export)
	api.GET("/rooms/:room/policy", s.policy)
}

const (
	// patience is how long a question may take: longer ones are for the export.
	patience      = 20 * time.Second
	pointsDefault = 1500
	eventsDefault = 100
)

// series answers with the curves of a range: ?from= and to= (Unix ms or RFC 3339; the last hour), points=, only=.
func (s *Server) series(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	room.Policy = s.policyNow(room)
	r := series.Request{Room: room, Points: pointsDefault, Now: s.Now()}
	if r.From, r.To, err = s.between(c, time.Hour); err != nil {
		return err
	}
	if r.Points, err = wholeParam(c, "points", pointsDefault, series.PointsLeast, series.PointsMost); err != nil {
		return err
	}
	if only := c.QueryParam("only"); only != "" {
		r.Only = strings.Split(only, ",")
	}
	if err := r.Validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	answer, err := s.Stored.Curves(ctx, r)
	if err != nil {
		return s.unread(room.Name, err)
	}
	return s.tagged(c, answer)
}

// roomEvents answers with what happened in a range, the newest first: ?from=, to= (the last day), limit=, after=.
func (s *Server) roomEvents(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	r := series.EventsRequest{Room: room.Name, Now: s.Now(), After: c.QueryParam("after"), Audit: s.tuned(room.Name)}
	if r.From, r.To, err = s.between(c, 24*time.Hour); err != nil {
		return err
	}
	if r.Limit, err = wholeParam(c, "limit", eventsDefault, 1, series.EventsMost); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	page, err := s.Stored.Events(ctx, r)
	if err != nil {
		return s.unread(room.Name, err)
	}
	return s.tagged(c, page)
}

// unread is one sentence for a person when the store does not answer; the log has the chain.
func (s *Server) unread(of string, err error) error {
	if !errors.Is(err, fault.ErrUnreachable) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.Log.Warn("read what was stored", "of", of, "err", err)
	return fmt.Errorf("InfluxDB does not answer, so that nothing of the past can be shown now: %w", fault.ErrUnreachable)
}

// tuned is the audit of a room's tuning, as far as it was heard.
func (s *Server) tuned(room string) []workflows.AuditEntry {
	for _, r := range s.Store.Snapshot(s.Now()).Rooms {
		if r.Name == room {
			return r.Audit
		}
	}
	return nil
}

// export streams a table of a range as CSV: ?table= (temp), every= (raw, 1m, 1h), from=, to= (the last day). It ends when
// the reader goes away; a fault in the middle breaks the connection off, so that a part is not taken for the whole.
func (s *Server) export(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	r, err := s.exportRequest(c, room.Name)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s-%s-%s.csv", fileName(room.Name), r.Table.What, r.From.UTC().Format("20060102T150405Z"), r.To.UTC().Format("20060102T150405Z"))
	out := &late{response: c.Response(), begin: func(h http.Header) {
		h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
		h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
	}}
	err = s.Stored.Export(c.Request().Context(), r, out)
	switch {
	case err == nil:
		return nil
	case !out.begun:
		return s.unread(room.Name, err)
	}
	if c.Request().Context().Err() == nil {
		s.Log.Error("export", "room", room.Name, "table", r.Table.What, "err", err)
	}
	panic(http.ErrAbortHandler)
}

func (s *Server) exportRequest(c echo.Context, room string) (history.Request, error) {
	none := history.Request{}
	what := c.QueryParam("table")
	if what == "" {
		what = "temp"
	}
	table, err := history.TableOf(what)
	if err != nil {
		return none, err
	}
	if table.ByBox {
		return none, fmt.Errorf("%w: %s is of boxes, not of rooms; `starter export` writes it", fault.ErrInvalid, what)
	}
	every := c.QueryParam("every")
	tier, known := map[string]history.Tier{"": history.Raw, "raw": history.Raw, "1m": history.Minutes, "1h": history.Hours}[every]
	if !known {
		return none, fmt.Errorf("%w: every is %q; give raw, 1m or 1h", fault.ErrInvalid, every)
	}
	if table, err = table.At(tier); err != nil {
		return none, err
	}
	from, to, err := s.between(c, 24*time.Hour)
	if err != nil {
		return none, err
	}
	return history.Request{Table: table, Tier: tier, Where: []history.Tag{{Name: "room", Value: room}}, From: from, To: to}, nil
}

// late sets the headers with the first byte: until then an error is a problem with a status of its own.
type late struct {
	response *echo.Response
	begin    func(http.Header)
	begun    bool
}

func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin(l.response.Header())
	}
	n, err := l.response.Write(p)
	if err == nil {
		l.response.Flush()
	}
	return n, err
}

// between reads from and to: Unix ms or RFC 3339. Without to it is now; without from, as long before as the default.
func (s *Server) between(c echo.Context, length time.Duration) (from, to time.Time, err error) {
	now := s.Now()
	if to, err = momentParam(c, "to", now); err != nil {
		return from, to, err
	}
	if to.After(now.Add(time.Minute)) { // the page's clock may be a little ahead
		return from, to, fmt.Errorf("%w: to lies ahead; nothing is stored of the future", fault.ErrInvalid)
	}
	if from, err = momentParam(c, "from", to.Add(-length)); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("%w: from is not before to", fault.ErrInvalid)
	}
	return from, to, nil
}

// momentLeast is the year 2000, Unix ms: before anything that was ever measured, and after every time that gives seconds
// for milliseconds.
const momentLeast = 946_684_800_000

func momentParam(c echo.Context, name string, otherwise time.Time) (time.Time, error) {
	text := c.QueryParam(name)
	if text == "" {
		return otherwise, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		var millis int64
		if millis, err = strconv.ParseInt(text, 10, 64); err == nil {
			at = time.UnixMilli(millis)
		}
	}
	if err != nil || at.UnixMilli() < momentLeast || at.Year() > 9999 {
		return at, fmt.Errorf("%w: %s is %q; give Unix milliseconds or RFC 3339, not before the year 2000", fault.ErrInvalid, name, text)
	}
	return at.UTC(), nil
}

// wholeParam reads a whole number of the query.
func wholeParam(c echo.Context, name string, otherwise, least, most int) (int, error) {
	text := c.QueryParam(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%w: %s is %q; give a whole number from %d to %d", fault.ErrInvalid, name, text, least, most)
	}
	return n, nil
}

// fileName keeps what every file system takes.
func fileName(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, text)
}
