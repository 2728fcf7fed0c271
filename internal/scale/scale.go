// Package scale decides how many replicas a function needs, from what was measured of it. It is pure: the same
// measurements give the same answer, and it never answers outside the bounds of the specification.
//
// The formula and both of its cautions are those of the Kubernetes HorizontalPodAutoscaler
// (kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details"):
//
//	desired = ceil(current x measured / target), and nothing within 10 % of the target
//
// with its stabilisation windows: of all that was desired during Up (Down), the least (greatest) step is taken.
package scale

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// The metrics of spec.Tune.
const (
	CPU      = "cpu"       // percent of the processors that a replica reserves
	Memory   = "memory"    // percent of what a replica may use
	KafkaLag = "kafka-lag" // records that the consumer group has not read, a replica
)

// The constants of a decision. Tolerance and Down are the defaults of Kubernetes; Up is longer than its 0 s, since a
// new replica here may be a pull away, and a start is the busiest minute of many programs.
const (
	Tolerance = 0.1
	Up        = time.Minute
	Down      = 5 * time.Minute
	// Every is the pace of measurements. After a longer gap the windows begin anew, since nobody knows what happened
	// meanwhile; it is long enough for a worker that dies to be replaced (a heartbeat's 15 s and a measurement or two).
	Every = 10 * time.Second
	gap   = 45 * time.Second
)

// Load is one measurement of all replicas of a function.
type Load struct {
	At time.Time `json:"at"`
	// Replicas is how many there should be, Measured of how many a value is known. One that is missing is no zero:
	// it is taken to be just at the target, and while one is missing nothing is taken away.
	Replicas int `json:"replicas"`
	Measured int `json:"measured"`
	// Sum is over those that were measured: percent for CPU and Memory. For KafkaLag it is the whole lag in records,
	// which is known for all replicas or for none.
	Sum float64 `json:"sum"`
	// Most is how many replicas can have work at all (the partitions of the topics); zero means no such bound.
	Most int `json:"most,omitempty"`
}

// Window is what was desired lately, oldest first. Its zero value knows nothing; it may be stored as JSON and goes on
// from there.
type Window struct {
	Wants []Want `json:"wants,omitempty"`
}

// Want is what one measurement asked for.
type Want struct {
	At       time.Time `json:"at"`
	Current  int       `json:"current"`
	Replicas int       `json:"replicas"`
}

// Decision is a number of replicas other than the current one, with the reason in numbers.
type Decision struct {
	Replicas int    `json:"replicas"`
	Why      string `json:"why"`
}

// Add takes in a measurement and says whether to change now. After a change, measurements with the new count begin
// the windows anew.
func (w *Window) Add(load Load, tune spec.Tune) (Decision, bool) {
	value, want, known := desired(load, tune)
	if known {
		w.take(Want{At: load.At, Current: load.Replicas, Replicas: want})
	}
	least, most := bounds(load, tune)
	say := func(to int, format string, args ...any) (Decision, bool) {
		why := fmt.Sprintf(format, args...)
		return Decision{Replicas: to, Why: fmt.Sprintf("%s: %d -> %d (%d to %d)", why, load.Replicas, to, least, most)}, true
	}
	if inside := min(max(load.Replicas, least), most); inside != load.Replicas {
		return say(inside, "outside the bounds")
	}
	if !known {
		return Decision{}, false
	}
	if to, sure := w.steady(load, Up, slices.Min); sure && to > load.Replicas {
		return say(to, "%s above %s for %s", written(value, tune), written(tune.Target, tune), Up)
	}
	if to, sure := w.steady(load, Down, slices.Max); sure && to < load.Replicas {
		return say(to, "%s below %s for %s", written(value, tune), written(tune.Target, tune), Down)
	}
	return Decision{}, false
}

// take appends, and drops what says nothing about now: other counts, what was before a gap, and what is older than
// the longest window (but for the one that proves that it is full).
func (w *Window) take(want Want) {
	if n := len(w.Wants); n > 0 {
		last := w.Wants[n-1]
		if last.Current != want.Current || want.At.Sub(last.At) > gap || want.At.Before(last.At) {
			w.Wants = nil
		}
	}
	w.Wants = append(w.Wants, want)
	for len(w.Wants) > 1 && want.At.Sub(w.Wants[1].At) >= Down {
		w.Wants = w.Wants[1:]
	}
}

// steady is the most careful of what was desired over a whole span; it is not sure when the span is not yet over.
func (w *Window) steady(load Load, span time.Duration, careful func([]int) int) (int, bool) {
	var within []int
	for _, want := range slices.Backward(w.Wants) {
		within = append(within, want.Replicas)
		if load.At.Sub(want.At) >= span {
			return careful(within), true
		}
	}
	return load.Replicas, false
}

// desired is the average a replica and the count that it asks for, within the bounds, unless nothing is known.
func desired(load Load, tune spec.Tune) (value float64, want int, known bool) {
	current := load.Replicas
	if load.Measured == 0 && current > 0 || !(tune.Target > 0) || math.IsNaN(load.Sum) || math.IsInf(load.Sum, 0) {
		return 0, current, false
	}
	missing := max(0, current-load.Measured)
	whole := load.Sum + float64(missing)*tune.Target
	value = whole / float64(max(1, current))
	want = int(math.Ceil(min(whole/tune.Target, math.MaxInt32)))
	if current > 0 && math.Abs(value/tune.Target-1) <= Tolerance || missing > 0 && want < current {
		want = current
	}
	least, most := bounds(load, tune)
	return value, min(max(want, least), most), true
}

// bounds are those of the specification; processors and memory of nothing cannot be measured, so one replica stays,
// and replicas beyond the partitions would have nothing to do.
func bounds(load Load, tune spec.Tune) (least, most int) {
	least, most = tune.Least, max(tune.Most, tune.Least)
	if tune.Metric != KafkaLag {
		least = max(least, 1)
	}
	if load.Most > 0 {
		most = max(least, min(most, load.Most))
	}
	return least, max(least, most)
}

// Clamp brings a count of replicas within the bounds of a tuned function.
func Clamp(replicas int, tune spec.Tune) int {
	least, most := bounds(Load{}, tune)
	return min(max(replicas, least), most)
}

func written(value float64, tune spec.Tune) string {
	if tune.Metric == KafkaLag {
		return fmt.Sprintf("%s %.0f records a replica", tune.Metric, value)
	}
	return fmt.Sprintf("%s %.0f %%", tune.Metric, value)
}
