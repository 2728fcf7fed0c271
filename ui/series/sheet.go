package series

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

// questions are what is asked of InfluxDB for the curves that are wanted.
func questions(r Request) []question {
	var all []question
	in := []history.Tag{{Name: "room", Value: r.Room.Name}}
	temperature := wanted(r, KindInlet) || wanted(r, KindSensor)
	damp := wanted(r, KindHumidity) || wanted(r, KindDewPoint)
	where := in
	if id, single := oneSensor(r); single {
		where = append(slices.Clone(in), history.Tag{Name: "sensor", Value: id})
	}
	if temperature || wanted(r, KindDewPoint) {
		all = append(all, question{"temp", []field{{"temperature", temperature}}, where})
	}
	if damp {
		all = append(all, question{"temp", []field{{"humidity", false}}, where})
	}
	if wanted(r, KindPower) || wanted(r, KindLoad) {
		all = append(all, question{"power", []field{{"watts", true}}, in})
	}
	return all
}

// wanted says whether a curve of a kind is.
func wanted(r Request, kind string) bool {
	return len(r.Only) == 0 || slices.ContainsFunc(r.Only, func(id string) bool { return id == kind || strings.HasPrefix(id, kind+"/") })
}

// oneSensor is the sensor when nothing but its curve is wanted.
func oneSensor(r Request) (string, bool) {
	if len(r.Only) != 1 {
		return "", false
	}
	return strings.CutPrefix(r.Only[0], KindSensor+"/")
}

// column is one field of one thing while its samples come in.
type column struct {
	mean, low, high Column // mean is the sum until it is settled
	weight          Column
	at              []int64 // of readings as they are; then mean has one for each
}

// key is which: temperature and sensor, humidity and sensor, watts and air conditioner.
type key struct{ field, thing string }

// sheet is the columns of an answer while they come in, by as many queries at once.
type sheet struct {
	room spec.Room
	plan plan
	told map[string][]told // commands by air conditioner

	mu      sync.Mutex
	columns map[key]*column
}

func newSheet(r Request, p plan) *sheet {
	return &sheet{room: r.Room, plan: p, columns: map[key]*column{}}
}

// taking is one query's part of a sheet.
type taking struct {
	sheet  *sheet
	series *history.Series
	column *column
	part   string // of a window: mean, min, max; empty: a reading
}

func (s *sheet) begin() *taking { return &taking{sheet: s} }

// take gives what takes the samples of a part in.
func (t *taking) take(p part) func(history.Sample) error {
	plan := t.sheet.plan
	begin, step := plan.from.UnixMilli(), plan.step.Milliseconds()
	weight := 1.0
	if p.tier != history.Raw { // a window of a tier stands for as many readings
		weight = float64(p.tier.Length()) / float64(plan.sample)
	}
	return func(sample history.Sample) error {
		if sample.Series != t.series {
			t.next(sample.Series)
		}
		value, ok := sample.Value.Number()
		if !ok || math.IsNaN(value) {
			return nil
		}
		c := t.column
		if step == 0 {
			c.at, c.mean = append(c.at, sample.At), append(c.mean, value)
			return nil
		}
		i := (sample.At - begin) / step
		if i < 0 || i >= int64(plan.n) {
			return nil
		}
		if t.part == "" || t.part == history.PartMean {
			c.mean[i] += weight * value
			c.weight[i] += weight
		}
		if t.part == "" || t.part == history.PartMin {
			c.low[i] = least(c.low[i], value)
		}
		if t.part == "" || t.part == history.PartMax {
			c.high[i] = most(c.high[i], value)
		}
		return nil
	}
}

// next finds the column of a series.
func (t *taking) next(s *history.Series) {
	t.series, t.part = s, ""
	name := s.Field
	for _, part := range []string{history.PartMean, history.PartMin, history.PartMax} {
		if before, found := strings.CutSuffix(name, "_"+part); found {
			name, t.part = before, part
		}
	}
	thing := s.Tag("sensor")
	if name == "watts" {
		thing = s.Tag("ac")
	}
	t.column = t.sheet.column(key{name, thing})
}

func (s *sheet) column(k key) *column {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.columns[k] == nil {
		n := s.plan.n
		s.columns[k] = &column{mean: make(Column, n), weight: make(Column, n), low: nothing(n), high: nothing(n)}
	}
	return s.columns[k]
}

// empty says that no sensor and no meter has told anything.
func (s *sheet) empty() bool {
	for _, c := range s.columns {
		if len(c.at) > 0 || slices.ContainsFunc(c.weight, func(w float64) bool { return w > 0 }) {
			return false
		}
	}
	return true
}

// answer settles the columns and makes the curves of them.
func (s *sheet) answer(r Request) Answer {
	p := s.plan
	a := Answer{From: r.From.UnixMilli(), To: r.To.UnixMilli(), Tier: p.tier, StepMillis: p.step.Milliseconds(), GapMillis: p.gap.Milliseconds(), Series: []Curve{}}
	if p.step == 0 {
		a.Times = s.rows(r)
		for _, c := range s.columns {
			c.spread(a.Times, p.row())
		}
	} else {
		a.Times = make([]int64, p.n)
		for i := range a.Times {
			a.Times[i] = p.from.UnixMilli() + int64(i)*a.StepMillis
		}
		for _, c := range s.columns {
			for i := range c.mean {
				c.mean[i] /= c.weight[i] // 0/0 is NaN: nothing there
			}
		}
	}
	for _, curve := range s.curves(a.Times) {
		if slices.Contains(r.Only, curve.ID) || slices.Contains(r.Only, curve.Kind) || len(r.Only) == 0 {
			a.Series = append(a.Series, curve)
		}
	}
	return a
}

// row is within how many ms readings stand in one row: those of one round.
func (p plan) row() int64 { return max(p.sample.Milliseconds()/4, 1) }

// rows are the times of readings that are shown as they are, and of commands; where nothing came for too long a row more,
// in which nothing stands.
func (s *sheet) rows(r Request) []int64 {
	all := []int64{r.From.UnixMilli(), r.To.UnixMilli() - 1} // what holds, holds from the first to the last
	for _, c := range s.columns {
		all = append(all, c.at...)
	}
	for _, commands := range s.told {
		for _, one := range commands {
			if one.at >= r.From.UnixMilli() && one.at < r.To.UnixMilli() {
				all = append(all, one.at)
			}
		}
	}
	slices.Sort(all)
	var rows []int64
	for _, at := range all {
		switch last := len(rows) - 1; {
		case last >= 0 && at-rows[last] < s.plan.row():
		case last >= 0 && at-rows[last] > s.plan.gap.Milliseconds():
			rows = append(rows, rows[last]+s.plan.row(), at)
		default:
			rows = append(rows, at)
		}
	}
	return rows
}

// spread puts readings into the rows.
func (c *column) spread(rows []int64, width int64) {
	values := nothing(len(rows))
	i := 0
	for n, at := range c.at {
		for i+1 < len(rows) && rows[i+1] <= at {
			i++
		}
		if at-rows[i] < width {
			values[i] = c.mean[n]
		}
	}
	c.mean, c.low, c.high = values, nil, nil
}

// nothing is n values that are not there.
func nothing(n int) Column {
	all := make(Column, n)
	for i := range all {
		all[i] = math.NaN()
	}
	return all
}

// least is the lesser of two, of which either may be NaN.
func least(a, b float64) float64 {
	if a < b || math.IsNaN(b) {
		return a
	}
	return b
}

// most is the greater of two, of which either may be NaN.
func most(a, b float64) float64 {
	if a > b || math.IsNaN(b) {
		return a
	}
	return b
}
