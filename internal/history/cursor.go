package history

import (
	"cmp"
	"time"

	"github.com/overcloud/overcloud/internal/line"
	"github.com/overcloud/overcloud/internal/spec"
)

// Cursor is how far the rolling-up has come. It is kept beside what was rolled up, so that whoever loses the one loses
// the other: a point of the measurement rollup in the hours' bucket.
type Cursor struct {
	// Until is a whole hour: everything before it was rolled up. Zero: nothing was.
	Until time.Time
	// Swept is when late readings were last looked for.
	Swept time.Time
}

const (
	cursorMeasurement = "rollup"
	cursorUntil       = "until_ms"
	cursorSwept       = "swept_ms"
)

// Line is the cursor as a point at the time that it has reached: the newest point holds.
func (c Cursor) Line() []byte {
	var w line.Writer
	w.Begin(cursorMeasurement)
	w.Int(cursorUntil, c.Until.UnixMilli())
	if !c.Swept.IsZero() {
		w.Int(cursorSwept, c.Swept.UnixMilli())
	}
	w.End(c.Until.UnixMilli())
	return w.Buf
}

// CursorQuery asks for the cursor; take each sample of the answer in.
func CursorQuery(rawBucket string, now time.Time) string {
	// Until is never ahead; a day more covers a clock that is.
	return Select(In(rawBucket, Hours), cursorMeasurement, nil, nil, time.Unix(0, 0), now.Add(24*time.Hour)) + ` |> last()`
}

// Take takes a sample of the cursor's query in.
func (c *Cursor) Take(s Sample) {
	at := time.UnixMilli(s.Value.Int).UTC()
	switch {
	case s.Value.Kind != Int:
	case s.Series.Field == cursorUntil && at.After(c.Until):
		c.Until = at
	case s.Series.Field == cursorSwept && at.After(c.Swept):
		c.Swept = at
	}
}

const (
	// settle is how long a reading may be on its way from the edge's clock to InfluxDB before its minute is rolled up
	// for the first time: a second at the sink, some at the edge.
	settle = time.Minute
	// again is how far every pass goes back: what came a little late is in the next one.
	again = time.Hour
	// sweepEvery is how often a pass goes back over all that may be late.
	sweepEvery = 24 * time.Hour
)

// Pass is one run over the raw readings: windows one after another, from From to To.
type Pass struct {
	From time.Time `json:"from"` // a whole hour
	To   time.Time `json:"to"`   // a whole minute
	// Sweep says that it goes back over everything that may be late, and so is to be noted as Swept when it has ended.
	Sweep bool `json:"sweep,omitempty"`
}

// Done says that nothing is left of it.
func (p Pass) Done() bool { return !p.From.Before(p.To) }

// Next is the pass that is due at now; oldest is the oldest raw reading (zero: there is none). It is empty (From is not
// before To) when there is nothing to do.
func Next(c Cursor, oldest, now time.Time, keep spec.History) Pass {
	p := Pass{To: now.Add(-settle).UTC().Truncate(time.Minute)}
	switch {
	case oldest.IsZero():
		p.From = p.To
		return p
	case c.Until.IsZero():
		p.From, p.Sweep = oldest, true
	case c.Swept.IsZero(): // the first pass was stopped on its way
		p.From, p.Sweep = c.Until.Add(-again), true
	case now.Sub(c.Swept) >= sweepEvery:
		p.From, p.Sweep = c.Until.Add(-keep.WithDefaults().Late.D()), true
	default:
		p.From = c.Until.Add(-again)
	}
	if p.From.Before(oldest) {
		p.From = oldest
	}
	p.From = p.From.UTC().Truncate(time.Hour)
	return p
}

// The lengths of a window: short enough to be done again after a kill, long enough not to be all overhead.
const (
	WindowLeast = time.Hour
	WindowMost  = 24 * time.Hour
)

// Window is the first one of a pass, of at most length: it begins and, unless it is the last, ends at a whole hour.
// It is not ok when the pass has ended.
func (p Pass) Window(length time.Duration) (from, to time.Time, ok bool) {
	length = min(max(length.Truncate(time.Hour), WindowLeast), WindowMost)
	to = p.From.Add(length)
	if to.After(p.To) {
		to = p.To
	}
	return p.From, to, !p.Done()
}

// After is what is left of a pass, and the cursor, when the window that ends at to has been stored.
func (p Pass) After(c Cursor, to, now time.Time) (Pass, Cursor) {
	hour := to.Truncate(time.Hour)
	if hour.After(c.Until) {
		c.Until = hour
	}
	p.From = to
	if p.Done() && p.Sweep {
		c.Swept = now.UTC().Truncate(time.Millisecond)
	}
	return p, c
}

// Stretch is the length of the next window, when one of this length took so long.
func Stretch(length, took time.Duration) time.Duration {
	const slow, quick = 20 * time.Second, 5 * time.Second
	switch {
	case took > slow:
		length /= 2
	case took < quick:
		length *= 2
	}
	return min(max(cmp.Or(length, WindowLeast), WindowLeast), WindowMost)
}

// trimAfter is how fresh the cursor must be before anything old may go.
const trimAfter = 6 * time.Hour

// MayTrim says that everything was rolled up, late readings too: raw readings may get their retention.
func (c Cursor) MayTrim(now time.Time) bool {
	return !c.Swept.IsZero() && now.Sub(c.Until) < trimAfter
}

// Pick is the tier that answers for windows of a length, and the length that it can have.
func Pick(every time.Duration) (Tier, time.Duration) {
	for _, tier := range []Tier{Hours, Minutes} {
		if every >= tier.Length() {
			return tier, every.Truncate(tier.Length())
		}
	}
	return Raw, max(every, time.Millisecond)
}

// Judged says whether records of a measurement may be bad, and have the tag quality.
func Judged(measurement string) bool {
	for _, source := range Sources() {
		if source.Measurement == measurement {
			return source.Good
		}
	}
	return false
}
