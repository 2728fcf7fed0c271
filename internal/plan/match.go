package plan

import (
	"fmt"
	"slices"
	"strings"

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
	score      points
	reasons    []string
	moved      string // why it is no longer where it was; empty for one that stays or is new
}

// verdict is a whole unit on one box.
type verdict struct {
	box   *boxState
	picks []pick
	score points
	fits  bool
}

// matcher is the matching of one service.
type matcher struct {
	service    spec.Service
	swarm      bool
	rebalance  bool
	functions  map[string]*spec.Function
	loads      []load // of the boxes, in their order
	boxes      []*boxState
	boxByName  map[string]*boxState
	probe      *Image
	options    map[string][]option
	existing   map[replicaKey][]found
	ours       []found
	homes      map[replicaKey]homeOf
	lost       map[replicaKey]lostReplica
	pins       map[replicaKey][]*boxState
	decided    map[string]decision
	ports      portTable
	over       map[string]*overGroups
	overShared map[string]*overValues
	explain    bool   // keep the verdicts on boxes that were not chosen
	only       string // keep them for this function all the same
	scanner    *scanner
}

// wants says whether the service still has such a replica.
func (m *matcher) wants(key replicaKey) bool {
	f := m.functions[key.function]
	return f != nil && f.External == "" && key.replica >= 1 && key.replica <= f.Replicas
}

// outcome is one attempt to place everything.
type outcome struct {
	chosen   []pick
	held     []held
	verdicts [][]verdict // of each unit, in the order of placing
	failed   []failure
}

// failure is a unit that fits nowhere.
type failure struct {
	unit     *unit
	verdicts []verdict
}

// mostFailures bounds how many units that fit nowhere are explained.
const mostFailures = 50

// place puts every unit on its best box, one after another: what runs already first, so that newcomers do not
// push it away, then what fits on the fewest boxes, then the largest. When that leaves something without a
// box, a second attempt goes by fit alone, which may move running functions but finds more. What waits for a
// lost box has its place before all.
func (m *matcher) place(units []*unit, waiting []held) outcome {
	m.keepHeld(waiting)
	for _, u := range units {
		u.measure(m.fitsEmpty(u))
	}
	out := m.attempt(inOrder(units, true))
	if len(out.failed) > 0 {
		m.undo(out)
		second := m.attempt(inOrder(units, false))
		if len(second.failed) == 0 {
			out = second
		} else {
			m.undo(second)
			m.redo(out)
		}
	}
	m.holdFailed(&out)
	out.held = append(out.held, waiting...)
	return out
}

func (m *matcher) undo(o outcome) {
	for i := range o.chosen {
		m.give(&o.chosen[i])
	}
	if m.scanner != nil {
		m.scanner.rankings = map[rankingKey]*ranking{}
	}
}

func (m *matcher) redo(o outcome) {
	for i := range o.chosen {
		m.have(&o.chosen[i])
	}
}

func (m *matcher) attempt(units []*unit) outcome {
	out := outcome{chosen: make([]pick, 0, len(units))}
	for _, u := range units {
		best, verdicts := m.choose(u)
		if best == nil {
			if len(out.failed) < mostFailures && verdicts == nil {
				verdicts = m.judgeAll(u)
			}
			out.failed = append(out.failed, failure{u, verdicts})
			continue
		}
		for i := range best.picks {
			best.picks[i].moved = m.whyMoved(u, &best.picks[i])
		}
		for i := range best.picks {
			m.have(&best.picks[i])
		}
		out.chosen = append(out.chosen, best.picks...)
		if verdicts != nil {
			out.verdicts = append(out.verdicts, verdicts)
		}
	}
	return out
}

// choose is the best box of a unit, nil if there is none, and the verdicts on all boxes if they are wanted.
func (m *matcher) choose(u *unit) (*verdict, []verdict) {
	if m.scanner != nil && !m.explains(u) {
		if best, ok := m.scanner.choose(u); ok {
			return best, nil
		}
	}
	verdicts := m.judgeAll(u)
	var best *verdict
	for i := range verdicts {
		if v := &verdicts[i]; v.fits && (best == nil || v.score > best.score) { // boxes go by name: the first of equals wins
			best = v
		}
	}
	if best != nil && !m.explains(u) {
		return best, nil
	}
	return best, verdicts
}

func (m *matcher) explains(u *unit) bool {
	return m.explain || slices.ContainsFunc(u.members, func(one member) bool { return one.function.Name == m.only })
}

func (m *matcher) judgeAll(u *unit) []verdict {
	verdicts := make([]verdict, 0, len(m.boxes))
	for _, b := range m.boxes {
		verdicts = append(verdicts, m.judge(u, b))
	}
	return verdicts
}

// whyMoved says why a replica is not where it was: what its old box lacks, or what is gained.
func (m *matcher) whyMoved(u *unit, p *pick) string {
	home, _ := m.home(p.key())
	b := m.boxByName[home]
	if b == p.box || b == nil || !b.seen.Reachable {
		return ""
	}
	v := m.judge(u, b)
	if !v.fits {
		return strings.Join(unitReasons(v), "; ")
	}
	for i := range v.picks {
		if there := v.picks[i].score - m.stays(); v.picks[i].key() == p.key() && p.score > there {
			return fmt.Sprintf("score %s, there %s", number(p.score.float()), number(there.float()))
		}
	}
	return "with those that go with it"
}

// have books a pick on its box; give takes it back.
func (m *matcher) have(p *pick) {
	p.box.take(p)
	m.decide(p, 1)
	m.tally(p, 1)
	for _, port := range p.function.Ports {
		if port.Host > 0 {
			m.ports.plan(p.box, p.key(), onBox(p.box, port))
		}
	}
	m.scanner.changed(p)
}

func (m *matcher) give(p *pick) {
	p.box.release(p)
	m.decide(p, -1)
	m.tally(p, -1)
	for _, port := range p.function.Ports {
		if port.Host > 0 {
			m.ports.unplan(p.box, p.key(), port)
		}
	}
	m.scanner.changed(p)
}
