package optimise

import (
	"math"
	"time"
)

// lags are the hypotheses of how slowly walls and racks follow the inlet, h. The reference's ranges span 2 to 23 h.
func lags() [hypotheses]float64 { return [...]float64{3, 7, 16} }

const hypotheses = 3

// fanGrowth is how much more power servers draw for each K of inlet above fansFrom (their fans), as part of the load:
// the middle of 0.35 to 0.5 % (reference 2.3).
const (
	fanGrowth = 0.0042
	fansFrom  = 23.0
)

// power is what has been learned of the coolers' power.
type power struct {
	blocks  int
	at      time.Time // of the last block
	scale   float64   // W that logarithms are taken over
	load    float64   // W, the same of the load; zero: never metered
	known   bool      // load and weather were known when it began
	mean    float64   // W, of the coolers lately
	loadNow float64   // W, of the boxes lately without the growth of their fans; zero: not known
	error2  float64   // mean square of the surprises lately, in their own deviations
	jumped  int       // blocks since a jump
	filters [hypotheses]filter
	works   [2]works // inverters that modulate; machines that switch
}

// usual is the coolers' power lately, W; zero: not known.
func (q *power) usual() float64 { return q.mean }

func (q *power) begin(b mean) {
	*q = power{scale: b.watts, mean: b.watts, jumped: 1000}
	q.known = finite(b.load) && finite(b.outdoor)
	daily := 0.06
	if q.known {
		daily = 0.015
	}
	m := vector{fInlet: -0.02, fWalls: 0.10, fStore: 0.03, fOutdoor: 0.02, fLoad: 1}
	d := vector{0.15, 0.015, 0.07, 0.03, 0.01, 0.15, daily, daily, daily / 2, daily / 2}
	for i := range q.filters {
		q.filters[i].begin(m, d, 0.02*0.02, b.inlet)
	}
}

// learn takes in a block and says how surprising it was: the error in its own deviations.
func (q *power) learn(b mean) float64 {
	if q.scale == 0 || b.at.Sub(q.at) > 7*24*time.Hour {
		q.begin(b)
	}
	hours := b.hours
	if q.blocks > 0 {
		hours = min(24, max(b.hours, b.at.Sub(q.at).Hours()))
	}
	q.at = b.at
	q.blocks++
	base := b.load / fans(b.inlet)
	if finite(base) {
		if q.load == 0 {
			q.load = base
		}
		q.loadNow += (base - q.loadNow) * share(q.loadNow, hours, 6)
	}
	q.mean += (b.watts - q.mean) * share(q.mean, hours, 6)
	y := math.Log(b.watts/q.scale) - math.Log(fans(b.inlet))
	if !(math.Abs(y) < 3) { // nearly off, or another room
		return 0
	}
	if b.effort.switches {
		q.works[1].learn(b, q.scale, hours)
	} else {
		q.works[0].learn(b, q.scale, hours)
	}
	return q.update(b, y, hours)
}

// share of a new value in a mean over some hours; all of it when there is none yet.
func share(old, hours, over float64) float64 {
	if old == 0 {
		return 1
	}
	return 1 - math.Exp(-hours/over)
}

// fans is the servers' power at an inlet over that at 23 °C.
func fans(inlet float64) float64 { return 1 + fanGrowth*max(0, inlet-fansFrom) }

func (q *power) update(b mean, y, hours float64) float64 {
	level := 0.02
	if q.known {
		level = 0.004
	}
	wander := vector{level, 0.0005, 0.002, 0.002, 0.0005, 0.005, 0.002, 0.002, 0.001, 0.001}
	var surprise, best float64
	best = math.Inf(-1)
	for i, tau := range lags() {
		f := &q.filters[i]
		before := f.walls
		f.walls += (b.inlet - f.walls) * (1 - math.Exp(-hours/tau))
		h := q.features(b, (before+f.walls)/2)
		f.drift(&wander, hours)
		expected, variance := f.predict(&h)
		noise := f.noise
		if b.moved {
			noise += 0.06 * 0.06
		}
		e, total := y-expected, variance+noise
		z := e / math.Sqrt(total)
		if math.Abs(z) > 4 && q.blocks > 3 { // something happened: the level has moved
			f.p[fLevel][fLevel] += 0.2 * 0.2
			q.jumped = 0
		} else {
			// what the coefficients do not explain is noise
			if !b.moved {
				f.noise += max(0.05, 1/float64(q.blocks+2)) * (max(e*e-variance/2, 0) - f.noise)
				f.noise = min(max(f.noise, 0.002*0.002), 0.2*0.2)
			}
		}
		f.weight = 0.99*f.weight + gaussian(max(-4, min(4, z))*math.Sqrt(total), total)
		if f.weight > best {
			best, surprise = f.weight, z
		}
		f.update(&h, y, noise)
	}
	q.jumped++
	q.error2 += 0.15 * (min(25, surprise*surprise) - q.error2)
	return surprise
}

func (q *power) features(b mean, walls float64) vector {
	h := vector{fLevel: 1, fInlet: b.inlet - 24, fWalls: walls - b.inlet, fStore: b.rise}
	if finite(b.outdoor) {
		h[fOutdoor] = b.outdoor - 25
	}
	if finite(b.load) && q.load > 0 {
		h[fLoad] = math.Log(b.load / fans(b.inlet) / q.load)
	}
	angle := 2 * math.Pi * float64(b.at.Unix()%86400) / 86400
	h[fSin1], h[fCos1] = math.Sincos(angle)
	h[fSin2], h[fCos2] = math.Sincos(2 * angle)
	return h
}

// slope is the change of the logarithm of the coolers' power for each K of inlet that lasts, at an unchanged load, and its
// deviation.
func (q *power) slope() (mean, deviation float64) {
	mean, deviation = q.plainSlope()
	for i := range q.works {
		if m, d := q.works[i].slope(); d < 1 {
			if i == 0 {
				d = math.Hypot(d, 0.03) // inverters' effort is seen less well: measured against the truth of simulated rooms
			}
			a, b := 1/(deviation*deviation), 1/(d*d)
			mean, deviation = (mean*a+m*b)/(a+b), math.Sqrt(1/(a+b))
		}
	}
	return mean, deviation
}

// plainSlope is the slope that the power alone shows, over days.
func (q *power) plainSlope() (mean, deviation float64) {
	best := math.Inf(-1)
	for i := range q.filters {
		best = max(best, q.filters[i].weight)
	}
	var sum, first, second float64
	for i := range q.filters {
		f := &q.filters[i]
		w := math.Exp(f.weight - best)
		sum += w
		first += w * f.x[fInlet]
		second += w * (f.x[fInlet]*f.x[fInlet] + f.p[fInlet][fInlet])
	}
	mean = first / sum
	return mean, 1.5 * math.Sqrt(max(0, second/sum-mean*mean))
}
