package plan

import (
	"cmp"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// homeOf is where a replica belongs as far as the world remembers.
type homeOf struct {
	box   string
	there bool // a container of it is there; else it only was, before
}

// home is the box on which a replica is, or was when its revision was stitched; empty when it never was.
func (m *matcher) home(key replicaKey) (box string, there bool) {
	h := m.homes[key]
	return h.box, h.there
}

// findHomes decides for each replica which box counts as the one that it is on, also when copies of it are on
// several: that is so after a lost box has come back.
func (m *matcher) findHomes(before []Placement) {
	m.homes = make(map[replicaKey]homeOf, len(m.existing)+len(before))
	for i := range before {
		p := &before[i]
		if b := m.boxByName[p.Box]; b != nil && b.seen.Reachable {
			m.homes[replicaKey{p.Function, p.Replica}] = homeOf{box: p.Box}
		}
	}
	for _, f := range m.ours {
		key := replicaKey{f.Function, f.Replica}
		if h := m.homes[key]; !h.there {
			m.homes[key] = homeOf{box: m.copyThatStays(m.existing[key], h.box).box, there: true}
		}
	}
}

// copyThatStays is the youngest copy, or the one of the revision that was stitched last, or, if the policy says
// so, the oldest.
func (m *matcher) copyThatStays(copies []found, before string) found {
	if m.service.Lost.Return == spec.ReturnOriginal {
		return slices.MinFunc(copies, func(a, b found) int { return cmp.Compare(a.Created, b.Created) })
	}
	for _, one := range copies {
		if one.box == before {
			return one
		}
	}
	return slices.MaxFunc(copies, func(a, b found) int { return cmp.Compare(a.Created, b.Created) })
}

// volumesOf are the named volumes of a function.
func volumesOf(mounts []spec.Mount) []string {
	var names []string
	for _, mount := range mounts {
		if mount.Kind == "volume" && mount.Source != "" {
			names = append(names, mount.Source)
		}
	}
	return names
}

// dataOn says whether a box has a named volume of a function.
func (m *matcher) dataOn(f *spec.Function, b *boxState) bool { return m.volumeOn(f, b) != "" }

func (m *matcher) volumeOn(f *spec.Function, b *boxState) string {
	if len(b.seen.Volumes) == 0 {
		return ""
	}
	for _, name := range volumesOf(f.Mounts) {
		if slices.Contains(b.seen.Volumes, name) {
			return name
		}
	}
	return ""
}

// pinned are the boxes that have the data of a replica, which must not begin elsewhere with empty volumes: its
// own box, or for a function of one replica that is nowhere every box with such a volume. Nil means that nothing
// holds it: it has no data, or a person let them go (lost.volumes: move), or moved it by something that no box
// with its data fulfils, a new constraint for example.
func (m *matcher) pinned(one member) []*boxState {
	if m.service.Lost.Volumes == spec.VolumesMove || len(one.function.Mounts) == 0 {
		return nil
	}
	boxes, known := m.pins[one.key()]
	if !known {
		boxes = m.findPins(one)
		m.pins[one.key()] = boxes
	}
	return boxes
}

func (m *matcher) findPins(one member) []*boxState {
	var boxes []*boxState
	add := func(b *boxState) {
		if b != nil && b.seen.Reachable && m.dataOn(one.function, b) && m.fitsFixed(one, b) {
			boxes = append(boxes, b)
		}
	}
	if home, _ := m.home(one.key()); home != "" {
		add(m.boxByName[home])
	} else if one.function.Replicas == 1 {
		for _, b := range m.boxes {
			add(b)
		}
	}
	return boxes
}

// fitsFixed says whether any image of a member would fit a box by what nothing but the specification changes.
func (m *matcher) fitsFixed(one member, b *boxState) bool {
	return slices.ContainsFunc(one.options, func(o option) bool {
		p := pick{member: one, box: b, option: o}
		m.checkFixed(&p)
		return len(p.reasons) == 0
	})
}
