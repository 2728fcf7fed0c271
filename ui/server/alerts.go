package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

// Answers takes what a person says to an alert to the room's tuning; name is workflows.UpdateAcknowledge, UpdateShelve or
// UpdateUnshelve. Errors: ErrInvalid with the reason, ErrNotFound, ErrUnreachable.
type Answers interface {
	Answer(ctx context.Context, service, room, name string, request workflows.AnswerRequest) (workflows.AnswerAccepted, error)
}

// AlertHistory reads what was stored of alerts and of the answers to them, oldest first; an empty room means all rooms.
// Errors: ErrInvalid when the range holds more than can be shown, ErrUnreachable.
type AlertHistory interface {
	Alerts(ctx context.Context, room string, from, to time.Time) ([]wire.Alert, []wire.Answer, error)
}

// alertRoutes are what people say to alerts, what rang before, and who was told.
func (s *Server) alertRoutes(api *echo.Group) {
	api.GET("/alerts", s.alerts, s.needs(people.Viewer))
	api.POST("/alerts/:alert/acknowledge", s.answer(workflows.UpdateAcknowledge, "acknowledge an alert"), small(), s.needs(people.Operator))
	api.POST("/alerts/:alert/shelve", s.answer(workflows.UpdateShelve, "shelve an alert"), small(), s.needs(people.Operator))
	api.POST("/alerts/:alert/unshelve", s.answer(workflows.UpdateUnshelve, "unshelve an alert"), small(), s.needs(people.Operator))
	api.GET("/notices", s.notices, s.needs(people.Viewer))
	api.POST("/notices/test", s.noticeTest, small(), s.needs(people.Admin))
}

// answerBody is what a person says to an alert.
type answerBody struct {
	Who string        `json:"who"`
	Why string        `json:"why"`
	For spec.Duration `json:"for"` // of shelve
}

// answer takes one kind of answer to the tuning of the alert's room. The same answer again only sets its time anew.
func (s *Server) answer(name, deed string) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := alertID(c)
		if err != nil {
			return err
		}
		var body answerBody
		if err := readAs(c, &body, "answer to an alert"); err != nil {
			return err
		}
		request := workflows.AnswerRequest{Alert: id, For: body.For, Who: actor(c, body.Who), Why: body.Why}
		detail := id
		if body.For != 0 {
			detail += " for " + body.For.String()
		}
		if body.Why != "" {
			detail += fmt.Sprintf(": %.200s", body.Why)
		}
		s.auditAs(c, request.Who, deed, detail)
		room, err := s.roomOfAlert(id)
		if err != nil {
			return err
		}
		if s.Answers == nil {
			return fmt.Errorf("%w: this Control Room takes no answers to alerts", fault.ErrUnreachable)
		}
		accepted, err := s.Answers.Answer(c.Request().Context(), s.Service, room, name, request)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, accepted)
	}
}

// alertID is the alert that a path names: "<room>/<kind>/<item>" with its slashes as %2F.
func alertID(c echo.Context) (string, error) {
	id := c.Param("alert")
	if c.Request().URL.RawPath == "" {
		return id, nil
	}
	plain, err := url.PathUnescape(id)
	if err != nil {
		return "", fmt.Errorf("%w: the alert's ID is not written as a part of a path: %w", fault.ErrInvalid, err)
	}
	return plain, nil
}

// roomOfAlert is the room whose tuning an alert belongs to: an alert's ID begins with it.
func (s *Server) roomOfAlert(id string) (string, error) {
	var names []string
	for _, room := range s.Store.Rooms() {
		if strings.HasPrefix(id, room.Name+"/") {
			return room.Name, nil
		}
		names = append(names, room.Name)
	}
	return "", fmt.Errorf("%w: alert %.128q is of no room here (there are %s): its ID begins with its room", fault.ErrNotFound, id, strings.Join(names, ", "))
}
