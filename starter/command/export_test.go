package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
)

func TestAnyRangeIsExported(t *testing.T) {
	server := influxtest.New(t)
	server.Database("overcloud")
	client, err := influx.New(influx.Config{URL: server.URL, Org: "overcloud", Bucket: "overcloud/autogen"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	begin := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Hour)
	var lines strings.Builder
	for i := range 3000 {
		at := begin.Add(time.Duration(i) * 10 * time.Minute).UnixMilli()
		fmt.Fprintf(&lines, "temp,room=lab,sensor=7,quality=good temperature=%g %d\n", 20+float64(i%50)/10, at)
		fmt.Fprintf(&lines, "temp,room=hall,sensor=8,quality=bad temperature=85,reason=\"power-up value\" %d\n", at)
	}
	require.NoError(t, client.Write(t.Context(), []byte(lines.String())))
	folder := t.TempDir()
	run := func(args ...string) (int, string, string) {
		var out, errs strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		code := Execute(ctx, System{
			Args: append([]string{"export"}, args...), In: strings.NewReader(""), Out: &out, Err: &errs, Environ: []string{"INFLUX_URL=" + server.URL},
		})
		return code, out.String(), errs.String()
	}

	path := filepath.Join(folder, "lab.parquet")
	code, out, errs := run("lab", "--from", "-40d", "-o", path)
	require.Zero(t, code, errs)
	require.Empty(t, out)
	require.Contains(t, errs, "temp of raw from ")
	require.Contains(t, errs, ": 3000 rows, ")
	type reading struct {
		Time        int64   `parquet:"time,timestamp(millisecond)"`
		Room        string  `parquet:"room,optional"`
		Sensor      int64   `parquet:"sensor,optional"`
		Temperature float64 `parquet:"temperature,optional"`
	}
	rows, err := parquet.ReadFile[reading](path)
	require.NoError(t, err)
	require.Len(t, rows, 3000)
	require.Equal(t, reading{begin.Add(20 * time.Minute).UnixMilli(), "lab", 7, 20.2}, rows[2])

	code, out, errs = run("all", "--from", begin.Format(time.RFC3339), "--to", begin.Add(15*time.Minute).Format(time.RFC3339), "--format", "csv", "-o", "-")
	require.Zero(t, code, errs)
	require.Equal(t, "time,room,sensor,quality,temperature,humidity,reason,arrival_time,unsynchronised\n"+
		begin.UTC().Format("2006-01-02T15:04:05.000Z")+",hall,8,bad,85,,power-up value,,\n"+begin.UTC().Format("2006-01-02T15:04:05.000Z")+",lab,7,good,20,,,,\n", strings.Join(strings.SplitAfter(out, "\n")[:3], ""))
	require.Equal(t, 5, strings.Count(out, "\n"))

	for line, want := range map[string]string{
		"all --every 1h -o " + path:                  "nothing is rolled up yet (see docs/history.md)",
		"all --every 5m -o " + path:                  `--every "5m" is none of raw, 1m and 1h`,
		"all --what weather -o " + path:              `there is no "weather" to export`,
		"lab --what disk -o " + path:                 "disk is of boxes, not of rooms",
		"lab --box b -o " + path:                     "temp is of rooms, not of boxes",
		"all --what alerts --every 1h -o " + path:    "alerts have no means",
		"all --from yesterday -o " + path:            `--from "yesterday" is no time`,
		"all --from now --to -1h -o " + path:         "is not before --to",
		"all --format xlsx -o " + path:               `--format "xlsx" is neither parquet nor csv`,
		"all":                                        `required flag(s) "output" not set`,
		"all -o " + folder + "/none/x.csv":           "no such file or directory",
		"all --influx http://127.0.0.1:1 -o " + path: "unreachable",
	} {
		code, _, errs := run(strings.Fields(line)...)
		require.Equal(t, 1, code, line)
		require.Contains(t, errs, want, line)
		require.True(t, strings.HasPrefix(errs, "starter: "), errs)
	}
	rows, err = parquet.ReadFile[reading](path)
	require.NoError(t, err)
	require.Len(t, rows, 3000, "what failed has changed nothing")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
