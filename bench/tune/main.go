// Command tune measures many rooms on one Temporal dev server: it starts their TuneWorkflows, sends recommendations of
// the rules and overrides of people, obeys as their edges would, and tells what that costs and how long a command takes.
//
//	make build && go run ./bench/tune
//
// The worker is a process of its own; its streams end in a pipe instead of Kafka, whose few milliseconds are not counted.
// A latency is from the call that signals a recommendation to the command that the worker publishes. One step a
// second among 1,000 rooms is 86 a day for each of them, ten times a quiet room's.
//
// The dev server writes to SQLite on one connection and waits for the disk at each transaction, of which a message costs
// about five; -sync normal shows whether that is what bounds it here. On a machine with other work to do its share of
// the CPU does: a message costs about 8 ms of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options are the flags.
type options struct {
	rooms  int
	acs    int
	steps  float64 // of the rules, a second, among all rooms
	people float64 // overrides a second
	last   time.Duration
	bin    string
	state  string // folder; empty: a temporary one
	sync   string // SQLite's synchronous; empty: the server's own, which waits for the disk at each transaction
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "worker" {
		if err := work(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench/tune: worker:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.rooms, "rooms", 1000, "how many rooms")
	flag.IntVar(&o.acs, "acs", 2, "air conditioners in each")
	flag.Float64Var(&o.steps, "steps", 1, "steps of the rules a second, among all rooms")
	flag.Float64Var(&o.people, "people", 0.2, "overrides a second, among all rooms")
	flag.DurationVar(&o.last, "for", time.Minute, "how long")
	flag.StringVar(&o.bin, "bin", ".overcloud/bin", "folder of the built binaries")
	flag.StringVar(&o.state, "state", "", "folder of Temporal's database (default: a temporary one)")
	flag.StringVar(&o.sync, "sync", "", "SQLite's synchronous pragma, as in normal (default: the dev server's own, full)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found, err := measure(ctx, o)
	if err == nil {
		found.write(os.Stdout)
		err = found.complete()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/tune:", err)
		os.Exit(1)
	}
}

// result is what one run has found.
type result struct {
	options
	began              time.Duration // until every room had been told its start
	steps, people      []time.Duration
	unanswered         int // recommendations without a command
	sent               int // messages to workflows
	faults             int // of them, and the last one
	fault              error
	server, worker     usage
	database           int64 // bytes
	eventsMost, events int64 // of the room with the longest history, and the mean
}

func (r result) write(out io.Writer) {
	fmt.Fprintf(out, "%d rooms of %d air conditioners, all told their start after %.1f s\n", r.rooms, r.acs, r.began.Seconds())
	fmt.Fprintf(out, "%d messages in %s (%.0f a second)\n", r.sent, r.last, float64(r.sent)/r.last.Seconds())
	fmt.Fprintf(out, "signal to command: %s, %d without one\n", spread(r.steps), r.unanswered)
	fmt.Fprintf(out, "update of an override to its answer: %s\n", spread(r.people))
	fmt.Fprintf(out, "Temporal: %s; worker: %s\n", r.server, r.worker)
	fmt.Fprintf(out, "database %d MB; history %d events a room, %d at most\n", r.database>>20, r.events, r.eventsMost)
}

// complete refuses a run in which something was lost.
func (r result) complete() error {
	if r.faults > 0 {
		return fmt.Errorf("%d of %d messages were not taken in time, the last one: %w", r.faults, r.sent, r.fault)
	}
	if r.unanswered > 0 {
		return fmt.Errorf("%d recommendations had no command", r.unanswered)
	}
	return nil
}

// measure runs the whole.
func measure(ctx context.Context, o options) (found result, err error) {
	dir := o.state
	if dir == "" {
		if dir, err = os.MkdirTemp("", "bench-tune"); err != nil {
			return found, err
		}
		defer os.RemoveAll(dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return found, err
	}
	s, err := start(ctx, o, filepath.Join(dir, "temporal.db"))
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	found.options = o
	if found.began, err = s.begin(ctx, o); err != nil {
		return found, err
	}
	if err := s.drive(ctx, o, &found); err != nil {
		return found, err
	}
	if err := s.lengths(ctx, o, &found); err != nil {
		return found, err
	}
	info, err := os.Stat(filepath.Join(dir, "temporal.db"))
	if err == nil {
		found.database = info.Size()
	}
	return found, err
}
