package spec

// Hours are the policies that may hold: p itself without its schedule, then what each entry makes of it.
func (p Policy) Hours() []Policy {
	bare := p
	bare.Schedule, bare.TimeZone = nil, ""
	all := []Policy{bare}
	for _, entry := range p.Schedule {
		all = append(all, bare.with(entry))
	}
	return all
}
