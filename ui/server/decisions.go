package server

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/state"
)

// decisions answers with what was decided for a room, the newest first: each with the time it was first said at.
func (s *Server) decisions(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	limit, after, err := paging(c)
	if err != nil {
		return err
	}
	items := s.Store.Decisions(room.Name)
	if after != "" {
		before, err := strconv.ParseInt(after, 10, 64)
		if err != nil {
			return fmt.Errorf("after %q is no `next` of a page: %w", after, fault.ErrInvalid)
		}
		items = slices.DeleteFunc(items, func(d state.LoggedDecision) bool { return d.TimeMillis >= before })
	}
	page := Page[state.LoggedDecision]{Items: items[:min(limit, len(items))]}
	if len(items) > limit {
		page.Next = strconv.FormatInt(page.Items[limit-1].TimeMillis, 10)
	}
	if page.Items == nil {
		page.Items = []state.LoggedDecision{}
	}
	return s.tagged(c, page)
}
