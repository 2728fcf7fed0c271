package main

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/server"
)

// logs are the Logs of the page: Temporal has them followed, Kafka brings their lines.
type logs struct {
	*temporal.Client
	kafka kafka.Config
}

// TailLogs implements server.Logs.
func (l logs) TailLogs(ctx context.Context, since time.Time, take func(wire.LogLines)) error {
	tail, err := kafka.NewTail(l.kafka, since, wire.TopicLog)
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx)
		if err != nil {
			return err
		}
		for _, record := range records {
			if lines, err := wire.Decode[wire.LogLines](record.Value); err == nil { // else somebody else's record
				take(lines)
			}
		}
	}
}

// boxHistory reads what boxes have measured.
type boxHistory struct {
	stored *influx.Client
	bucket string
}

// rowsMost bounds one question: a box with a thousand interfaces has some 2 million values an hour. seriesMost bounds the
// answer.
const (
	rowsMost   = 300_000
	seriesMost = 200
)

var errEnough = errors.New("enough")

// boxSources are the measurements of a box with the items that are drawn, and the tag that tells their parts apart.
func boxSources() []struct {
	measurement, by string
	items           []string
} {
	return []struct {
		measurement, by string
		items           []string
	}{
		{"resource", "", []string{"load1", "cpu_percent", "cpu_user_percent", "cpu_system_percent", "cpu_idle_percent", "mem_available_bytes"}},
		{"disk", "disk", []string{"used_percent"}},
		{"interface", "interface", []string{"in_bytes_s", "out_bytes_s", "in_errors_s", "out_errors_s", "in_discards_s", "out_discards_s"}},
	}
}

// Items implements server.BoxHistory, from raw readings.
func (b boxHistory) Items(ctx context.Context, box string, from, to time.Time, step time.Duration) (server.BoxItems, error) {
	a := &boxItems{from: from.UnixMilli(), step: step.Milliseconds(), steps: int(to.Sub(from) / step), sums: map[itemName][]sum{}}
	items := server.BoxItems{Box: box, From: a.from, To: to.UnixMilli(), Step: a.step}
	for _, source := range boxSources() {
		rows := 0
		query := history.Select(b.bucket, source.measurement, source.items, []history.Tag{{Name: "box", Value: box}}, from, to)
		err := b.stored.Rows(ctx, query, func(s history.Sample) error {
			if rows++; rows > rowsMost {
				return errEnough
			}
			a.take(s, source.by)
			return nil
		})
		switch {
		case errors.Is(err, errEnough):
			items.LeftOut = true
		case err != nil:
			return items, err
		}
	}
	items.Interval = a.interval()
	items.Series = a.series()
	if len(items.Series) > seriesMost {
		items.Series, items.LeftOut = items.Series[:seriesMost], true
	}
	return items, nil
}

// itemName is one item of one part of a box.
type itemName struct{ item, of string }

type sum struct {
	total float64
	n     int
}

// boxItems puts the values of a box into steps.
type boxItems struct {
	from, step int64
	steps      int
	sums       map[itemName][]sum
	times      []int64 // of one item: what tells the interval
}

func (a *boxItems) take(s history.Sample, by string) {
	value, is := s.Value.Number()
	at := int((s.At - a.from) / a.step)
	if !is || at < 0 || at >= a.steps {
		return
	}
	name := itemName{item: s.Series.Field}
	if by != "" {
		name.of = s.Series.Tag(by)
	}
	if a.sums[name] == nil {
		a.sums[name] = make([]sum, a.steps)
	}
	a.sums[name][at].total += value
	a.sums[name][at].n++
	if name.item == "load1" {
		a.times = append(a.times, s.At)
	}
}

// interval is the median time between two measurements, ms; 0 when there are too few.
func (a *boxItems) interval() int64 {
	if len(a.times) < 4 {
		return 0
	}
	slices.Sort(a.times)
	var gaps []int64
	for i, at := range a.times[1:] {
		gaps = append(gaps, at-a.times[i])
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

func (a *boxItems) series() []server.BoxSeries {
	all := []server.BoxSeries{}
	for _, source := range boxSources() {
		for _, item := range source.items {
			var parts []string
			for name := range maps.Keys(a.sums) {
				if name.item == item {
					parts = append(parts, name.of)
				}
			}
			slices.Sort(parts)
			for _, of := range parts {
				all = append(all, server.BoxSeries{Item: item, Of: of, Values: means(a.sums[itemName{item, of}])})
			}
		}
	}
	return all
}

// means are rounded to what a line of a few pixels can show, for the sake of the bytes.
func means(sums []sum) []*float64 {
	values := make([]*float64, len(sums))
	for i, s := range sums {
		if s.n > 0 {
			mean := math.Round(s.total/float64(s.n)*100) / 100
			values[i] = &mean
		}
	}
	return values
}

// Disks implements server.BoxHistory, from the tier that fits.
func (b boxHistory) Disks(ctx context.Context, box string, to time.Time, step time.Duration, windows int) (map[string][]float64, error) {
	from := to.Add(-step * time.Duration(windows))
	answer, err := b.stored.Windows(ctx, influx.Question{
		Measurement: "disk", Field: "used_percent", Tags: map[string]string{"box": box}, By: "disk", From: from, To: to, Every: step,
	})
	if err != nil {
		return nil, err
	}
	disks := map[string][]float64{}
	for path, found := range answer.By {
		values := make([]float64, windows)
		for i := range values {
			values[i] = math.NaN()
		}
		for _, w := range found {
			if i := int(w.From.Sub(from) / step); i >= 0 && i < windows {
				values[i] = w.Mean
			}
		}
		disks[path] = values
	}
	return disks, nil
}
