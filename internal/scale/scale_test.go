package scale

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

var begin = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func half() spec.Tune { return spec.Tune{Metric: CPU, Target: 50, Least: 1, Most: 5} }

// feed measures every ten seconds, and says at which second what was decided first.
func feed(w *Window, tune spec.Tune, seconds int, load func(second int) Load) string {
	for second := 0; second <= seconds; second += 10 {
		measured := load(second)
		measured.At = begin.Add(time.Duration(second) * time.Second)
		if d, changed := w.Add(measured, tune); changed {
			return fmt.Sprintf("%d s: %s", second, d.Why)
		}
	}
	return ""
}

func TestDecisions(t *testing.T) {
	all := func(replicas int, each float64) func(int) Load {
		return func(int) Load { return Load{Replicas: replicas, Measured: replicas, Sum: float64(replicas) * each} }
	}
	lag := spec.Tune{Metric: KafkaLag, Target: 1000, Least: 0, Most: 8}
	for name, one := range map[string]struct {
		tune spec.Tune
		load func(int) Load
		want string
	}{
		"above the target for a minute adds":              {half(), all(2, 90), "60 s: cpu 90 % above cpu 50 % for 1m0s: 2 -> 4 (1 to 5)"},
		"never more than the most":                        {half(), all(2, 900), "60 s: cpu 900 % above cpu 50 % for 1m0s: 2 -> 5 (1 to 5)"},
		"within a tenth of the target nothing changes":    {half(), all(3, 54.9), ""},
		"below the target for five minutes takes away":    {half(), all(4, 20), "300 s: cpu 20 % below cpu 50 % for 5m0s: 4 -> 2 (1 to 5)"},
		"an idle function keeps its least":                {half(), all(4, 0), "300 s: cpu 0 % below cpu 50 % for 5m0s: 4 -> 1 (1 to 5)"},
		"at the most a busy function stays":               {half(), all(5, 100), ""},
		"a count outside its bounds is corrected at once": {half(), all(9, 50), "0 s: outside the bounds: 9 -> 5 (1 to 5)"},
		"a short peak changes nothing": {half(), func(s int) Load {
			return Load{Replicas: 2, Measured: 2, Sum: map[bool]float64{true: 200, false: 100}[s%60 < 50]}
		}, ""},
		"the smallest step of the minute is taken": {half(), func(s int) Load {
			return Load{Replicas: 2, Measured: 2, Sum: map[bool]float64{true: 140, false: 240}[s == 30]}
		}, "60 s: cpu 120 % above cpu 50 % for 1m0s: 2 -> 3 (1 to 5)"},
		"one busy minute of five keeps what is there": {half(), func(s int) Load {
			return Load{Replicas: 4, Measured: 4, Sum: map[bool]float64{true: 200, false: 40}[s%240 < 60]}
		}, ""},
		"a missing statistic is no zero, and takes nothing away": {half(), func(int) Load { return Load{Replicas: 4, Measured: 3, Sum: 30} }, ""},
		"a missing statistic counts as just at the target":       {half(), func(int) Load { return Load{Replicas: 2, Measured: 1, Sum: 150} }, "60 s: cpu 100 % above cpu 50 % for 1m0s: 2 -> 4 (1 to 5)"},
		"nothing measured changes nothing":                       {half(), func(int) Load { return Load{Replicas: 4} }, ""},
		"no number changes nothing":                              {half(), all(3, math.NaN()), ""},
		"lag is shared by the replicas":                          {lag, func(int) Load { return Load{Replicas: 2, Measured: 2, Sum: 5200} }, "60 s: kafka-lag 2600 records a replica above kafka-lag 1000 records a replica for 1m0s: 2 -> 6 (0 to 8)"},
		"no more replicas than partitions":                       {lag, func(int) Load { return Load{Replicas: 2, Measured: 2, Sum: 5200, Most: 3} }, "60 s: kafka-lag 2600 records a replica above kafka-lag 1000 records a replica for 1m0s: 2 -> 3 (0 to 3)"},
		"lag wakes a function without replicas":                  {lag, func(int) Load { return Load{Sum: 10, Measured: 0} }, "60 s: kafka-lag 10 records a replica above kafka-lag 1000 records a replica for 1m0s: 0 -> 1 (0 to 8)"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, one.want, feed(&Window{}, one.tune, 900, one.load))
		})
	}
}

func TestAGapBeginsTheWindowAnew(t *testing.T) {
	w := &Window{}
	busy := func(int) Load { return Load{Replicas: 2, Measured: 2, Sum: 180} }
	require.Empty(t, feed(w, half(), 50, busy))
	_, changed := w.Add(Load{At: begin.Add(100 * time.Second), Replicas: 2, Measured: 2, Sum: 180}, half())
	require.False(t, changed, "50 s without a measurement are no evidence")
	require.Len(t, w.Wants, 1)
}

func TestAWindowGoesOnWhereItWasStored(t *testing.T) {
	w := &Window{}
	busy := func(int) Load { return Load{Replicas: 2, Measured: 2, Sum: 180} }
	require.Empty(t, feed(w, half(), 50, busy))
	text, err := json.Marshal(w)
	require.NoError(t, err)
	var again Window
	require.NoError(t, json.Unmarshal(text, &again))
	d, changed := again.Add(Load{At: begin.Add(time.Minute), Replicas: 2, Measured: 2, Sum: 180}, half())
	require.True(t, changed)
	require.Equal(t, 4, d.Replicas)
}

func TestTheWindowStaysShort(t *testing.T) {
	w := &Window{}
	require.Empty(t, feed(w, half(), 24*3600, func(int) Load { return Load{Replicas: 2, Measured: 2, Sum: 100} }))
	require.LessOrEqual(t, len(w.Wants), int(Down/Every)+2)
}

// Whatever is measured, no decision lies outside the bounds, and none says what is already so.
func TestNeverOutsideTheBounds(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		tune := spec.Tune{Metric: []string{CPU, Memory, KafkaLag}[r.IntN(3)], Target: 1 + r.Float64()*100, Least: r.IntN(4)}
		tune.Most = max(1, tune.Least+r.IntN(6))
		w, replicas, at := &Window{}, r.IntN(10), begin
		for range 200 {
			at = at.Add(time.Duration(r.IntN(60)) * time.Second)
			load := Load{At: at, Replicas: replicas, Measured: r.IntN(replicas + 2), Sum: r.ExpFloat64() * 300}
			d, changed := w.Add(load, tune)
			if !changed {
				continue
			}
			require.Equal(t, Clamp(d.Replicas, tune), d.Replicas, "seed %d: %s", seed, d.Why)
			require.NotEqual(t, replicas, d.Replicas, "seed %d: %s", seed, d.Why)
			if load.Measured < replicas && d.Replicas < replicas {
				require.Equal(t, Clamp(replicas, tune), d.Replicas, "seed %d: something is missing and replicas go: %s", seed, d.Why)
			}
			require.False(t, strings.Contains(d.Why, "NaN"), d.Why)
			replicas = d.Replicas
		}
	}
}

// A load that is what it is comes to rest at once: what was decided is never taken back.
func TestASteadyLoadDoesNotFlap(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		tune := spec.Tune{Metric: CPU, Target: 20 + r.Float64()*70, Least: 1, Most: 1 + r.IntN(20)}
		whole, replicas, changes := r.Float64()*1000, 1+r.IntN(tune.Most), 0
		w := &Window{}
		for i := range 1000 {
			noise := 1 + 0.03*(r.Float64()-0.5) // what two measurements of one load differ by
			d, changed := w.Add(Load{At: begin.Add(time.Duration(i) * Every), Replicas: replicas, Measured: replicas, Sum: whole * noise}, tune)
			if changed {
				replicas, changes = d.Replicas, changes+1
			}
		}
		require.LessOrEqual(t, changes, 2, "seed %d: %.0f %% at %.0f a replica", seed, whole, tune.Target)
	}
}
