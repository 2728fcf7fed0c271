package influx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

// Question asks for a number over time.
type Question struct {
	Measurement, Field string
	// Tags choose the series; with By, the name of a tag, each of its values is answered by itself.
	Tags     map[string]string
	By       string
	From, To time.Time
	// Every is the length of a window. It is rounded down to whole hours from an hour on, and to whole minutes from a
	// minute on; see Answer.Every.
	Every time.Duration
}

// Window is what the readings between From and To come to.
type Window struct {
	From, To       time.Time
	Mean, Min, Max float64
	Count          int64
}

// Answer is the windows of each series, oldest first; those without readings are left out.
type Answer struct {
	By    map[string][]Window // by the value of the tag; "" when the question has no By
	Every time.Duration
	Tier  history.Tier // that answered, but for the newest part, which raw readings answer
}

// Windows answers a question from the tier that fits: hours for windows of an hour and more, minutes for those of a minute
// and more, else raw readings; what is not rolled up yet comes from raw readings. Means are weighted by what they are
// means of. Only good readings count. A year of one sensor in hours takes some 0.1 s, where raw readings would take
// minutes. Before anything was rolled up all comes from raw readings. Errors: ErrInvalid, ErrUnreachable, ErrNotFound,
// ErrUnauthorised, ErrRejected.
func (c *Client) Windows(ctx context.Context, q Question) (Answer, error) {
	if !q.From.Before(q.To) || q.Every <= 0 || q.Measurement == "" || q.Field == "" {
		return Answer{}, fmt.Errorf("%w: windows of %s from %s to %s", fault.ErrInvalid, q.Every, history.Time(q.From), history.Time(q.To))
	}
	tier, every := history.Pick(q.Every)
	asked := &asking{question: q, every: every, sums: map[string]map[int64]*Window{}}
	from := q.From.Truncate(every)
	border := from
	if tier != history.Raw {
		until, err := c.rolledUp(ctx)
		if err != nil {
			return Answer{}, err
		}
		// Whole windows of the tier: a window is answered by one tier, or by two that share its minutes.
		if border = until; border.Before(from) {
			border = from
		}
		if border.After(q.To) {
			border = q.To
		}
		if err := asked.rolled(ctx, c, history.In(c.config.Bucket, tier), from, border); err != nil {
			return Answer{}, err
		}
	}
	if border.Before(q.To) {
		if err := asked.raw(ctx, c, border); err != nil {
			return Answer{}, err
		}
	}
	return Answer{By: asked.windows(), Every: every, Tier: tier}, nil
}

// rolledUp is how far the rolling-up has come; zero when there is none.
func (c *Client) rolledUp(ctx context.Context) (time.Time, error) {
	var cursor history.Cursor
	err := c.Rows(ctx, history.CursorQuery(c.config.Bucket, time.Now()), func(s history.Sample) error {
		cursor.Take(s)
		return nil
	})
	if errors.Is(err, fault.ErrNotFound) {
		return time.Time{}, nil
	}
	return cursor.Until, err
}

// asking puts an answer together.
type asking struct {
	question Question
	every    time.Duration
	sums     map[string]map[int64]*Window // Mean is the sum while they are put together
}

func (a *asking) at(s history.Sample) *Window {
	series := s.Series.Tag(a.question.By)
	if a.sums[series] == nil {
		a.sums[series] = map[int64]*Window{}
	}
	begin := time.UnixMilli(s.At).UTC().Truncate(a.every)
	w := a.sums[series][begin.UnixMilli()]
	if w == nil {
		w = &Window{From: begin, To: begin.Add(a.every)}
		a.sums[series][begin.UnixMilli()] = w
	}
	return w
}

func (w *Window) add(sum, low, high float64, n int64) {
	if n == 0 {
		return
	}
	if w.Count == 0 {
		w.Min, w.Max = low, high
	}
	w.Count, w.Mean = w.Count+n, w.Mean+sum
	w.Min, w.Max = min(w.Min, low), max(w.Max, high)
}

func (a *asking) where() []history.Tag {
	var all []history.Tag
	for _, name := range slices.Sorted(maps.Keys(a.question.Tags)) {
		all = append(all, history.Tag{Name: name, Value: a.question.Tags[name]})
	}
	return all
}

// raw takes readings in.
func (a *asking) raw(ctx context.Context, c *Client, from time.Time) error {
	where := a.where()
	if history.Judged(a.question.Measurement) && a.question.Tags["quality"] == "" {
		where = append(where, history.Tag{Name: "quality", Value: "good"})
	}
	query := history.Select(c.config.Bucket, a.question.Measurement, []string{a.question.Field}, where, from, a.question.To)
	return c.Rows(ctx, query, func(s history.Sample) error {
		if value, ok := s.Value.Number(); ok {
			a.at(s).add(value, value, value, 1)
		}
		return nil
	})
}

// rolled takes windows of a tier in: their four parts come apart, each a series of its own.
func (a *asking) rolled(ctx context.Context, c *Client, bucket string, from, to time.Time) error {
	if !from.Before(to) {
		return nil
	}
	where := slices.DeleteFunc(a.where(), func(tag history.Tag) bool { return tag.Name == "quality" })
	parts := []string{history.PartMean, history.PartMin, history.PartMax, history.PartCount}
	fields := make([]string, 0, len(parts))
	for _, part := range parts {
		fields = append(fields, a.question.Field+"_"+part)
	}
	type thing struct {
		series *history.Series
		parts  map[int64]*[4]float64
	}
	things := map[string]*thing{}
	var last *history.Series
	var now *thing
	part := 0
	err := c.Rows(ctx, history.Select(bucket, a.question.Measurement, fields, where, from, to), func(s history.Sample) error {
		if s.Series != last {
			last, part = s.Series, slices.Index(parts, strings.TrimPrefix(s.Series.Field, a.question.Field+"_"))
			key := fmt.Sprint(s.Series.Tags)
			if now = things[key]; now == nil {
				now = &thing{series: s.Series, parts: map[int64]*[4]float64{}}
				things[key] = now
			}
		}
		if now.parts[s.At] == nil {
			now.parts[s.At] = &[4]float64{}
		}
		now.parts[s.At][max(part, 0)], _ = s.Value.Number()
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(things)) { // in order: sums of floats depend on it
		for _, at := range slices.Sorted(maps.Keys(things[key].parts)) {
			p := things[key].parts[at]
			a.at(history.Sample{Series: things[key].series, At: at}).add(p[0]*p[3], p[1], p[2], int64(p[3]))
		}
	}
	return nil
}

// windows are the sums as means.
func (a *asking) windows() map[string][]Window {
	all := make(map[string][]Window, len(a.sums))
	for series, sums := range a.sums {
		for _, w := range sums {
			if w.Count > 0 {
				w.Mean /= float64(w.Count)
				all[series] = append(all[series], *w)
			}
		}
		slices.SortFunc(all[series], func(x, y Window) int { return cmp.Compare(x.From.UnixMilli(), y.From.UnixMilli()) })
	}
	return all
}
