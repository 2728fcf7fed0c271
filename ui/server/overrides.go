package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

// Tunes asks a room's tuning what holds. Errors: ErrUnreachable, ErrNotFound.
type Tunes interface {
	TuneState(ctx context.Context, service, room string) (workflows.TuneState, error)
}

// overrideRoutes are what people do to the rooms' setpoints.
func (s *Server) overrideRoutes(api *echo.Group) {
	api.POST("/rooms/:room/overrides", s.override, small(), s.needs(people.Operator))
	api.DELETE("/rooms/:room/overrides", s.clearAll, small(), s.needs(people.Operator))
	api.DELETE("/rooms/:room/overrides/:id", s.clear, small(), s.needs(people.Operator))
}

// actor is whom an action is noted for: who is signed in, whatever the request says, and behind the open door the name that
// the request gives.
func actor(c echo.Context, given string) string {
	if person := who(c); person.By != people.ByOpenDoor && person.Name != "" {
		return person.Name
	}
	return given
}

// override takes a person's setpoint to the room's tuning and answers with what then holds. The same ID again changes
// nothing and gets the same answer, so that a request whose answer was lost may be sent again.
func (s *Server) override(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	var override workflows.Override
	if err := read(c, &override); err != nil {
		return err
	}
	override.Who = actor(c, override.Who)
	s.auditAs(c, override.Who, "set an override", fmt.Sprintf("%s/%s to %d °C for %s: %.200s", room.Name, override.AC, override.Setpoint, override.For, override.Why))
	if !hasAC(room, override.AC) {
		return fmt.Errorf("%w: room %q has no air conditioner %q; it has %s", fault.ErrInvalid, room.Name, override.AC, acNames(room))
	}
	ctx := c.Request().Context()
	accepted, err := s.Operator.Override(ctx, s.Service, room.Name, override)
	if err != nil {
		return err
	}
	s.hear(ctx, room.Name)
	return c.JSON(http.StatusCreated, accepted)
}

// hear asks a room's tuning at once, so that whoever looks sees what was just done, and not in two seconds.
func (s *Server) hear(ctx context.Context, room string) {
	if s.Tunes == nil {
		return
	}
	state, err := s.Tunes.TuneState(ctx, s.Service, room)
	if err != nil {
		s.Log.Debug("the room was not asked after a change", "room", room, "err", err)
		return
	}
	s.Store.Tune(state, s.Now())
}

// clear ends one override before its time.
func (s *Server) clear(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	id, ctx := c.Param("id"), c.Request().Context()
	request := workflows.ResumeRequest{ID: id, Who: actor(c, c.QueryParam("who")), Why: c.QueryParam("why")}
	s.auditAs(c, request.Who, "end an override", room.Name+": "+id)
	if !s.overrideKnown(room.Name, id) {
		s.hear(ctx, room.Name) // it may have begun just now, elsewhere
	}
	if !s.overrideKnown(room.Name, id) {
		return fmt.Errorf("%w: room %q has no override %q; it may have ended", fault.ErrNotFound, room.Name, id)
	}
	return s.resume(c, room.Name, request)
}

// clearAll ends the overrides of a room, or with ?ac= of one air conditioner.
func (s *Server) clearAll(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	request := workflows.ResumeRequest{AC: c.QueryParam("ac"), Who: actor(c, c.QueryParam("who")), Why: c.QueryParam("why")}
	s.auditAs(c, request.Who, "end all overrides", strings.TrimSuffix(room.Name+"/"+request.AC, "/"))
	if request.AC != "" && !hasAC(room, request.AC) {
		return fmt.Errorf("%w: room %q has no air conditioner %q; it has %s", fault.ErrInvalid, room.Name, request.AC, acNames(room))
	}
	return s.resume(c, room.Name, request)
}

func (s *Server) resume(c echo.Context, room string, request workflows.ResumeRequest) error {
	ctx := c.Request().Context()
	if err := s.Operator.Resume(ctx, s.Service, room, request); err != nil {
		return err
	}
	s.hear(ctx, room)
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) overrideKnown(room, id string) bool {
	for _, r := range s.Store.Snapshot(s.Now()).Rooms {
		for _, ac := range r.ACs {
			for _, o := range ac.Overrides {
				if r.Name == room && o.ID == id {
					return true
				}
			}
		}
	}
	return false
}

func (s *Server) room(c echo.Context) (spec.Room, error) {
	name := c.Param("room")
	room, known := s.Store.Room(name)
	if !known {
		return room, fmt.Errorf("%w: there is no room %q", fault.ErrNotFound, name)
	}
	return room, nil
}

// read decodes an override strictly: an unknown field is a spelling mistake that would change nothing.
func read(c echo.Context, into any) error { return readAs(c, into, "override") }

// readAs decodes a body strictly; what names in the error what it should have been.
func readAs(c echo.Context, into any, what string) error {
	decoder := json.NewDecoder(c.Request().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var tooLarge *echo.HTTPError
		if errors.As(err, &tooLarge) {
			return err
		}
		return fmt.Errorf("%w: the body is no %s: %s", fault.ErrInvalid, what, misfit(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body has more than one value", fault.ErrInvalid)
	}
	return nil
}

// misfit says why a body is not what it should be, in words of JSON and not of this program.
func misfit(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		article := "a "
		if strings.HasPrefix(kind.Value, "array") || strings.HasPrefix(kind.Value, "object") {
			article = "an "
		}
		if kind.Field == "" {
			return "it is " + article + kind.Value
		}
		return kind.Field + " cannot be " + article + kind.Value
	}
	switch {
	case errors.Is(err, io.EOF):
		return "it is empty"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it did not come in time"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends in the middle"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func hasAC(room spec.Room, name string) bool {
	for _, ac := range room.AirConditioners {
		if ac.Name == name {
			return true
		}
	}
	return false
}

func acNames(room spec.Room) string {
	var names []string
	for _, ac := range room.AirConditioners {
		names = append(names, ac.Name)
	}
	return strings.Join(names, ", ")
}
