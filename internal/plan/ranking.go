package plan

import (
	"cmp"

	"github.com/overcloud/overcloud/internal/spec"
)

// ranking are the boxes by their score for one need, best first, as a heap. Placing only ever lowers the score of
// a box for a need and only ever takes room away, so an entry that is out of date stands too high, never too low:
// the first that is still right when it comes up is the best. What raises scores (undoing an attempt) drops all
// rankings; what depends on more than the box (spreads over labels, fixed ports, tight disks) does without them.
type ranking struct {
	entries []ranked
}

type ranked struct {
	score points
	box   int
}

func (a ranked) before(b ranked) bool {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.box, b.box)) < 0
}

// rankingKey is everything that a score depends on, beside the boxes.
type rankingKey struct {
	class        *class
	cpus, memory int64
	option       int
	function     string // when its other replicas count
}

// ranked finds the best box by the ranking of the need; not ok when there is none to go by.
func (s *scanner) ranked(one member, o option, c *class, own []points) (box int, score points, ok bool) {
	f := one.function
	if len(f.Spread) > 0 || s.exact(f) {
		return -1, 0, false
	}
	key := rankingKey{class: c, cpus: thousandths(o.resources.CPUs), memory: o.resources.MemoryBytes, option: o.index}
	if own != nil {
		key.function = f.Name
	}
	r, seen := s.rankings[key]
	if !seen && f.Replicas <= fewReplicas {
		s.rankings[key] = nil // a need that comes once is not worth a ranking
		return -1, 0, false
	}
	need := needOf(o)
	if r == nil {
		r = s.newRanking(need, c, own)
		s.rankings[key] = r
	}
	for len(r.entries) > 0 {
		top := r.entries[0]
		now, fits := s.scoreNow(top.box, need, c, own)
		switch {
		case !fits:
			r.drop()
			continue
		case s.loads[top.box].disk < c.disk:
			return -1, 0, false
		case now == top.score:
			return top.box, now, true
		}
		r.entries[0].score = now
		r.sink(0)
	}
	return -1, 0, true
}

// fewReplicas is up to how many replicas scanning for each is quicker than a ranking.
const fewReplicas = 2

// need is what an image asks of a box, and what choosing the image costs.
type need struct {
	cpus, memory           int64 // thousandths, bytes
	leastCPUs, leastMemory int64 // that must be free; nothing needed fits anywhere, over-committed boxes too
	constant               points
}

func needOf(o option) need {
	n := need{
		cpus: thousandths(o.resources.CPUs), memory: o.resources.MemoryBytes, leastCPUs: unfit, leastMemory: unfit,
		constant: candidatePoints(o.index),
	}
	if n.cpus > 0 {
		n.leastCPUs = n.cpus
	}
	if n.memory > 0 {
		n.leastMemory = n.memory
	}
	return n
}

// scoreNow is the score of a box for a need, if it fits; disks, ports and replicas on one box are not looked at.
func (s *scanner) scoreNow(box int, n need, c *class, own []points) (points, bool) {
	l := &s.loads[box]
	if c.score[box] == unfit || l.cpus < n.leastCPUs || l.memory < n.leastMemory {
		return 0, false
	}
	score := c.score[box] + n.constant + l.crowded + l.free(n.cpus, n.memory)
	if own != nil {
		score += own[box]
	}
	return score, true
}

func (s *scanner) newRanking(n need, c *class, own []points) *ranking {
	r := &ranking{entries: make([]ranked, 0, c.fits)}
	for box := range s.loads {
		if score, fits := s.scoreNow(box, n, c, own); fits {
			r.entries = append(r.entries, ranked{score, box})
		}
	}
	for i := len(r.entries)/2 - 1; i >= 0; i-- {
		r.sink(i)
	}
	return r
}

// exact says whether a function needs filters that depend on more than what a box has left.
func (s *scanner) exact(f *spec.Function) bool {
	if s.mostPerBox(f) > 0 {
		return true
	}
	for _, port := range f.Ports {
		if port.Host > 0 {
			return true
		}
	}
	return false
}

// drop takes the first entry out for good.
func (r *ranking) drop() {
	last := len(r.entries) - 1
	r.entries[0] = r.entries[last]
	r.entries = r.entries[:last]
	r.sink(0)
}

// sink moves an entry down to where it belongs.
func (r *ranking) sink(i int) {
	for {
		next := 2*i + 1
		if next >= len(r.entries) {
			return
		}
		if other := next + 1; other < len(r.entries) && r.entries[other].before(r.entries[next]) {
			next = other
		}
		if !r.entries[next].before(r.entries[i]) {
			return
		}
		r.entries[i], r.entries[next] = r.entries[next], r.entries[i]
		i = next
	}
}
