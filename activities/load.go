package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// Usage is what one running container had used when an engine was asked.
type Usage struct {
	Container string    `json:"container"` // its ID: another one counts from zero
	At        time.Time `json:"at"`        // by the engine's clock
	// CPU is the processor time since the container's start; it only grows.
	CPU time.Duration `json:"cpu_ns"`
	// MemoryBytes is what it holds, without the cache that the kernel would give back at once. LimitBytes is the most
	// that it may hold: its own limit, else the box's memory.
	MemoryBytes int64 `json:"memory_bytes"`
	LimitBytes  int64 `json:"limit_bytes"`
}

// Meters asks engines for statistics.
type Meters interface {
	// Usages are those of the running containers of a function on a box, helpers excepted. One whose statistic could
	// not be read is left out. Errors: ErrUnreachable, ErrInvalid.
	Usages(ctx context.Context, box spec.Box, service, function string) ([]Usage, error)
}

// Backlogs asks Kafka for the lag of consumer groups.
type Backlogs interface {
	// Lag asks the cluster at brokers (host:port) how many records a group is behind, and over how many partitions it
	// could be shared. Errors: ErrUnreachable, ErrNotFound (the group has committed nothing yet), ErrUnauthorised,
	// ErrInvalid.
	Lag(ctx context.Context, brokers []string, group string) (records int64, partitions int, err error)
}

// Loads watches what functions use.
type Loads struct {
	Meters   Meters
	Backlogs Backlogs
	// Every is the pace of measurements; zero is scale.Every. The windows of decisions go by the clock, not by it.
	Every time.Duration
}

// WatchInput says what to watch: a function as it was placed.
type WatchInput struct {
	Service  string    `json:"service"`
	Function string    `json:"function"`
	Tune     spec.Tune `json:"tune"`
	Replicas int       `json:"replicas"` // that there should be
	// Boxes are those that run replicas.
	Boxes []spec.Box `json:"boxes"`
	// CPUs is what 100 % of metric cpu means: the processors that one replica reserves.
	CPUs float64 `json:"cpus,omitempty"`
	// Brokers are for metric kafka-lag, host:port.
	Brokers []string `json:"brokers,omitempty"`
	// Until ends the watch without a decision, so that its workflow can begin a fresh one: an activity has to end.
	Until time.Time `json:"until"`
}

// WatchBeat is the heartbeat of Watch: people see the last measurement, and a second run goes on with its windows.
type WatchBeat struct {
	Last   scale.Load   `json:"last"`
	Fault  string       `json:"fault,omitempty"` // why the last measurement is missing something
	Window scale.Window `json:"window"`
	// Before is what the containers had used then: processor time needs two looks.
	Before []Usage `json:"before,omitempty"`
}

// Watch measures a function until its number of replicas should change, which may take months, and says to which and
// why; a decision with zero replicas and no reason means that its time (Until) is over. It changes nothing. A second
// run goes on where the first one's last heartbeat was.
func (l *Loads) Watch(ctx context.Context, in WatchInput) (scale.Decision, error) {
	w := watch{loads: l, in: in}
	if activity.HasHeartbeatDetails(ctx) {
		var last WatchBeat
		if activity.GetHeartbeatDetails(ctx, &last) == nil { // else one of another version: begin anew
			w.window, w.before = last.Window, last.Before
		}
	}
	defer beat(ctx, func() any { return w.shown.now() })()
	every := l.Every
	if every == 0 {
		every = scale.Every
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		load, err := w.measure(ctx)
		if ctx.Err() != nil {
			return scale.Decision{}, ctx.Err()
		}
		decision, change := w.window.Add(load, in.Tune)
		shown := WatchBeat{Last: load, Window: scale.Window{Wants: slices.Clone(w.window.Wants)}, Before: w.before}
		if err != nil {
			shown.Fault = err.Error()
		}
		w.shown.set(shown)
		if change || !time.Now().Before(in.Until) {
			return decision, nil
		}
		select {
		case <-ctx.Done():
			return scale.Decision{}, ctx.Err()
		case <-ticks.C:
		}
	}
}

// watch is one run of Watch.
type watch struct {
	loads  *Loads
	in     WatchInput
	window scale.Window
	before []Usage // of the last look
	shown  newest[WatchBeat]
}

// askMost bounds the questions of one measurement: a box that takes longer counts as one that does not answer.
const askMost = 8 * time.Second

// measure is one look at all replicas. Its error says what is missing in the load, which holds all the same.
func (w *watch) measure(ctx context.Context) (scale.Load, error) {
	load := scale.Load{At: time.Now(), Replicas: w.in.Replicas}
	ctx, cancel := context.WithTimeout(ctx, askMost)
	defer cancel()
	if w.in.Tune.Metric == scale.KafkaLag {
		records, partitions, err := w.loads.Backlogs.Lag(ctx, w.in.Brokers, w.in.Tune.Group)
		if err != nil {
			return load, fmt.Errorf("lag of group %s: %w", w.in.Tune.Group, err)
		}
		load.Measured, load.Sum, load.Most = max(1, w.in.Replicas), float64(records), partitions
		return load, nil
	}
	usages, err := w.ask(ctx)
	for _, usage := range usages {
		if percent, known := w.percent(usage); known {
			load.Measured++
			load.Sum += percent
		}
	}
	w.before = usages
	return load, err
}

// ask asks all boxes side by side; the error joins those that did not answer.
func (w *watch) ask(ctx context.Context) ([]Usage, error) {
	answers, faults := make([][]Usage, len(w.in.Boxes)), make([]error, len(w.in.Boxes))
	var all sync.WaitGroup
	for i, box := range w.in.Boxes {
		all.Go(func() {
			usages, err := w.loads.Meters.Usages(ctx, box, w.in.Service, w.in.Function)
			if answers[i] = usages; err != nil {
				faults[i] = fmt.Errorf("statistics of box %s: %w", box.Name, err)
			}
		})
	}
	all.Wait()
	var usages []Usage
	for _, answer := range answers {
		usages = append(usages, answer...)
	}
	return usages, errors.Join(faults...)
}

// percent is what a container uses of what it is given. Processor time needs two looks at one container.
func (w *watch) percent(now Usage) (float64, bool) {
	if w.in.Tune.Metric == scale.Memory {
		known := now.LimitBytes > 0 && now.MemoryBytes > 0 // else its kernel does not count memory, as a Pi's by default
		return 100 * float64(now.MemoryBytes) / float64(max(1, now.LimitBytes)), known
	}
	at := slices.IndexFunc(w.before, func(u Usage) bool { return u.Container == now.Container })
	if at < 0 || w.in.CPUs <= 0 {
		return 0, false
	}
	passed, used := now.At.Sub(w.before[at].At), now.CPU-w.before[at].CPU
	if passed <= 0 || used < 0 {
		return 0, false
	}
	return 100 * used.Seconds() / passed.Seconds() / w.in.CPUs, true
}
