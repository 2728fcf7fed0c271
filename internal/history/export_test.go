package history

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// shelf answers queries from samples by bucket, as InfluxDB does: series by series. It counts what it is asked.
type shelf struct {
	samples map[string]map[*Series][]Sample
	pages   int
	most    int // samples of one answer
}

func (s *shelf) Rows(_ context.Context, query string, take func(Sample) error) error {
	parts := regexp.MustCompile(`from\(bucket: "(.*?)"\) \|> range\(start: (.*?), stop: (.*?)\)`).FindStringSubmatch(query)
	from, err := time.Parse(time.RFC3339Nano, parts[2])
	if err != nil {
		return err
	}
	to, err := time.Parse(time.RFC3339Nano, parts[3])
	if err != nil {
		return err
	}
	if s.samples[parts[1]] == nil {
		return fmt.Errorf("bucket: %w", fault.ErrNotFound)
	}
	s.pages++
	n := 0
	for series, samples := range s.samples[parts[1]] {
		if !strings.Contains(query, fmt.Sprintf("%q", series.Measurement)) {
			continue
		}
		first := sort.Search(len(samples), func(i int) bool { return samples[i].At >= from.UnixMilli() })
		for _, sample := range samples[first:] {
			if sample.At >= to.UnixMilli() {
				break
			}
			if err := take(Sample{series, sample.At, sample.Value}); err != nil {
				return err
			}
			n++
		}
	}
	s.most = max(s.most, n)
	return nil
}

type sheet struct{ rows []Row }

func (s *sheet) Write(rows []Row) error {
	s.rows = append(s.rows, rows...)
	return nil
}

func TestAnExportHoldsAPageAtATimeAndLosesNothing(t *testing.T) {
	series := map[*Series][]Sample{}
	want := 0
	for sensor := range 20 {
		temperature := &Series{"temp", "temperature", []Tag{{"quality", "good"}, {"room", "lab"}, {"sensor", fmt.Sprint(sensor)}}}
		humidity := &Series{"temp", "humidity", temperature.Tags}
		step := 10 * time.Second
		for at := noon; at.Before(noon.Add(60 * 24 * time.Hour)); at = at.Add(step) {
			if at.After(noon.Add(24*time.Hour)) && at.Before(noon.Add(50*24*time.Hour)) {
				step = 6 * time.Hour // a page grows over a quiet time,
			} else if at.After(noon.Add(50 * 24 * time.Hour)) {
				step = 30 * time.Second // and then there is much in it at once
			}
			series[temperature] = append(series[temperature], Sample{nil, at.UnixMilli(), Value{Kind: Float, Float: 20}})
			if sensor%2 == 0 {
				series[humidity] = append(series[humidity], Sample{nil, at.UnixMilli(), Value{Kind: Float, Float: 40}})
			}
			want++
		}
	}
	from := &shelf{samples: map[string]map[*Series][]Sample{"o/autogen": series}}
	table, err := TableOf("temp")
	require.NoError(t, err)
	var out sheet
	var last Progress
	request := Request{Bucket: "o/autogen", Table: table, Tier: Raw, From: noon, To: noon.Add(60 * 24 * time.Hour)}
	require.NoError(t, Export(t.Context(), from, request, &out, func(p Progress) { last = p }))
	require.Len(t, out.rows, want)
	require.Equal(t, Progress{At: request.To, Rows: int64(want)}, last)
	require.LessOrEqual(t, from.most, 2*rowsMost, "samples in a page")
	for i, row := range out.rows {
		if i > 0 && row.At < out.rows[i-1].At {
			t.Fatalf("row %d goes back in time", i)
		}
		sensor := row.Cells[1].Int
		if row.Cells[3].Float != 20 || (row.Cells[4].Kind == Float) != (sensor%2 == 0) {
			t.Fatalf("row %d: %+v", i, row)
		}
	}
	gone := errors.New("the disk is full")
	require.Equal(t, gone, Export(t.Context(), from, request, full{gone}, func(Progress) {}))
}

type full struct{ err error }

func (f full) Write([]Row) error { return f.err }

func TestEventsComeFromTheHoursAndThenFromRawRecords(t *testing.T) {
	until := noon.Add(24 * time.Hour)
	setpoint := &Series{"command", "setpoint", []Tag{{"ac", "ac1"}, {"room", "lab"}}}
	sample := func(at time.Time, n int64) Sample { return Sample{nil, at.UnixMilli(), Value{Kind: Int, Int: n}} }
	from := &shelf{samples: map[string]map[*Series][]Sample{
		"o/autogen": {setpoint: {sample(until.Add(-time.Minute), 99), sample(until.Add(time.Minute), 24)}},
		"o/hours": {
			setpoint:                           {sample(noon, 22), sample(until.Add(-time.Minute), 23), sample(until.Add(time.Minute), 99)},
			&Series{"rollup", "until_ms", nil}: {sample(until, until.UnixMilli())},
		},
	}}
	table, err := TableOf("commands")
	require.NoError(t, err)
	read := func(since, to time.Time) (all []int64) {
		var out sheet
		require.NoError(t, Export(t.Context(), from, Request{Bucket: "o/autogen", Table: table, Tier: Raw, From: since, To: to}, &out, func(Progress) {}))
		for _, row := range out.rows {
			require.Equal(t, "lab ac1", row.Cells[0].Text+" "+row.Cells[1].Text)
			all = append(all, row.Cells[2].Int)
		}
		return all
	}
	require.Equal(t, []int64{22, 23, 24}, read(noon, until.Add(time.Hour)))
	require.Equal(t, []int64{24}, read(until, until.Add(time.Hour)))
	require.Equal(t, []int64{22}, read(noon, noon.Add(time.Hour)))
	require.Equal(t, []int64{22}, read(noon.Add(-30*24*time.Hour), noon.Add(time.Second)), "long before the cursor")
	require.Empty(t, read(noon.Add(-30*24*time.Hour), noon.Add(-10*24*time.Hour)))
	delete(from.samples, "o/hours")
	require.Equal(t, []int64{99, 24}, read(noon, until.Add(time.Hour)), "nothing was ever rolled up")
}

func TestTablesOfMinutesAndHours(t *testing.T) {
	table, err := TableOf("temp")
	require.NoError(t, err)
	hours, err := table.At(Hours)
	require.NoError(t, err)
	var names []string
	for _, c := range hours.Columns {
		names = append(names, c.Name)
	}
	require.Equal(t, "room sensor temperature_mean temperature_min temperature_max temperature_count humidity_mean humidity_min humidity_max humidity_count",
		strings.Join(names, " "))
	_, err = TableOf("weather")
	require.ErrorContains(t, err, "there are temp, power, resource, disk, interface, commands, acks, alerts, answers")
	alerts, err := TableOf("alerts")
	require.NoError(t, err)
	_, err = alerts.At(Minutes)
	require.ErrorIs(t, err, fault.ErrInvalid)
}
