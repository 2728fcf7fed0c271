package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

const noon = 1_795_176_000_000

func tempTable(t *testing.T) history.Table {
	t.Helper()
	table, err := history.TableOf("temp")
	require.NoError(t, err)
	return table
}

// rows are readings of a table of temp; each third has no humidity, and one is bad.
func rows(n int) []history.Row {
	var all []history.Row
	for i := range n {
		row := history.Row{At: noon + int64(i)*10_000, Cells: []history.Value{
			{Kind: history.Text, Text: "server room"},
			{Kind: history.Int, Int: int64(i % 4)},
			{Kind: history.Text, Text: "good"},
			{Kind: history.Float, Float: 20 + float64(i)/8},
			{Kind: history.Float, Float: 40},
			{},
			{},
			{},
		}}
		if i%3 == 0 {
			row.Cells[4] = history.Value{}
		}
		if i == 7 {
			row.Cells[2].Text, row.Cells[5], row.Cells[6] = "bad", history.Value{Kind: history.Text, Text: "a \"step\", 9 K"}, history.Value{Kind: history.Bool, Int: 1}
		}
		all = append(all, row)
	}
	return all
}

func TestParquetIsReadAsItWasWritten(t *testing.T) {
	var out bytes.Buffer
	w, err := New(Parquet, tempTable(t), &out)
	require.NoError(t, err)
	const n = 2*groupRows + 5000
	all := rows(n)
	for part := range 5 {
		require.NoError(t, w.Write(all[part*n/5:(part+1)*n/5]))
	}
	require.NoError(t, w.Close())
	require.Less(t, out.Len(), n*4, "it is compressed")

	read, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	require.Len(t, read.RowGroups(), 3)
	require.Equal(t, `message temp {
	required int64 time (TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS));
	optional binary room (STRING);
	optional int64 sensor (INT(64,true));
	optional binary quality (STRING);
	optional double temperature;
	optional double humidity;
	optional binary reason (STRING);
	optional boolean arrival_time;
	optional boolean unsynchronised;
}`, read.Schema().String())
	type reading struct {
		Time        int64    `parquet:"time,timestamp(millisecond)"`
		Room        string   `parquet:"room,optional"`
		Sensor      int64    `parquet:"sensor,optional"`
		Temperature *float64 `parquet:"temperature,optional"`
		Humidity    *float64 `parquet:"humidity,optional"`
		Reason      *string  `parquet:"reason,optional"`
		Arrival     *bool    `parquet:"arrival_time,optional"`
	}
	got, err := parquet.Read[reading](bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	require.Len(t, got, n)
	for i, r := range got {
		if r.Time != all[i].At || r.Room != "server room" || r.Sensor != int64(i%4) || *r.Temperature != all[i].Cells[3].Float || (r.Humidity == nil) != (i%3 == 0) {
			t.Fatalf("row %d: %+v", i, r)
		}
	}
	require.Equal(t, `a "step", 9 K`, *got[7].Reason)
	require.True(t, *got[7].Arrival)
	require.Nil(t, got[8].Reason)
}

func TestCSVIsForPeopleAndPrograms(t *testing.T) {
	var out bytes.Buffer
	w, err := New(CSV, tempTable(t), &out)
	require.NoError(t, err)
	require.NoError(t, w.Write(rows(9)[6:8]))
	require.NoError(t, w.Close())
	require.Equal(t, "time,room,sensor,quality,temperature,humidity,reason,arrival_time,unsynchronised\n"+
		"2026-11-20T12:01:00.000Z,server room,2,good,20.75,,,,\n"+
		"2026-11-20T12:01:10.000Z,server room,3,bad,20.875,40,\"a \"\"step\"\", 9 K\",true,\n", out.String())
	_, err = New("xlsx", tempTable(t), &out)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestAnEmptyTableOfEveryKindIsAFile(t *testing.T) {
	for _, table := range history.Tables() {
		for _, tier := range []history.Tier{history.Raw, history.Hours} {
			at, err := table.At(tier)
			if err != nil {
				require.True(t, table.Event)
				continue
			}
			var out bytes.Buffer
			w, err := New(Parquet, at, &out)
			require.NoError(t, err)
			require.NoError(t, w.Write(nil))
			require.NoError(t, w.Close())
			read, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
			require.NoError(t, err)
			require.Zero(t, read.NumRows())
			for i, column := range at.Columns {
				require.Equal(t, column.Name, read.Schema().Columns()[i+1][0], "in the table's order")
			}
		}
	}
}

func TestAFileHasItsNameWhenItIsWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out.csv")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
	broke := errors.New("the server went away")
	require.Equal(t, broke.Error(), Whole(path, func(w io.Writer) error {
		fmt.Fprint(w, "half")
		return broke
	}).Error())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
	require.NoError(t, Whole(path, func(w io.Writer) error {
		for range 100_000 {
			fmt.Fprintln(w, time.Unix(0, 0).UTC())
		}
		return nil
	}))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half done is left")
	require.Error(t, Whole(filepath.Join(folder, "none", "x"), func(io.Writer) error { return nil }))
}
