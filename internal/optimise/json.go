package optimise

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// version of what is stored. A model of another version begins anew: it learns again within a day.
const version = 1

// stored is a model as JSON: about 3 KB. Times are Unix milliseconds, zero: none.
type stored struct {
	Version int         `json:"v"`
	Inlet   storedInlet `json:"inlet"`
	Power   storedPower `json:"power"`
	Heat    storedHeat  `json:"heat"`
	Plan    storedPlan  `json:"plan"`
}

type storedInlet struct {
	Blocks  int           `json:"blocks"`
	At      int64         `json:"at"`
	Gap     short         `json:"gap"`
	Now     short         `json:"now"`
	Gain    short         `json:"gain"`
	Hottest [lately]short `json:"hottest"`
	When    [lately]int64 `json:"when"`
}

type storedPower struct {
	Blocks  int      `json:"blocks"`
	At      int64    `json:"at"`
	Scale   short    `json:"scale"`
	Load    short    `json:"load"`
	Known   bool     `json:"known"`
	Mean    short    `json:"mean"`
	LoadNow short    `json:"load_now"`
	Error2  short    `json:"error2"`
	Works   [2]int   `json:"works"`
	Middle  [2]short `json:"middle"`
	// Filters are those of power and of works: float32, little-endian, base64.
	Filters  string                 `json:"filters"`
	Machines [mostMachines][2]short `json:"machines"` // most and usual power of each
}

type storedHeat struct {
	Rate   short `json:"rate"`
	Events int   `json:"events"`
}

type storedPlan struct {
	Blocks   int   `json:"blocks"`
	Ceiling  int   `json:"ceiling"`
	Changed  int64 `json:"changed"`
	Explores int   `json:"explores"`
	Explored int   `json:"explored"`
	Began    int64 `json:"began"`
	Doubted  int64 `json:"doubted"`
	Error    short `json:"error"`
}

// short is a number with as many digits as matter.
type short = float32

// filterSize is how many numbers of a filter are stored: coefficients, half of the covariance, and three more.
const filterSize = features + features*(features+1)/2 + 3

func (q *power) all() [hypotheses + 2]*filter {
	var all [hypotheses + 2]*filter
	for i := range q.filters {
		all[i] = &q.filters[i]
	}
	for i := range q.works {
		all[hypotheses+i] = &q.works[i].filter
	}
	return all
}

// MarshalJSON stores what has been learned. What is being averaged just now, half an hour at most, is not stored.
func (m Model) MarshalJSON() ([]byte, error) {
	l, q, p := m.inlet, m.power, m.plan
	s := stored{Version: version, Heat: storedHeat{short(m.heat.rate), m.heat.events}}
	s.Inlet = storedInlet{Blocks: l.blocks, At: millis(l.at), Gap: short(l.gap), Now: short(l.now), Gain: short(l.gain), When: l.when}
	for i, v := range l.hottest {
		s.Inlet.Hottest[i] = short(v)
	}
	s.Power = storedPower{
		Blocks: q.blocks, At: millis(q.at), Scale: short(q.scale), Load: short(q.load), Known: q.known,
		Mean: short(q.mean), LoadNow: short(q.loadNow), Error2: short(q.error2),
	}
	for i := range q.works {
		s.Power.Works[i], s.Power.Middle[i] = q.works[i].blocks, short(q.works[i].middle)
	}
	for i, a := range m.block.machines {
		s.Power.Machines[i] = [2]short{short(a.most), short(a.usual)}
	}
	var raw []byte
	for _, f := range q.all() {
		f.each(func(v *float64) { raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(*v))) })
	}
	s.Power.Filters = base64.RawStdEncoding.EncodeToString(raw)
	s.Plan = storedPlan{
		Blocks: p.blocks, Ceiling: p.ceiling, Changed: millis(p.changed), Explores: p.explores, Explored: p.explored,
		Began: millis(p.began), Doubted: millis(p.doubted), Error: short(p.error),
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode what was learned of a room: %w", err)
	}
	return text, nil
}

// UnmarshalJSON restores a model. One of another version, or with impossible numbers, begins anew; only what is no JSON
// object is an error.
func (m *Model) UnmarshalJSON(text []byte) error {
	var s stored
	*m = Model{}
	var which struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(text, &which); err != nil {
		return fmt.Errorf("decode what was learned of a room: %w", err)
	}
	if which.Version != version || json.Unmarshal(text, &s) != nil {
		return nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(s.Power.Filters)
	if err != nil || len(raw) != 4*filterSize*(hypotheses+2) {
		return nil //nolint:nilerr // a model that cannot be read begins anew
	}
	n := restore(s)
	for _, f := range n.power.all() {
		f.each(func(v *float64) {
			*v = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			raw = raw[4:]
		})
		f.mirror()
	}
	if n.sound() {
		*m = n
	}
	return nil
}

func restore(s stored) Model {
	var m Model
	l, q, p := s.Inlet, s.Power, s.Plan
	m.inlet = inlet{blocks: l.Blocks, at: moment(l.At), gap: float64(l.Gap), now: float64(l.Now), gain: float64(l.Gain), when: l.When}
	for i, v := range l.Hottest {
		m.inlet.hottest[i] = float64(v)
	}
	m.power = power{
		blocks: q.Blocks, at: moment(q.At), scale: float64(q.Scale), load: float64(q.Load), known: q.Known,
		mean: float64(q.Mean), loadNow: float64(q.LoadNow), error2: float64(q.Error2),
	}
	for i := range m.power.works {
		m.power.works[i].blocks, m.power.works[i].middle = q.Works[i], float64(q.Middle[i])
	}
	for i, v := range q.Machines {
		m.block.machines[i] = machine{most: float64(v[0]), usual: float64(v[1])}
	}
	m.heat = heat{rate: float64(s.Heat.Rate), events: s.Heat.Events}
	m.plan = plan{
		blocks: p.Blocks, ceiling: p.Ceiling, changed: moment(p.Changed), explores: p.Explores, explored: p.Explored,
		began: moment(p.Began), doubted: moment(p.Doubted), error: float64(p.Error),
	}
	return m
}

// sound says that a restored model can be worked with. JSON has no NaN, but the filters could.
func (m *Model) sound() bool {
	ok := m.power.blocks >= 0 && m.power.mean >= 0 && m.power.scale >= 0 && (m.power.blocks == 0 || m.power.scale > 0) &&
		(m.inlet.blocks == 0 || between(m.inlet.gain, 0.1, 1.5)) && m.heat.rate >= 0 && m.plan.error >= 0 && m.power.error2 >= 0
	for i, f := range m.power.all() {
		f.each(func(v *float64) { ok = ok && finite(*v) && math.Abs(*v) < 1e6 })
		used := m.power.blocks > 0
		if i >= hypotheses {
			used = m.power.works[i-hypotheses].blocks > 0
		}
		ok = ok && (!used || f.noise > 0)
	}
	return ok
}

// each visits every number of a filter that is stored, in order.
func (f *filter) each(visit func(*float64)) {
	for i := range f.x {
		visit(&f.x[i])
	}
	for i := range features {
		for j := i; j < features; j++ {
			visit(&f.p[i][j])
		}
	}
	visit(&f.noise)
	visit(&f.weight)
	visit(&f.walls)
}

// mirror restores the half of the covariance that is not stored, a little widened for the digits that were lost.
func (f *filter) mirror() {
	for i := range features {
		f.p[i][i] *= 1 + 1e-5
		for j := range i {
			f.p[i][j] = f.p[j][i]
		}
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
