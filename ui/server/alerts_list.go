package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// Rang is one episode of an alert: from its beginning to its end.
type Rang struct {
	wire.Alert
	// Lasts says that no end of it is stored. BeganMillis is 0 when only its end was found.
	Lasts bool `json:"lasts"`
	// Answer is what holds now, of an alert that lasts; Answers are all that was said while it rang, oldest first.
	Answer  *wire.Answer  `json:"answer,omitempty"`
	Answers []wire.Answer `json:"answers"`
}

// at is by what an episode is ordered: when it began, or what is known of that.
func (r Rang) at() int64 { return cmp.Or(r.BeganMillis, r.EndedMillis) }

func (r Rang) key() string { return fmt.Sprintf("%d~%s", r.at(), r.ID) }

// alertQuery is which alerts are asked for.
type alertQuery struct {
	state, room, severity, kind string
	from, to                    time.Time
}

// The states of alerts that a list may be asked for.
const (
	alertsLasting = "lasting" // those that last now, by the streams
	alertsEnded   = "ended"   // those that have ended, as stored
	alertsAll     = "all"     // all that rang in a range, as stored
)

// rangMost is the longest range of a list; lookBack is how far before it beginnings are looked for.
const (
	rangMost = 400 * 24 * time.Hour
	lookBack = 7 * 24 * time.Hour
)

// alerts answers with those that last, or with what rang in a range.
func (s *Server) alerts(c echo.Context) error {
	q, err := s.readAlertQuery(c)
	if err != nil {
		return err
	}
	if q.state == alertsLasting {
		return s.listed(c, q.chosen(s.lastingAlerts()))
	}
	if s.AlertHistory == nil {
		return fmt.Errorf("%w: this Control Room has no history", fault.ErrUnreachable)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	alerts, answers, err := s.AlertHistory.Alerts(ctx, q.room, q.from.Add(-lookBack), q.to)
	if err != nil {
		return s.unread(q.room, err)
	}
	return s.listed(c, q.chosen(episodes(alerts, answers)))
}

func (s *Server) listed(c echo.Context, all []Rang) error {
	page, err := paged(c, all, Rang.key)
	if err != nil {
		return err
	}
	return s.tagged(c, page)
}

func (s *Server) lastingAlerts() []Rang {
	var all []Rang
	for _, a := range s.Store.Snapshot(s.Now()).Alerts {
		one := Rang{Alert: a.Alert, Lasts: true, Answer: a.Answer, Answers: []wire.Answer{}}
		if a.Answer != nil {
			one.Answers = append(one.Answers, *a.Answer)
		}
		all = append(all, one)
	}
	return all
}

func (s *Server) readAlertQuery(c echo.Context) (alertQuery, error) {
	q := alertQuery{
		state: cmp.Or(c.QueryParam("state"), alertsLasting), room: c.QueryParam("room"), severity: c.QueryParam("severity"),
		kind: c.QueryParam("kind"), to: s.Now(),
	}
	if !slices.Contains([]string{alertsLasting, alertsEnded, alertsAll}, q.state) {
		return q, fmt.Errorf("%w: state is %q; give lasting, ended or all", fault.ErrInvalid, q.state)
	}
	if q.severity != "" && severityRank(q.severity) < 0 {
		return q, fmt.Errorf("%w: severity is %q; give warning, high or critical", fault.ErrInvalid, q.severity)
	}
	if _, known := s.Store.Room(q.room); q.room != "" && !known {
		return q, fmt.Errorf("%w: there is no room %q", fault.ErrNotFound, q.room)
	}
	var err error
	if q.to, err = momentParam(c, "to", q.to); err != nil {
		return q, err
	}
	if q.from, err = momentParam(c, "from", q.to.Add(-24*time.Hour)); err != nil {
		return q, err
	}
	if !q.from.Before(q.to) || q.to.Sub(q.from) > rangMost {
		return q, fmt.Errorf("%w: from must lie before to, and by at most 400 days", fault.ErrInvalid)
	}
	return q, nil
}

// chosen are the episodes that a query asks for, the newest first.
func (q alertQuery) chosen(all []Rang) []Rang {
	from, to := q.from.UnixMilli(), q.to.UnixMilli()
	chosen := slices.DeleteFunc(all, func(r Rang) bool {
		switch {
		case q.room != "" && r.Room != q.room, q.kind != "" && r.Kind != q.kind:
			return true
		case q.severity != "" && severityRank(r.Severity) < severityRank(q.severity):
			return true
		case q.state == alertsLasting:
			return false
		case q.state == alertsEnded && r.Lasts:
			return true
		}
		return r.at() >= to || !r.Lasts && r.EndedMillis < from
	})
	if q.state != alertsLasting { // those that last come the worst first
		slices.SortFunc(chosen, func(a, b Rang) int { return cmp.Or(cmp.Compare(b.at(), a.at()), strings.Compare(a.ID, b.ID)) })
	}
	return chosen
}

// severityRank is the place of a severity, rising; -1 for none.
func severityRank(severity string) int {
	return slices.Index([]string{wire.SeverityWarning, wire.SeverityHigh, wire.SeverityCritical}, severity)
}

// episodes puts beginnings and ends together. A stored end does not say when it began: it ends the newest beginning of its
// ID. An alert that became worse while it lasted has one more beginning with the same time.
func episodes(alerts []wire.Alert, answers []wire.Answer) []Rang {
	open := map[string]int{} // by ID, the index of the episode that has not ended
	var all []Rang
	for _, a := range alerts {
		i, lasts := open[a.ID]
		switch {
		case a.EndedMillis == 0 && lasts && severityRank(a.Severity) >= severityRank(all[i].Severity):
			all[i].Severity, all[i].Evidence = a.Severity, a.Evidence
		case a.EndedMillis == 0 && lasts: // said again
		case a.EndedMillis == 0:
			open[a.ID] = len(all)
			all = append(all, Rang{Alert: a, Lasts: true, Answers: []wire.Answer{}})
		case lasts:
			all[i].EndedMillis, all[i].Lasts = a.EndedMillis, false
			delete(open, a.ID)
		default:
			a.BeganMillis = 0
			all = append(all, Rang{Alert: a, Answers: []wire.Answer{}})
		}
	}
	for _, said := range answers {
		for i := range all {
			if r := &all[i]; r.ID == said.Alert && said.TimeMillis >= r.BeganMillis && (r.Lasts || said.TimeMillis <= r.EndedMillis) {
				r.Answers = append(r.Answers, said)
			}
		}
	}
	return all
}
