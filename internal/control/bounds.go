package control

import (
	"fmt"
	"time"
)

// peakFor is for how many times UpEvery (4 hours) a room that has swung to within a step of High is not made warmer: small
// rooms of machines that rest for three minutes at a time swing by 8 K, and the next load finds them at the same point.
const peakFor = 16

// forbids says why the room must not be made warmer by a step now, K at the inlets; empty when it may.
func (t *turn) forbids(step float64) string {
	p, s, seen := t.in.Policy, t.d.Next, t.seen
	bounds := p.Bounds()
	left, learned := t.in.untilCritical(seen, s, step)
	hottest, known := s.Trail.hottest(s.Hot, p.UpEvery.D())
	switch {
	case seen.hottest >= p.Warn:
		return fmt.Sprintf("one sensor shows %.1f", seen.hottest)
	case !due(s.PeakAt, t.in.Now, peakFor*p.UpEvery.D()):
		return fmt.Sprintf("one inlet came near %.0f °C at %s", p.High, clock(s.PeakAt))
	case seen.inlet > p.BandHigh:
		return fmt.Sprintf("the inlet is at %.1f °C now", seen.inlet)
	case !known:
		return fmt.Sprintf("the warmest inlet has not been seen for %s yet", p.UpEvery)
	case hottest+step > t.in.hotMost():
		return fmt.Sprintf("the mean of the warmest inlet was %.1f °C in the last %s and leaves no room for a step below %.1f", hottest, p.UpEvery, t.in.hotMost())
	case t.in.lost() != "":
		return t.in.lost()
	case learned && left < p.TimeToCritical.D():
		return fmt.Sprintf("one step warmer %.1f °C would be reached %s after a loss of cooling, sooner than %s", p.Critical, round(left), p.TimeToCritical)
	case seen.damp > 0 && seen.humidity > bounds.HumidityMost:
		return fmt.Sprintf("the humidity of %.0f %% is above %g", seen.humidity, bounds.HumidityMost)
	case seen.damp > 0 && seen.dew > bounds.DewPointMost:
		return fmt.Sprintf("the dew point of %.1f °C is above %g", seen.dew, bounds.DewPointMost)
	case s.tooFast(t.in) != "":
		return "the inlet " + s.tooFast(t.in)
	}
	return ""
}

// tooFast says that the inlet changes faster than allowed; empty when it does not.
func (s State) tooFast(in Input) string {
	bounds := in.Policy.Bounds()
	for _, rate := range []struct {
		minutes int
		most    float64
	}{{15, bounds.Rate15}, {60, bounds.RateHour}} {
		if by := s.Trail.change(s.Quick, rate.minutes); by >= rate.most || by <= -rate.most {
			return fmt.Sprintf("changed by %+.1f K in %d min, at most %g", by, rate.minutes, rate.most)
		}
	}
	return ""
}

// untilCritical is how long the mean inlet, made warmer by some K, would take to critical without cooling. It is not
// known where no bound is wanted or the room has not been learned.
func (in Input) untilCritical(seen sight, s State, warmer float64) (left time.Duration, known bool) {
	o := in.Outlook
	if o == nil || !o.Sure || in.Policy.TimeToCritical <= 0 || !plausible(o.From) {
		return 0, false
	}
	from := seen.inlet
	if o.From != 0 {
		from = o.From // it may have been worked out some time ago, elsewhere in a compressor's swing
	}
	by := s.Mean - from + warmer
	return max(0, o.ToCritical-time.Duration(by*float64(max(0, o.PerKelvin)))), true
}

// outlook says what a step warmer does to the time to critical.
func (t *turn) outlook() string {
	p := t.in.Policy
	if p.TimeToCritical <= 0 {
		return ""
	}
	left, known := t.in.untilCritical(t.seen, t.d.Next, float64(p.UpStep))
	if !known {
		return fmt.Sprintf(", time to %.0f °C without cooling not known", p.Critical)
	}
	return fmt.Sprintf(", %.0f °C is %s away without cooling", p.Critical, round(left))
}
