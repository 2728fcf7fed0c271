// Command ui measures the Control Room: how much many viewers cost it, and how soon they see a reading.
//
//	go run ./bench/ui                  # 1,000 viewers, 100 readings a second, a minute
//	go run ./bench/ui -viewers 100 -for 10s
//	go run ./bench/ui -page            # one person with a real Chromium instead: first paint, reading to pixel, a year
//
// The process under test is the real ui, built here. Beside it stands a Kafka in memory, a process of its own; Temporal
// and InfluxDB are away. Everything is on loopback, and ends by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what one run takes.
type options struct {
	Viewers int
	Rate    int // readings a second
	Rooms   int
	Sensors int // in each room
	Lasts   time.Duration
	Plain   bool // viewers that read no gzip
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == childBroker {
		exit(broker())
	}
	var o options
	flag.IntVar(&o.Viewers, "viewers", 1000, "how many follow, at most 5000")
	flag.IntVar(&o.Rate, "rate", 100, "readings a second, at most 1000")
	flag.IntVar(&o.Rooms, "rooms", 5, "rooms")
	flag.IntVar(&o.Sensors, "sensors", 20, "sensors in each room")
	flag.DurationVar(&o.Lasts, "for", time.Minute, "how long to measure, at most 10m")
	flag.BoolVar(&o.Plain, "plain", false, "viewers that read no gzip")
	onePage := flag.Bool("page", false, "measure the page in a real Chromium instead")
	flag.Parse()
	if o.Viewers < 1 || o.Viewers > 5000 || o.Rate < 1 || o.Rate > 1000 || o.Rooms < 1 || o.Rooms > 100 || o.Sensors < 1 || o.Sensors > 100 || o.Lasts <= 0 || o.Lasts > 10*time.Minute {
		fmt.Fprintln(os.Stderr, "bench/ui: a number is out of its range (try -help)")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *onePage {
		exit(page(ctx, o))
	}
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/ui:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options) error {
	s, err := newStage(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	ended, end := context.WithTimeout(ctx, o.Lasts+2*time.Minute) // whatever happens
	defer end()
	go s.readings(ended)
	crowd, err := gather(ended, s, o)
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // all have the whole state by then
	before, err := usage(s.pid())
	if err != nil {
		return err
	}
	crowd.count()
	began := time.Now()
	select {
	case <-time.After(o.Lasts):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := usage(s.pid())
	if err != nil {
		return err
	}
	return crowd.report(os.Stdout, o, time.Since(began), before, after)
}
