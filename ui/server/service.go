package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

// Services is a whole service as its workflows know it, and what people ask of it. Changes are accepted, not done, when a
// call returns. Errors: ErrInvalid with the reason, ErrNotFound, ErrUnreachable.
type Services interface {
	Status(ctx context.Context, service string) (workflows.Status, error)
	Deploy(ctx context.Context, service string, revision int) (workflows.Graph, error)
	Revisions(ctx context.Context, service string) ([]workflows.Revision, error)
	Running(ctx context.Context, service string) (workflows.Running, error)
	Foresee(ctx context.Context, service string, question workflows.Question) (workflows.Foreseen, error)

	Apply(ctx context.Context, request workflows.ApplyRequest) (workflows.ApplyAccepted, error)
	Scale(ctx context.Context, service string, request workflows.ScaleRequest) (workflows.ApplyAccepted, error)
	Rollback(ctx context.Context, service string, request workflows.RollbackRequest) (workflows.ApplyAccepted, error)
	Drain(ctx context.Context, service string, request workflows.DrainRequest) (workflows.ApplyAccepted, error)
	Rebalance(ctx context.Context, service string, request workflows.RebalanceRequest) (workflows.ApplyAccepted, error)
	Retry(ctx context.Context, service string, request workflows.RetryRequest) (workflows.ApplyAccepted, error)
	Approve(ctx context.Context, service string, request workflows.ApproveRequest) error
	AskDown(ctx context.Context, service string, request workflows.DownRequest) error
}

// serviceRoutes are the service as graphs, and what people do to it.
func (s *Server) serviceRoutes(api *echo.Group) {
	operator := s.needs(people.Operator)
	const one = "/services/:service"
	api.GET(one, s.graph)
	api.GET(one+"/deploys", s.deploys, s.connected)
	api.GET(one+"/deploys/:revision", s.deploy, s.connected)
	api.GET(one+"/specification", s.specification, operator, s.connected)
	api.POST(one+"/plan", s.plan, operator, wide(), s.connected)
	api.POST(one+"/apply", s.apply, operator, wide(), s.connected)
	for verb, handle := range map[string]echo.HandlerFunc{
		"scale": s.scale, "rollback": s.rollback, "drain": s.drain, "rebalance": s.rebalance, "retry": s.retry, "approve": s.approve,
	} {
		api.POST(one+"/"+verb, handle, operator, small(), s.connected)
	}
	api.POST(one+"/down", s.down, s.needs(people.Admin), small(), s.connected)
}

// wide bounds a body that holds a specification; Temporal takes inputs of at most 2 MiB.
func wide() echo.MiddlewareFunc { return middleware.BodyLimit("2M") }

// connected holds back what a Control Room without workflows cannot answer.
func (s *Server) connected(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.Services == nil {
			return fmt.Errorf("%w: this Control Room is not connected to the workflows", fault.ErrUnreachable)
		}
		return next(c)
	}
}

// graphMost bounds the questions that a graph takes: the status, its running children and their histories.
const graphMost = 10 * time.Second

// ServiceView is a service with where to look at its workflows.
type ServiceView struct {
	workflows.Graph
	// Web is where workflows are shown, http://host:port/namespaces/NAME/workflows; empty when nobody has said.
	Web string `json:"web,omitempty"`
}

// graph answers with one service as it stands, asked anew: what pages poll, the feed has.
func (s *Server) graph(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), graphMost)
	defer cancel()
	graph, err := s.Graphs.Graph(ctx, c.Param("service"))
	if err != nil {
		return err
	}
	return s.fresh(c, ServiceView{Graph: graph, Web: s.TemporalWeb})
}

// fresh answers with what was asked for anew and is not to be kept.
func (s *Server) fresh(c echo.Context, value any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, value)
}

// Deploy is one change of a service, as it is remembered.
type Deploy struct {
	Revision int       `json:"revision"`
	At       time.Time `json:"at"` // when it was proven; for one that was not, when it was asked for
	Who      string    `json:"who,omitempty"`
	What     string    `json:"what"` // apply, scale sink to 2, rollback to 3, …
	Why      string    `json:"why,omitempty"`
	// Outcome is accepted once it was proven, running while it is made, else why it failed.
	Outcome string `json:"outcome"`
	Running bool   `json:"running,omitempty"`
	// Kept says that a rollback can bring it back.
	Kept   bool                      `json:"kept,omitempty"`
	Images []workflows.RevisionImage `json:"images,omitempty"`
}

// Deploys is a page of them, the newest first.
type Deploys struct {
	Items []Deploy `json:"items"`
	Next  string   `json:"next,omitempty"` // ?after= of the page that follows
}

// deploysMost is the longest page; a service remembers fifty things that were asked of it.
const deploysMost = 100

// deploys answers with what was made of a service, by revision.
func (s *Server) deploys(c echo.Context) error {
	limit, after, err := readPage(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), graphMost)
	defer cancel()
	status, err := s.Services.Status(ctx, c.Param("service"))
	if err != nil {
		return err
	}
	kept, err := s.Services.Revisions(ctx, c.Param("service"))
	if err != nil {
		return err
	}
	page := Deploys{Items: []Deploy{}}
	for _, one := range deploysOf(status, kept) {
		if after > 0 && one.Revision >= after {
			continue
		}
		if len(page.Items) == limit {
			page.Next = strconv.Itoa(page.Items[limit-1].Revision)
			break
		}
		page.Items = append(page.Items, one)
	}
	return s.fresh(c, page)
}

// readPage reads ?limit= and ?after=, the latter a revision.
func readPage(c echo.Context) (limit, after int, err error) {
	limit = deploysMost
	for name, into := range map[string]*int{"limit": &limit, "after": &after} {
		text := c.QueryParam(name)
		if text == "" {
			continue
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || name == "limit" && number > deploysMost {
			return 0, 0, fmt.Errorf("%w: %s %q is not a whole number from 1%s", fault.ErrInvalid, name, text, map[string]string{"limit": fmt.Sprintf(" to %d", deploysMost)}[name])
		}
		*into = number
	}
	return limit, after, nil
}

// deploysOf puts together what a service remembers of its changes: the audit of what was asked for, and the revisions that
// are kept.
func deploysOf(status workflows.Status, kept []workflows.Revision) []Deploy {
	by := map[int]*Deploy{}
	for _, entry := range status.Audit {
		if entry.Revision > 0 { // the newest word on a revision stays: a retry of it, say
			by[entry.Revision] = &Deploy{Revision: entry.Revision, At: entry.At, Who: entry.Who, What: entry.What, Why: entry.Why, Outcome: entry.Outcome}
		}
	}
	for _, one := range kept {
		if by[one.Revision] == nil {
			by[one.Revision] = &Deploy{Revision: one.Revision, Who: one.Who, What: one.What, Outcome: "accepted"}
		}
		deploy := by[one.Revision]
		deploy.At, deploy.Running, deploy.Kept, deploy.Images = one.At, one.Running, !one.Running, one.Images
	}
	if by[status.Revision] == nil && status.Revision > 0 {
		by[status.Revision] = &Deploy{Revision: status.Revision, At: status.Since, What: status.Phase, Outcome: "running"}
	}
	all := make([]Deploy, 0, len(by))
	for _, one := range by {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Deploy) int { return b.Revision - a.Revision })
	return all
}

// deploy answers with how one revision was brought about, from the histories of its workflows.
func (s *Server) deploy(c echo.Context) error {
	revision, err := strconv.Atoi(c.Param("revision"))
	if err != nil || revision < 1 {
		return fmt.Errorf("%w: %q is no revision", fault.ErrInvalid, c.Param("revision"))
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), graphMost)
	defer cancel()
	graph, err := s.Services.Deploy(ctx, c.Param("service"), revision)
	if err != nil {
		return err
	}
	return s.fresh(c, ServiceView{Graph: graph, Web: s.TemporalWeb})
}

// specification answers with what is wanted of a service, as `starter render` writes it: secrets are references.
func (s *Server) specification(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), graphMost)
	defer cancel()
	running, err := s.Services.Running(ctx, c.Param("service"))
	if err != nil {
		return err
	}
	return s.fresh(c, running.Service)
}
