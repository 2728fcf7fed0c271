// Package plausible owns the question whether a thermometer can be believed. Its answers are reasons, in words; a reading
// with a reason is marked bad and told all the same. It is pure: time and neighbours are given to it.
//
// What it cannot find: a sensor that drifts slowly, one that was put into other air, and two that were exchanged and
// differ by less than a step. A sensor that is alone in its room is never found stuck.
package plausible

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Limits bound what the air at a sensor can be.
type Limits struct {
	Least, Most float64 // °C
	StepK       float64 // change of temperature that is believed, K for each 10 s
	// A sensor is stuck when it did not change by anything for StuckAfter while another of its room moved more
	// than StuckK, K; a StuckAfter of 0 asks for no such check.
	StuckAfter time.Duration
	StuckK     float64
}

// Said is what a sensor says.
type Said struct {
	Celsius     float64
	Humidity    float64 // % relative; meaningless unless HasHumidity
	HasHumidity bool
}

// Neighbour is a sensor in the same kind of air of the same room, with what it said last and was believed.
type Neighbour struct {
	Sensor  int
	Celsius float64
}

// How a change is measured.
const (
	stepEvery = 10 * time.Second
	// A step that is doubted is a true one when so many readings say it, one like the other, over that time.
	stepReadings = 3
	stepLasts    = 20 * time.Second
	// A sensor that only ever said whole degrees, as a DHT11 does, may stay at one while the air moves more than that.
	wholeDegreesK = 1.5
)

// Judge judges one sensor. The zero value with Limits is ready.
type Judge struct {
	Limits Limits

	last float64 // that was believed
	at   time.Time

	step run // of doubted readings that agree

	said  Said // the reading before, believed or not
	since time.Time
	fine  bool // it has said parts of a degree
	moved map[int]span
}

// run is a sequence of readings each of which is near the one before.
type run struct {
	readings int
	began    time.Time
	last     float64
	at       time.Time
}

// span is where a neighbour has been.
type span struct{ least, most float64 }

// Doubt is the reason not to believe a reading; empty when there is none. Now is monotonic.
func (j *Judge) Doubt(now time.Time, said Said, others []Neighbour) string {
	c := said.Celsius
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return "no number"
	}
	stuck := j.stuck(now, said, others)
	switch {
	case c < j.Limits.Least || c > j.Limits.Most:
		return fmt.Sprintf("%.1f °C is outside %g to %g °C", c, j.Limits.Least, j.Limits.Most)
	case stuck != "":
		return stuck
	}
	if doubt := j.stepped(now, c); doubt != "" {
		return doubt
	}
	j.last, j.at, j.step = c, now, run{}
	return ""
}

// stepped measures steps against the last reading that was believed, and allows more the older that one is.
func (j *Judge) stepped(now time.Time, c float64) string {
	if j.at.IsZero() || j.near(j.last, j.at, c, now) {
		return ""
	}
	if j.step.readings == 0 || !j.near(j.step.last, j.step.at, c, now) {
		j.step = run{began: now}
	}
	j.step.readings++
	j.step.last, j.step.at = c, now
	if j.step.readings >= stepReadings && now.Sub(j.step.began) >= stepLasts {
		return ""
	}
	return fmt.Sprintf("step of %+.1f K within %s", c-j.last, now.Sub(j.at).Round(time.Second))
}

// near says whether the air can have come from one temperature to the other in that time.
func (j *Judge) near(from float64, at time.Time, to float64, now time.Time) bool {
	allowed := j.Limits.StepK * max(1, now.Sub(at).Seconds()/stepEvery.Seconds())
	// The floats of tenths are not exact: 3.0 K is not more than 3 K.
	return math.Abs(to-from) <= allowed+1e-9
}

// stuck follows for how long the sensor has said the same, and where its neighbours have been since.
func (j *Judge) stuck(now time.Time, said Said, others []Neighbour) string {
	j.fine = j.fine || said.Celsius != math.Trunc(said.Celsius)
	if j.since.IsZero() || said != j.said {
		j.said, j.since, j.moved = said, now, map[int]span{}
	}
	for _, o := range others {
		s, known := j.moved[o.Sensor]
		if !known {
			s = span{o.Celsius, o.Celsius}
		}
		j.moved[o.Sensor] = span{min(s.least, o.Celsius), max(s.most, o.Celsius)}
	}
	long := now.Sub(j.since)
	if j.Limits.StuckAfter <= 0 || long < j.Limits.StuckAfter {
		return ""
	}
	least := j.Limits.StuckK
	if !j.fine {
		least = max(least, wholeDegreesK)
	}
	var who []int
	for sensor, s := range j.moved {
		if s.most-s.least > least {
			who = append(who, sensor)
		}
	}
	if len(who) == 0 {
		return ""
	}
	first := slices.Min(who)
	return fmt.Sprintf("stuck at %g °C for %.0f min while sensor %d moved %.1f K",
		said.Celsius, long.Minutes(), first, j.moved[first].most-j.moved[first].least)
}

// Humidity is the reason to leave a humidity out; empty when there is none. The temperature that came with it is judged
// by itself.
func Humidity(said Said) string {
	switch h := said.Humidity; {
	case !said.HasHumidity:
		return ""
	case math.IsNaN(h) || math.IsInf(h, 0):
		return "humidity: no number"
	case h < 0 || h > 100:
		return fmt.Sprintf("humidity: %.1f %% is outside 0 to 100 %%", h)
	case h == 0 || h == 100:
		return fmt.Sprintf("humidity: %g %% exactly is a fault of the sensor, or dew on it", h)
	}
	return ""
}
