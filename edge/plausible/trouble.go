package plausible

import "time"

// Trouble says when what is wrong with a sensor becomes an alert, and when that ends. The zero value is ready.
type Trouble struct {
	bad    int // samples in a row
	since  time.Time
	good   int // samples in a row while the alert lasts
	lasts  bool
	began  time.Time
	reason string

	often   often
	relapse bool // the alert lasts because the sensor is often bad
}

// troubleSamples in a row begin an alert, and so many good ones end it.
const troubleSamples = 3

// Turn is what a sample makes of the alert.
type Turn int

// The turns.
const (
	Nothing Turn = iota
	Begins
	Ends
)

// Bad notes a sample without a reading that can be believed. The alert begins at the third in a row, but not before
// patience is over since the first of them; or when half of the samples of the last 15 minutes were bad, again and
// again with good ones between.
func (t *Trouble) Bad(now time.Time, reason string, patience time.Duration) Turn {
	if t.good = 0; t.bad == 0 {
		t.since = now
	}
	t.bad++
	t.reason = reason
	whole := t.often.note(now, true)
	if t.often.is(now, whole) {
		t.relapse = true
		t.reason = whole.words(now, reason)
	}
	streak := t.bad >= troubleSamples && now.Sub(t.since) >= patience
	if t.lasts || !streak && !t.relapse {
		return Nothing
	}
	t.lasts, t.began = true, now
	return Begins
}

// Good notes a sample that is believed. The alert ends at the third in a row; one of a sensor that was often bad, not
// before less than a quarter of the last 15 minutes was.
func (t *Trouble) Good(now time.Time) Turn {
	t.bad = 0
	if whole := t.often.note(now, false); isSeldom(whole) {
		t.relapse = false
	}
	if !t.lasts {
		return Nothing
	}
	if t.good++; t.good < troubleSamples || t.relapse {
		return Nothing
	}
	t.lasts, t.good = false, 0
	return Ends
}

// Began is when the alert that lasts, or lasted last, began.
func (t *Trouble) Began() time.Time { return t.began }

// Reason is the one of the last bad sample; of a sensor that is often bad, with how often.
func (t *Trouble) Reason() string { return t.reason }
