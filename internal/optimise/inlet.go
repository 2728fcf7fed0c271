package optimise

import (
	"math"
	"time"
)

// gainPrior is how far the inlet follows the setpoint, K per K: 0.89 to 0.97 in the reference's rooms (3.3).
const gainPrior = 0.93

// lately is how many blocks say how warm the hottest inlet gets, and fresh how old they may be: two hours. What the day
// brings later is left to the rules, which step down when it comes.
const (
	lately = 4
	fresh  = 2 * time.Hour
)

// inlet is what has been learned of how the inlet follows the setpoints.
type inlet struct {
	blocks int
	at     time.Time
	gap    float64 // K: inlet above gain times setpoint, mean of some hours
	now    float64 // the same, of the last block
	gain   float64
	// hottest is how far the hottest inlet's level was at most above gain times setpoint, in each of the last blocks;
	// blocks that were disturbed by a new setpoint show nothing.
	hottest [lately]float64
	when    [lately]int64 // Unix s
}

// learn takes in a block and says how surprising it was, K.
func (l *inlet) learn(b mean) float64 {
	if l.gain == 0 {
		l.gain = gainPrior
	}
	gap := b.inlet - l.gain*b.setpoint
	hours := b.hours
	if l.blocks > 0 {
		hours = min(24, max(b.hours, b.at.Sub(l.at).Hours()))
	} else {
		l.gap, l.now = gap, gap
	}
	surprise := gap - l.now
	l.now = gap
	l.gap += (gap - l.gap) * (1 - math.Exp(-hours/3))
	l.blocks++
	l.at = b.at
	if b.hottest > -offset/2 {
		copy(l.hottest[1:], l.hottest[:lately-1])
		copy(l.when[1:], l.when[:lately-1])
		l.hottest[0], l.when[0] = b.hottest+(1-l.gain)*b.setpoint, b.at.Unix()
	}
	return surprise
}

// at0 is the mean inlet at a setpoint, °C.
func (l *inlet) at0(setpoint float64) float64 { return l.gap + l.gain*setpoint }

// most is how far the hottest inlet is above gain times setpoint at most, within the last hours; what is known is false
// when nothing was seen then.
func (l *inlet) most(at time.Time) (hottest float64, known bool) {
	hottest = math.Inf(-1)
	for i, v := range l.hottest {
		if l.when[i] != 0 && at.Unix()-l.when[i] < int64(fresh.Seconds()) {
			hottest, known = max(hottest, v), true
		}
	}
	return hottest, known
}
