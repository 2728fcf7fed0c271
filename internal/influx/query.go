package influx

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
)

// Point is one value of a series.
type Point struct {
	Time  time.Time `json:"time"`
	Value float64   `json:"value"`
}

// pointsMost bounds an answer: a screen shows a few thousand.
const pointsMost = 100_000

// Series reads one numeric field of a measurement between from and to, oldest first: the means of windows of
// length every (stamped with their ends), or each point where every is zero. Of a field with several series
// under the tags, all are taken together. At most 100,000 points. No data is no error.
// Errors: ErrInvalid, ErrUnreachable, ErrNotFound (bucket), ErrUnauthorised.
func (c *Client) Series(
	ctx context.Context, measurement, field string, tags map[string]string, from, to time.Time, every time.Duration,
) ([]Point, error) {
	if !from.Before(to) || every < 0 {
		return nil, fmt.Errorf("%w: a series from %s to %s in windows of %s", fault.ErrInvalid,
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), every)
	}
	query := c.from(measurement, field, tags, from, to) + ` |> group() |> sort(columns: ["_time"])`
	if every > 0 {
		query += fmt.Sprintf(` |> aggregateWindow(every: %dms, fn: mean, createEmpty: false)`, max(every.Milliseconds(), 1))
	}
	query += fmt.Sprintf(` |> limit(n: %d) |> keep(columns: ["_time", "_value"])`, pointsMost)
	points := make([]Point, 0)
	err := c.run(ctx, query, func(_ string, p Point) { points = append(points, p) }, "")
	return points, err
}

// SeriesBy reads as Series does, for each value of a tag by itself: every sensor of a room in one query.
// Errors as Series.
func (c *Client) SeriesBy(
	ctx context.Context, measurement, field string, tags map[string]string, by string, from, to time.Time, every time.Duration,
) (map[string][]Point, error) {
	if !from.Before(to) || every <= 0 {
		return nil, fmt.Errorf("%w: series by %s from %s to %s in windows of %s", fault.ErrInvalid, by,
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), every)
	}
	query := c.from(measurement, field, tags, from, to) + fmt.Sprintf(
		` |> group(columns: [%s]) |> sort(columns: ["_time"]) |> aggregateWindow(every: %dms, fn: mean, createEmpty: false)`+
			` |> limit(n: %d) |> keep(columns: ["_time", "_value", %s])`, history.Quote(by), max(every.Milliseconds(), 1), pointsMost, history.Quote(by))
	points := make(map[string][]Point)
	err := c.run(ctx, query, func(tag string, p Point) { points[tag] = append(points[tag], p) }, by)
	return points, err
}

// Latest reads the newest value of a field since a time; ok is false when there is none. Errors as Series.
func (c *Client) Latest(
	ctx context.Context, measurement, field string, tags map[string]string, since time.Time,
) (latest Point, ok bool, err error) {
	query := c.from(measurement, field, tags, since, time.Time{}) + ` |> group() |> sort(columns: ["_time"]) |> last() |> keep(columns: ["_time", "_value"])`
	err = c.run(ctx, query, func(_ string, p Point) { latest, ok = p, true }, "")
	return latest, ok, err
}

// LatestBy reads the newest value of a field for each value of a tag: every sensor of a room in one query.
// Errors as Series.
func (c *Client) LatestBy(
	ctx context.Context, measurement, field string, tags map[string]string, by string, since time.Time,
) (map[string]Point, error) {
	query := c.from(measurement, field, tags, since, time.Time{}) + fmt.Sprintf(
		` |> group(columns: [%s]) |> sort(columns: ["_time"]) |> last() |> keep(columns: ["_time", "_value", %s])`, history.Quote(by), history.Quote(by))
	points := make(map[string]Point)
	err := c.run(ctx, query, func(tag string, p Point) { points[tag] = p }, by)
	return points, err
}

// from selects a field; a zero to means up to a day ahead, for clocks that are.
func (c *Client) from(measurement, field string, tags map[string]string, from, to time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, `from(bucket: %s) |> range(start: %s`, history.Quote(c.config.Bucket), history.Time(from))
	if to.IsZero() {
		to = time.Now().Add(24 * time.Hour)
	}
	fmt.Fprintf(&b, `, stop: %s)`, history.Time(to))
	fmt.Fprintf(&b, ` |> filter(fn: (r) => r._measurement == %s and r._field == %s`, history.Quote(measurement), history.Quote(field))
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&b, ` and r[%s] == %s`, history.Quote(tag), history.Quote(tags[tag]))
	}
	b.WriteString(")")
	return b.String()
}

func (c *Client) run(ctx context.Context, query string, take func(tag string, p Point), by string) (err error) {
	const doing = "read a series"
	result, err := c.query.Query(ctx, query)
	if err != nil {
		return c.explain(ctx, err, doing)
	}
	defer func() {
		if closeErr := result.Close(); closeErr != nil && err == nil {
			err = c.explain(ctx, closeErr, doing)
		}
	}()
	for result.Next() {
		record := result.Record()
		value, ok := number(record.Value())
		if !ok {
			continue // a text field has no place on a curve
		}
		tag := ""
		if by != "" {
			tag, _ = record.ValueByKey(by).(string)
		}
		take(tag, Point{Time: record.Time().UTC(), Value: value})
	}
	if err := result.Err(); err != nil {
		return c.explain(ctx, err, doing)
	}
	return nil
}

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
