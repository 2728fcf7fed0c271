// Command plan measures the matching of functions to boxes beside swarmkit's own scheduler benchmark, in one run
// on one machine.
//
//	go run ./bench/plan
//
// It ends with exit code 1 when 1,000 boxes x 10,000 functions take longer than the limit.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/plan"
)

// limit is the goal for 1,000 boxes x 10,000 functions.
const limit = 200 * time.Millisecond

const peerPackage = "github.com/moby/swarmkit/v2/manager/scheduler"

const differs = `
Both place all functions (tasks) on boxes (nodes) from nothing; times are the fastest and the median of the
runs, by the clock; CPU is the median of what ours used with its garbage collector.
What differs, in favour of neither or of one:
  - swarmkit's time includes its in-memory store: tasks are read from it, decisions are committed to it in
    batches, and one event for each task is awaited. Ours is a pure function: boxes and specification in, plan out;
    storing the plan is Temporal's work and is not in this time.
  - swarmkit's tasks reserve nothing and have no image, and its nodes have no platform; ours reserve CPUs and
    memory, and architecture, disk and score parts are looked at for every box. Ours includes what follows the
    matching: ports, environment, specification hashes, pulls, start order, actions and the plan's hash.
  - "a third of the boxes": swarmkit filters by a network plugin, ours by a label.
`

func main() {
	runs := flag.Int("runs", 5, "how many times each is measured")
	swarmkit := flag.String("swarmkit", "bench/plan/swarmkit", "folder of the module that pins swarmkit; empty leaves it out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *runs, *swarmkit); err != nil {
		fmt.Fprintln(os.Stderr, "bench/plan:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, runs int, swarmkit string) error {
	peer := ""
	if swarmkit != "" {
		dir, err := os.MkdirTemp("", "bench-plan")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		peer = filepath.Join(dir, "scheduler.test")
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", peer, peerPackage)
		build.Dir = swarmkit
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the benchmark of %s: %w\n%s", peerPackage, err, out)
		}
	}
	fmt.Printf("%s, %d CPUs, load %s\n\n", runtime.Version(), runtime.NumCPU(), load())
	fmt.Printf("%-48s %8s %8s %8s %12s %10s %6s\n", "", "fastest", "median", "CPU", "placements/s", "swarmkit", "ratio")
	var late error
	for _, s := range shapes() {
		t, err := s.measure(ctx, runs, peer)
		if err != nil {
			return err
		}
		fmt.Println(s.row(t))
		if s.functions*s.replicas == 10000 && s.peer == "BenchmarkScheduler1kNodes10kTasks" && t.ours[0] > limit {
			late = fmt.Errorf("%s took %s, the limit is %s (CPU time %s, load %s)", s.name, t.ours[0].Round(time.Millisecond),
				limit, t.cpu[len(t.cpu)/2].Round(time.Millisecond), load())
		}
	}
	fmt.Print(differs)
	return late
}

// times are sorted.
type times struct {
	ours, theirs []time.Duration
	cpu          []time.Duration // of ours with the garbage collector: what is left when others use the machine
}

// measure runs ours and theirs by turns, so that both meet the same neighbours.
func (s shape) measure(ctx context.Context, runs int, peer string) (times, error) {
	service, observed := s.world()
	var t times
	for range runs {
		runtime.GC()
		before, began := cpuTime(), time.Now()
		made, err := plan.Make(service, observed)
		if err != nil {
			return t, err
		}
		t.ours = append(t.ours, time.Since(began))
		t.cpu = append(t.cpu, cpuTime()-before)
		if len(made.Placements) != s.functions*s.replicas {
			return t, fmt.Errorf("%s: %d placements", s.name, len(made.Placements))
		}
		if peer == "" || s.peer == "" {
			continue
		}
		took, err := peerTimes(ctx, peer, s.peer)
		if err != nil {
			return t, err
		}
		t.theirs = append(t.theirs, took...)
	}
	slices.Sort(t.ours)
	slices.Sort(t.cpu)
	slices.Sort(t.theirs)
	return t, nil
}

// cpuTime is what this process has used so far; zero where the system does not say.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func peerTimes(ctx context.Context, peer, name string) ([]time.Duration, error) {
	cmd := exec.CommandContext(ctx, peer, "-test.run", "XXX", "-test.bench", "^"+name+"$", "-test.benchtime", "1x")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s of swarmkit: %w\n%s", name, err, errs.String())
	}
	times := read(string(out), name)
	if len(times) == 0 {
		return nil, fmt.Errorf("run %s of swarmkit: %w in %q", name, errors.New("no time"), out)
	}
	return times, nil
}

// read finds the times of one benchmark in the text of go test.
func read(text, name string) []time.Duration {
	var times []time.Duration
	for _, found := range regexp.MustCompile(`(?m)^`+name+`(?:-\d+)?\s+\d+\s+(\d+(?:\.\d+)?) ns/op`).FindAllStringSubmatch(text, -1) {
		if took, err := time.ParseDuration(found[1] + "ns"); err == nil {
			times = append(times, took)
		}
	}
	return times
}

func (s shape) row(t times) string {
	median := t.ours[len(t.ours)/2]
	text := fmt.Sprintf("%-48s %5d ms %5d ms %5d ms %12.0f", s.name, t.ours[0].Milliseconds(), median.Milliseconds(),
		t.cpu[len(t.cpu)/2].Milliseconds(), float64(s.functions*s.replicas)/median.Seconds())
	if len(t.theirs) > 0 {
		peer := t.theirs[len(t.theirs)/2]
		text += fmt.Sprintf(" %7d ms %5.1fx", peer.Milliseconds(), peer.Seconds()/median.Seconds())
	}
	return text
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
