// Package series makes what the room page draws out of what is stored: curves of any range from ten seconds to some
// years as columns of one time axis, and what happened in the range. It owns which resolution answers and what the median,
// the dew point and the setpoint that holds are there; it leaves storing to the sink and rolling up to package history.
package series

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

// The bounds of a request.
const (
	RangeLeast  = 10 * time.Second
	RangeMost   = 10 * 366 * 24 * time.Hour
	PointsLeast = 10
	PointsMost  = 4000
)

// Stored answers from what InfluxDB keeps of one service. Its methods may be called from any goroutine.
type Stored struct {
	From   history.Reader
	Bucket string // of the raw readings

	cache *cache
}

// New makes one; bucket is that of the raw readings.
func New(from history.Reader, bucket string) *Stored {
	return &Stored{From: from, Bucket: bucket, cache: newCache()}
}

// Request asks for the curves of a room.
type Request struct {
	Room     spec.Room // its policy as it is now
	From, To time.Time
	// Points is how many points of time are wanted at the most; an answer may have fewer, and some more of single readings.
	Points int
	Now    time.Time // for how long answers are kept; zero: To
	// Only are the IDs of the curves that are wanted; none: all.
	Only []string
}

// Validate refuses a range that no screen could show. Errors: ErrInvalid, one sentence.
func (r Request) Validate() error {
	switch length := r.To.Sub(r.From); {
	case length < RangeLeast:
		return fmt.Errorf("%w: the range is %s; it must be at least %s", fault.ErrInvalid, length, RangeLeast)
	case length > RangeMost:
		return fmt.Errorf("%w: the range is %d days; it may be %d at the most", fault.ErrInvalid, int(length.Hours()/24), int(RangeMost.Hours()/24))
	case r.Points < PointsLeast || r.Points > PointsMost:
		return fmt.Errorf("%w: points is %d; give a whole number from %d to %d", fault.ErrInvalid, r.Points, PointsLeast, PointsMost)
	}
	return nil
}

func (r Request) now() time.Time {
	if r.Now.IsZero() {
		return r.To
	}
	return r.Now
}

// Answer is curves over one axis of time.
type Answer struct {
	From int64 `json:"from"` // Unix ms
	To   int64 `json:"to"`
	// Tier is what answered: raw, minutes or hours; the newest part, which is not rolled up yet, is always from raw.
	Tier history.Tier `json:"tier"`
	// StepMillis is the length of a window, whose start is its time; zero: times are those of the readings themselves.
	StepMillis int64 `json:"step_ms"`
	// GapMillis: between two values of a curve that are no further apart than this nothing is missing, although others
	// may have a time there and this one null. Between those that are further apart there is a null.
	GapMillis int64   `json:"gap_ms"`
	Times     []int64 `json:"times"` // Unix ms, rising
	Series    []Curve `json:"series"`
}

// The kinds of curves.
const (
	KindInlet    = "inlet"    // the median of the inlet sensors, which the rules go by
	KindSensor   = "sensor"   // one sensor's temperature
	KindHumidity = "humidity" // the median of the inlet sensors' relative humidity
	KindDewPoint = "dew_point"
	KindSetpoint = "setpoint" // what one air conditioner was told: a step that lasts until the next value
	KindPower    = "power"    // one air conditioner's
	KindLoad     = "load"     // the room's IT load
)

// Curve is one column.
type Curve struct {
	ID     string `json:"id"` // inlet, sensor/3, humidity, dew_point, setpoint/ac1, power/ac1, load
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Role   string `json:"role,omitempty"` // of a sensor
	Unit   string `json:"unit"`           // °C, % or W
	Values Column `json:"values"`         // means of windows; null where nothing was stored
	// Min and Max are the least and the most of each window; of the inlet those of all inlet sensors. Absent where values
	// are readings themselves.
	Min Column `json:"min,omitempty"`
	Max Column `json:"max,omitempty"`
}

// Column is values beside an Answer's Times; NaN is one that is not there.
type Column []float64

// MarshalJSON writes NaN as null, and two decimals.
func (c Column) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, 6*len(c)+2)
	out = append(out, '[')
	for i, v := range c {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out = append(out, "null"...)
			continue
		}
		out = strconv.AppendFloat(out, math.Round(v*100)/100, 'f', -1, 64)
	}
	return append(out, ']'), nil
}

// Curves reads the curves of a room. A tier whose readings of the range are past their retention is answered by the next
// one. Errors: ErrInvalid, and those of the reader.
func (s *Stored) Curves(ctx context.Context, r Request) (Answer, error) {
	if err := r.Validate(); err != nil {
		return Answer{}, err
	}
	r.From, r.To = r.From.Truncate(time.Millisecond), r.To.Truncate(time.Millisecond) // InfluxDB refuses a range of nothing
	cursor, err := s.cursor(ctx, r.now())
	if err != nil {
		return Answer{}, err
	}
	var none *sheet
	for plan, more := planned(r), true; more; plan, more = plan.coarser(r) {
		read, err := s.read(ctx, r, plan, cursor.Until)
		if err != nil {
			return Answer{}, err
		}
		if !read.empty() || !r.From.Before(cursor.Until) {
			return read.answer(r), nil
		}
		if none == nil {
			none = read
		}
	}
	return none.answer(r), nil
}

// cursor is how far the rolling-up has come; zero when there is none.
func (s *Stored) cursor(ctx context.Context, now time.Time) (history.Cursor, error) {
	var cursor history.Cursor
	err := s.From.Rows(ctx, history.CursorQuery(s.Bucket, now), func(sample history.Sample) error {
		cursor.Take(sample)
		return nil
	})
	return cursor, absent(err)
}

// read asks for everything at once: InfluxDB answers each question on a core of its own.
func (s *Stored) read(ctx context.Context, r Request, p plan, until time.Time) (*sheet, error) {
	sheet := newSheet(r, p)
	parts := p.parts(s.Bucket, until, r.To)
	group, ctx := errgroup.WithContext(ctx)
	for _, q := range questions(r) {
		taken := sheet.begin()
		group.Go(func() error {
			for _, part := range parts {
				var err error
				if part.tier == history.Raw {
					err = absent(s.From.Rows(ctx, q.over(part), taken.take(part)))
				} else {
					err = s.rows(ctx, q, part, until, r.now(), taken.take(part))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if wanted(r, KindSetpoint) {
		group.Go(func() (err error) {
			sheet.told, err = s.told(ctx, r, until)
			return err
		})
	}
	return sheet, group.Wait()
}
