package anomaly

import (
	"math"
	"slices"
	"time"
)

// packets is a rate per second: the mean over 5 min of the middle one of five, so that a burst of a second or two is
// none of its own.
type packets struct {
	mean
	five [5]float32
	next int
}

func (p *packets) take(rate float64, at time.Time) {
	p.five[p.next%len(p.five)] = float32(rate)
	p.next++
	middle := slices.Clone(p.five[:min(p.next, len(p.five))])
	p.mean.take(float64(median(middle)), at, 5*time.Minute)
}

// mean is smoothed over time.
type mean struct {
	value float64
	at    time.Time // zero: nothing taken yet
}

func (m *mean) take(value float64, at time.Time, over time.Duration) {
	if m.at.IsZero() {
		m.value, m.at = value, at
		return
	}
	weight := 1 - math.Exp(-at.Sub(m.at).Seconds()/over.Seconds())
	m.value += (value - m.value) * weight
	m.at = at
}

// busiest remembers the highest value of each of the last seven days.
type busiest struct {
	began time.Time // of the day that goes on
	most  float64   // in it
	days  []float32 // the newest last
}

func (b *busiest) take(value float64, at time.Time) {
	const day = 24 * time.Hour
	if b.began.IsZero() {
		b.began = at
	}
	if at.Sub(b.began) >= day {
		b.days = append(b.days, float32(b.most))
		if len(b.days) > 7 {
			b.days = slices.Delete(b.days, 0, 1)
		}
		b.began, b.most = at, 0
	}
	b.most = max(b.most, value)
}

// usual is the middle one of those days, and whether there was a whole day at all.
func (b *busiest) usual() (float64, bool) {
	if len(b.days) == 0 {
		return 0, false
	}
	return float64(median(slices.Clone(b.days))), true
}

// highest is the most of the last seven days, and whether there was a whole day at all.
func (b *busiest) highest() (float64, bool) {
	if len(b.days) == 0 {
		return 0, false
	}
	return float64(slices.Max(b.days)), true
}

func median(values []float32) float32 {
	slices.Sort(values)
	return values[len(values)/2]
}
