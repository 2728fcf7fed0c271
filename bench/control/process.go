package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/worker/control"
)

// broker is Kafka in a process of its own, so that nobody's memory and time is counted with it.
func broker() error {
	options := []kfake.Opt{kfake.NumBrokers(1)}
	for topic, partitions := range wire.Topics() {
		options = append(options, kfake.SeedTopics(partitions, topic))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return err
	}
	fmt.Println(cluster.ListenAddrs()[0])
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	return err
}

// process is the process under test: what `worker control` runs.
func process(o options) error {
	if o.Profile != "" {
		file, err := os.Create(o.Profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		defer heap(o.Profile + ".heap")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg := control.Config{
		Kafka: kafka.Config{Brokers: []string{o.Kafka}}, TemporalAddress: "127.0.0.1:9", Service: "bench", Rooms: rooms(o),
		HealthAddress: o.Health, Tick: o.Every, Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if o.Temporal == "up" {
		cfg.Signaller = taker{}
	}
	return control.Run(ctx, cfg)
}

// heap writes what lives.
func heap(path string) {
	file, err := os.Create(path)
	if err != nil {
		return
	}
	defer file.Close()
	_ = pprof.Lookup("heap").WriteTo(file, 0) // a profile that is cut short says so when it is read
}

// taker stands for a Temporal that takes every signal in 5 ms, as the dev server does.
type taker struct{}

// SignalTune takes it.
func (taker) SignalTune(ctx context.Context, _, _, _ string, _ any) error {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
	return ctx.Err()
}

func roomName(i int) string { return "room-" + strconv.Itoa(i) }

func rooms(o options) []spec.Room {
	out := make([]spec.Room, o.Rooms)
	for i := range out {
		r := spec.Room{Name: roomName(i), Policy: spec.DefaultPolicy()}
		r.Policy.SampleEvery = spec.Duration(o.Every)
		for s := range o.Sensors {
			r.Sensors = append(r.Sensors, spec.Sensor{ID: i*o.Sensors + s + 1})
		}
		for m := range o.Machines {
			r.AirConditioners = append(r.AirConditioners, spec.AirConditioner{Name: "ac" + strconv.Itoa(m+1), Min: 18, Max: 30})
		}
		out[i] = r
	}
	return out
}
