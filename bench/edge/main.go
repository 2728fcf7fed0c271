// Command edge measures what the edge daemon costs: its memory, its share of a core, what it writes, the size of its
// binary, and how fast it empties a long queue into Kafka.
//
//	go run ./bench/edge            # builds the edge, two minutes of work, then a queue of 1,000,000 readings
//	go run ./bench/edge -for 10m -boxes 0
//
// Beside it stand an in-process Kafka in a process of its own, four sensors read from files once a second, and ten
// real snmpd, each polled every 30 s. The raw limit is franz-go producing the same bytes from memory in the same run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

type options struct {
	work     time.Duration
	warm     time.Duration
	boxes    int
	sensors  int
	readings int
	binary   string
	keep     bool
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == childBroker {
		exit(runBroker(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == childRaw {
		exit(runRaw(os.Args[2:]))
	}
	var o options
	flag.DurationVar(&o.work, "for", 2*time.Minute, "how long the edge works while it is measured")
	flag.DurationVar(&o.warm, "warm", 35*time.Second, "how long it runs before that: the first poll of each box is over")
	flag.IntVar(&o.boxes, "boxes", 10, "boxes polled by SNMP, each an snmpd of its own")
	flag.IntVar(&o.sensors, "sensors", 4, "sensors, each read once a second")
	flag.IntVar(&o.readings, "readings", 1_000_000, "readings in the queue that is emptied; 0 for none")
	flag.StringVar(&o.binary, "edge", "", "a built edge; built anew where it is empty")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder with logs and queues")
	flag.Parse()
	exit(run(o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/edge:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(o options) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "bench-edge")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("folder:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if o.binary == "" {
		o.binary = filepath.Join(dir, "edge")
		build := exec.CommandContext(ctx, "go", "build", "-tags=nethttpomithttp2", "-gcflags=github.com/twmb/franz-go/pkg/kmsg=-l", "-trimpath", "-ldflags=-s -w", "-o", o.binary, "./edge") //nolint:gosec // ours
		build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build the edge: %w", err)
		}
	}
	info, err := os.Stat(o.binary)
	if err != nil {
		return err
	}
	fmt.Printf("binary             %.1f MB stripped\n", float64(info.Size())/1e6)
	b, err := startBroker(ctx)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := kafka.EnsureTopics(ctx, b.config, wire.Topics()); err != nil {
		return err
	}
	if err := work(ctx, o, dir, b); err != nil {
		return err
	}
	if o.readings == 0 {
		return nil
	}
	return drain(ctx, o, dir, b)
}
