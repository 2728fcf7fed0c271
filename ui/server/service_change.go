package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// applyBody is a specification to be applied, as `starter render` writes it. A Compose file is not taken: its env_file,
// include and secret files are paths beside it, and read here they would be files of this server.
type applyBody struct {
	Specification *spec.Service `json:"specification"`
	PlanHash      string        `json:"plan_hash,omitempty"`
	Who           string        `json:"who,omitempty"`
	Why           string        `json:"why,omitempty"`
}

// apply gives a service a new specification.
func (s *Server) apply(c echo.Context) error {
	var body applyBody
	if err := readAs(c, &body, "specification to apply"); err != nil {
		return err
	}
	service := c.Param("service")
	switch {
	case body.Specification == nil:
		return fmt.Errorf("%w: there is no specification to apply", fault.ErrInvalid)
	case body.Specification.Name != service:
		return otherService(body.Specification.Name, service)
	}
	name := actor(c, body.Who)
	s.auditAs(c, name, "apply", detail(service, "plan "+body.PlanHash, body.Why))
	return s.accepted(c)(s.Services.Apply(c.Request().Context(), workflows.ApplyRequest{
		Service: *body.Specification, PlanHash: body.PlanHash, Who: name,
	}))
}

// accepted answers a change with the revision under which it will be made, and lets the page see it at once.
func (s *Server) accepted(c echo.Context) func(workflows.ApplyAccepted, error) error {
	return func(accepted workflows.ApplyAccepted, err error) error {
		if err != nil {
			return err
		}
		s.look(c.Request().Context(), c.Param("service"))
		return c.JSON(http.StatusAccepted, accepted)
	}
}

// look asks the service how it stands, so that whoever looks sees what was just asked for. What it cannot learn now the
// feed will.
func (s *Server) look(ctx context.Context, service string) {
	if service != s.Service {
		return
	}
	status, err := s.Services.Status(ctx, service)
	if err != nil {
		s.Log.Debug("the service was not asked after a change", "service", service, "err", err)
		return
	}
	s.Store.Service(status)
}

// detail is what a change was done to, for the audit.
func detail(service, what, why string) string {
	text := service + ": " + what
	if why != "" {
		text += fmt.Sprintf(" (%.200s)", why)
	}
	return text
}

func (s *Server) scale(c echo.Context) error {
	var request workflows.ScaleRequest
	if err := readAs(c, &request, "scale"); err != nil {
		return err
	}
	service := c.Param("service")
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, "scale", detail(service, fmt.Sprintf("%s to %d", request.Function, request.Replicas), request.Why))
	return s.accepted(c)(s.Services.Scale(c.Request().Context(), service, request))
}

func (s *Server) rollback(c echo.Context) error {
	var request workflows.RollbackRequest
	if err := readAs(c, &request, "rollback"); err != nil {
		return err
	}
	service := c.Param("service")
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, "roll back", detail(service, fmt.Sprintf("to revision %d", request.Revision), request.Why))
	return s.accepted(c)(s.Services.Rollback(c.Request().Context(), service, request))
}

func (s *Server) drain(c echo.Context) error {
	var request workflows.DrainRequest
	if err := readAs(c, &request, "drain"); err != nil {
		return err
	}
	service, what := c.Param("service"), "drain a box"
	if request.Active {
		what = "use a box again"
	}
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, what, detail(service, request.Box, request.Why))
	return s.accepted(c)(s.Services.Drain(c.Request().Context(), service, request))
}

func (s *Server) rebalance(c echo.Context) error {
	var request workflows.RebalanceRequest
	if err := readAs(c, &request, "rebalance"); err != nil {
		return err
	}
	service := c.Param("service")
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, "rebalance", detail(service, "plan "+request.PlanHash, request.Why))
	return s.accepted(c)(s.Services.Rebalance(c.Request().Context(), service, request))
}

func (s *Server) retry(c echo.Context) error {
	var request workflows.RetryRequest
	if err := readAs(c, &request, "retry"); err != nil {
		return err
	}
	service := c.Param("service")
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, "retry", detail(service, "the failed revision", request.Why))
	return s.accepted(c)(s.Services.Retry(c.Request().Context(), service, request))
}

// approve lets a waiting step go on.
func (s *Server) approve(c echo.Context) error {
	var request workflows.ApproveRequest
	if err := readAs(c, &request, "approval"); err != nil {
		return err
	}
	service := c.Param("service")
	request.Who = actor(c, request.Who)
	s.auditAs(c, request.Who, "approve", detail(service, request.Step, request.Why))
	if err := s.Services.Approve(c.Request().Context(), service, request); err != nil {
		return err
	}
	s.look(c.Request().Context(), service)
	return c.NoContent(http.StatusNoContent)
}

// downBody asks for the end of a service. Service is its name once more, typed by whoever means it.
type downBody struct {
	Service string `json:"service"`
	Volumes bool   `json:"volumes,omitempty"` // remove the data too
	Who     string `json:"who,omitempty"`
	Why     string `json:"why,omitempty"`
}

// down takes a service down. It does not wait: this process may be a function of it.
func (s *Server) down(c echo.Context) error {
	var body downBody
	if err := readAs(c, &body, "request to take the service down"); err != nil {
		return err
	}
	service := c.Param("service")
	if body.Service != service {
		return fmt.Errorf("%w: type %q to take it down; this says %q", fault.ErrInvalid, service, body.Service)
	}
	request := workflows.DownRequest{Volumes: body.Volumes, Who: actor(c, body.Who), Why: body.Why}
	what := "keeps its volumes"
	if body.Volumes {
		what = "with its volumes"
	}
	s.auditAs(c, request.Who, "take the service down", detail(service, what, body.Why))
	if err := s.Services.AskDown(c.Request().Context(), service, request); err != nil {
		return err
	}
	s.look(c.Request().Context(), service)
	return c.NoContent(http.StatusAccepted)
}
