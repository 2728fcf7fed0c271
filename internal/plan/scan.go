package plan

import (
	"math"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// scanner finds the best box of a single replica without judging every box in words: filters and score parts
// that placing does not change are worked out once for all functions with the same needs, and what is left for
// each box is two comparisons and two multiplications over memory in order. It finds exactly the box that
// judging each one finds.
type scanner struct {
	*matcher
	classes map[string]*class
	allowed map[spec.Constraint][]bool
	engines map[string][]bool
	labels  map[string][]points
	images  map[string][]int // boxes by the digest that they have
	kinds   []int            // the number of each box's platform
	kindOf  []Box            // a box of each platform
	own     ownScore
	// rankings are nil for a need that came once.
	rankings map[rankingKey]*ranking
}

// unfit is the score of a box that a filter refuses.
const unfit = math.MinInt64

// class is what all functions with the same fixed needs have in common, for one image.
type class struct {
	score []points // by box: the parts that do not change, or unfit
	best  points   // the highest of them
	fits  int      // boxes that fit
	disk  int64    // the most that its images could need on any box, bytes
}

// ownScore is what a box loses because of the other replicas of one function.
type ownScore struct {
	function string
	apart    []points // for those on the same box
	score    []points // with those on boxes with the same labels
}

func newScanner(m *matcher) *scanner {
	s := &scanner{
		matcher: m, classes: map[string]*class{}, allowed: map[spec.Constraint][]bool{}, engines: map[string][]bool{},
		labels: map[string][]points{}, images: map[string][]int{}, rankings: map[rankingKey]*ranking{},
		own: ownScore{apart: make([]points, len(m.boxes)), score: make([]points, len(m.boxes))},
	}
	kinds := map[[3]string]int{}
	for i, b := range m.boxes {
		for _, digest := range b.seen.Images {
			s.images[digest] = append(s.images[digest], i)
		}
		kind := [3]string{b.seen.OS, b.seen.Arch, b.seen.Variant}
		n, known := kinds[kind]
		if !known {
			n = len(s.kindOf)
			kinds[kind] = n
			s.kindOf = append(s.kindOf, b.seen)
		}
		s.kinds = append(s.kinds, n)
	}
	return s
}

// choose is the best box of a unit; not ok for one that must be judged box by box.
func (s *scanner) choose(u *unit) (best *verdict, ok bool) {
	if len(u.members) > 1 || u.with != nil {
		return nil, false
	}
	one := u.members[0]
	if len(s.pinned(one)) > 0 {
		return nil, false
	}
	b := s.find(one)
	if b == nil {
		return nil, true
	}
	v := s.judge(u, b)
	return &v, true
}

// find scans for every image of a member. What belongs to the replica itself is never negative and on few boxes,
// so these are judged first; often nothing else can be better.
func (s *scanner) find(one member) *boxState {
	var best *boxState
	most := points(unfit)
	better := func(b *boxState, score points) {
		if best == nil || score > most || (score == most && b.index < best.index) {
			best, most = b, score
		}
	}
	for _, b := range s.ownBoxes(one) {
		if p := s.bestOption(one, b); len(p.reasons) == 0 {
			better(b, p.score)
		}
	}
	own := s.ownScores(one.function)
	for _, o := range s.optionsNow(one) {
		c := s.classOf(one.function, o)
		if c.fits == 0 || c.best+weightFree < most {
			continue
		}
		i, score, ok := s.ranked(one, o, c, own)
		if !ok {
			i, score = s.scan(one, o, c, own, best, most)
		}
		if i >= 0 {
			better(s.boxes[i], score)
		}
	}
	return best
}

// ownBoxes are the boxes on which a replica has something of its own: itself, or data.
func (s *scanner) ownBoxes(one member) []*boxState {
	var boxes []*boxState
	if home, _ := s.home(one.key()); home != "" && s.boxByName[home] != nil {
		boxes = append(boxes, s.boxByName[home])
	}
	if len(one.function.Mounts) > 0 {
		for _, b := range s.boxes {
			if s.dataOn(one.function, b) && !slices.Contains(boxes, b) {
				boxes = append(boxes, b)
			}
		}
	}
	return boxes
}

// scan is the best box by all but the replica's own parts, if it is not worse than what is known; -1 if none is.
func (s *scanner) scan(one member, o option, c *class, own []points, known *boxState, most points) (int, points) {
	n, exact := needOf(o), s.exact(one.function)
	at := -1
	if known != nil {
		at = known.index
	}
	found := -1
	loads := s.loads[:len(c.score)]
	for i, fixed := range c.score {
		l := &loads[i]
		if fixed == unfit || l.cpus < n.leastCPUs || l.memory < n.leastMemory {
			continue
		}
		score := fixed + n.constant + l.crowded
		if own != nil {
			score += own[i]
		}
		if score+weightFree < most {
			continue
		}
		score += l.free(n.cpus, n.memory)
		if score < most || (score == most && at >= 0 && i >= at) {
			continue
		}
		if (exact || l.disk < c.disk) && !s.fitsNow(one, o, s.boxes[i]) {
			continue
		}
		found, at, most = i, i, score
	}
	return found, most
}

// fitsNow runs all filters of one image on one box.
func (s *scanner) fitsNow(one member, o option, b *boxState) bool {
	p := pick{member: one, box: b, option: o}
	s.check(&p, nil)
	return len(p.reasons) == 0
}

// ownScores are the parts of the score that depend on the function's other replicas; nil when there are none.
func (s *scanner) ownScores(f *spec.Function) []points {
	if f.Replicas <= 1 && len(f.Spread) == 0 {
		return nil
	}
	if s.own.function == f.Name {
		return s.own.score
	}
	s.own.function = f.Name
	for i := range s.boxes {
		s.own.apart[i] = apartPoints(s.boxes[i].planned[f.Name])
	}
	s.sumOwn(f)
	return s.own.score
}

func (s *scanner) sumOwn(f *spec.Function) {
	copy(s.own.score, s.own.apart)
	for label := range f.Spread {
		byValue, value := s.overPoints(f, label)
		for i, v := range value {
			s.own.score[i] += byValue[v]
		}
	}
}

// changed notes that a replica was placed or taken away.
func (s *scanner) changed(p *pick) {
	if s == nil || s.own.function != p.function.Name {
		return
	}
	i := p.box.index
	s.own.apart[i] = apartPoints(p.box.planned[p.function.Name])
	if len(p.function.Spread) > 0 { // every box of the same value changes
		s.sumOwn(p.function)
	} else {
		s.own.score[i] = s.own.apart[i]
	}
}

// classOf finds or makes the class of a function for one image.
func (s *scanner) classOf(f *spec.Function, o option) *class {
	key := s.classKey(f, o)
	c := s.classes[key]
	if c == nil {
		c = s.newClass(f, o)
		s.classes[key] = c
	}
	return c
}

// classKey spells out everything that newClass looks at.
func (s *scanner) classKey(f *spec.Function, o option) string {
	var key strings.Builder
	put := func(texts ...string) {
		for _, text := range texts {
			key.WriteString(text)
			key.WriteByte(0)
		}
	}
	put(o.image.Ref, f.Engine)
	if s.needsProbe(f) {
		put("probe")
	}
	for _, c := range o.constraints {
		put("constraint", c.Key, c.Op, c.Value)
	}
	for _, v := range f.Prefer {
		put("prefer", v.Name, v.Value)
	}
	for _, v := range f.Avoid {
		put("avoid", v.Name, v.Value)
	}
	return key.String()
}
