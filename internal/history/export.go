package history

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Reader runs queries: package influx's Client.
type Reader interface {
	// Rows hands every sample of an answer to take, in the order of the answer, and stops at take's first error, which it
	// returns as it is.
	Rows(ctx context.Context, query string, take func(Sample) error) error
}

// Row is one line of an export: a time and a value for each column of its Table.
type Row struct {
	At    int64 // Unix ms
	Cells []Value
}

// Rows is a file that is being written. Its columns are a Table's.
type Rows interface {
	Write(rows []Row) error
}

// Request is what to export.
type Request struct {
	Bucket   string // of raw readings
	Table    Table  // as At made it
	Tier     Tier
	Where    []Tag
	From, To time.Time
}

// Progress is how far an export has come.
type Progress struct {
	At   time.Time // everything before it is written
	Rows int64
}

// A page is a part of the range that is held in memory: some rowsAim rows (some 10 MB), and never more than rowsMost (unless a single
// second has more).
const (
	rowsAim   = 20_000
	rowsMost  = 3 * rowsAim
	pageFirst = time.Hour
	pageLeast = time.Second
	pageMost  = 31 * 24 * time.Hour
)

// errDense is a page with too many rows.
var errDense = errors.New("too many rows in a page")

// Export reads a range page by page, each sorted by time and then by tags, and writes it. Its memory is bounded by a
// page, however long the range is. Errors: those of the reader and of the file.
func Export(ctx context.Context, from Reader, r Request, to Rows, told func(Progress)) error {
	parts, err := parts(ctx, from, r)
	if err != nil {
		return err
	}
	e := exporter{reader: from, request: r, out: to, told: told}
	for _, part := range parts {
		if err := e.part(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// part is a range in one bucket.
type part struct {
	bucket   string
	from, to time.Time
}

// parts says where the range is. Events are in the hours' bucket up to the cursor, and as raw records after it.
func parts(ctx context.Context, from Reader, r Request) ([]part, error) {
	if !r.Table.Event {
		return []part{{In(r.Bucket, r.Tier), r.From, r.To}}, nil
	}
	var c Cursor
	// The cursor stands at the time that it has reached, which is long after a range of the past.
	if err := from.Rows(ctx, CursorQuery(r.Bucket, r.To.AddDate(30, 0, 0)), func(s Sample) error { c.Take(s); return nil }); err != nil && !errors.Is(err, fault.ErrNotFound) {
		return nil, err
	}
	border := c.Until
	if border.Before(r.From) {
		border = r.From
	}
	if border.After(r.To) {
		border = r.To
	}
	var all []part
	if r.From.Before(border) {
		all = append(all, part{In(r.Bucket, Hours), r.From, border})
	}
	if border.Before(r.To) {
		all = append(all, part{r.Bucket, border, r.To})
	}
	return all, nil
}

type exporter struct {
	reader  Reader
	request Request
	out     Rows
	told    func(Progress)
	rows    int64
}

func (e *exporter) part(ctx context.Context, p part) error {
	length := pageFirst
	for at := p.from; at.Before(p.to); {
		end := at.Add(length)
		if end.After(p.to) {
			end = p.to
		}
		page := newPage(e.request.Table, rowsMost)
		if end.Sub(at) <= pageLeast {
			page.most = 0
		}
		query := Select(p.bucket, e.request.Table.Measurement, e.request.Table.fields(), e.request.Where, at, end)
		err := e.reader.Rows(ctx, query, page.add)
		if errors.Is(err, errDense) {
			length = max(end.Sub(at)/4, pageLeast)
			continue
		}
		if err != nil {
			return err
		}
		rows := page.sorted()
		if err := e.out.Write(rows); err != nil {
			return err
		}
		e.rows += int64(len(rows))
		at = end
		e.told(Progress{At: at, Rows: e.rows})
		length = nextPage(length, len(rows))
	}
	return nil
}

// nextPage aims at rowsAim rows, and grows at most fourfold at a time.
func nextPage(length time.Duration, rows int) time.Duration {
	next := 4 * length
	if rows > 0 {
		next = min(next, time.Duration(float64(length)*rowsAim/float64(rows)))
	}
	return min(max(next.Truncate(pageLeast), pageLeast), pageMost)
}

// page puts the fields of one time together.
type page struct {
	table  Table
	most   int // rows; 0: any number
	column map[string]int
	things map[string]map[int64]int // the rows of a thing, by its tags and their time
	rows   []Row

	series *Series
	at     map[int64]int
	field  int // column of the series; negative: none
	tags   []Value
}

func newPage(table Table, most int) *page {
	p := &page{table: table, most: most, column: map[string]int{}, things: map[string]map[int64]int{}}
	for i, c := range table.Columns {
		if !c.Tag {
			p.column[c.Name] = i
		}
	}
	return p
}

func (p *page) add(s Sample) error {
	if s.Series != p.series {
		p.begin(s.Series)
	}
	if p.field < 0 {
		return nil
	}
	at, found := p.at[s.At]
	if !found {
		if p.most > 0 && len(p.rows) >= p.most {
			return errDense
		}
		at = len(p.rows)
		p.at[s.At] = at
		p.rows = append(p.rows, Row{s.At, slices.Clone(p.tags)})
	}
	p.rows[at].Cells[p.field] = as(s.Value, p.table.Columns[p.field].Kind)
	return nil
}

// begin finds the column and the rows of a series.
func (p *page) begin(s *Series) {
	p.series, p.field = s, -1
	if column, known := p.column[s.Field]; known {
		p.field = column
	}
	var key strings.Builder
	for _, tag := range s.Tags {
		key.WriteString(tag.Name + "\x00" + tag.Value + "\x00")
	}
	if p.at = p.things[key.String()]; p.at == nil {
		p.at = map[int64]int{}
		p.things[key.String()] = p.at
	}
	p.tags = make([]Value, len(p.table.Columns))
	for i, c := range p.table.Columns {
		if value := s.Tag(c.Name); c.Tag && value != "" {
			p.tags[i] = as(Value{Kind: Text, Text: value}, c.Kind)
		}
	}
}

// as is a value of the column's kind; what cannot be is not there.
func as(v Value, kind Kind) Value {
	switch {
	case v.Kind == kind:
		return v
	case kind == Float && v.Kind == Int:
		return Value{Kind: Float, Float: float64(v.Int)}
	case kind == Int && v.Kind == Float && v.Float == float64(int64(v.Float)):
		return Value{Kind: Int, Int: int64(v.Float)}
	case kind == Int && v.Kind == Text:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return Value{Kind: Int, Int: n}
		}
	}
	return Value{}
}

// sorted are the rows by time, then by tags.
func (p *page) sorted() []Row {
	slices.SortFunc(p.rows, func(a, b Row) int {
		order := cmp.Compare(a.At, b.At)
		for i := 0; order == 0 && i < len(a.Cells); i++ {
			if p.table.Columns[i].Tag {
				order = cmp.Or(cmp.Compare(a.Cells[i].Int, b.Cells[i].Int), cmp.Compare(a.Cells[i].Text, b.Cells[i].Text))
			}
		}
		return order
	})
	return p.rows
}
