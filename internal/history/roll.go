package history

import (
	"time"

	"github.com/overcloud/overcloud/internal/line"
	"github.com/overcloud/overcloud/internal/spec"
)

// linesMost is the size of a write: InfluxDB is at its best with 5,000 lines a request.
const linesMost = 5000

// Emit stores lines in a tier's bucket.
type Emit func(t Tier, lines []byte) error

// Roller makes minutes and hours of one window of raw readings, and copies events. It holds one minute and one hour of
// one series at a time, whatever the window's length. What it makes of a minute or an hour depends on its readings
// alone: not on the window, nor on how often it is made; so a second time stores the same points again.
type Roller struct {
	emit    Emit
	sources map[string]Source
	to      int64          // ms; an hour that ends after it is not whole yet
	oldest  map[Tier]int64 // ms; what begins before it is past its retention

	series       *Series
	source       Source // of the series
	minute, hour sum
	out          map[Tier]*line.Writer
}

// NewRoller rolls up the samples of a Scan up to a time.
func NewRoller(to, now time.Time, keep spec.History, emit Emit) *Roller {
	r := &Roller{
		emit: emit, sources: map[string]Source{}, to: to.UnixMilli(), oldest: map[Tier]int64{},
		out: map[Tier]*line.Writer{Minutes: {}, Hours: {}},
	}
	for _, source := range Sources() {
		r.sources[source.Measurement] = source
	}
	for _, t := range []Tier{Minutes, Hours} {
		if kept := Keep(keep, t); kept > 0 {
			// An hour on the safe side: InfluxDB refuses what is older than its retention while it writes.
			r.oldest[t] = now.Add(time.Hour - kept).UnixMilli()
		}
	}
	return r
}

// sum is a minute or an hour of a series.
type sum struct {
	start     int64 // ms
	n         int64
	sum       float64
	min, max  float64
	available bool
}

func (s *sum) begin(start int64) { *s = sum{start: start, available: true} }

func (s *sum) add(value float64) {
	if s.n == 0 {
		s.min, s.max = value, value
	}
	s.n, s.sum = s.n+1, s.sum+value
	s.min, s.max = min(s.min, value), max(s.max, value)
}

// Add takes the next sample. Errors: those of Emit; ErrInvalid when the samples of a series go back in time.
func (r *Roller) Add(s Sample) error {
	if s.Series != r.series {
		if err := r.endSeries(); err != nil {
			return err
		}
		r.series, r.source = s.Series, r.sources[s.Series.Measurement]
	}
	if r.source.Event() {
		return r.copy(s)
	}
	value, ok := s.Value.Number()
	if !ok {
		return nil // of another type than we write: not ours
	}
	minute, hour := start(s.At, Minutes), start(s.At, Hours)
	if r.minute.available && minute < r.minute.start {
		return invalid("the readings of %s %v go back in time", s.Series.Measurement, s.Series.Tags)
	}
	if !r.minute.available || minute != r.minute.start {
		if err := r.end(Minutes, &r.minute); err != nil {
			return err
		}
		r.minute.begin(minute)
	}
	if !r.hour.available || hour != r.hour.start {
		if err := r.end(Hours, &r.hour); err != nil {
			return err
		}
		r.hour.begin(hour)
	}
	r.minute.add(value)
	r.hour.add(value)
	return nil
}

// Close stores what is left.
func (r *Roller) Close() error {
	if err := r.endSeries(); err != nil {
		return err
	}
	for _, t := range []Tier{Minutes, Hours} {
		if err := r.flush(t, 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *Roller) endSeries() error {
	if err := r.end(Minutes, &r.minute); err != nil {
		return err
	}
	return r.end(Hours, &r.hour)
}

// start is when the window of a tier begins that holds a time, ms; also before 1970.
func start(at int64, t Tier) int64 {
	length := t.Length().Milliseconds()
	return at - ((at%length)+length)%length
}

// end writes a window that is whole.
func (r *Roller) end(t Tier, s *sum) error {
	done := *s
	*s = sum{}
	if !done.available || done.start+t.Length().Milliseconds() > r.to || done.start < r.oldest[t] {
		return nil
	}
	w := r.out[t]
	r.begin(w)
	field := r.series.Field + "_"
	w.Float(field+PartMean, done.sum/float64(done.n))
	w.Float(field+PartMin, done.min)
	w.Float(field+PartMax, done.max)
	w.Int(field+PartCount, done.n)
	w.End(done.start)
	return r.flush(t, linesMost)
}

func (r *Roller) begin(w *line.Writer) {
	w.Begin(r.series.Measurement)
	for _, tag := range r.series.Tags {
		if !r.source.Good || tag.Name != tagQuality {
			w.Tag(tag.Name, tag.Value)
		}
	}
}

// copy keeps an event for as long as hours are kept.
func (r *Roller) copy(s Sample) error {
	if s.At < r.oldest[Hours] {
		return nil
	}
	w := r.out[Hours]
	before := len(w.Buf)
	r.begin(w)
	switch s.Value.Kind {
	case Float:
		w.Float(s.Series.Field, s.Value.Float)
	case Int:
		w.Int(s.Series.Field, s.Value.Int)
	case Bool:
		w.Bool(s.Series.Field, s.Value.Int != 0)
	case Text:
		w.Text(s.Series.Field, s.Value.Text)
	case None:
	}
	if w.Fields == 0 { // an empty text
		w.Buf = w.Buf[:before]
		return nil
	}
	w.End(s.At)
	return r.flush(Hours, linesMost)
}

// flush stores the lines of a tier when there are as many as least.
func (r *Roller) flush(t Tier, least int) error {
	w := r.out[t]
	if w.Lines < least {
		return nil
	}
	err := r.emit(t, w.Buf)
	w.Buf, w.Lines = w.Buf[:0], 0
	return err
}
