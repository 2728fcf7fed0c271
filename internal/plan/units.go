package plan

import (
	"cmp"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// option is one image that a function may run with what that image needs.
type option struct {
	index       int // in order of preference
	image       Image
	resources   spec.Resources
	constraints []spec.Constraint
}

// member is one replica that looks for a box.
type member struct {
	function *spec.Function
	replica  int
	options  []option
}

func (m member) key() replicaKey { return replicaKey{m.function.Name, m.replica} }

// unit is what goes on one box together: one replica, or everything that data-io edges join.
type unit struct {
	name    string
	members []member
	// fits is on how many boxes it could go if they were empty.
	fits int
	// cpus (thousandths) and memory (bytes) are what it reserves by its first options.
	cpus, memory int64
	// stays says that it is somewhere, or was when its box was lost: newcomers come after it.
	stays bool
	// with is a member of the group that is held on a lost box; the others can only be there.
	with *held
}

// units groups the replicas: those of functions joined by data-io edges go together, others one by one. Those
// that wait for a lost box are apart.
func (m *matcher) units() (units []*unit, waiting []held) {
	group := m.groups()
	byGroup := map[string]*unit{}
	for i := range m.service.Functions {
		f := &m.service.Functions[i]
		if f.External != "" {
			continue
		}
		for replica := 1; replica <= f.Replicas; replica++ {
			u := &unit{name: f.Name}
			if root, joined := group[f.Name]; joined {
				if byGroup[root] == nil {
					byGroup[root] = &unit{name: root}
					units = append(units, byGroup[root])
				}
				u = byGroup[root]
			} else {
				units = append(units, u)
			}
			u.members = append(u.members, member{f, replica, m.options[f.Name]})
		}
	}
	if len(m.lost) > 0 {
		units, waiting = m.waitForLost(units)
	}
	for _, u := range units {
		u.stays = slices.ContainsFunc(u.members, func(one member) bool {
			_, there := m.home(one.key())
			return there || m.lost[one.key()].before != nil
		})
	}
	return units, waiting
}

// waitForLost takes what is held out of the units. Of a group either all that is on the lost box waits or none.
func (m *matcher) waitForLost(units []*unit) (left []*unit, waiting []held) {
	for _, u := range units {
		holder := slices.IndexFunc(u.members, func(one member) bool { return m.lost[one.key()].hold })
		if holder < 0 {
			left = append(left, u)
			continue
		}
		first := held{u.members[holder], m.lost[u.members[holder].key()]}
		var others []member
		for _, one := range u.members {
			lost, ok := m.lost[one.key()]
			switch {
			case !ok:
				others = append(others, one)
				continue
			case !lost.hold:
				lost.hold, lost.cause = true, "goes with "+first.function.Name+": "+first.cause
			}
			waiting = append(waiting, held{one, lost})
		}
		if len(others) > 0 {
			left = append(left, &unit{name: u.name, members: others, with: &first})
		}
	}
	return left, waiting
}

// groups maps each function that a data-io edge touches to the first name of its connected group.
func (m *matcher) groups() map[string]string {
	parent := map[string]string{}
	var root func(string) string
	root = func(name string) string {
		if parent[name] == "" || parent[name] == name {
			parent[name] = name
			return name
		}
		parent[name] = root(parent[name])
		return parent[name]
	}
	for i := range m.service.Functions {
		f := &m.service.Functions[i]
		if !f.DataIO || f.External != "" {
			continue
		}
		for _, edge := range f.Consumes {
			if p := m.functions[edge.Function]; p == nil || p.External != "" {
				continue
			}
			a, b := root(f.Name), root(edge.Function)
			parent[max(a, b)] = min(a, b)
		}
	}
	group := map[string]string{}
	for i := range m.service.Functions {
		if name := m.service.Functions[i].Name; parent[name] != "" {
			group[name] = root(name)
		}
	}
	return group
}

// inOrder is the order of placing; equal units go by name and replica.
func inOrder(units []*unit, runningFirst bool) []*unit {
	ordered := slices.Clone(units)
	slices.SortStableFunc(ordered, func(a, b *unit) int {
		if runningFirst && a.stays != b.stays {
			if a.stays {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.fits, b.fits), cmp.Compare(b.memory, a.memory), cmp.Compare(b.cpus, a.cpus),
			cmp.Compare(a.name, b.name), cmp.Compare(a.members[0].replica, b.members[0].replica))
	})
	return ordered
}

// measure notes what the order of placing goes by.
func (u *unit) measure(fits int) {
	u.fits = fits
	for _, member := range u.members {
		if len(member.options) > 0 {
			u.cpus += thousandths(member.options[0].resources.CPUs)
			u.memory += member.options[0].resources.MemoryBytes
		}
	}
}
