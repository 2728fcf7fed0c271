// Package server is the Control Room's HTTP side: the page, its data as JSON and as server-sent events, and what people
// ask for. It shows what package state and the workflows know and hands requests to the workflows; it decides nothing.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/ui/stream"
	"github.com/overcloud/overcloud/workflows"
)

// Operator takes what a person asks to the workflows. Errors: ErrUnreachable, ErrNotFound, ErrInvalid.
type Operator interface {
	Override(ctx context.Context, service, room string, override workflows.Override) (workflows.OverrideAccepted, error)
	Resume(ctx context.Context, service, room string, request workflows.ResumeRequest) error
}

// Graphs shows a service as graphs. Errors: ErrUnreachable, ErrNotFound.
type Graphs interface {
	Graph(ctx context.Context, service string) (workflows.Graph, error)
}

// Options is what a server needs.
type Options struct {
	Service  string // name of the service
	Store    *state.Store
	Operator Operator
	Graphs   Graphs
	Stored   Stored
	Services Services // nil: the service is shown and cannot be changed
	// Of boxes; nil where a Control Room has none.
	Boxes      Boxes
	BoxHistory BoxHistory
	Logs       Logs
	// TemporalWeb is where workflows are shown, http://host:port/namespaces/NAME/workflows; empty: nowhere.
	TemporalWeb string
	// Of alerts and overrides; nil where a Control Room has none.
	Tunes        Tunes
	Answers      Answers
	AlertHistory AlertHistory
	Notices      Notices
	People       *people.House // nil: an open door
	Data         string        // folder of what this process keeps; empty: it keeps nothing
	Log          *slog.Logger
	Now          func() time.Time
	// Stopping ends the event streams, which would otherwise hold a stop back.
	Stopping <-chan struct{}
}

// Server serves the Control Room.
type Server struct {
	Options
	echo *echo.Echo
	hub  *stream.Hub
	// What viewers of boxes share.
	looks    *shared[activities.Inspection]
	outlooks *shared[[]DiskOutlook]
	logs     *logHub
}

// New wires the routes. Each area has its own file, and there its own routes.
func New(options Options) *Server {
	if options.People == nil {
		options.People = people.OpenDoor()
	}
	s := &Server{Options: options, echo: echo.New(), hub: stream.New(options.Store, options.Now, options.Log)}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.problem
	e.Use(compress(), middleware.Recover(), s.security(), hurry(bodyMost), s.identify, s.recorded)
	e.GET("/healthz", s.health)
	api := e.Group("/api/v1")
	s.liveRoutes(api)
	s.historyRoutes(api)
	s.overrideRoutes(api)
	s.alertRoutes(api)
	s.boxRoutes(api)
	s.serviceRoutes(api)
	s.pictureRoutes(api)
	s.peopleRoutes(e, api)
	s.pageRoutes(e)
	return s
}

// small bounds a body: what people ask for is a few hundred bytes.
func small() echo.MiddlewareFunc { return middleware.BodyLimit("64K") }

// liveRoutes are what the page follows.
func (s *Server) liveRoutes(api *echo.Group) {
	api.GET("/state", s.state)
	api.GET("/events", s.events)
	api.GET("/rooms/:room/decisions", s.decisions)
	api.GET("/openapi.json", s.openapi)
}

// Handler is the server without its listener, for tests.
func (s *Server) Handler() http.Handler { return s.echo }

func (s *Server) health(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok", "service": s.Service})
}
