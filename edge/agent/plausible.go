package agent

import (
	"fmt"
	"math"
	"time"
)

// Bounds of what air at a server inlet can be, °C, and how fast it can change.
const (
	leastPlausible = -10.0
	mostPlausible  = 60.0
	stepEvery      = 10 * time.Second
)

// judge says whether a sensor can be believed. A reading that it doubts is marked, never dropped. It measures
// steps against the last reading that it believed, and allows more the older that one is, so that a true
// change is believed after a while.
type judge struct {
	stepK float64 // allowed for each 10 s, at the least once
	last  float64
	at    time.Time
}

// doubt is the reason not to believe a reading; empty when there is none.
func (j *judge) doubt(now time.Time, celsius float64) string {
	switch {
	case math.IsNaN(celsius) || math.IsInf(celsius, 0):
		return "no number"
	case celsius < leastPlausible || celsius > mostPlausible:
		return fmt.Sprintf("%.1f °C is outside %g to %g °C", celsius, leastPlausible, mostPlausible)
	}
	if !j.at.IsZero() {
		allowed := j.stepK * max(1, now.Sub(j.at).Seconds()/stepEvery.Seconds())
		if step := celsius - j.last; math.Abs(step) > allowed {
			return fmt.Sprintf("step of %+.1f K within %s", step, now.Sub(j.at).Round(time.Second))
		}
	}
	j.last, j.at = celsius, now
	return ""
}
