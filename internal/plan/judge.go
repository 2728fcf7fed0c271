package plan

import "slices"

// judge puts a unit on a box tentatively, so that its members see each other's needs, and takes it off again.
func (m *matcher) judge(u *unit, b *boxState) verdict {
	v := verdict{box: b, fits: true, picks: make([]pick, 0, len(u.members))}
	for _, one := range u.members {
		p := m.bestOption(one, b)
		if u.with != nil && u.with.box != b {
			p.refuse("data-io: need %s, where %s is held", u.with.box.Name, u.with.function.Name)
		}
		if len(p.reasons) > 0 {
			v.fits = false
		} else if len(u.members) > 1 {
			m.have(&p)
		}
		v.score += p.score
		v.picks = append(v.picks, p)
	}
	if len(u.members) == 1 {
		return v
	}
	for i := range v.picks {
		if len(v.picks[i].reasons) == 0 {
			m.give(&v.picks[i])
		}
	}
	if !v.fits {
		tellGroup(v.picks)
	}
	return v
}

// tellGroup gives the members that would fit the reasons of those that do not.
func tellGroup(picks []pick) {
	var inherited []string
	for _, p := range picks {
		for _, reason := range p.reasons {
			inherited = append(inherited, "one box with "+p.function.Name+" (data-io): "+reason)
		}
	}
	for i := range picks {
		if len(picks[i].reasons) == 0 {
			picks[i].reasons = slices.Compact(slices.Clone(inherited))
		}
	}
}

// bestOption judges every image that a function may run and keeps the best, or all the reasons.
func (m *matcher) bestOption(one member, b *boxState) pick {
	var best pick
	var refused []pick
	pinned := m.pinned(one)
	for _, o := range m.optionsNow(one) {
		p := pick{member: one, box: b, option: o}
		m.check(&p, pinned)
		if len(p.reasons) > 0 {
			refused = append(refused, p)
			continue
		}
		m.rate(&p)
		if best.box == nil || p.score > best.score {
			best = p
		}
	}
	if best.box == nil {
		return pick{member: one, box: b, reasons: tellOptions(refused)}
	}
	return best
}

// optionsNow are the images that a member may still run: in a swarm all replicas of a function run one.
func (m *matcher) optionsNow(one member) []option {
	if i, decided := m.sameForAll(one.function.Name); decided {
		return one.options[i : i+1]
	}
	return one.options
}

// tellOptions joins the reasons against several images; a reason against all of them is said once.
func tellOptions(refused []pick) []string {
	var reasons []string
	for _, p := range refused {
		for _, reason := range p.reasons {
			if slices.ContainsFunc(refused, func(other pick) bool { return !slices.Contains(other.reasons, reason) }) {
				reason = "image " + p.option.image.Ref + ": " + reason
			}
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}
