package series

import (
	"errors"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

const (
	// exactMost is how many readings of a sensor are shown as they are; more become windows.
	exactMost = 400
	// rawMost and minutesMost are how many readings, or minutes, are read for an answer: of 6 sensors, which are 100,000
	// values, InfluxDB 1.8 hands out in some 0.2 s on one core.
	rawMost     = 40_000
	minutesMost = 12_000
)

// plan is the resolution of an answer.
type plan struct {
	tier history.Tier
	step time.Duration // of a window; zero: readings as they are
	from time.Time     // the first window's start
	n    int           // windows
	// sample is how often a sensor is read; gap is how long none may be missed.
	sample, gap time.Duration
}

// planned picks the finest resolution that the points and the time to answer allow.
func planned(r Request) plan {
	policy := r.Room.Policy
	p := plan{sample: policy.SampleEvery.D(), gap: policy.StaleAfter.D()}
	if p.sample <= 0 {
		p.sample = spec.DefaultPolicy().SampleEvery.D()
	}
	length := r.To.Sub(r.From)
	readings, minutes := int64(length/p.sample), int64(length/time.Minute)
	switch {
	case readings <= exactMost:
		p.tier = history.Raw
		p.from = r.From
		return p
	case readings*int64(max(len(r.Room.Sensors), 1)) <= rawMost:
		return p.at(history.Raw, r)
	case minutes <= minutesMost && minutes >= int64(min(r.Points, exactMost))/2:
		return p.at(history.Minutes, r)
	case minutes < minutesMost: // a room that is read many times a second
		return p.at(history.Raw, r)
	}
	return p.at(history.Hours, r)
}

// at has windows of whole minutes and hours of a tier, or of readings by the two.
func (p plan) at(tier history.Tier, r Request) plan {
	unit := tier.Length()
	if tier == history.Raw {
		unit = max((2 * p.sample).Truncate(time.Second), time.Second)
	}
	wanted := r.To.Sub(r.From) / time.Duration(r.Points)
	p.tier, p.step = tier, max(unit, (wanted+unit-1)/unit*unit)
	p.from = r.From.UTC().Truncate(p.step)
	p.n = int((r.To.Sub(p.from) + p.step - 1) / p.step)
	p.gap = max(p.gap, p.step+p.step/2)
	return p
}

// coarser is the next tier.
func (p plan) coarser(r Request) (plan, bool) {
	switch p.tier {
	case history.Raw:
		return p.at(history.Minutes, r), true
	case history.Minutes:
		return p.at(history.Hours, r), true
	case history.Hours:
	}
	return p, false
}

// part is a range in one bucket.
type part struct {
	bucket   string
	tier     history.Tier
	from, to time.Time
}

// parts are where the range is: in the tier as far as it was rolled up, and raw from there on.
func (p plan) parts(bucket string, until, to time.Time) []part {
	if p.tier == history.Raw {
		return []part{{bucket, history.Raw, p.from, to}}
	}
	border := until
	if border.Before(p.from) {
		border = p.from
	}
	if border.After(to) {
		border = to
	}
	var all []part
	if p.from.Before(border) {
		all = append(all, part{history.In(bucket, p.tier), p.tier, p.from, border})
	}
	if border.Before(to) {
		all = append(all, part{bucket, history.Raw, border, to})
	}
	return all
}

// question is some fields of a measurement.
type question struct {
	measurement string
	fields      []field
	where       []history.Tag
}

// field is one that is asked for; of one without extremes only the means are.
type field struct {
	name     string
	extremes bool
}

// over is the query for a part.
func (q question) over(p part) string {
	where := slices.Clone(q.where)
	var fields []string
	for _, f := range q.fields {
		switch {
		case p.tier == history.Raw:
			fields = append(fields, f.name)
		case f.extremes:
			fields = append(fields, f.name+"_"+history.PartMean, f.name+"_"+history.PartMin, f.name+"_"+history.PartMax)
		default:
			fields = append(fields, f.name+"_"+history.PartMean)
		}
	}
	if p.tier == history.Raw && history.Judged(q.measurement) {
		where = append(where, history.Tag{Name: "quality", Value: "good"})
	}
	// Columns that say the same in every row are half of an answer's bytes.
	return history.Select(p.bucket, q.measurement, fields, where, p.from, p.to) + ` |> drop(columns: ["_start", "_stop", "room", "quality"])`
}

// absent forgives a bucket that is not there: nothing was stored in it.
func absent(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	return err
}
