// Command sink measures the way from Kafka into InfluxDB: our sink, Telegraf on the same topic, and the raw limit of
// posting ready-made line protocol, all against one Kafka and one InfluxDB 1.8 in one run.
//
//	make build && go run ./bench/sink -telegraf PATH
//
// Telegraf is built once by
//
//	GOBIN=/tmp/telegraf go install -tags custom,inputs.kafka_consumer,outputs.influxdb,parsers.csv \
//	  github.com/influxdata/telegraf/cmd/telegraf@v1.37.2
//
// A rate is counted by InfluxDB itself, from the first point that it took to the last. Goals: at least 3 times
// Telegraf, in less than 64 MiB.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options are the flags.
type options struct {
	messages int
	rooms    int
	bin      string
	telegraf string
	rounds   int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "broker" {
		if err := broker(); err != nil {
			fmt.Fprintln(os.Stderr, "bench/sink: broker:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.messages, "messages", 1_000_000, "how many readings")
	flag.IntVar(&o.rooms, "rooms", 25, "of how many rooms, with 4 sensors each")
	flag.StringVar(&o.bin, "bin", ".overcloud/bin", "folder of the built binaries")
	flag.StringVar(&o.telegraf, "telegraf", "", "Telegraf's binary; without it there is no peer")
	flag.IntVar(&o.rounds, "rounds", 1, "how many times each side runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/sink:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "bench-sink")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stage, err := raise(ctx, o, dir)
	if err != nil {
		return err
	}
	defer stage.end()
	fmt.Printf("%d readings of %d sensors in Kafka; %d bytes of CSV on average\n", o.messages, 4*o.rooms, stage.bytes/o.messages)
	for round := range o.rounds {
		direct, err := stage.direct(ctx, fmt.Sprintf("direct%d", round))
		if err != nil {
			return err
		}
		direct.print("ready-made lines, posted")
		ours, err := stage.ours(ctx, fmt.Sprintf("ours%d", round))
		if err != nil {
			return err
		}
		ours.print("sink")
		fmt.Printf("  %.0f %% of the raw limit\n", 100*ours.rate()/direct.rate())
		if o.telegraf == "" {
			continue
		}
		peer, err := stage.peer(ctx, fmt.Sprintf("telegraf%d", round))
		if err != nil {
			return err
		}
		peer.print("Telegraf")
		fmt.Printf("  sink / Telegraf: %.2f (goal: at least 3)\n", ours.rate()/peer.rate())
	}
	return nil
}

// result is one side's run.
type result struct {
	points   int
	took     time.Duration
	memoryKB int // resident at the most; 0 when it was no process of its own
}

func (r result) rate() float64 { return float64(r.points) / r.took.Seconds() }

func (r result) print(who string) {
	memory := ""
	if r.memoryKB > 0 {
		memory = fmt.Sprintf(", %d MiB resident at the most", r.memoryKB>>10)
	}
	fmt.Printf("%-26s %7.0f/s (%d in %.2f s%s)\n", who, r.rate(), r.points, r.took.Seconds(), memory)
}

func binary(o options, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(o.bin, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w (run make build)", err)
	}
	return path, nil
}
