package influx

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

// idleMost is how long an answer may pause: a long scan hands out rows all the time.
const idleMost = time.Minute

// Rows runs a Flux query and hands every value to take as it arrives, in the order of the answer, holding none of them:
// an answer may be larger than memory. A series is the same pointer for all its values. Take's first error ends the query
// and is returned as it is. Errors: ErrUnreachable (also an answer that breaks off or pauses for a minute), ErrNotFound
// (bucket), ErrUnauthorised, ErrRejected.
func (c *Client) Rows(ctx context.Context, query string, take func(history.Sample) error) error {
	const doing = "read"
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(idleMost, func() { cancel(fmt.Errorf("no answer for %s: %w", idleMost, fault.ErrUnreachable)) })
	defer watchdog.Stop()
	body, err := json.Marshal(map[string]any{
		"query": query, "type": "flux", "dialect": map[string]any{"header": true, "annotations": []string{"datatype"}},
	})
	if err != nil {
		return fmt.Errorf("write a query: %w", err)
	}
	answer, err := c.do(within, http.MethodPost, "/api/v2/query?org="+url.QueryEscape(c.config.Org), body)
	if err != nil {
		return stalled(within, c.explain(ctx, err, doing))
	}
	defer answer.Body.Close()
	t := &table{reader: csv.NewReader(&watched{answer.Body, watchdog}), take: take}
	t.reader.FieldsPerRecord, t.reader.ReuseRecord, t.reader.LazyQuotes = -1, true, true
	err = t.read()
	var said *inBand
	switch {
	case err == nil:
		return nil
	case t.mine: // take's own
		return err
	case errors.As(err, &said):
		return c.heard(said.text, doing)
	}
	return stalled(within, c.explain(ctx, err, doing))
}

// stalled puts the watchdog's word in the place of "context canceled".
func stalled(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, fault.ErrUnreachable) {
		return cause
	}
	return err
}

// watched puts the watchdog off with each read.
type watched struct {
	io.Reader
	watchdog *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.watchdog.Reset(idleMost)
	return n, err
}

// inBand is an error that the server tells in the middle of an answer with status 200.
type inBand struct{ text string }

func (e *inBand) Error() string { return e.text }

// heard makes a fault of the server's own words.
func (c *Client) heard(says, doing string) error {
	doing += " at " + c.config.URL
	if absent(says) {
		return fmt.Errorf("%s: %w: %s", doing, fault.ErrNotFound, says)
	}
	return fmt.Errorf("%s: %w: %s", doing, fault.ErrRejected, says)
}

// absent says whether the server's words mean that there is no such bucket: 1.8 has a status of 500 for that.
func absent(says string) bool {
	for _, words := range []string{
		"could not find bucket", "bucket not found", "no database", "database not found", "retention policy not found", "invalid retention policy",
	} {
		if strings.Contains(says, words) {
			return true
		}
	}
	return false
}

// table reads Flux's annotated CSV: blocks with a header of their own, the rows of one series after another.
// https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
type table struct {
	reader *csv.Reader
	take   func(history.Sample) error
	mine   bool // take has failed

	types, names                   []string
	id, time, value, field, number int // columns; negative: there is none. number is the measurement's
	kind                           string
	tags                           []int // columns
	last                           []string
	series                         *history.Series
}

func (t *table) read() error {
	header := false // the next row is one
	for {
		row, err := t.reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case row[0] == "#datatype":
			t.types, header = slices.Clone(row), true
		case strings.HasPrefix(row[0], "#"):
		case header || t.names == nil:
			header = false
			if err := t.begin(row); err != nil {
				return err
			}
		case t.names[1] == "error":
			return &inBand{row[1]}
		default:
			if err := t.row(row); err != nil {
				return err
			}
		}
	}
}

// begin takes a header in.
func (t *table) begin(header []string) error {
	t.names, t.series, t.last, t.tags = slices.Clone(header), nil, nil, nil
	t.id, t.time, t.value, t.field, t.number = -1, -1, -1, -1, -1
	if len(header) < 2 {
		return fmt.Errorf("%w: an answer that is no table", fault.ErrUnreachable)
	}
	for i, name := range header {
		switch {
		case name == "table":
			t.id = i
		case name == "_time":
			t.time = i
		case name == "_value":
			t.value = i
		case name == "_field":
			t.field = i
		case name == "_measurement":
			t.number = i
		case i > 0 && name != "result" && !strings.HasPrefix(name, "_") && i < len(t.types) && t.types[i] == "string":
			t.tags = append(t.tags, i)
		}
	}
	if t.value >= 0 && t.value < len(t.types) {
		t.kind = t.types[t.value]
	}
	slices.SortFunc(t.tags, func(a, b int) int { return strings.Compare(header[a], header[b]) })
	return nil
}

func (t *table) row(row []string) error {
	if t.time < 0 || t.value < 0 || len(row) != len(t.names) {
		return fmt.Errorf("%w: a row that does not fit its header", fault.ErrUnreachable)
	}
	if t.series == nil || t.changed(row) {
		t.next(row)
	}
	at, err := parseTime(row[t.time])
	if err != nil {
		return err
	}
	value, err := parseValue(t.kind, row[t.value])
	if err != nil {
		return err
	}
	if err := t.take(history.Sample{Series: t.series, At: at, Value: value}); err != nil {
		t.mine = true
		return err
	}
	return nil
}

// changed says whether a row is of another series than the one before.
func (t *table) changed(row []string) bool {
	if t.id >= 0 && row[t.id] != t.last[0] || t.field >= 0 && row[t.field] != t.last[1] || t.number >= 0 && row[t.number] != t.last[2] {
		return true
	}
	for i, column := range t.tags {
		if row[column] != t.last[3+i] {
			return true
		}
	}
	return false
}

// next begins a series. The row's strings are the reader's, which uses them again.
func (t *table) next(row []string) {
	pick := func(column int) string {
		if column < 0 {
			return ""
		}
		return strings.Clone(row[column])
	}
	t.last = append(t.last[:0], pick(t.id), pick(t.field), pick(t.number))
	series := &history.Series{Measurement: t.last[2], Field: t.last[1]}
	for _, column := range t.tags {
		value := strings.Clone(row[column])
		t.last = append(t.last, value)
		if value != "" {
			series.Tags = append(series.Tags, history.Tag{Name: t.names[column], Value: value})
		}
	}
	t.series = series
}

// parseTime reads RFC 3339 in UTC as ms; the standard library's own is slower and does the rest.
func parseTime(text string) (int64, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no time", fault.ErrUnreachable, text)
	}
	return at.UnixMilli(), nil
}

func parseValue(kind, text string) (history.Value, error) {
	var v history.Value
	var err error
	switch kind {
	case "double":
		v.Kind = history.Float
		v.Float, err = strconv.ParseFloat(text, 64)
	case "long", "unsignedLong":
		v.Kind = history.Int
		v.Int, err = strconv.ParseInt(text, 10, 64)
	case "boolean":
		v.Kind = history.Bool
		if text == "true" {
			v.Int = 1
		}
	case "string":
		v.Kind, v.Text = history.Text, strings.Clone(text)
	}
	if err != nil {
		return v, fmt.Errorf("%w: %q is no %s", fault.ErrUnreachable, text, kind)
	}
	return v, nil
}
