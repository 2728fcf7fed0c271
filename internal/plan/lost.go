package plan

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// lostReplica is a replica that was stitched on a box that does not answer now, and is seen nowhere else.
type lostReplica struct {
	before *Placement
	box    *boxState
	hold   bool   // it stays there for now
	cause  string // why it stays, or what happened to its box
}

// findLost lists what ran on boxes that do not answer and decides what waits for them.
func (m *matcher) findLost(before []Placement) {
	m.lost = map[replicaKey]lostReplica{}
	for i := range before {
		p := &before[i]
		key, b := replicaKey{p.Function, p.Replica}, m.boxByName[p.Box]
		if b == nil || b.seen.Reachable || !m.wants(key) || len(m.existing[key]) > 0 {
			continue
		}
		m.lost[key] = m.judgeLost(p, b)
	}
}

func (m *matcher) judgeLost(p *Placement, b *boxState) lostReplica {
	absent, after := b.seen.Absent, cmp.Or(m.service.Lost.After, spec.LostAfter)
	one := lostReplica{before: p, box: b}
	volumes := volumesOf(p.Mounts)
	switch {
	case len(volumes) > 0 && m.service.Lost.Volumes != spec.VolumesMove:
		one.hold = true
		one.cause = fmt.Sprintf("%s does not answer%s; waits for it, because its data are there (volume %s)", b.Name, since(absent), strings.Join(volumes, ", "))
	case absent < after:
		one.hold = true
		one.cause = fmt.Sprintf("%s does not answer%s; moves after %s", b.Name, since(absent), briefly(after))
	default:
		one.cause = fmt.Sprintf("%s has not answered for %s", b.Name, briefly(absent))
	}
	return one
}

func since(absent spec.Duration) string {
	if absent <= 0 {
		return ""
	}
	return " since " + briefly(absent)
}

// briefly writes a duration as people do: 1m, not 1m0s.
func briefly(d spec.Duration) string {
	text := d.D().Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// held is a member that stays on a box that does not answer, as it was placed there.
type held struct {
	member
	lostReplica
}

// keepHeld books what held replicas have, so that nothing else is given their ports, and counts them.
func (m *matcher) keepHeld(all []held) {
	for _, one := range all {
		one.box.reserve(one.function.Name, one.before.Resources, 1)
		m.tally(&pick{member: one.member, box: one.box}, 1)
		for _, port := range one.before.Ports {
			m.ports.plan(one.box, one.key(), onBox(one.box, port))
		}
	}
}

// holdFailed turns the failures of replicas whose box is lost into held ones: that they fit nowhere else is no
// reason to mend nothing else.
func (m *matcher) holdFailed(out *outcome) {
	var failed []failure
	for _, f := range out.failed {
		var group []held
		for _, one := range f.unit.members {
			if lost, ok := m.lost[one.key()]; ok {
				lost.hold = true
				lost.cause += ", and it fits no other box: " + strings.Join(firstReasons(f.verdicts, lost.box), "; ")
				group = append(group, held{one, lost})
			}
		}
		if len(group) < len(f.unit.members) {
			failed = append(failed, f)
			continue
		}
		m.keepHeld(group)
		if f.verdicts != nil {
			out.verdicts = append(out.verdicts, f.verdicts)
		}
		out.held = append(out.held, group...)
	}
	out.failed = failed
}

// firstReasons are one reason for each of the first few boxes: enough for a sentence.
func firstReasons(verdicts []verdict, except *boxState) []string {
	const enough = 4
	var reasons []string
	for _, v := range verdicts {
		if v.box == except || len(reasons) == enough {
			continue
		}
		if all := unitReasons(v); len(all) > 0 {
			reasons = append(reasons, v.box.Name+": "+all[0])
		}
	}
	if len(reasons) == 0 {
		return []string{"there is none"}
	}
	return reasons
}
