package optimise

import (
	"math"
	"time"
)

// The numbers of exploring.
const (
	exploreFor   = 3 * time.Hour      // several time constants of air and servers, so that means say something
	exploreEvery = 7 * time.Hour      // three times a day at most,
	exploreSoon  = 2                  // as often,
	exploreLater = 7 * 24 * time.Hour // then seldom
	exploreStep  = 2                  // K from what is best as far as known
	exploreWorth = 0.006              // of the power: what knowing better is expected to save
)

// explore is the setpoint to be tried instead of the best, when knowing better is expected to pay; zero: none.
func (m *Model) explore(all []choice, best choice, at time.Time) choice {
	q := &m.plan
	if q.explores != 0 && at.Sub(q.began) < exploreFor {
		for _, c := range all {
			if c.setpoint == q.explores {
				return c
			}
		}
	}
	q.explores = 0
	every := exploreEvery
	if q.explored >= exploreSoon {
		every = exploreLater
	}
	if m.power.blocks < leastBlocks+4 || !q.began.IsZero() && at.Sub(q.began) < every || m.sure(at) < 0.5 {
		return choice{}
	}
	lost, toward := 0.0, 0
	for _, c := range all {
		if c.setpoint != best.setpoint {
			if v := regret(c, best); v > lost {
				lost, toward = v, c.setpoint
			}
		}
	}
	if lost < exploreWorth*best.total() {
		return choice{}
	}
	to := min(max(toward, best.setpoint-exploreStep), best.setpoint+exploreStep)
	for _, c := range all {
		if c.setpoint == to {
			q.explores, q.began = to, at
			q.explored++
			return c
		}
	}
	return choice{}
}

// regret is what is expected to be lost by best where c may be better, W.
func regret(c, best choice) float64 {
	d := c.total() - best.total()
	s := best.coolers * c.sigma * math.Abs(c.inlet-best.inlet)
	if s <= 0 {
		return max(0, -d)
	}
	z := d / s
	density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
	return s*density - d*0.5*math.Erfc(z/math.Sqrt2)
}
