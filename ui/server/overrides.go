package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// override takes a person's setpoint to the room's tuning and answers with what then holds.
func (s *Server) override(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	var override workflows.Override
	if err := read(c, &override); err != nil {
		return err
	}
	if !hasAC(room, override.AC) {
		return fmt.Errorf("%w: room %q has no air conditioner %q; it has %s", fault.ErrInvalid, room.Name, override.AC, acNames(room))
	}
	accepted, err := s.Operator.Override(c.Request().Context(), s.Service, room.Name, override)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, accepted)
}

// clear ends one override before its time.
func (s *Server) clear(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	id := c.Param("id")
	if !s.overrideKnown(room.Name, id) {
		return fmt.Errorf("%w: room %q has no override %q", fault.ErrNotFound, room.Name, id)
	}
	request := workflows.ResumeRequest{ID: id, Who: c.QueryParam("who"), Why: c.QueryParam("why")}
	if err := s.Operator.Resume(c.Request().Context(), s.Service, room.Name, request); err != nil {
		return err
	}
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

// history answers with what InfluxDB stored: ?minutes=60 (1 to 43200) up to now.
func (s *Server) history(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	minutes := 60
	if text := c.QueryParam("minutes"); text != "" {
		if _, err := fmt.Sscanf(text+"\n", "%d\n", &minutes); err != nil || minutes < 1 || minutes > 43200 {
			return fmt.Errorf("%w: minutes is %q; give a whole number from 1 to 43200", fault.ErrInvalid, text)
		}
	}
	to := s.Now()
	from := to.Add(-time.Duration(minutes) * time.Minute)
	every := max(5*time.Second, to.Sub(from)/400)
	ctx := c.Request().Context()
	inlet, err := s.History.Inlet(ctx, room, from, to, every)
	if err != nil {
		return err
	}
	setpoints := map[string][]Point{}
	for _, ac := range room.AirConditioners {
		if setpoints[ac.Name], err = s.History.Setpoint(ctx, room.Name, ac.Name, from, to, every); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, map[string]any{
		"from": from.UnixMilli(), "to": to.UnixMilli(), "inlet": inlet, "setpoints": setpoints,
	})
}

func (s *Server) room(c echo.Context) (spec.Room, error) {
	name := c.Param("room")
	room, known := s.Store.Room(name)
	if !known {
		return room, fmt.Errorf("%w: there is no room %q", fault.ErrNotFound, name)
	}
	return room, nil
}

// read decodes a body strictly: an unknown field is a spelling mistake that would change nothing.
func read(c echo.Context, into any) error {
	decoder := json.NewDecoder(c.Request().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var tooLarge *echo.HTTPError
		if errors.As(err, &tooLarge) {
			return err
		}
		return fmt.Errorf("%w: the body is no override: %w", fault.ErrInvalid, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body has more than one value", fault.ErrInvalid)
	}
	return nil
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
