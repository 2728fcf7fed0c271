package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// Notices knows who was told of alerts, and can ask the notifier for a test.
type Notices interface {
	// Recent are the newest notices, newest first, each with the newest that is known of it.
	Recent() []wire.Notice
	// Test has a test notice sent by every channel and returns what became of it, by channel; one that is still being tried
	// has the state trying. Errors: ErrUnreachable when nobody answered or Kafka is away.
	Test(ctx context.Context, who string) ([]wire.Notice, error)
}

// notices answers with who was told of what: ?channel=, ?state=told|trying|lost.
func (s *Server) notices(c echo.Context) error {
	if s.Notices == nil {
		return fmt.Errorf("%w: this Control Room does not follow notices", fault.ErrUnreachable)
	}
	channel, state := c.QueryParam("channel"), c.QueryParam("state")
	if state != "" && state != wire.NoticeTold && state != wire.NoticeTrying && state != wire.NoticeLost {
		return fmt.Errorf("%w: state is %q; give told, trying or lost", fault.ErrInvalid, state)
	}
	var chosen []wire.Notice
	for _, n := range s.Notices.Recent() {
		if (channel == "" || n.Channel == channel) && (state == "" || n.State == state) {
			chosen = append(chosen, n)
		}
	}
	page, err := paged(c, chosen, func(n wire.Notice) string { return n.Channel + "~" + n.ID })
	if err != nil {
		return err
	}
	return s.tagged(c, page)
}

// noticeTest has a test notice sent through the notifier that runs, and answers with what each channel made of it.
func (s *Server) noticeTest(c echo.Context) error {
	var body struct {
		Who string `json:"who"`
	}
	if err := readAs(c, &body, "request for a test"); err != nil {
		return err
	}
	asker := strings.TrimSpace(actor(c, body.Who))
	s.auditAs(c, asker, "test the notices", "")
	switch {
	case asker == "":
		return fmt.Errorf("%w: who must be given: the test notice says who asked for it", fault.ErrInvalid)
	case len(asker) > 100:
		return fmt.Errorf("%w: who must be at most 100 bytes long", fault.ErrInvalid)
	case s.Notices == nil:
		return fmt.Errorf("%w: this Control Room does not follow notices", fault.ErrUnreachable)
	}
	results, err := s.Notices.Test(c.Request().Context(), asker)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"channels": results})
}
