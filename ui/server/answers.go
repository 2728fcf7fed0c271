package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/state"
)

// How many items a page of a list has: unless asked, and at the most.
const (
	pageUsual = 50
	pageMost  = 500
)

// Page is a part of a list. Next, if there is more, is what the next question gives as `after`.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// paging reads `?limit=&after=` of a question for a list. Errors: ErrInvalid.
func paging(c echo.Context) (limit int, after string, err error) {
	text := c.QueryParam("limit")
	if text == "" {
		return pageUsual, c.QueryParam("after"), nil
	}
	limit, err = strconv.Atoi(text)
	if err != nil || limit < 1 || limit > pageMost {
		return 0, "", fmt.Errorf("limit %q is no whole number from 1 to %d: %w", text, pageMost, fault.ErrInvalid)
	}
	return limit, c.QueryParam("after"), nil
}

// paged is the part of a list that a request asks for. The key names an item for `after`. Errors: ErrInvalid, also
// when nothing has the key that is asked for any more.
func paged[T any](c echo.Context, items []T, key func(T) string) (Page[T], error) {
	limit, after, err := paging(c)
	if err != nil {
		return Page[T]{}, err
	}
	begin := 0
	if after != "" {
		begin = 1 + slices.IndexFunc(items, func(one T) bool { return key(one) == after })
		if begin == 0 {
			return Page[T]{}, fmt.Errorf("nothing is listed as %q any more; begin anew without after: %w", after, fault.ErrInvalid)
		}
	}
	end := min(begin+limit, len(items))
	page := Page[T]{Items: append([]T{}, items[begin:end]...)}
	if end < len(items) {
		page.Next = key(items[end-1])
	}
	return page, nil
}

// tagged answers a GET of something stored as JSON with a strong ETag, or with 304 when the asker has just that.
func (s *Server) tagged(c echo.Context, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	sum := sha256.Sum256(text)
	if s.unchanged(c, `"`+hex.EncodeToString(sum[:12])+`"`) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSONBlob(http.StatusOK, text)
}

// unchanged sets the ETag of an answer, and says whether the asker has that already.
func (s *Server) unchanged(c echo.Context, tag string) bool {
	h := c.Response().Header()
	h.Set("ETag", tag)
	if h.Get(echo.HeaderCacheControl) == "" {
		h.Set(echo.HeaderCacheControl, "private, no-cache")
	}
	return matches(c.Request().Header.Get("If-None-Match"), tag)
}

// matches compares as If-None-Match is to be compared: weakly.
func matches(header, tag string) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for _, one := range strings.Split(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one = strings.Replace(one, packedSuffix, `"`, 1); one == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// state answers with everything as of now. Its ETag is weak: of everything but the clock.
func (s *Server) state(c echo.Context) error {
	snapshot := s.Store.Snapshot(s.Now())
	tag, err := stateTag(snapshot)
	if err != nil {
		return err
	}
	if s.unchanged(c, tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSON(http.StatusOK, snapshot)
}

func stateTag(snapshot state.Snapshot) (string, error) {
	sections, err := snapshot.Sections()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(sections)) {
		_, _ = fmt.Fprintf(sum, "%s %s\n", path, sections[path]) // a hash takes everything
	}
	return `W/"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`, nil
}
