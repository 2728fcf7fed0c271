// Package server is the Control Room's HTTP side: the page, its data as JSON and as server-sent events, and
// the overrides. It shows what package state knows and hands what people ask to the workflows; it decides
// nothing.
package server

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

//go:embed assets
var assets embed.FS

// Operator takes what a person asks to the workflows. Errors: ErrUnreachable, ErrNotFound, ErrInvalid.
type Operator interface {
	Override(ctx context.Context, service, room string, override workflows.Override) (workflows.OverrideAccepted, error)
	Resume(ctx context.Context, service, room string, request workflows.ResumeRequest) error
}

// Graphs shows a service as graphs. Errors: ErrUnreachable, ErrNotFound.
type Graphs interface {
	Graph(ctx context.Context, service string) (workflows.Graph, error)
}

// Point is one value of a series.
type Point struct {
	At    int64   `json:"at"` // Unix ms
	Value float64 `json:"value"`
}

// History reads stored series. Errors: ErrUnreachable.
type History interface {
	// Inlet is the mean temperature of a room's sensors, °C, in steps of every.
	Inlet(ctx context.Context, room spec.Room, from, to time.Time, every time.Duration) ([]Point, error)
	// Setpoint is the setpoint told to one air conditioner, °C.
	Setpoint(ctx context.Context, room, ac string, from, to time.Time, every time.Duration) ([]Point, error)
}

// Options is what a server needs.
type Options struct {
	Service  string // name of the service
	Store    *state.Store
	Operator Operator
	Graphs   Graphs
	History  History
	Log      *slog.Logger
	Now      func() time.Time
	// Stopping ends the event streams, which would otherwise hold a stop back.
	Stopping <-chan struct{}
}

// Server serves the Control Room.
type Server struct {
	Options
	echo *echo.Echo
}

// New wires the routes.
func New(options Options) *Server {
	s := &Server{Options: options, echo: echo.New()}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.problem
	e.Use(middleware.Recover(), security)
	// An override is a few hundred bytes.
	e.Use(middleware.BodyLimit("64K"))
	e.GET("/healthz", s.health)
	api := e.Group("/api/v1")
	api.GET("/state", s.state)
	api.GET("/events", s.events)
	api.GET("/services/:service", s.graph)
	api.GET("/openapi.json", s.openapi)
	api.GET("/rooms/:room/history", s.history)
	api.POST("/rooms/:room/overrides", s.override)
	api.DELETE("/rooms/:room/overrides/:id", s.clear)
	page, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is embedded: only a build without it comes here
	}
	e.StaticFS("/", page)
	return s
}

// Handler is the server without its listener, for tests.
func (s *Server) Handler() http.Handler { return s.echo }

// security sets the headers that keep a page from being framed, sniffed or fed foreign scripts. A page of
// another origin may not act either: a browser sends Sec-Fetch-Site, and cross-site writes are refused.
func security(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		site := c.Request().Header.Get("Sec-Fetch-Site")
		write := c.Request().Method != http.MethodGet && c.Request().Method != http.MethodHead
		if write && site != "" && site != "same-origin" && site != "none" {
			return echo.NewHTTPError(http.StatusForbidden, "a page of another site may not act here")
		}
		return next(c)
	}
}

func (s *Server) health(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok", "service": s.Service})
}

func (s *Server) state(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, s.Store.Snapshot(s.Now()))
}

// graphMost bounds the questions that a graph takes: the status, its running children and their histories.
const graphMost = 10 * time.Second

// graph answers with one service as it stands, asked anew: what pages poll, the feed has.
func (s *Server) graph(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), graphMost)
	defer cancel()
	graph, err := s.Graphs.Graph(ctx, c.Param("service"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, graph)
}
