// Command cooling compares ways to cool a room: setpoints that never change, an on/off thermostat, a PI controller, the
// project's rules, its optimiser, and an optimum that knows the room and its future exactly. All act in the same rooms,
// with the same disturbances and lost infrared frames, through the same actuator.
//
//	go run ./bench/cooling                                   # small and medium rooms, and 200 random ones: long
//	go run ./bench/cooling -rooms small,mc:20 -controllers best-fixed,rules,optimiser
//	go run ./bench/cooling -rooms mc:17-17 -out json         # one of the random rooms, all indicators
//
// docs/cooling-bench.md has what the words mean, how the references are made, and results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

type options struct {
	rooms       string
	controllers []string
	seed        uint64
	days        float64 // scored, after one of warm-up
	efficiency  string
	out         string
	jobs        int
	meters      bool
	step        time.Duration // of foresight
	beam        int           // of foresight
	references  string        // files
	faults      bool
	plant       string // URL; empty: models in this process
	remote      string // infrared profile of its machines
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench/cooling:", err)
		os.Exit(1)
	}
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	var names string
	flags := flag.NewFlagSet("cooling", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.rooms, "rooms", "small,small-fixed,medium,medium-fixed,mc:200", "rooms: small, medium, each also with -fixed for fixed-speed machines; mc:N for N random ones, mc:A-B for numbers A to B")
	flags.StringVar(&names, "controllers", strings.Join(allControllers(), ","), "controllers; fixedN for any setpoint N")
	flags.Uint64Var(&o.seed, "seed", 1, "of random rooms, noise and lost frames")
	flags.Float64Var(&o.days, "days", 3, "scored days, after one day of warm-up")
	flags.StringVar(&o.efficiency, "efficiency", "both", "law of efficiency: optimistic, pessimistic or both")
	flags.StringVar(&o.out, "out", "table", "table, json or csv")
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "rooms at a time")
	flags.BoolVar(&o.meters, "meters", true, "machines and servers have electricity meters, and the outdoor temperature is known")
	flags.DurationVar(&o.step, "step", 30*time.Minute, "foresight decides this often")
	flags.IntVar(&o.beam, "beam", 6, "foresight keeps this many states for their merit, and some ten to twenty more for being different")
	flags.StringVar(&o.plant, "plant", "", "URL of a program that speaks the interface of functions/room with a stepped clock (ROOM_SPEED=0): its rooms instead of -rooms")
	flags.StringVar(&o.remote, "remote", "lg", "infrared remote of the machines behind -plant")
	flags.BoolVar(&o.faults, "faults", false, "put the reference's faults into the rooms instead, and count the alerts of ordinary weeks")
	flags.StringVar(&o.references, "references", "", "files with results of -out json: best-fixed, best-calm and foresight are taken from them where they have the same room")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.controllers = strings.Split(names, ",")
	if o.plant != "" {
		o.jobs, o.efficiency = 1, law(false)                                                                      // one clock, and one law of its own
		o.controllers = slices.DeleteFunc(o.controllers, func(name string) bool { return name == nameForesight }) // nobody else's model is known
	}
	return o, o.validate(flags.NArg())
}

func (o options) validate(rest int) error {
	switch {
	case rest > 0:
		return errors.New("there are words that belong to no flag")
	case !(o.days > 0 && o.days <= 365):
		return fmt.Errorf("%g days are outside 0 (excluded) to 365", o.days)
	case o.efficiency != "both" && o.efficiency != law(true) && o.efficiency != law(false):
		return fmt.Errorf("efficiency %q is none of optimistic, pessimistic and both", o.efficiency)
	case o.out != "table" && o.out != "json" && o.out != "csv":
		return fmt.Errorf("out %q is none of table, json and csv", o.out)
	case o.jobs < 1:
		return fmt.Errorf("%d jobs are too few", o.jobs)
	case o.step < weatherEvery || o.step > 4*time.Hour || o.step%weatherEvery != 0:
		return fmt.Errorf("a step of %s is not in whole minutes up to 4 h", o.step)
	case o.beam < 1:
		return fmt.Errorf("a beam of %d keeps nothing", o.beam)
	}
	return nil
}

func (o options) laws() []bool {
	switch o.efficiency {
	case law(true):
		return []bool{true}
	case law(false):
		return []bool{false}
	}
	return []bool{true, false}
}

// cases are the rooms of this process or of another one.
func (o options) cases(ctx context.Context) ([]Case, error) {
	span := warmUp + time.Duration(o.days*24*float64(time.Hour))
	if o.plant != "" {
		all, err := distantCases(ctx, o.plant, o.seed, span)
		for i := range all {
			all[i].Metered = o.meters
		}
		return all, err
	}
	return cases(o.rooms, o.seed, span, o.meters)
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	all, err := o.cases(ctx)
	if err != nil {
		return err
	}
	if o.faults {
		report, err := findFaults(ctx, all, spec.DefaultPolicy(), o)
		if err != nil {
			return err
		}
		return writeFaults(out, report)
	}
	known, err := readReferences(o.references)
	if err != nil {
		return err
	}
	b := &bench{options: o, policy: spec.DefaultPolicy(), cases: all, known: known}
	began := time.Now()
	if err := b.run(ctx, func(done, of int) {
		fmt.Fprintf(errs, "\r%d of %d, %s ", done, of, time.Since(began).Round(time.Second))
	}); err != nil {
		return err
	}
	fmt.Fprintln(errs)
	return write(out, o.out, b)
}
