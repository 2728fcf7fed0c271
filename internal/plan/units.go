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
	// stays says that a container of it exists.
	stays bool
}

// units groups the replicas: those of functions joined by data-io edges go together, others one by one.
func (m *matcher) units() []*unit {
	group := m.groups()
	byGroup := map[string]*unit{}
	var units []*unit
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
			u.stays = u.stays || len(m.existing[replicaKey{f.Name, replica}]) > 0
		}
	}
	return units
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
		aCPUs, aMemory := a.size()
		bCPUs, bMemory := b.size()
		return cmp.Or(cmp.Compare(a.fits, b.fits), cmp.Compare(bMemory, aMemory), cmp.Compare(bCPUs, aCPUs),
			cmp.Compare(a.name, b.name), cmp.Compare(a.members[0].replica, b.members[0].replica))
	})
	return ordered
}

// size is what a unit reserves by its first options: thousandths of CPUs, bytes.
func (u *unit) size() (cpus, memory int64) {
	for _, member := range u.members {
		if len(member.options) > 0 {
			cpus += thousandths(member.options[0].resources.CPUs)
			memory += member.options[0].resources.MemoryBytes
		}
	}
	return cpus, memory
}
