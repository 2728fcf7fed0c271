// Command control measures the control loop as a process: 10,000 rooms of 4 sensors that speak each 10 s, one process of
// one core (GOMAXPROCS=1), a Kafka broker in a process of its own, and emergencies under that load.
//
//	go run ./bench/control
//	go run ./bench/control -temporal none -rooms 1000 -span 30s
//
// It prints the share of a core that the process took, readings in and decisions out, the time from a critical reading to
// its command on the topic control, and memory. Goals: under one core, and 99 of 100 emergencies within 100 ms, also with
// Temporal stopped.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options are the flags; the process under test gets them as JSON.
type options struct {
	Rooms    int
	Sensors  int
	Machines int
	Meters   bool
	Every    time.Duration
	Warm     time.Duration
	Span     time.Duration
	Rate     float64
	Temporal string
	Profile  string
	Kafka    string
	Health   string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/control:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 2 && os.Args[1] == "process" {
		var o options
		if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
			return err
		}
		return process(o)
	}
	if len(os.Args) > 1 && os.Args[1] == "broker" {
		return broker()
	}
	var o options
	flag.IntVar(&o.Rooms, "rooms", 10_000, "how many rooms")
	flag.IntVar(&o.Sensors, "sensors", 4, "inlet sensors in each room")
	flag.IntVar(&o.Machines, "machines", 2, "air conditioners in each room")
	flag.BoolVar(&o.Meters, "meters", false, "each air conditioner has a meter that speaks as often as the sensors")
	flag.DurationVar(&o.Every, "every", 10*time.Second, "how often a sensor speaks, and a room decides")
	flag.DurationVar(&o.Warm, "warm", 25*time.Second, "time before the measurement")
	flag.DurationVar(&o.Span, "span", time.Minute, "time of the measurement")
	flag.Float64Var(&o.Rate, "emergencies", 10, "emergencies a second")
	flag.StringVar(&o.Temporal, "temporal", "both", "up (a stand-in that takes a signal in 5 ms), none (nobody at its address), or both")
	flag.StringVar(&o.Profile, "profile", "", "write the process's CPU profile here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	modes := []string{o.Temporal}
	if o.Temporal == "both" {
		modes = []string{"up", "none"}
	}
	for _, mode := range modes {
		o.Temporal = mode
		if err := measure(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
