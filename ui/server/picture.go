package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/ui/picture"
)

// pictureRoutes are the uploaded plans of rooms. A picture's tag stands in its room's state, so that every page shows a
// new one at once and asks for none that is not there.
func (s *Server) pictureRoutes(api *echo.Group) {
	path := ""
	if s.Data != "" {
		path = filepath.Join(s.Data, "pictures")
	}
	pictures := picture.In(path)
	for _, room := range s.Store.Rooms() {
		switch kept, err := pictures.Get(room.Name); {
		case err == nil:
			s.Store.Picture(room.Name, kept.Tag)
		case !errors.Is(err, fault.ErrNotFound):
			s.Log.Warn("plan picture", "room", room.Name, "err", err)
		}
	}
	api.GET("/rooms/:room/picture", func(c echo.Context) error { return s.showPicture(c, pictures) })
	api.PUT("/rooms/:room/picture", func(c echo.Context) error { return s.keepPicture(c, pictures) }, s.needs(people.Admin))
	api.DELETE("/rooms/:room/picture", func(c echo.Context) error { return s.removePicture(c, pictures) }, s.needs(people.Admin))
}

// showPicture answers with a room's plan. Its policy lets it be a picture and nothing else, should a browser ever take it
// for a document.
func (s *Server) showPicture(c echo.Context, pictures *picture.Folder) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	kept, err := pictures.Get(room.Name)
	if err != nil {
		return err
	}
	tag, h := `"`+kept.Tag+`"`, c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	if has(c.Request().Header.Get("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, kept.Type, kept.Body)
}

// has says whether a list of entity tags holds one, or stands for all.
func has(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

// keepPicture takes the body as the room's plan, in place of the one before.
func (s *Server) keepPicture(c echo.Context, pictures *picture.Folder) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, picture.MostBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("a picture may have at most %d MB", picture.MostBytes>>20))
	}
	if err != nil {
		return fmt.Errorf("%w: the picture did not come whole: %w", fault.ErrInvalid, err)
	}
	plan, err := picture.Read(body)
	if err != nil {
		return err
	}
	s.audit(c, "keep a plan picture", fmt.Sprintf("%s: %s, %d bytes", room.Name, plan.Type, len(plan.Body)))
	if err := pictures.Put(room.Name, plan); err != nil {
		return err
	}
	s.Store.Picture(room.Name, plan.Tag)
	c.Response().Header().Set("ETag", `"`+plan.Tag+`"`)
	return c.NoContent(http.StatusNoContent)
}

// removePicture forgets the room's plan.
func (s *Server) removePicture(c echo.Context, pictures *picture.Folder) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	s.audit(c, "remove a plan picture", room.Name)
	if err := pictures.Remove(room.Name); err != nil {
		return err
	}
	s.Store.Picture(room.Name, "")
	return c.NoContent(http.StatusNoContent)
}
