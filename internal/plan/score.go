package plan

import (
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// The weights of the score's parts. Only their order matters: a move costs more than everything else can gain
// (a restart, and volumes stay behind), then what a person asked for, then keeping replicas apart, then pulls,
// then room to grow.
const (
	weightStays     = 200.0
	weightPrefer    = 20.0
	weightAvoid     = 20.0
	weightApart     = 30.0 // times n/(n+1) for n replicas of the function that are there already
	weightImage     = 10.0 // times the part of the bytes that is there
	weightSameImage = 10.0 // a running function keeps its candidate
	weightCandidate = 8.0  // times i/(i+1) for the candidate's place in the list
	weightSpread    = 10.0 // times n/(n+4) for n functions of the service on the box
	weightFree      = 5.0  // times the scarcer of free cpus and free memory after placing
)

// rate scores a pick that passed every filter. Parts that are zero are left out.
func (m *matcher) rate(p *pick) {
	b := p.box
	p.parts = make([]Part, 0, 4)
	p.part("stays where it is", weightStays*m.stays(p))
	p.part("prefer", weightPrefer*matching(b, p.function.Prefer))
	p.part("avoid", -weightAvoid*matching(b, p.function.Avoid))
	n := float64(b.planned[p.function.Name])
	p.part("apart", -weightApart*n/(n+1))
	if p.option.image.Ref != "" && b.has(p.option.image, p.platform) {
		p.part("image is there", weightImage)
	}
	if len(p.options) > 1 {
		i := float64(p.option.index)
		p.part("candidate", -weightCandidate*i/(i+1))
		if m.runsImage(p) {
			p.part("same image", weightSameImage)
		}
	}
	n = float64(b.count)
	p.part("spread", -weightSpread*n/(n+4))
	p.part("free", weightFree*freeAfter(b, p.option.resources))
}

func (p *pick) part(name string, value float64) {
	if value != 0 {
		p.parts = append(p.parts, Part{name, value})
		p.score += value
	}
}

// stays is 1 where this replica is. With several containers of one replica the one with the plan's name is it.
func (m *matcher) stays(p *pick) float64 {
	if slices.ContainsFunc(m.existing[p.key()], func(f found) bool { return f.box == p.box.Name }) {
		return 1
	}
	return 0
}

// runsImage says whether the replica that is there runs this option's image.
func (m *matcher) runsImage(p *pick) bool {
	return slices.ContainsFunc(m.existing[p.key()], func(f found) bool {
		return f.box == p.box.Name && (f.Image == p.option.image.Ref || f.Image == p.platform.Digest || f.Image == p.option.image.Digest)
	})
}

// matching is the part of the labels that a box has, 0 to 1. A label without a value asks only for its name.
func matching(b *boxState, labels []spec.Variable) float64 {
	if len(labels) == 0 {
		return 0
	}
	n := 0
	for _, label := range labels {
		if have, ok := b.Labels[label.Name]; ok && (label.Value == "" || have == label.Value) {
			n++
		}
	}
	return float64(n) / float64(len(labels))
}

// freeAfter is the scarcer of free CPUs and free memory once the function is there, 0 to 1.
func freeAfter(b *boxState, need spec.Resources) float64 {
	free := 1.0
	if b.totalCPUs > 0 {
		free = min(free, float64(b.cpus-thousandths(need.CPUs))/float64(b.totalCPUs))
	}
	if b.totalMemory > 0 {
		free = min(free, float64(b.memory-need.MemoryBytes)/float64(b.totalMemory))
	}
	return max(free, 0)
}
