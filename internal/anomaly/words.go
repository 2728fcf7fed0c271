package anomaly

import (
	"fmt"
	"slices"
	"time"
)

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// rate is a slope in %/h as a person reads it: per hour where that is a number, else per day.
type rate float64

// String is the rate with its unit.
func (r rate) String() string {
	if r < 0.3 {
		return fmt.Sprintf("%.1f %%/day", 24*float64(r))
	}
	return fmt.Sprintf("%.1f %%/h", float64(r))
}

// span is a duration as a person reads it.
type span time.Duration

// String is the duration in its largest sensible unit.
func (s span) String() string {
	switch d := time.Duration(s); {
	case d < 0:
		return "an unknown time"
	case d < 3*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 3*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}
