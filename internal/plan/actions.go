package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// decideActions compares each placement with the container that is there, and lists our containers that no
// placement is. Placed are the placements' replicas, in the same order.
func (m *matcher) decideActions(placements []Placement, placed []placed) []Removal {
	used := make(map[string]bool, len(m.ours)) // box and ID
	where := make(map[replicaKey]string, len(placements))
	for i := range placements {
		p := &placements[i]
		where[replicaKey{p.Function, p.Replica}] = p.Box
		if p.Action == ActionHold {
			continue
		}
		current, elsewhere := m.current(p)
		if current == nil {
			p.Action, p.Cause = ActionCreate, m.whyCreate(&placed[i], elsewhere)
			continue
		}
		used[current.box+"/"+current.ID] = true
		p.Action, p.Cause = m.compare(p, current.Container)
		if p.Cause == causeUnhealthy {
			p.Replaces = current.ID
		}
		p.Cause += m.remark(p, &placed[i])
	}
	var removals []Removal
	for _, f := range m.ours {
		if used[f.box+"/"+f.ID] {
			continue
		}
		removals = append(removals, Removal{
			Box: f.box, Container: f.Name, ID: f.ID, Cause: m.whyRemove(f, where), First: m.inTheWay(f),
			Created: f.Created, Revision: f.Revision,
		})
	}
	return removals
}

// whyCreate is the cause of a container that is not there; elsewhere is a box that has one.
func (m *matcher) whyCreate(one *placed, elsewhere string) string {
	lost, isLost := m.lost[one.key()]
	switch {
	case isLost:
		return "moves here from " + lost.box.Name + ": " + lost.cause
	case elsewhere != "" && one.moved != "":
		return "moves here from " + elsewhere + ": " + one.moved
	case elsewhere != "":
		return "moves here from " + elsewhere
	case one.moved != "":
		return "not there; comes here because " + m.homes[one.key()].box + " does not fit any more: " + one.moved
	}
	return "not there"
}

// remark adds to a cause what a person would ask next: why a replacement is not made the way that was wished,
// why a function stays on a drained box.
func (m *matcher) remark(p *Placement, one *placed) string {
	switch {
	case p.Action == ActionKeep && one.box.drained():
		return fmt.Sprintf("; %s is drained, but its data are there (volume %s)", p.Box, m.volumeOn(one.function, one.box))
	case p.Action == ActionReplace:
		if _, whyNot := m.order(one.function, *p); whyNot != "" {
			return "; stop-first although start-first is wished: " + whyNot
		}
	}
	return ""
}

// current is the container of a placement on its box: the one with the plan's name, else the first. Elsewhere
// is another box that has one.
func (m *matcher) current(p *Placement) (current *found, elsewhere string) {
	all := m.existing[replicaKey{p.Function, p.Replica}]
	for i := range all {
		switch {
		case all[i].box != p.Box:
			elsewhere = cmp.Or(elsewhere, all[i].box)
		case current == nil || all[i].Name == p.Container:
			current = &all[i]
		}
	}
	return current, elsewhere
}

// causeUnhealthy is why a container that runs as specified is replaced all the same: its own check has failed
// as often in a row as its retries allow, and no engine but a swarm does anything about that. One that is still
// starting is kept: whoever stitches waits for it.
const causeUnhealthy = "its health check fails"

// compare says what to do about a container that is there, and why.
func (m *matcher) compare(p *Placement, c Container) (action, cause string) {
	switch {
	case c.SpecHash != p.SpecHash && imageDigest(c.Image) != "" && imageDigest(c.Image) != p.Manifest && imageDigest(c.Image) != p.Digest:
		return ActionReplace, fmt.Sprintf("image changed %s -> %s", shortDigest(imageDigest(c.Image)), shortDigest(p.Manifest))
	case c.SpecHash != p.SpecHash:
		return ActionReplace, fmt.Sprintf("specification hash changed %s -> %s", cmp.Or(c.SpecHash, "none"), p.SpecHash)
	case c.State == "running" && c.Health == "unhealthy":
		return ActionReplace, causeUnhealthy
	case c.State == "running" || c.State == "restarting":
		return ActionKeep, "unchanged"
	case c.State == "exited" && m.runsToCompletion(p.Function):
		return ActionKeep, "has run to completion"
	case c.State == "exited":
		return ActionStart, "exited, started again in order"
	case c.State == "created":
		return ActionStart, "was never started"
	}
	return ActionReplace, cmp.Or(c.State, "its state is unknown")
}

// runsToCompletion says whether a function is a job that others wait for.
func (m *matcher) runsToCompletion(name string) bool {
	if restart := m.functions[name].Restart; restart != "" && restart != "no" {
		return false
	}
	return slices.ContainsFunc(m.service.Functions, func(f spec.Function) bool {
		return slices.ContainsFunc(f.DependsOn, func(d spec.Dependency) bool {
			return d.Function == name && d.Condition == "service_completed_successfully"
		})
	})
}

func (m *matcher) whyRemove(f found, where map[replicaKey]string) string {
	function := m.functions[f.Function]
	box := where[replicaKey{f.Function, f.Replica}]
	switch {
	case f.Function == "":
		return "no function of the plan"
	case function == nil:
		return "function " + f.Function + " is not in the specification"
	case function.External != "":
		return "function " + f.Function + " is external now"
	case box == "":
		return fmt.Sprintf("replica %d is more than the %d wanted", f.Replica, function.Replicas)
	case box != f.box && m.homes[replicaKey{f.Function, f.Replica}].box == box && len(m.existing[replicaKey{f.Function, f.Replica}]) > 1:
		return fmt.Sprintf("a second copy of %s %d, which runs on %s (lost.return: %s)", f.Function, f.Replica, box,
			cmp.Or(m.service.Lost.Return, spec.ReturnReplacement))
	case box != f.box:
		return fmt.Sprintf("%s %d is on %s now", f.Function, f.Replica, box)
	}
	return fmt.Sprintf("a second container of %s %d", f.Function, f.Replica)
}

// inTheWay says whether a container that goes holds a host port that a placement needs.
func (m *matcher) inTheWay(f found) bool {
	b := m.boxByName[f.box]
	if b == nil || !f.holds() {
		return false
	}
	return slices.ContainsFunc(f.Ports, func(p spec.Port) bool { return p.Host > 0 && m.ports.needed(b.address, p) })
}

// imageDigest is the digest in sha256:… or name@sha256:…; empty for a tag.
func imageDigest(image string) string {
	if i := strings.LastIndex(image, "sha256:"); i == 0 || (i > 0 && image[i-1] == '@') {
		return image[i:]
	}
	return ""
}

// shortDigest is enough of a digest for people.
func shortDigest(digest string) string {
	const enough = len("sha256:") + 12
	if len(digest) > enough {
		return digest[:enough]
	}
	return digest
}

// pulls lists each image once for each box, by box and image.
func pulls(all []placed) []Pull {
	var list []Pull
	seen := map[[2]string]bool{}
	add := func(b *boxState, image Image, platform Platform) {
		if key := [2]string{b.Name, image.Ref}; !seen[key] {
			seen[key] = true
			list = append(list, Pull{
				Box: b.Name, Image: image.Ref, Digest: image.Digest, Manifest: platform.Digest,
				OS: cmp.Or(platform.OS, "linux"), Arch: platform.Arch, Variant: platform.Variant,
				SizeBytes: platform.SizeBytes, Present: b.has(image, platform),
			})
		}
	}
	for i := range all {
		p := &all[i]
		if p.held != nil {
			continue
		}
		add(p.box, p.option.image, p.platform)
		if p.probe != nil {
			add(p.box, *p.probeImage, *p.probe)
		}
	}
	slices.SortFunc(list, func(a, b Pull) int { return cmp.Or(cmp.Compare(a.Box, b.Box), cmp.Compare(a.Image, b.Image)) })
	return list
}

// onBoxes are the networks and named volumes that each box must have; a swarm has each network once. Boxes that
// do not answer are left alone.
func (m *matcher) onBoxes(placements []Placement) (networks, volumes []OnBox) {
	for i := range placements {
		p := &placements[i]
		if p.Action == ActionHold {
			continue
		}
		for _, name := range p.Networks {
			if m.swarm {
				networks = append(networks, OnBox{Name: name})
			} else {
				networks = append(networks, OnBox{p.Box, name})
			}
		}
		for _, name := range volumesOf(p.Mounts) {
			volumes = append(volumes, OnBox{p.Box, name})
		}
	}
	byName := func(a, b OnBox) int { return cmp.Or(cmp.Compare(a.Box, b.Box), cmp.Compare(a.Name, b.Name)) }
	slices.SortFunc(networks, byName)
	slices.SortFunc(volumes, byName)
	return slices.Compact(networks), slices.Compact(volumes)
}
