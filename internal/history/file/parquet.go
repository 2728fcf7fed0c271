package file

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/overcloud/overcloud/internal/history"
)

// groupRows is how many rows a row group has: what the writer holds in memory, and what a reader skips by its times.
const groupRows = 100_000

// parquetWriter writes the time as a timestamp in UTC ms, numbers as doubles and 64-bit integers, texts as dictionaries, all
// with zstd. What may be absent is optional.
type parquetWriter struct {
	out   *parquet.GenericWriter[any]
	group int // rows of the group that has begun
	rows  []parquet.Row
}

func newParquet(table history.Table, out io.Writer) *parquetWriter {
	return &parquetWriter{out: parquet.NewGenericWriter[any](out, schema(table),
		parquet.CreatedBy("overcloud", "", ""), parquet.DataPageStatistics(true), parquet.KeyValueMetadata("overcloud.table", table.What))}
}

// schema keeps the order of the columns, which a parquet.Group would not: it is that of a struct made for the table.
func schema(table history.Table) *parquet.Schema {
	fields := []reflect.StructField{field(0, "time", reflect.TypeFor[int64](), "timestamp(millisecond),delta,zstd")}
	for i, column := range table.Columns {
		kind, tag := reflect.TypeFor[string](), "optional,dict,zstd"
		switch column.Kind {
		case history.Float:
			kind, tag = reflect.TypeFor[float64](), "optional,zstd"
		case history.Int:
			kind = reflect.TypeFor[int64]()
		case history.Bool:
			kind, tag = reflect.TypeFor[bool](), "optional,zstd"
		case history.Text, history.None:
		}
		fields = append(fields, field(i+1, column.Name, kind, tag))
	}
	return parquet.NewSchema(table.What, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func field(i int, name string, kind reflect.Type, tag string) reflect.StructField {
	return reflect.StructField{
		Name: fmt.Sprintf("C%d", i), Type: kind, Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s,%s"`, name, tag)),
	}
}

// Write implements history.Rows.
func (w *parquetWriter) Write(rows []history.Row) error {
	for len(rows) > 0 {
		n := min(len(rows), groupRows-w.group)
		w.rows = w.rows[:0]
		for _, row := range rows[:n] {
			w.rows = append(w.rows, values(row))
		}
		if _, err := w.out.WriteRows(w.rows); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
		rows = rows[n:]
		if w.group += n; w.group < groupRows {
			continue
		}
		if err := w.out.Flush(); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
		w.group = 0
	}
	return nil
}

// values are a row's, each with its column; a definition level of 0 is nothing, where 1 is a value.
func values(row history.Row) parquet.Row {
	all := make(parquet.Row, 1+len(row.Cells))
	all[0] = parquet.Int64Value(row.At).Level(0, 0, 0)
	for i, cell := range row.Cells {
		value, level := parquet.NullValue(), 1
		switch cell.Kind {
		case history.Float:
			value = parquet.DoubleValue(cell.Float)
		case history.Int:
			value = parquet.Int64Value(cell.Int)
		case history.Bool:
			value = parquet.BooleanValue(cell.Int != 0)
		case history.Text:
			value = parquet.ByteArrayValue([]byte(cell.Text))
		case history.None:
			level = 0
		}
		all[i+1] = value.Level(0, level, i+1)
	}
	return all
}

// Close implements Writer.
func (w *parquetWriter) Close() error {
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}
