package spec

import (
	"cmp"
	"slices"
)

// Normalise returns the specification with every slice whose order means nothing sorted, so that two equal
// specifications are equal JSON. Commands, mirrors and health tests keep their order. The receiver's slices
// stay as they are.
func (s Service) Normalise() Service {
	s.Boxes = sorted(s.Boxes, func(b Box) string { return b.Name })
	s.Registries = sorted(s.Registries, func(r Registry) string { return r.Host })
	s.Functions = sorted(s.Functions, func(f Function) string { return f.Name })
	for i := range s.Functions {
		s.Functions[i] = s.Functions[i].normalise()
	}
	s.Rooms = sorted(s.Rooms, func(r Room) string { return r.Name })
	for i := range s.Rooms {
		s.Rooms[i] = s.Rooms[i].normalise()
	}
	s.Networks = unique(s.Networks)
	s.Volumes = unique(s.Volumes)
	s.Secrets = sorted(s.Secrets, func(x Secret) string { return x.Name })
	s.Approvals = unique(s.Approvals)
	return s
}

func (f Function) normalise() Function {
	f.Environment = sorted(f.Environment, byName)
	f.Labels = sorted(f.Labels, byName)
	f.Prefer = sorted(f.Prefer, byName)
	f.Avoid = sorted(f.Avoid, byName)
	f.Constraints = sorted(f.Constraints, Constraint.String)
	f.DependsOn = sorted(f.DependsOn, func(d Dependency) string { return d.Function })
	f.Consumes = sortedBy(f.Consumes, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Port, b.Port))
	})
	f.Ports = sortedBy(f.Ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Host, b.Host))
	})
	f.Expose = slices.Compact(sortedBy(f.Expose, cmp.Compare[int]))
	f.Mounts = sorted(f.Mounts, func(m Mount) string { return m.Target })
	f.Networks = unique(f.Networks)
	f.Secrets = sorted(f.Secrets, func(u SecretUse) string { return u.Target })
	f.Devices = unique(f.Devices)
	f.Runtime = f.Runtime.normalise()
	f.Candidates = slices.Clone(f.Candidates) // their order is the order of preference
	for i := range f.Candidates {
		f.Candidates[i].Constraints = sorted(f.Candidates[i].Constraints, Constraint.String)
	}
	return f
}

func (r Room) normalise() Room {
	r.Boxes = unique(r.Boxes)
	r.Sensors = sortedBy(r.Sensors, func(a, b Sensor) int { return cmp.Compare(a.ID, b.ID) })
	r.AirConditioners = sorted(r.AirConditioners, func(a AirConditioner) string { return a.Name })
	return r
}

// String is the constraint as Compose writes it.
func (c Constraint) String() string { return c.Key + c.Op + c.Value }

func byName(v Variable) string { return v.Name }

func sorted[T any](items []T, key func(T) string) []T {
	return sortedBy(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

// sortedBy copies and sorts; empty becomes nil, so that JSON read back is equal.
func sortedBy[T any](items []T, compare func(a, b T) int) []T {
	if len(items) == 0 {
		return nil
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, compare)
	return items
}

func unique(names []string) []string {
	return slices.Compact(sortedBy(names, cmp.Compare[string]))
}
