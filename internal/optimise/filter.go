package optimise

import "math"

// The features by which the logarithm of the coolers' power is explained.
const (
	fLevel   = iota // the room as it is
	fInlet          // K of inlet above 24 °C: what is to be learned
	fWalls          // K by which walls and racks are warmer than the inlet: heat stored for hours
	fStore          // K/h by which the inlet rises: heat stored in the air and the servers for minutes
	fOutdoor        // K outdoors above 25 °C
	fLoad           // logarithm of the load over its first value
	fSin1           // what comes and goes with the day, where load or weather is not known
	fCos1
	fSin2
	fCos2
	features = 11 // those of effort.go are as many
)

type vector [features]float64

// filter is a Bayesian linear regression whose coefficients may drift: a Kalman filter of one measurement.
type filter struct {
	x      vector           // coefficients
	p      [features]vector // their covariance
	noise  float64          // variance of a measurement, learned
	weight float64          // logarithm of the likelihood lately
	walls  float64          // °C, the inlet smoothed over tau
}

// prior begins a filter. Means and deviations are for one unit of the features.
func (f *filter) begin(mean, deviation vector, noise, walls float64) {
	*f = filter{x: mean, noise: noise, walls: walls}
	for i := range features {
		f.p[i][i] = deviation[i] * deviation[i]
	}
}

// drift lets coefficients wander: deviation for each root of an hour.
func (f *filter) drift(deviation *vector, hours float64) {
	for i := range features {
		f.p[i][i] += deviation[i] * deviation[i] * hours
	}
}

// predict is what the filter expects and the variance of that, without the measurement's own noise.
func (f *filter) predict(h *vector) (y, variance float64) {
	for i := range features {
		y += h[i] * f.x[i]
		row := 0.0
		for j := range features {
			row += f.p[i][j] * h[j]
		}
		variance += h[i] * row
	}
	return y, max(0, variance)
}

// update takes in a measurement with the given noise variance.
func (f *filter) update(h *vector, y, noise float64) {
	expected, variance := f.predict(h)
	total := variance + noise
	var gain vector
	for i := range features {
		for j := range features {
			gain[i] += f.p[i][j] * h[j]
		}
	}
	for i := range features {
		f.x[i] += gain[i] / total * (y - expected)
	}
	for i := range features {
		for j := i; j < features; j++ {
			v := f.p[i][j] - gain[i]*gain[j]/total
			f.p[i][j], f.p[j][i] = v, v
		}
		f.p[i][i] = max(f.p[i][i], 1e-12)
	}
}

func gaussian(e, variance float64) float64 { // logarithm of the density, without its constant
	return -0.5 * (e*e/variance + math.Log(variance))
}
