package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/history/file"
	"github.com/overcloud/overcloud/internal/influx"
)

// exported is what `export` was asked for.
type exported struct {
	room, box          string
	from, to           string
	what, every        string
	format, out        string
	url, org, bucket   string
	environ            map[string]string
	messages, standard io.Writer
}

func newExport(g *globals) *cobra.Command {
	env := environment(g.system.Environ)
	e := exported{environ: env, messages: g.system.Err, standard: g.system.Out}
	cmd := &cobra.Command{
		Use:   "export ROOM|all [--what temp] [--from 2026-01-01] [--to 2026-02-01] [-o FILE]",
		Short: "Write any time range of readings, power, commands or alerts as Parquet or CSV",
		Long: "Write any time range to a file for other tools: readings (temp), power, resource, disk and interface of boxes, commands,\n" +
			"acks, alerts, answers. Years stream through bounded memory. The file has its name when it is whole.\n" +
			"Raw readings go back as far as they are kept (90 days unless the specification says otherwise); --every 1m and --every 1h\n" +
			"have the means, minima, maxima and counts of minutes and hours, for years, up to the last whole hour or so.\n" +
			"InfluxDB is asked directly: INFLUX_URL, INFLUX_ORG, INFLUX_BUCKET and INFLUX_TOKEN say where, or the flags.",
		Example: "  starter export server-room --from 2026-11-01 --to 2026-12-01 -o november.parquet\n" +
			"  starter export all --what power --every 1h --from 2025-01-01 -o power.parquet\n" +
			"  starter export all --what commands --format csv -o - | head\n" +
			"  duckdb -c \"select date_trunc('day', time) d, avg(temperature) from 'november.parquet' group by d order by d\"",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e.room = args[0]
			return e.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&e.what, "what", "temp", strings.Join(history.Whats(), ", "))
	flags.StringVar(&e.from, "from", "-24h", "beginning: 2026-01-31, \"2026-01-31 08:00\" (local time), RFC 3339, or before now: -24h, -90d")
	flags.StringVar(&e.to, "to", "now", "end, written as --from; it is not part of the range")
	flags.StringVar(&e.every, "every", "raw", "raw, 1m or 1h")
	flags.StringVar(&e.format, "format", "", "parquet or csv (default: as the file's name ends, else parquet)")
	flags.StringVarP(&e.out, "output", "o", "", "file, or - for standard output (required)")
	flags.StringVar(&e.box, "box", "", "only this box (of resource, disk and interface)")
	flags.StringVar(&e.url, "influx", first(env["INFLUX_URL"], "http://127.0.0.1:8086"), "where InfluxDB is (INFLUX_URL)")
	flags.StringVar(&e.org, "influx-org", first(env["INFLUX_ORG"], "overcloud"), "its organisation (INFLUX_ORG)")
	flags.StringVar(&e.bucket, "influx-bucket", first(env["INFLUX_BUCKET"], "overcloud/autogen"), "its bucket of raw readings (INFLUX_BUCKET)")
	required(cmd, "output")
	return cmd
}

func (e exported) run(ctx context.Context) error {
	request, err := e.request(time.Now())
	if err != nil {
		return err
	}
	format, err := e.formatOf()
	if err != nil {
		return err
	}
	token, err := e.token()
	if err != nil {
		return err
	}
	client, err := influx.New(influx.Config{URL: e.url, Org: e.org, Bucket: e.bucket, Token: token})
	if err != nil {
		return err
	}
	defer client.Close()
	p := &exporting{out: e.messages, request: request, began: time.Now(), terminal: newSheet(e.messages).terminal()}
	write := func(out io.Writer) error {
		w, err := file.New(format, request.Table, &counted{out, &p.bytes})
		if err != nil {
			return err
		}
		if err := history.Export(ctx, client, request, w, p.told); err != nil {
			return err
		}
		return w.Close()
	}
	if e.out == "-" {
		err = write(e.standard)
	} else {
		err = file.Whole(e.out, write)
	}
	p.end(err)
	if errors.Is(err, fault.ErrNotFound) && request.Tier != history.Raw {
		return fmt.Errorf("nothing is rolled up yet (see docs/history.md): %w", err)
	}
	return err
}

// request is what is asked for, in terms of history.
func (e exported) request(now time.Time) (history.Request, error) {
	none := history.Request{}
	tier, known := map[string]history.Tier{"raw": history.Raw, "1m": history.Minutes, "1h": history.Hours}[e.every]
	if !known {
		return none, fmt.Errorf("--every %q is none of raw, 1m and 1h: %w", e.every, fault.ErrInvalid)
	}
	table, err := history.TableOf(e.what)
	if err != nil {
		return none, err
	}
	if table, err = table.At(tier); err != nil {
		return none, err
	}
	from, err := moment("from", e.from, now)
	if err != nil {
		return none, err
	}
	to, err := moment("to", e.to, now)
	if err != nil {
		return none, err
	}
	if !from.Before(to) {
		return none, fmt.Errorf("--from %s is not before --to %s: %w", stamp(from), stamp(to), fault.ErrInvalid)
	}
	var where []history.Tag
	switch {
	case table.ByBox && e.room != "all":
		return none, fmt.Errorf("%s is of boxes, not of rooms: write all, and --box BOX for one of them: %w", e.what, fault.ErrInvalid)
	case !table.ByBox && e.box != "":
		return none, fmt.Errorf("%s is of rooms, not of boxes: leave --box out: %w", e.what, fault.ErrInvalid)
	case e.box != "":
		where = []history.Tag{{Name: "box", Value: e.box}}
	case e.room != "all":
		where = []history.Tag{{Name: "room", Value: e.room}}
	}
	return history.Request{Bucket: e.bucket, Table: table, Tier: tier, Where: where, From: from, To: to}, nil
}

// formatOf is the format that was asked for, or that the file's name says.
func (e exported) formatOf() (string, error) {
	ending := filepath.Ext(e.out)
	format := strings.ToLower(first(e.format, strings.TrimPrefix(ending, ".")))
	switch {
	case format == file.CSV || format == file.Parquet:
		return format, nil
	case e.format == "" && (ending == "" || e.out == "-"):
		return file.Parquet, nil
	case e.format == "":
		return "", fmt.Errorf("the name %q ends neither with .parquet nor with .csv: rename it, or say --format: %w", e.out, fault.ErrInvalid)
	}
	return "", fmt.Errorf("--format %q is neither parquet nor csv: %w", e.format, fault.ErrInvalid)
}

// token comes from the environment alone: on a command line everybody would see it.
func (e exported) token() (string, error) {
	if name := e.environ["INFLUX_TOKEN_FILE"]; name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("INFLUX_TOKEN_FILE: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	return e.environ["INFLUX_TOKEN"], nil
}

// moment reads a time as people write it.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if back, found := strings.CutPrefix(text, "-"); found {
		if days, isDays := strings.CutSuffix(back, "d"); isDays {
			if n, err := strconv.Atoi(days); err == nil && n < 100_000 {
				return now.AddDate(0, 0, -n), nil
			}
		}
		if d, err := time.ParseDuration(back); err == nil {
			return now.Add(-d), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s %q is no time: write 2026-01-31, \"2026-01-31 08:00\", -24h or -90d: %w", flag, text, fault.ErrInvalid)
}

// counted counts what is written.
type counted struct {
	io.Writer
	bytes *int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	*c.bytes += int64(n)
	return n, err
}

// exporting shows how far an export has come: one line that is written again on a terminal, else one every few seconds.
type exporting struct {
	out      io.Writer
	request  history.Request
	began    time.Time
	shown    time.Time
	last     history.Progress
	bytes    int64
	terminal bool
}

func (p *exporting) told(now history.Progress) {
	p.last = now
	pause := 5 * time.Second
	if p.terminal {
		pause = 200 * time.Millisecond
	}
	if time.Since(p.shown) < pause {
		return
	}
	p.shown = time.Now()
	line := fmt.Sprintf("%3.0f %%  to %s  %s", 100*float64(now.At.Sub(p.request.From))/float64(p.request.To.Sub(p.request.From)), stamp(now.At), p.amount())
	if p.terminal {
		fmt.Fprintf(p.out, "\r%-79s", line)
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *exporting) amount() string {
	rate := float64(p.last.Rows) / max(time.Since(p.began).Seconds(), 1e-3)
	return fmt.Sprintf("%d rows, %.1f MB, %.0f rows/s", p.last.Rows, float64(p.bytes)/1e6, rate)
}

func (p *exporting) end(err error) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r%-79s\r", "")
	}
	if err == nil {
		fmt.Fprintf(p.out, "%s of %s from %s to %s: %s\n", p.request.Table.What, p.request.Tier, stamp(p.request.From), stamp(p.request.To), p.amount())
	}
	if err == nil && p.last.Rows == 0 {
		fmt.Fprintln(p.out, "nothing was found: is the name right, and is the range in the time that is kept?")
	}
}
