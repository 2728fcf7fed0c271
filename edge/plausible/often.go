package plausible

import (
	"fmt"
	"time"
)

// A sensor that is well in between, and bad again soon, is often bad: half of the samples of the last while or more,
// with relapses, since a long fault that is over is not that. It is seldom bad again below a quarter.
const (
	oftenWhile    = 15 * time.Minute
	oftenSamples  = 12 // at the least, however far apart
	oftenRelapses = 3
	oftenStep     = time.Minute // what is counted together
)

// often counts the samples of the last while, in steps, so that its size does not depend on how fast they come. The
// zero value is ready.
type often struct {
	since  time.Time // of the first sample
	steps  []step
	wasBad bool
}

// step is the samples of one oftenStep.
type step struct {
	began                  time.Time
	samples, bad, relapses int
}

// note takes one sample and gives what the last while has of them.
func (o *often) note(now time.Time, bad bool) (whole step) {
	if o.since.IsZero() {
		o.since = now
	}
	if n := len(o.steps); n == 0 || now.Sub(o.steps[n-1].began) >= oftenStep {
		o.steps = append(o.steps, step{began: now})
	}
	last := &o.steps[len(o.steps)-1]
	last.samples++
	if bad {
		last.bad++
		if !o.wasBad {
			last.relapses++
		}
	}
	o.wasBad = bad
	for _, s := range o.steps {
		whole.samples, whole.bad, whole.relapses = whole.samples+s.samples, whole.bad+s.bad, whole.relapses+s.relapses
	}
	for now.Sub(o.steps[0].began) > oftenWhile && whole.samples-o.steps[0].samples >= oftenSamples {
		whole.samples, whole.bad, whole.relapses = whole.samples-o.steps[0].samples, whole.bad-o.steps[0].bad, whole.relapses-o.steps[0].relapses
		o.steps = append(o.steps[:0], o.steps[1:]...)
	}
	whole.began = o.steps[0].began
	return whole
}

// is says that a sensor is often bad.
func (o *often) is(now time.Time, whole step) bool {
	return now.Sub(o.since) >= oftenWhile && whole.samples >= oftenSamples && whole.relapses >= oftenRelapses && 2*whole.bad >= whole.samples
}

// isSeldom says that it is no more.
func isSeldom(whole step) bool { return 4*whole.bad < whole.samples }

// words say it of a sensor that is bad now.
func (whole step) words(now time.Time, reason string) string {
	return fmt.Sprintf("bad in %d of %d samples of the last %s, now: %s", whole.bad, whole.samples, now.Sub(whole.began).Round(oftenStep), reason)
}
