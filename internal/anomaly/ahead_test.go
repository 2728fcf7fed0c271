package anomaly

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// over makes n values by a function of their hour.
func over(n int, step time.Duration, value func(hour float64) float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = value(float64(i) * step.Hours())
	}
	return all
}

func TestAhead(t *testing.T) {
	steady := func(float64) float64 { return 60 }
	grows := func(from, perHour float64) func(float64) float64 {
		return func(hour float64) float64 { return from + perHour*hour }
	}
	for name, c := range map[string]struct {
		hours, recent []float64
		percent       float64
		want          Outlook
	}{
		"nothing is known of a new disk":   {percent: 50},
		"nothing is known after two hours": {recent: over(12, RecentStep, grows(50, 1)), percent: 52},
		"a steady disk does not fill":      {hours: over(168, time.Hour, steady), recent: over(18, RecentStep, steady), percent: 60, want: Outlook{Known: true}},
		"a disk that grows from day to day has a date": {
			hours: over(168, time.Hour, grows(50, 0.1)), recent: over(18, RecentStep, grows(66.4, 0.1)), percent: 66.8,
			want: Outlook{Known: true, Filling: true, PerHour: 0.1, Left: 332 * time.Hour, Over: 168 * time.Hour},
		},
		"a runaway log is seen within three hours": {
			hours: over(168, time.Hour, steady), recent: over(18, RecentStep, grows(60, 8)), percent: 84,
			want: Outlook{Known: true, Filling: true, PerHour: 8, Left: 2 * time.Hour, Over: 3 * time.Hour},
		},
		"a nightly backup that was as big before is no trend": {
			hours: over(168, time.Hour, func(hour float64) float64 {
				if math.Mod(hour, 24) > 20 {
					return 90
				}
				return 60
			}), recent: over(18, RecentStep, grows(60, 8)), percent: 84, want: Outlook{Known: true},
		},
		"what was before somebody made room leads nowhere": {
			hours:  append(over(100, time.Hour, grows(50, 0.4)), over(68, time.Hour, func(float64) float64 { return 40 })...),
			recent: over(18, RecentStep, func(float64) float64 { return 40 }), percent: 40, want: Outlook{Known: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Ahead(c.hours, c.recent, c.percent)
			require.InDelta(t, c.want.PerHour, got.PerHour, 0.001)
			require.InDelta(t, c.want.Left.Hours(), got.Left.Hours(), 0.02*c.want.Left.Hours()+0.05)
			got.PerHour, got.Left = c.want.PerHour, c.want.Left
			require.Equal(t, c.want, got)
		})
	}
	gaps := over(168, time.Hour, grows(50, 0.1))
	for i := 30; i < 60; i++ {
		gaps[i] = math.NaN()
	}
	require.True(t, Ahead(gaps, nil, 66.8).Filling, "a night without readings changes nothing")
}
