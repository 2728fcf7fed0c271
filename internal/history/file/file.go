// Package file writes exports: CSV and Parquet, of any length in bounded memory, under their name only when they are
// whole.
package file

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

// The formats.
const (
	Parquet = "parquet"
	CSV     = "csv"
)

// Writer is a file that is being written. Close ends it; without Close it is no file of its format.
type Writer interface {
	history.Rows
	Close() error
}

// New writes a table to out. Errors: ErrInvalid for a format that there is not.
func New(format string, table history.Table, out io.Writer) (Writer, error) {
	switch format {
	case CSV:
		return newCSV(table, out)
	case Parquet:
		return newParquet(table, out), nil
	}
	return nil, fmt.Errorf("%w: there is no format %q (there are %s and %s)", fault.ErrInvalid, format, Parquet, CSV)
}

// csvWriter writes a header, then a line for each row: times in RFC 3339 with ms, in UTC; nothing where there is nothing.
type csvWriter struct {
	out    *csv.Writer
	record []string
}

func newCSV(table history.Table, out io.Writer) (*csvWriter, error) {
	w := &csvWriter{out: csv.NewWriter(out), record: make([]string, 1+len(table.Columns))}
	header := []string{"time"}
	for _, column := range table.Columns {
		header = append(header, column.Name)
	}
	if err := w.out.Write(header); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return w, nil
}

// Write implements history.Rows.
func (w *csvWriter) Write(rows []history.Row) error {
	for _, row := range rows {
		w.record[0] = time.UnixMilli(row.At).UTC().Format("2006-01-02T15:04:05.000Z")
		for i, cell := range row.Cells {
			w.record[1+i] = plain(cell)
		}
		if err := w.out.Write(w.record); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	w.out.Flush()
	if err := w.out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func plain(v history.Value) string {
	switch v.Kind {
	case history.Float:
		return strconv.FormatFloat(v.Float, 'f', -1, 64)
	case history.Int:
		return strconv.FormatInt(v.Int, 10)
	case history.Bool:
		return strconv.FormatBool(v.Int != 0)
	case history.Text:
		return v.Text
	case history.None:
	}
	return ""
}

// Close implements Writer.
func (w *csvWriter) Close() error {
	w.out.Flush()
	if err := w.out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// Whole has write write a file beside path, and gives it its name when all of it is on the disk. When write fails, or
// the machine does, path is as it was: absent, or what it held before.
func Whole(path string, write func(io.Writer) error) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return fmt.Errorf("begin %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(part.Close()), os.Remove(part.Name()))
		}
	}()
	buffered := bufio.NewWriterSize(part, 1<<20)
	if err := write(buffered); err != nil {
		return err
	}
	if err := errors.Join(buffered.Flush(), part.Sync(), part.Chmod(0o644), part.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return fmt.Errorf("give %s its name: %w", path, err)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
