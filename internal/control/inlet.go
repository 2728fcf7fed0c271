package control

import (
	"math"
	"slices"
	"time"
)

// What a server inlet can plausibly be, °C (reference on sensors: outside it a probe is broken; the DS18B20's
// power-up value of 85 falls out too).
const leastPlausible, mostPlausible = -10.0, 60.0

// smoothing is the part of UpEvery over which the mean is smoothed: 5 minutes of 15. It spans half a cycle of a
// healthy compressor (15 to 20 minutes), and noise of 0.1 K moves it by less than 0.02 K.
const smoothing = 3

// sight is what the sensors show now.
type sight struct {
	inlet   float64 // median of the good and fresh sensors
	hottest float64
	fresh   int
	newest  time.Time
	good    map[int]bool // by sensor
}

func look(in Input) sight {
	seen := sight{good: make(map[int]bool, len(in.Readings)), hottest: math.Inf(-1)}
	var values []float64
	for _, r := range in.Readings {
		if r.Bad || !plausible(r.Celsius) || in.Now.Sub(r.At) > in.Policy.StaleAfter.D() || !slices.Contains(in.Sensors, r.Sensor) {
			continue
		}
		seen.good[r.Sensor] = true
		seen.newest = latest(seen.newest, r.At)
		seen.hottest = max(seen.hottest, r.Celsius)
		values = append(values, r.Celsius)
	}
	seen.fresh = len(values)
	if seen.fresh > 0 {
		seen.inlet = Median(values)
	}
	return seen
}

// plausible is false for NaN.
func plausible(celsius float64) bool { return celsius >= leastPlausible && celsius <= mostPlausible }

// Median of an even number of values is the mean of the middle two; it sorts them. One liar among three moves it
// little, among two half. There must be a value.
func Median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// smooth moves the exponentially weighted mean of the inlet.
func (s *State) smooth(in Input, inlet float64) {
	if s.MeanAt.IsZero() {
		s.Mean, s.MeanAt = inlet, in.Now
		return
	}
	passed := max(0, in.Now.Sub(s.MeanAt).Seconds())
	weight := 1 - math.Exp(-passed/timeConstant(in).Seconds())
	s.Mean += weight * (inlet - s.Mean)
	s.MeanAt = in.Now
}

func timeConstant(in Input) time.Duration {
	return max(time.Minute, in.Policy.UpEvery.D()/smoothing)
}

// slope is how fast the inlet rises, K/min, as the mean sees it: behind a steady ramp it lags by one time constant.
func (s State) slope(in Input, seen sight) float64 {
	return (seen.inlet - s.Mean) / timeConstant(in).Minutes()
}

// silent is how long nobody has heard a good reading, counted from Started at the earliest.
func silent(in Input, s State) time.Duration {
	return in.Now.Sub(latest(s.LastGood, in.Started))
}
