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
	warmest float64 // the hottest that does not depart from the others
	ground  float64 // median of what each shows less its usual distance: it does not jump when a sensor falls silent
	fresh   int
	newest  time.Time
	good    []shown
	// humidity, % relative, and dew, °C, are the medians of the good and fresh sensors that tell it; damp is their number.
	humidity, dew float64
	damp          int
}

// shown is what one good and fresh sensor shows.
type shown struct {
	sensor  int
	celsius float64
}

func look(in Input) sight {
	seen := sight{hottest: math.Inf(-1)}
	var values, humidities, dews []float64
	for _, r := range in.Readings {
		if r.Bad || !plausible(r.Celsius) || in.Now.Sub(r.At) > in.Policy.StaleAfter.D() || !slices.Contains(in.Sensors, r.Sensor) {
			continue
		}
		seen.good = append(seen.good, shown{r.Sensor, r.Celsius})
		seen.newest = latest(seen.newest, r.At)
		seen.hottest = max(seen.hottest, r.Celsius)
		values = append(values, r.Celsius)
		if r.HasHumidity && r.Humidity > 0 && r.Humidity <= 100 {
			humidities, dews = append(humidities, r.Humidity), append(dews, DewPoint(r.Celsius, r.Humidity))
		}
	}
	seen.fresh, seen.damp = len(values), len(dews)
	if seen.fresh > 0 {
		seen.inlet = Median(values)
	}
	if seen.damp > 0 {
		seen.humidity, seen.dew = Median(humidities), Median(dews)
	}
	return seen
}

// trusts says whether a sensor is among the good and fresh ones.
func (s sight) trusts(sensor int) bool {
	return slices.ContainsFunc(s.good, func(one shown) bool { return one.sensor == sensor })
}

// plausible is false for NaN.
func plausible(celsius float64) bool { return celsius >= leastPlausible && celsius <= mostPlausible }

// DewPoint is the dew point, °C, of air of a temperature, °C, and a relative humidity, % above zero (Magnus; with a
// DHT22's ±0.5 °C and ±2 % it is right to about 0.8 °C at 24 °C and 50 %).
func DewPoint(celsius, humidity float64) float64 {
	g := math.Log(humidity/100) + 17.625*celsius/(243.04+celsius)
	return 243.04 * g / (17.625 - g)
}

// Median of an even number of values is the mean of the middle two; it sorts them. One liar among three moves it
// little, among two half. There must be a value.
func Median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// smooth moves the exponentially weighted means of the inlet.
func (s *State) smooth(in Input, seen sight) {
	if s.MeanAt.IsZero() {
		s.Mean, s.Hot, s.Quick, s.MeanAt = seen.inlet, seen.warmest, seen.ground, in.Now
	}
	passed := in.Now.Sub(s.MeanAt)
	s.Mean += weight(passed, timeConstant(in)) * (seen.inlet - s.Mean)
	s.Hot += weight(passed, timeConstant(in)) * (seen.warmest - s.Hot)
	s.Quick += weight(passed, time.Minute) * (seen.ground - s.Quick)
	s.MeanAt = in.Now
	s.Trail.add(in.Now, s.Quick, s.Hot)
}

// weight is that of a new value in an exponentially weighted mean.
func weight(passed, constant time.Duration) float64 {
	return 1 - math.Exp(-max(0, passed.Seconds())/constant.Seconds())
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

// trailLength is an hour of minutes.
const trailLength = 61

// Trail is the inlet of the last hour, minute by minute. It is an array, so that a copy of a State is its own.
type Trail struct {
	At  time.Time // of the newest mark
	Len int
	C   [trailLength]float32 // °C, the newest first
	Hot [trailLength]float32 // °C, the mean of the warmest inlet
}

// add marks the inlet once a minute. A gap of more than a few minutes begins anew: what the room did meanwhile is unknown.
func (t *Trail) add(now time.Time, celsius, hot float64) {
	passed := now.Sub(t.At)
	switch {
	case t.Len == 0 || passed > 5*time.Minute || passed < 0:
		*t = Trail{At: now, Len: 1}
		t.C[0], t.Hot[0] = float32(celsius), float32(hot)
		return
	case passed < time.Minute:
		return
	}
	marks := int(passed / time.Minute)
	copy(t.C[marks:], t.C[:])
	copy(t.Hot[marks:], t.Hot[:])
	for i := range marks {
		t.C[i], t.Hot[i] = float32(celsius), float32(hot)
	}
	t.At, t.Len = t.At.Add(time.Duration(marks)*time.Minute), min(trailLength, t.Len+marks)
}

// hottest is the most that the warmest inlet's mean has been for a time; not ok while it has not been seen for so long, or
// for an hour.
func (t Trail) hottest(now float64, over time.Duration) (celsius float64, ok bool) {
	marks := min(trailLength, 1+int(over/time.Minute))
	for i := range min(t.Len, marks) {
		now = max(now, float64(t.Hot[i]))
	}
	return now, t.Len >= marks
}

// span is between what the inlet was in the hour before the last minutes; not ok while that is less than ten minutes.
func (t Trail) span(last int) (least, most float64, ok bool) {
	least, most = math.Inf(1), math.Inf(-1)
	for i := last; i < t.Len; i++ {
		least, most = min(least, float64(t.C[i])), max(most, float64(t.C[i]))
	}
	return least, most, t.Len >= last+10
}

// change is by how much the inlet has risen above its least, or fallen below its most, of the last minutes: the larger
// of the two, a fall as a negative number.
func (t Trail) change(celsius float64, minutes int) float64 {
	rise, fall := 0.0, 0.0
	for i := range min(t.Len, minutes+1) {
		by := celsius - float64(t.C[i])
		rise, fall = max(rise, by), min(fall, by)
	}
	if -fall > rise {
		return fall
	}
	return rise
}
