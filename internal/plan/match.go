package plan

import (
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// pick is one member on one box with one option: its score, or the reasons against it.
type pick struct {
	member
	box        *boxState
	option     option
	platform   Platform
	probeImage *Image
	probe      *Platform // of the probe image, when the member needs one
	parts      []Part
	score      float64
	reasons    []string
}

// verdict is a whole unit on one box.
type verdict struct {
	box   *boxState
	picks []pick
	score float64
	fits  bool
}

// matcher is the matching of one service.
type matcher struct {
	service   spec.Service
	functions map[string]*spec.Function
	boxes     []*boxState
	boxByName map[string]*boxState
	probe     *Image
	options   map[string][]option
	existing  map[replicaKey][]found
	ours      []found
	ports     portTable
	explain   bool // keep the verdicts on boxes that were not chosen
}

// wants says whether the service still has such a replica.
func (m *matcher) wants(key replicaKey) bool {
	f := m.functions[key.function]
	return f != nil && f.External == "" && key.replica >= 1 && key.replica <= f.Replicas
}

// outcome is one attempt to place everything.
type outcome struct {
	chosen   []pick
	verdicts [][]verdict // of each unit, in the order of placing
	failed   []failure
}

// failure is a unit that fits nowhere.
type failure struct {
	unit     *unit
	verdicts []verdict
}

// place puts every unit on its best box, one after another: what runs already first, so that newcomers do not
// push it away, then what fits on the fewest boxes, then the largest. When that leaves something without a
// box, a second attempt goes by fit alone, which may move running functions but finds more.
func (m *matcher) place(units []*unit) outcome {
	for _, u := range units {
		u.fits = m.fitsEmpty(u)
	}
	first := m.attempt(inOrder(units, true))
	if len(first.failed) == 0 {
		return first
	}
	m.undo(first)
	second := m.attempt(inOrder(units, false))
	if len(second.failed) == 0 {
		return second
	}
	m.undo(second)
	return first
}

func (m *matcher) undo(o outcome) {
	for i := range o.chosen {
		m.give(&o.chosen[i])
	}
}

// fitsEmpty counts the boxes that a unit fits by what no other placement can change.
func (m *matcher) fitsEmpty(u *unit) int {
	n := 0
	for _, b := range m.boxes {
		if slices.ContainsFunc(u.members, func(one member) bool {
			return !slices.ContainsFunc(one.options, func(o option) bool {
				p := pick{member: one, box: b, option: o}
				m.checkFixed(&p)
				return len(p.reasons) == 0
			})
		}) {
			continue
		}
		n++
	}
	return n
}

func (m *matcher) attempt(units []*unit) outcome {
	var out outcome
	for _, u := range units {
		var best *verdict
		verdicts := make([]verdict, 0, len(m.boxes))
		for _, b := range m.boxes {
			verdicts = append(verdicts, m.judge(u, b))
			v := &verdicts[len(verdicts)-1]
			if v.fits && (best == nil || v.score > best.score) { // boxes go by name: the first of equals wins
				best = v
			}
		}
		if best == nil {
			out.failed = append(out.failed, failure{u, verdicts})
			continue
		}
		for i := range best.picks {
			m.have(&best.picks[i])
		}
		out.chosen = append(out.chosen, best.picks...)
		if m.explain {
			out.verdicts = append(out.verdicts, verdicts)
		}
	}
	return out
}

// judge puts a unit on a box tentatively, so that its members see each other's needs, and takes it off again.
func (m *matcher) judge(u *unit, b *boxState) verdict {
	v := verdict{box: b, fits: true, picks: make([]pick, 0, len(u.members))}
	for _, one := range u.members {
		p := m.bestOption(one, b)
		if len(p.reasons) > 0 {
			v.fits = false
		} else if len(u.members) > 1 {
			m.have(&p)
		}
		v.score += p.score
		v.picks = append(v.picks, p)
	}
	if len(u.members) == 1 {
		return v
	}
	for i := range v.picks {
		if len(v.picks[i].reasons) == 0 {
			m.give(&v.picks[i])
		}
	}
	if !v.fits {
		tellGroup(v.picks)
	}
	return v
}

// tellGroup gives the members that would fit the reasons of those that do not.
func tellGroup(picks []pick) {
	var inherited []string
	for _, p := range picks {
		for _, reason := range p.reasons {
			inherited = append(inherited, "one box with "+p.function.Name+" (data-io): "+reason)
		}
	}
	for i := range picks {
		if len(picks[i].reasons) == 0 {
			picks[i].reasons = slices.Compact(slices.Clone(inherited))
		}
	}
}

// bestOption judges every image that a function may run and keeps the best, or all the reasons.
func (m *matcher) bestOption(one member, b *boxState) pick {
	var best pick
	var refused []pick
	for _, o := range one.options {
		p := pick{member: one, box: b, option: o}
		m.check(&p)
		if len(p.reasons) > 0 {
			refused = append(refused, p)
			continue
		}
		m.rate(&p)
		if best.box == nil || p.score > best.score {
			best = p
		}
	}
	if best.box == nil {
		return pick{member: one, box: b, reasons: tellOptions(refused)}
	}
	return best
}

// tellOptions joins the reasons against several images; a reason against all of them is said once.
func tellOptions(refused []pick) []string {
	var reasons []string
	for _, p := range refused {
		for _, reason := range p.reasons {
			if slices.ContainsFunc(refused, func(other pick) bool { return !slices.Contains(other.reasons, reason) }) {
				reason = "image " + p.option.image.Ref + ": " + reason
			}
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}

// have books a pick on its box; give takes it back.
func (m *matcher) have(p *pick) {
	p.box.take(p)
	for _, port := range p.function.Ports {
		if port.Host > 0 {
			m.ports.plan(p.box, p.key(), onBox(p.box, port))
		}
	}
}

func (m *matcher) give(p *pick) {
	p.box.release(p)
	for _, port := range p.function.Ports {
		if port.Host > 0 {
			m.ports.unplan(p.box, p.key(), port)
		}
	}
}
