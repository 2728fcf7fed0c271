package series

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/workflows"
)

// The kinds of events.
const (
	AlertBegan        = "alert_began"
	AlertEnded        = "alert_ended"
	AlertAcknowledged = "alert_acknowledged"
	AlertShelved      = "alert_shelved"
	AlertUnshelved    = "alert_unshelved"
	OverrideBegan     = "override_began"
	OverrideEnded     = "override_ended"
	EmergencyBegan    = "emergency_began" // a machine is sent to its coldest at once
	EmergencyEnded    = "emergency_ended"
	FailCold          = "fail_cold" // no sensor can be trusted
	Failover          = "failover"  // other machines carry the room for one that does not do what it is told
	PolicyChanged     = "policy_changed"
)

// Event is something that happened in a room.
type Event struct {
	At       int64  `json:"at"` // Unix ms
	Kind     string `json:"kind"`
	Severity string `json:"severity,omitempty"` // of an alert: warning, high or critical
	Text     string `json:"text"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"` // of an override and of a change of the policy, in the person's words
	// AC, Setpoint and Until are an override's; Alert is the ID of an alert.
	AC       string `json:"ac,omitempty"`
	Setpoint int    `json:"setpoint,omitempty"`
	Until    int64  `json:"until,omitempty"` // Unix ms
	Alert    string `json:"alert,omitempty"`
}

// EventsRequest asks for a room's events, the newest first.
type EventsRequest struct {
	Room     string
	From, To time.Time
	Now      time.Time
	Limit    int
	// After is Page.Next of the page before; empty: the first page.
	After string
	// Audit is what the tuning remembers; what it tells is not told from commands again.
	Audit []workflows.AuditEntry
}

// EventsMost is the most that a page has.
const EventsMost = 500

// Page is a part of a list of events.
type Page struct {
	Items []Event `json:"items"` // the newest first
	Next  string  `json:"next"`  // After of the next page; empty: this is the last one
}

// Events reads what happened: alerts and what people answered to them, overrides, emergencies, failovers and changes of the
// policy. It reads backwards in ever longer stretches until the page is full. Errors: ErrInvalid, and those of the reader.
func (s *Stored) Events(ctx context.Context, r EventsRequest) (Page, error) {
	r.From, r.To = r.From.Truncate(time.Millisecond), r.To.Truncate(time.Millisecond)
	skip, err := r.resume()
	if err != nil {
		return Page{}, err
	}
	cursor, err := s.cursor(ctx, r.Now)
	if err != nil {
		return Page{}, err
	}
	page := Page{Items: []Event{}}
	for length := 24 * time.Hour; r.From.Before(r.To); length *= 4 {
		from := r.To.Add(-length)
		if from.Before(r.From) {
			from = r.From
		}
		found, err := s.events(ctx, r, from, cursor.Until)
		if err != nil {
			return Page{}, err
		}
		drop := min(skip, len(found))
		skip -= drop
		page.Items = append(page.Items, found[drop:]...)
		if len(page.Items) > r.Limit {
			page.Items = page.Items[:r.Limit]
			page.Next = page.next(r)
			return page, nil
		}
		r.To = from
	}
	return page, nil
}

// resume puts the end of the range to where the page before ended, and says how many of its last ms were on that already.
func (r *EventsRequest) resume() (skip int, err error) {
	if r.Limit < 1 || r.Limit > EventsMost {
		return 0, fmt.Errorf("%w: limit is %d; give a whole number from 1 to %d", fault.ErrInvalid, r.Limit, EventsMost)
	}
	if !r.From.Before(r.To) {
		return 0, fmt.Errorf("%w: from is not before to", fault.ErrInvalid)
	}
	if r.After == "" {
		return 0, nil
	}
	at, n, found := strings.Cut(r.After, "-")
	millis, err := strconv.ParseInt(at, 10, 64)
	if err == nil && found {
		skip, err = strconv.Atoi(n)
	}
	to := time.UnixMilli(millis + 1)
	if err != nil || !found || skip < 1 || to.After(r.To) || !to.After(r.From) {
		return 0, fmt.Errorf("%w: after is %q; give the next of the page before, with the same from and to", fault.ErrInvalid, r.After)
	}
	r.To = to
	return skip, nil
}

// next says where a full page ended: the last one's time and how many of that ms it has, those of pages before too.
func (p Page) next(r EventsRequest) string {
	last, n := p.Items[len(p.Items)-1].At, 0
	for _, e := range p.Items {
		if e.At == last {
			n++
		}
	}
	if at, before, found := strings.Cut(r.After, "-"); found && at == strconv.FormatInt(last, 10) {
		if more, err := strconv.Atoi(before); err == nil {
			n += more
		}
	}
	return fmt.Sprintf("%d-%d", last, n)
}

// events are those of a stretch, the newest first.
func (s *Stored) events(ctx context.Context, r EventsRequest, from, until time.Time) ([]Event, error) {
	records := newRecords()
	group, ctx := errgroup.WithContext(ctx)
	where := []history.Tag{{Name: "room", Value: r.Room}}
	for _, part := range s.eventParts(from, r.To, until) {
		for _, measurement := range []string{"alert", "answer", "command"} {
			group.Go(func() error {
				query := history.Select(part.bucket, measurement, nil, where, part.from, part.to)
				return absent(s.From.Rows(ctx, query, records.take))
			})
		}
	}
	// What a command changes is seen against the one before it.
	before := newRecords()
	for _, part := range s.before(from, until) {
		group.Go(func() error {
			query := history.Select(part.bucket, "command", []string{"reason", "emergency"}, where, part.from, part.to) + " |> last()"
			return absent(s.From.Rows(ctx, query, before.take))
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := audited(r.Audit, from, r.To)
	all = append(all, records.events(before.newest(), since(r.Audit))...)
	slices.SortStableFunc(all, func(a, b Event) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.AC, b.AC), cmp.Compare(a.Text, b.Text))
	})
	return all, nil
}

// since is from when on the audit tells of overrides and emergencies, Unix ms.
func since(audit []workflows.AuditEntry) int64 {
	if len(audit) == 0 {
		return 1<<63 - 1
	}
	return audit[0].At.UnixMilli()
}
