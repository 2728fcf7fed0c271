package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	past "github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/wire"
)

// alertHistory reads what the sink stored of alerts and of people's answers, wherever in the store it is by now.
type alertHistory struct {
	stored past.Reader
	bucket string // of raw readings
}

// mostAlerts bounds what is held for one list, rows. A bad day has some hundred.
const mostAlerts = 50_000

// Alerts reads a range, oldest first; an empty room means all rooms. Errors: ErrInvalid when it holds too much,
// ErrUnreachable.
func (h alertHistory) Alerts(ctx context.Context, room string, from, to time.Time) ([]wire.Alert, []wire.Answer, error) {
	alerts, err := rows(ctx, h, "alerts", room, from, to, alertOf)
	if err != nil {
		return nil, nil, err
	}
	answers, err := rows(ctx, h, "answers", room, from, to, answerOf)
	return alerts, answers, err
}

// rows reads one table of events.
func rows[T any](ctx context.Context, h alertHistory, what, room string, from, to time.Time, read func(at int64, cell map[string]past.Value) T) ([]T, error) {
	table, err := past.TableOf(what)
	if err != nil {
		return nil, err
	}
	request := past.Request{Bucket: h.bucket, Table: table, Tier: past.Raw, From: from, To: to}
	if room != "" {
		request.Where = []past.Tag{{Name: "room", Value: room}}
	}
	sheet := &sheet[T]{table: table, read: read}
	err = past.Export(ctx, h.stored, request, sheet, func(past.Progress) {})
	if errors.Is(err, fault.ErrNotFound) { // nothing was ever stored
		return nil, nil
	}
	return sheet.all, err
}

// sheet gathers an export in memory.
type sheet[T any] struct {
	table past.Table
	read  func(at int64, cell map[string]past.Value) T
	all   []T
}

// Write implements history.Rows.
func (s *sheet[T]) Write(rows []past.Row) error {
	if len(s.all)+len(rows) > mostAlerts {
		return fmt.Errorf("%w: the range holds more than %d records of %s; ask for a shorter one", fault.ErrInvalid, mostAlerts, s.table.What)
	}
	for _, row := range rows {
		cell := map[string]past.Value{}
		for i, column := range s.table.Columns {
			cell[column.Name] = row.Cells[i]
		}
		s.all = append(s.all, s.read(row.At, cell))
	}
	return nil
}

// alertOf undoes what the sink made of an alert: its time is when it ended, or else began.
func alertOf(at int64, cell map[string]past.Value) wire.Alert {
	a := wire.Alert{
		ID: cell["alert"].Text, Room: cell["room"].Text, Kind: cell["kind"].Text, Severity: cell["severity"].Text,
		Evidence: cell["evidence"].Text, Source: cell["source"].Text,
	}
	if cell["active"].Int != 0 {
		a.BeganMillis = at
	} else {
		a.EndedMillis = at
	}
	return a
}

func answerOf(at int64, cell map[string]past.Value) wire.Answer {
	return wire.Answer{
		Room: cell["room"].Text, Alert: cell["alert"].Text, Kind: cell["kind"].Text, Who: cell["who"].Text, Why: cell["why"].Text,
		TimeMillis: at, UntilMillis: cell["until"].Int,
	}
}
