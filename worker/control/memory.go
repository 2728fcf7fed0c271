package control

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/wire"
)

// What is published of decisions: a change of what is done, at once; a change of the reason's words (its numbers change
// all the time) at most each wordsEvery; a change of what the rules remember each rememberEvery; and all of it each
// memoryEvery, which bounds how far a successor must read back.
const (
	wordsEvery    = 30 * time.Second
	rememberEvery = time.Minute
	accountEvery  = time.Minute // while there are meters: a page shows what was saved so far
	// It is below the gap of 5 min at which the rules forget how the inlet went in the last hour.
	memoryEvery = 4 * time.Minute
	// memoryMost is how long after the last sign of life the memory of another process is still gone on with. Later,
	// the room is a different one.
	memoryMost = memoryEvery + 5*time.Minute
	// drift is the change of the inlet's mean that counts as one, K: the resolution of a DHT22.
	drift = 0.1
	// rivalAfter is how long a decision of the former holder may be on its way.
	rivalAfter = 15 * time.Second
)

// publication is what was published last, and what of it was looked at since.
type publication struct {
	at, looked time.Time
	action     rules.Action
	setpoints  []int
	words      string
	memory     string // without what changes at each tick
}

// publication is what is to be published of the last decision; nil when nothing is.
func (r *room) publication(now time.Time, happened bool) *wire.Decision {
	t, d := &r.told, &r.last
	words, setpoints := wordsOf(d.Reason), setpointsOf(d)
	switch {
	case happened, t.at.IsZero(), now.Sub(t.at) >= memoryEvery, t.action != d.Action, !slices.Equal(t.setpoints, setpoints):
	case t.words != words && now.Sub(t.at) >= wordsEvery:
	case r.accounted() != nil && now.Sub(t.at) >= accountEvery:
	case now.Sub(t.looked) >= rememberEvery && t.memory != fingerprint(r.state):
	default:
		if now.Sub(t.looked) >= rememberEvery {
			t.looked = now
		}
		return nil
	}
	*t = publication{at: now, looked: now, action: d.Action, setpoints: setpoints, words: words, memory: fingerprint(r.state)}
	return r.decision(now)
}

// decision is the last decision for others to read.
func (r *room) decision(now time.Time) *wire.Decision {
	d := wire.Decision{
		Room: r.spec.Name, TimeMillis: now.UnixMilli(), Holder: r.holder, Action: string(cmp.Or(r.last.Action, rules.Hold)),
		Reason: clip(r.last.Reason), Fresh: r.last.Fresh, Memory: encodeState(r.state), ListeningMillis: r.listens().UnixMilli(),
	}
	if d.Fresh > 0 {
		d.Inlet = r.last.Inlet
	}
	for _, ac := range r.last.ACs {
		d.ACs = append(d.ACs, wire.DecisionAC{AC: ac.AC, Setpoint: ac.Setpoint, Reason: clip(ac.Reason)})
	}
	if o := r.outcome.Load(); o != nil {
		if o.advice != nil {
			d.Advice = clip(o.advice.Reason)
		}
		if _, outlook := o.at(now, r.policy); outlook != nil && d.Fresh > 0 {
			left := outlook.ToCritical.Milliseconds()
			d.ToCriticalMillis, d.Sure = &left, outlook.Sure
		}
	}
	d.Energy = r.accounted()
	return &d
}

// recollect takes a published decision of a room: of another process, or of this one before it was started again.
func (r *room) recollect(d wire.Decision, now time.Time, log *slog.Logger) {
	if !r.mine {
		if r.memory == nil || d.TimeMillis >= r.memory.TimeMillis {
			r.memory = &d
		}
		return
	}
	if d.Holder == r.holder || !time.UnixMilli(d.TimeMillis).After(r.since.Add(rivalAfter)) || now.Sub(r.since) < rivalAfter {
		return
	}
	if r.rivals++; r.rivals == 1 {
		log.Warn("two processes decide for a room; commands are told apart by their revisions", "room", r.spec.Name, "other", d.Holder)
	}
}

// gain makes the room ours: the rules go on with what its last holder remembered, as far as that can be known.
func (r *room) gain(now time.Time, log *slog.Logger) {
	r.mine, r.since, r.listening, r.rivals = true, now, time.Time{}, 0
	r.state, r.told, r.leased, r.last = rules.State{}, publication{}, time.Time{}, rules.Decision{}
	for _, m := range r.machines {
		m.wanted = nil
		if m.seen.Emergency && strings.HasPrefix(m.seen.ID, idPrefix) {
			m.mine, m.mineAt = m.seen, m.seenAt // said again when nobody confirms it
		}
	}
	if s, ok := r.remembered(now, log); ok {
		r.state = s
		if !r.back.After(time.UnixMilli(r.memory.TimeMillis)) { // else nobody has heard the room for a while
			r.listening = moment(r.memory.ListeningMillis)
		}
	} else {
		r.resume(now)
	}
	r.account(now)
	r.recall(r.raised())
}

// remembered is the memory of the last holder.
func (r *room) remembered(now time.Time, log *slog.Logger) (s rules.State, ok bool) {
	if r.memory == nil || len(r.memory.Memory) == 0 {
		return s, false
	}
	at := time.UnixMilli(r.memory.TimeMillis)
	alive := later(at, r.upheld)
	if now.Sub(alive) > memoryMost || at.Sub(now) > time.Minute {
		return s, false // long ago, or by a clock that cannot be believed
	}
	if err := json.Unmarshal(r.memory.Memory, &s); err != nil {
		log.Warn("what the rules remembered of a room cannot be read; they begin anew", "room", r.spec.Name, "cause", err.Error())
		return rules.State{}, false
	}
	// It was published because it changed, and was upheld unchanged as long as there were leases.
	if !s.MeanAt.IsZero() && r.upheld.After(at) {
		s.MeanAt = later(s.MeanAt, r.upheld)
	}
	if s.MeanAt.After(now) {
		s.MeanAt = now
	}
	for i := range s.Alerts {
		// One that nobody has published was lost with its holder: it begins again.
		if w := &s.Alerts[i]; !w.Began.IsZero() && r.lasting[w.ID].ID == "" {
			w.Began, w.Said = time.Time{}, time.Time{}
		}
	}
	return s, true
}

// resume is for a room of which no memory is left. An emergency that the workflow or a command of a forerunner still
// holds to goes on if the room is still hot: it would need a minute, or a critical reading, to begin again.
func (r *room) resume(now time.Time) {
	held := false
	for _, m := range r.machines {
		told := r.tells(m)
		held = held || told != nil && told.Emergency || r.unadopted(m, m.latest())
	}
	var inlets []float64
	for _, p := range r.probes {
		if p.inlet && p.heard && !p.last.Bad && now.Sub(p.last.At) <= r.policy.StaleAfter.D() {
			inlets = append(inlets, p.last.Celsius)
		}
	}
	if held && len(inlets) > 0 && rules.Median(inlets) >= r.policy.High-r.policy.HighHysteresis {
		r.state.EmergencySince = now
	}
}

// release gives the room away: the next holder goes on with what is published here.
func (r *room) release(now time.Time) effects {
	var e effects
	if !r.mine {
		return e
	}
	if r.last.Reason != "" { // it has decided
		e.decision = r.decision(now)
		r.memory = e.decision
	}
	for _, m := range r.machines {
		m.wanted = nil
		e.dropped = append(e.dropped, m.spec.Name)
	}
	r.mine, r.hot = false, false
	return e
}

func (r *room) raised() []wire.Alert {
	var alerts []wire.Alert
	for _, a := range r.lasting {
		alerts = append(alerts, a)
	}
	slices.SortFunc(alerts, func(a, b wire.Alert) int { return cmp.Compare(a.ID, b.ID) })
	return alerts
}

// worthKeeping leaves out conditions that neither hold nor were raised: most of all, and the rules make them anew.
func worthKeeping(all []rules.Watch) (kept []rules.Watch) {
	for _, w := range all {
		if !w.Began.IsZero() || !w.HoldsSince.IsZero() {
			kept = append(kept, w)
		}
	}
	return kept
}

// encodeState is a memory for others to go on with.
func encodeState(s rules.State) json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		return nil // a number that is none; whoever takes over begins anew
	}
	return text
}

// fingerprint is what of a memory lasts from tick to tick: when things began and were done, not what moves with every
// reading.
func fingerprint(s rules.State) string {
	out := fmt.Appendf(nil, "%.0f", s.Mean/drift)
	fields := reflect.ValueOf(s)
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		if at, is := fields.Field(i).Interface().(time.Time); is && name != "MeanAt" && name != "LastGood" {
			out = append(strconv.AppendInt(append(out, ' '), at.Unix(), 36), name...)
		}
	}
	for _, w := range s.Alerts {
		out = fmt.Appendf(out, " %s %d %d %s", w.ID, w.HoldsSince.Unix(), w.Began.Unix(), w.Severity)
	}
	for _, m := range s.Machines {
		out = fmt.Appendf(out, " %s %t %d", m.Name, m.On, len(m.Told))
	}
	return strconv.FormatUint(digest(out), 36)
}

// wordsOf is a sentence without its numbers.
func wordsOf(sentence string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c == '.' || c == '-' {
			return -1
		}
		return c
	}, sentence)
}

func setpointsOf(d *rules.Decision) []int {
	out := make([]int, len(d.ACs))
	for i, ac := range d.ACs {
		out[i] = ac.Setpoint
	}
	return out
}

// clip keeps a sentence within what a record may hold.
func clip(text string) string {
	const most = 1000 // bytes
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s…", strings.ToValidUTF8(text[:most], ""))
}
