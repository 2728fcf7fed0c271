package server

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

// auditLine is a line of the audit as admins read it: what was done through this page and its API, and what the workflows
// note themselves, which may have been asked from a command line.
type auditLine struct {
	Key     string    `json:"key"` // names the line
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	By      string    `json:"by,omitempty"`
	What    string    `json:"what"`
	Detail  string    `json:"detail,omitempty"`
	Address string    `json:"address,omitempty"`
	Outcome string    `json:"outcome"`
	Source  string    `json:"source"`         // page, room or service: who kept it
	Room    string    `json:"room,omitempty"` // of source room
}

// auditPlace is where a page of the audit ended.
type auditPlace struct {
	ID  uint64    `json:"i,omitempty"` // of the journal: older ones follow
	At  time.Time `json:"a,omitzero"`
	Key string    `json:"k,omitempty"`
}

// auditPage is GET /audit: the newest first.
func (s *Server) auditPage(c echo.Context) error {
	limit, after, err := paging(c)
	if err != nil {
		return err
	}
	var place auditPlace
	if after != "" {
		text, err := base64.RawURLEncoding.DecodeString(after)
		if err != nil || json.Unmarshal(text, &place) != nil {
			return fmt.Errorf("%w: after is no place of the audit; begin anew without it", fault.ErrInvalid)
		}
	}
	deeds, err := s.People.Journal.Page(place.ID, limit+1)
	if err != nil {
		return err
	}
	lines := s.kept()
	for _, deed := range deeds {
		lines = append(lines, deedLine(deed))
	}
	slices.SortFunc(lines, newestFirst)
	if after != "" {
		lines = slices.DeleteFunc(lines, func(l auditLine) bool { return newestFirst(l, auditLine{At: place.At, Key: place.Key}) <= 0 })
	}
	page := Page[auditLine]{Items: lines[:min(limit, len(lines))]}
	if len(lines) > limit {
		page.Next = place.from(page.Items)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, page)
}

// from is the place after a page.
func (p auditPlace) from(items []auditLine) string {
	last := items[len(items)-1]
	p.At, p.Key = last.At, last.Key
	for _, line := range items {
		if line.Source == "page" {
			p.ID, _ = strconv.ParseUint(strings.TrimPrefix(line.Key, "p"), 10, 64) // the keys are made of it
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func newestFirst(a, b auditLine) int {
	if c := b.At.Compare(a.At); c != 0 {
		return c
	}
	if len(a.Key) != len(b.Key) { // p10 is newer than p9
		return len(b.Key) - len(a.Key)
	}
	return cmp.Compare(b.Key, a.Key)
}

func deedLine(d people.Deed) auditLine {
	return auditLine{
		Key: "p" + strconv.FormatUint(d.ID, 10), At: d.At, Who: d.Who, By: d.By, What: d.What, Detail: d.Detail,
		Address: d.Address, Outcome: d.Outcome, Source: "page",
	}
}

// kept are the lines that the workflows keep.
func (s *Server) kept() []auditLine {
	lines := []auditLine{}
	for room, entries := range s.Store.Audits() {
		for _, e := range entries {
			source := "room"
			if room == "" {
				source = "service"
			}
			outcome := e.Outcome
			if strings.HasPrefix(outcome, "accepted") || outcome == "" { // "accepted as" with an ID, for one
				outcome = people.Done
			}
			lines = append(lines, auditLine{
				Key: entryKey(room, e), At: e.At, Who: e.Who, What: e.What, Detail: e.Why,
				Outcome: outcome, Source: source, Room: room,
			})
		}
	}
	return lines
}

// entryKey names an entry for good. The workflows cut their lists at the front, so only what an entry says does.
func entryKey(room string, e workflows.AuditEntry) string {
	sum := fnv.New64a()
	_, _ = fmt.Fprintln(sum, room, e.At.UnixNano(), e.Who, e.What, e.Why, e.Outcome) // a hash takes everything
	return "w" + strconv.FormatUint(sum.Sum64(), 36)
}
