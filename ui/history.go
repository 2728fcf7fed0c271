package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/history/file"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/ui/series"
)

// rooms is what InfluxDB keeps of them: package series, and the export as CSV.
type rooms struct{ *series.Stored }

func newStored(c *influx.Client, bucket string) rooms {
	return rooms{series.New(c, bucket)}
}

// Export implements server.Stored.
func (r rooms) Export(ctx context.Context, request history.Request, out io.Writer) error {
	request.Bucket = r.Bucket
	w, err := file.New(file.CSV, request.Table, out)
	if err != nil {
		return err
	}
	if err := history.Export(ctx, r.From, request, inert{w}, func(history.Progress) {}); err != nil {
		return err
	}
	return w.Close()
}

// inert keeps what people wrote from being a formula: a spreadsheet takes a text that begins so for one, and opens what it
// says. The quote before it is what spreadsheets themselves write there.
type inert struct{ history.Rows }

// Write implements history.Rows.
func (w inert) Write(rows []history.Row) error {
	safe := slices.Clone(rows)
	for i := range safe {
		safe[i].Cells = slices.Clone(safe[i].Cells)
		for n, cell := range safe[i].Cells {
			if cell.Kind == history.Text && cell.Text != "" && strings.ContainsAny(cell.Text[:1], "=+-@\t\r") {
				safe[i].Cells[n].Text = "'" + cell.Text
			}
		}
	}
	return w.Rows.Write(safe)
}
