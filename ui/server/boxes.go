package server

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/anomaly"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/state"
)

// Boxes looks at boxes through the workflows: this process needs no engine's socket.
type Boxes interface {
	// Inspect asks a box's engine for its containers and images. Errors: ErrNotFound, ErrUnreachable.
	Inspect(ctx context.Context, service, box string) (activities.Inspection, error)
}

// BoxHistory reads what boxes have measured. Errors: ErrUnreachable.
type BoxHistory interface {
	// Items are the items of one box between from and to, in steps.
	Items(ctx context.Context, box string, from, to time.Time, step time.Duration) (BoxItems, error)
	// Disks are how full each disk of a box was in the windows before to: their means, oldest first, NaN where there is
	// none, by path.
	Disks(ctx context.Context, box string, to time.Time, step time.Duration, windows int) (map[string][]float64, error)
}

// BoxItems are a box's items over time. All series have as many values as there are steps.
type BoxItems struct {
	Box  string `json:"box"`
	From int64  `json:"from"` // Unix ms, of the first step
	To   int64  `json:"to"`   // of the end of the last one
	Step int64  `json:"step_ms"`
	// Interval is the usual time between two measurements, ms; 0 when there are too few.
	Interval int64       `json:"interval_ms"`
	Series   []BoxSeries `json:"series"`
	// LeftOut says that there was more than can be shown.
	LeftOut bool `json:"left_out,omitempty"`
}

// BoxSeries is one item over time.
type BoxSeries struct {
	Item   string     `json:"item"`         // load1, cpu_percent, used_percent, in_bytes_s, …
	Of     string     `json:"of,omitempty"` // the disk or the interface
	Values []*float64 `json:"values"`       // means; null where nothing was measured
}

// DiskOutlook is one disk and where it is going.
type DiskOutlook struct {
	Path    string  `json:"path"`
	Percent float64 `json:"used_percent"`
	// Known is false while there is too little history to say where it is going.
	Known   bool    `json:"known"`
	Filling bool    `json:"filling"`
	PerHour float64 `json:"percent_per_hour,omitempty"`
	// FullAt is when it will be full at this pace, Unix ms; 0 when it does not fill.
	FullAt int64 `json:"full_at,omitempty"`
	// Over is the length of the history in which that is seen, ms.
	Over int64 `json:"over_ms,omitempty"`
}

// boxRoutes are boxes, their containers, images and logs.
func (s *Server) boxRoutes(api *echo.Group) {
	s.looks = newShared[activities.Inspection]()
	s.outlooks = newShared[[]DiskOutlook]()
	s.logs = newLogHub(s.Options)
	api.GET("/boxes", s.boxes)
	api.GET("/boxes/:box", s.box)
	api.GET("/boxes/:box/items", s.boxItems)
	api.GET("/boxes/:box/disks", s.boxDisks)
	api.GET("/boxes/:box/inspection", s.inspection)
	api.GET("/functions/:function/logs", s.functionLogs)
}

// boxes lists the boxes with their newest measurement.
func (s *Server) boxes(c echo.Context) error {
	page, err := paged(c, s.Store.Snapshot(s.Now()).Boxes, func(b state.Box) string { return b.Name })
	if err != nil {
		return err
	}
	return s.tagged(c, page)
}

func (s *Server) box(c echo.Context) error {
	box, err := s.knownBox(c)
	if err != nil {
		return err
	}
	return s.tagged(c, box)
}

func (s *Server) knownBox(c echo.Context) (state.Box, error) {
	name, all := c.Param("box"), s.Store.Snapshot(s.Now()).Boxes
	i := slices.IndexFunc(all, func(b state.Box) bool { return b.Name == name })
	if i < 0 {
		return state.Box{}, fmt.Errorf("there is no box %.100q: %w", name, fault.ErrNotFound)
	}
	return all[i], nil
}

// Bounds of boxItems.
const (
	itemMinutesMost = 24 * 60
	itemPointsMost  = 500
)

// boxItems answers with the items of a box over the last ?minutes=60 in ?points=60 steps.
func (s *Server) boxItems(c echo.Context) error {
	box, err := s.knownBox(c)
	if err != nil {
		return err
	}
	minutes, err := whole(c, "minutes", 60, 1, itemMinutesMost)
	if err != nil {
		return err
	}
	points, err := whole(c, "points", 60, 2, itemPointsMost)
	if err != nil {
		return err
	}
	if s.BoxHistory == nil {
		return fmt.Errorf("this Control Room keeps no history: %w", fault.ErrNotFound)
	}
	step := max(time.Second, (time.Duration(minutes) * time.Minute / time.Duration(points)).Truncate(time.Millisecond))
	to := s.Now().Truncate(step).Add(step) // whole steps, so that two questions within one have the same answer
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	items, err := s.BoxHistory.Items(ctx, box.Name, to.Add(-step*time.Duration(points)), to, step)
	if err != nil {
		return s.unread(box.Name, err)
	}
	return s.tagged(c, items)
}

// outlookAge is how long an outlook holds: it is taken from hours.
const outlookAge = time.Minute

// boxDisks answers where each disk of a box is going.
func (s *Server) boxDisks(c echo.Context) error {
	box, err := s.knownBox(c)
	if err != nil {
		return err
	}
	if s.BoxHistory == nil {
		return fmt.Errorf("this Control Room keeps no history: %w", fault.ErrNotFound)
	}
	outlooks, _, err := s.outlooks.get(c.Request().Context(), box.Name, outlookAge, s.Now, func(ctx context.Context) ([]DiskOutlook, error) {
		return s.outlook(ctx, box)
	})
	if err != nil {
		return s.unread(box.Name, err)
	}
	page, err := paged(c, outlooks, func(d DiskOutlook) string { return d.Path })
	if err != nil {
		return err
	}
	return s.tagged(c, page)
}

// outlook judges each disk of a box by its last week and its last hours.
func (s *Server) outlook(ctx context.Context, box state.Box) ([]DiskOutlook, error) {
	now := s.Now()
	all := []DiskOutlook{}
	if box.Resource == nil || len(box.Resource.Disks) == 0 {
		return all, nil
	}
	hours, err := s.BoxHistory.Disks(ctx, box.Name, now.Truncate(time.Hour), time.Hour, anomaly.AheadHours)
	if err != nil {
		return nil, err
	}
	recent, err := s.BoxHistory.Disks(ctx, box.Name, now.Truncate(anomaly.RecentStep), anomaly.RecentStep, anomaly.AheadRecent)
	if err != nil {
		return nil, err
	}
	for _, disk := range box.Resource.Disks {
		ahead := anomaly.Ahead(hours[disk.Path], recent[disk.Path], disk.Percent)
		shown := DiskOutlook{Path: disk.Path, Percent: disk.Percent, Known: ahead.Known, Filling: ahead.Filling}
		if ahead.Filling {
			shown.PerHour, shown.Over = math.Round(ahead.PerHour*1000)/1000, ahead.Over.Milliseconds()
			shown.FullAt = now.Add(ahead.Left).Truncate(time.Minute).UnixMilli()
		}
		all = append(all, shown)
	}
	return all, nil
}

// lookAge is how long a look at a box is shown to others who ask: each costs its engine some questions and Temporal a
// small workflow.
const lookAge = 10 * time.Second

// inspection answers with what a box's engine says of itself, its containers and its images.
func (s *Server) inspection(c echo.Context) error {
	box, err := s.knownBox(c)
	if err != nil {
		return err
	}
	if s.Boxes == nil {
		return fmt.Errorf("this Control Room looks at no boxes: %w", fault.ErrNotFound)
	}
	seen, _, err := s.looks.get(c.Request().Context(), box.Name, lookAge, s.Now, func(ctx context.Context) (activities.Inspection, error) {
		return s.Boxes.Inspect(ctx, s.Service, box.Name)
	})
	if err != nil {
		return err
	}
	return s.tagged(c, seen)
}

// whole reads a whole number of a query. Errors: ErrInvalid.
func whole(c echo.Context, name string, usual, least, most int) (int, error) {
	text := c.QueryParam(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s is %.40q; give a whole number from %d to %d: %w", name, text, least, most, fault.ErrInvalid)
	}
	return n, nil
}
