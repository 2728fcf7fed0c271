package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
)

func BenchmarkMake(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name, func(b *testing.B) {
			service, observed := s.world()
			for b.Loop() {
				if _, err := plan.Make(service, observed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is measured must be a whole plan: every function on a box, evenly.
func TestTheShapesArePlannedWhole(t *testing.T) {
	for _, s := range shapes() {
		service, observed := s.world()
		made, err := plan.Make(service, observed)
		require.NoError(t, err, s.name)
		require.Len(t, made.Placements, s.functions*s.replicas, s.name)
		onBox := map[string]int{}
		for _, one := range made.Placements {
			onBox[one.Box]++
		}
		require.Len(t, onBox, s.boxes, "%s: boxes stay empty", s.name)
		for box, n := range onBox {
			require.LessOrEqual(t, n, 2*s.functions*s.replicas/s.boxes, "%s: %s", s.name, box)
		}
	}
}

func TestTimesAreReadFromTheTextOfGoTest(t *testing.T) {
	text := "goos: linux\nBenchmarkScheduler1kNodes10kTasks-2   \t       1\t3724198167 ns/op\nBenchmarkScheduler1kNodes10kTasks \t 3\t  2000000 ns/op\nPASS\n"
	times := read(text, "BenchmarkScheduler1kNodes10kTasks")
	require.Len(t, times, 2)
	require.InDelta(t, 3.724, times[0].Seconds(), 0.001)
	require.InDelta(t, 0.002, times[1].Seconds(), 0.000001)
	require.Empty(t, read(text, "BenchmarkScheduler1kNodes1kTasks"))
}
