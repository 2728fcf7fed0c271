package plan

import (
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// newClass works out the filters and the score parts that placing does not change.
func (s *scanner) newClass(f *spec.Function, o option) *class {
	c := &class{score: make([]points, len(s.boxes)), best: unfit}
	platforms := s.platforms(f, o, c)
	engine := s.engine(f.Engine)
	for i, b := range s.boxes {
		if !b.seen.Reachable || b.drained() || !engine[i] || !platforms[s.kinds[i]].ok {
			c.score[i] = unfit
		}
	}
	for _, constraint := range o.constraints {
		for i, ok := range s.constraint(constraint) {
			if !ok {
				c.score[i] = unfit
			}
		}
	}
	c.add(s.labelPoints("prefer", f.Prefer, preferPoints))
	c.add(s.labelPoints("avoid", f.Avoid, avoidPoints))
	s.addImage(c, o.image, platforms)
	for _, score := range c.score {
		if score != unfit {
			c.fits++
			c.best = max(c.best, score)
		}
	}
	return c
}

func (c *class) add(parts []points) {
	for i, part := range parts {
		if c.score[i] != unfit {
			c.score[i] += part
		}
	}
}

// kindPlatform is the platform of an image for the boxes of one kind.
type kindPlatform struct {
	platform Platform
	ok       bool
}

// platforms are those of an image for each kind of box; not ok where it or the probe image has none.
func (s *scanner) platforms(f *spec.Function, o option, c *class) []kindPlatform {
	kinds := make([]kindPlatform, len(s.kindOf))
	for i, box := range s.kindOf {
		p := pick{member: member{function: f}, box: &boxState{seen: box}, option: o}
		s.checkPlatform(&p)
		kinds[i] = kindPlatform{p.platform, len(p.reasons) == 0}
		disk := diskOf(p.platform)
		if p.probe != nil {
			disk += diskOf(*p.probe)
		}
		c.disk = max(c.disk, disk)
	}
	return kinds
}

// addImage adds the part for boxes that have the image already.
func (s *scanner) addImage(c *class, image Image, platforms []kindPlatform) {
	if image.Ref == "" {
		return
	}
	there := map[int]bool{}
	mark := func(digest string, sameKind func(int) bool) {
		for _, i := range s.images[digest] {
			if sameKind(i) && c.score[i] != unfit && !there[i] {
				there[i] = true
				c.score[i] += weightImage
			}
		}
	}
	mark(image.Digest, func(int) bool { return true })
	for kind, p := range platforms {
		mark(p.platform.Digest, func(i int) bool { return s.kinds[i] == kind })
	}
}

func (s *scanner) engine(need string) []bool {
	ok, known := s.engines[need]
	if !known {
		ok = make([]bool, len(s.boxes))
		for i, b := range s.boxes {
			ok[i] = !olderThan(b.seen.EngineVersion, need)
		}
		s.engines[need] = ok
	}
	return ok
}

func (s *scanner) constraint(c spec.Constraint) []bool {
	ok, known := s.allowed[c]
	if !known {
		ok = make([]bool, len(s.boxes))
		for i, b := range s.boxes {
			p := pick{box: b}
			checkConstraint(&p, c)
			ok[i] = len(p.reasons) == 0
		}
		s.allowed[c] = ok
	}
	return ok
}

// labelPoints are the points for preferred or avoided labels by box; nil for none.
func (s *scanner) labelPoints(kind string, labels []spec.Variable, of func(*boxState, []spec.Variable) points) []points {
	if len(labels) == 0 {
		return nil
	}
	for _, v := range labels {
		kind += "\x00" + v.Name + "\x00" + v.Value
	}
	parts, known := s.labels[kind]
	if !known {
		parts = make([]points, len(s.boxes))
		for i, b := range s.boxes {
			parts[i] = of(b, labels)
		}
		s.labels[kind] = parts
	}
	return parts
}

// fitsEmpty counts the boxes that a unit fits by what no other placement can change.
func (m *matcher) fitsEmpty(u *unit) int {
	n := 0
	if s := m.scanner; s != nil && len(u.members) == 1 && len(m.pinned(u.members[0])) == 0 {
		one := u.members[0]
		if len(one.options) == 1 {
			return s.classOf(one.function, one.options[0]).fits
		}
	}
	for _, b := range m.boxes {
		if m.fitsAll(u, b) {
			n++
		}
	}
	return n
}

// fitsAll says whether every member of a unit fits a box by what no other placement changes.
func (m *matcher) fitsAll(u *unit, b *boxState) bool {
	for _, one := range u.members {
		pinned := m.pinned(one)
		switch {
		case len(pinned) > 0 && !slices.Contains(pinned, b), len(pinned) == 0 && b.drained(), !m.fitsFixed(one, b):
			return false
		}
	}
	return true
}
