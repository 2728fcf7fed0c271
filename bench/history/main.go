// Command history measures how fast the Control Room answers for a range of time: it fills a real InfluxDB 1.8 with a
// year of one room through the sink's line format and asks the page's own routes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/influx"
)

const bucket = "overcloud/autogen"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(1)
	}
}

type options struct {
	influxd, url, dir string
	days, rawDays     int
	keep              bool
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.influxd, "influxd", ".overcloud/bin/influxd", "the InfluxDB 1.8 to start")
	flag.StringVar(&o.dir, "dir", "", "where its data lie (default: a folder that goes with the run)")
	flag.IntVar(&o.days, "days", 365, "how much is stored")
	flag.IntVar(&o.rawDays, "raw-days", 8, "how much of it also as raw readings")
	flag.BoolVar(&o.keep, "stay", false, "stay until interrupted, with InfluxDB running, for looking")
	flag.Parse()
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "overcloud-history")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	stop, err := o.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	client, err := influx.New(influx.Config{URL: o.url, Bucket: bucket})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := o.filled(ctx, client); err != nil {
		return err
	}
	if err := measure(ctx, client); err != nil {
		return err
	}
	if o.keep {
		fmt.Println("InfluxDB stays at", o.url)
		<-ctx.Done()
	}
	return nil
}

// filled fills a fresh folder; one that a run before has filled is taken as it is.
func (o options) filled(ctx context.Context, c *influx.Client) error {
	done := filepath.Join(o.dir, "filled")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	began := time.Now()
	if err := fill(ctx, c, o.days, o.rawDays, time.Now()); err != nil {
		return err
	}
	fmt.Printf("%d days of %d sensors stored in %s\n", o.days, sensors, time.Since(began).Round(time.Second))
	return os.WriteFile(done, nil, 0o600)
}

// start starts InfluxDB on free ports, as package embedded does.
func (o *options) start(ctx context.Context) (stop func(), err error) {
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	backup, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	o.url = "http://" + listen
	config := filepath.Join(o.dir, "influxd.conf")
	text := fmt.Sprintf("reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\nquery-log-enabled = false\n"+
		"[monitor]\nstore-enabled = false\n[http]\nbind-address = %q\nflux-enabled = true\nlog-enabled = false\n[logging]\nlevel = \"error\"\n",
		backup, filepath.Join(o.dir, "meta"), filepath.Join(o.dir, "data"), filepath.Join(o.dir, "wal"), listen)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.influxd, "-config", config) //nolint:gosec // a benchmark runs the binary that it is told
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for range 600 {
		if err = database(ctx, o.url); err == nil {
			return stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("InfluxDB did not answer within a minute: %w", errors.Join(err, ctx.Err()))
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
