package series

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const raw = "o/autogen"

// shelf answers queries as InfluxDB does: series by series, each oldest first. It keeps what it was asked.
type shelf struct {
	mu      sync.Mutex
	samples map[string]map[*history.Series][]history.Sample // by bucket
	asked   []string
	answer  error
}

var query = regexp.MustCompile(`^from\(bucket: "(.*?)"\) \|> range\(start: (.*?), stop: (.*?)\) \|> filter\(fn: \(r\) => (.*?)\)( \|> drop\(.*\)| \|> last\(\))?$`)

func (s *shelf) Rows(_ context.Context, text string, take func(history.Sample) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, text)
	if s.answer != nil {
		return s.answer
	}
	parts := query.FindStringSubmatch(text)
	if parts == nil {
		return fmt.Errorf("no query of ours: %s", text)
	}
	from, err := time.Parse(time.RFC3339Nano, parts[2])
	if err != nil {
		return err
	}
	to, err := time.Parse(time.RFC3339Nano, parts[3])
	if err != nil {
		return err
	}
	if s.samples[parts[1]] == nil {
		return fmt.Errorf("bucket %s: %w", parts[1], fault.ErrNotFound)
	}
	for series, samples := range s.samples[parts[1]] {
		if !s.matches(series, parts[4]) {
			continue
		}
		samples = slices.DeleteFunc(slices.Clone(samples), func(one history.Sample) bool { return one.At < from.UnixMilli() || one.At >= to.UnixMilli() })
		if strings.HasPrefix(parts[5], " |> last") && len(samples) > 0 {
			samples = samples[len(samples)-1:]
		}
		for _, one := range samples {
			if err := take(history.Sample{Series: series, At: one.At, Value: one.Value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// matches reads the conditions that package history writes.
func (s *shelf) matches(series *history.Series, condition string) bool {
	for _, part := range regexp.MustCompile(`r\["(.*?)"\] == "(.*?)"`).FindAllStringSubmatch(condition, -1) {
		if series.Tag(part[1]) != part[2] {
			return false
		}
	}
	fields := regexp.MustCompile(`r\._field == "(.*?)"`).FindAllStringSubmatch(condition, -1)
	known := len(fields) == 0 || slices.ContainsFunc(fields, func(f []string) bool { return f[1] == series.Field })
	return known && strings.Contains(condition, fmt.Sprintf("r._measurement == %q", series.Measurement))
}

// put stores values of a series, one each step from a time on; NaN-free by nature, a gap is two calls.
func (s *shelf) put(bucket string, series *history.Series, at time.Time, step time.Duration, values ...float64) {
	if s.samples == nil {
		s.samples = map[string]map[*history.Series][]history.Sample{}
	}
	if s.samples[bucket] == nil {
		s.samples[bucket] = map[*history.Series][]history.Sample{}
	}
	for i, v := range values {
		s.samples[bucket][series] = append(s.samples[bucket][series],
			history.Sample{At: at.Add(time.Duration(i) * step).UnixMilli(), Value: history.Value{Kind: history.Float, Float: v}})
	}
}

// rolled says how far the rolling-up has come.
func (s *shelf) rolled(until time.Time) {
	s.put("o/hours", &history.Series{Measurement: "rollup", Field: "until_ms"}, until, 0)
	series := &history.Series{Measurement: "rollup", Field: "until_ms"}
	s.samples["o/hours"][series] = []history.Sample{{At: until.UnixMilli(), Value: history.Value{Kind: history.Int, Int: until.UnixMilli()}}}
}

func (s *shelf) count(words ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, text := range s.asked {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			n++
		}
	}
	return n
}

func temp(field, sensor string) *history.Series {
	return &history.Series{Measurement: "temp", Field: field, Tags: []history.Tag{{Name: "quality", Value: "good"}, {Name: "room", Value: "lab"}, {Name: "sensor", Value: sensor}}}
}

// window is a rolled-up series, which has no quality.
func window(field, sensor string) *history.Series {
	return &history.Series{Measurement: "temp", Field: field, Tags: []history.Tag{{Name: "room", Value: "lab"}, {Name: "sensor", Value: sensor}}}
}

func lab() spec.Room {
	return spec.Room{
		Name: "lab", Policy: spec.DefaultPolicy(),
		Sensors:         []spec.Sensor{{ID: 1, Name: "A"}, {ID: 2, Role: spec.RoleInlet}, {ID: 3, Name: "blow", Role: spec.RoleSupply}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 18, Max: 30}},
	}
}

func curve(t *testing.T, a Answer, id string) Curve {
	t.Helper()
	for _, c := range a.Series {
		if c.ID == id {
			require.Len(t, c.Values, len(a.Times))
			return c
		}
	}
	t.Fatalf("there is no %s in %d curves", id, len(a.Series))
	return Curve{}
}
