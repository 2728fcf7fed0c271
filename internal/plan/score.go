package plan

import (
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// points are millionths of a point of a score. Whole numbers add up to the same sum in any order and on any
// processor (some fuse a multiplication with an addition), so that a workflow that is replayed elsewhere, and a
// quicker way to the same sum, find the same box.
type points int64

const point points = 1_000_000

func (p points) float() float64 { return float64(p) / float64(point) }

// The weights of the score's parts. Only their order matters: data that are there count more than everything
// else, a move costs more than all the rest can gain (a restart, and other functions learn a new address), then
// the even spread that a person asked for, then other wishes, then keeping replicas apart, then pulls, then room
// to grow.
const (
	weightVolume    = 5000 * point
	weightStays     = 2000 * point
	weightStaysWeak = 5 * point / 2 // when rebalancing: two functions of the service more on a box outweigh it
	weightOver      = 100 * point
	weightPrefer    = 20 * point
	weightAvoid     = 20 * point
	weightApart     = 30 * point // times n/(n+1) for n replicas of the function that are there already
	weightImage     = 10 * point // the image is there
	weightSameImage = 10 * point // a running function keeps its candidate
	weightCandidate = 8 * point  // times i/(i+1) for the candidate's place in the list
	weightSpread    = 10 * point // times n/(n+4) for n functions of the service on the box
	weightFree      = 5 * point  // times the scarcer of free cpus and free memory after placing
)

// rate scores a pick that passed every filter. Parts that are zero are left out.
func (m *matcher) rate(p *pick) {
	b := p.box
	p.parts = make([]Part, 0, 4)
	for _, own := range m.ownParts(p) {
		p.part(own.name, own.value)
	}
	p.part("prefer", preferPoints(b, p.function.Prefer))
	p.part("avoid", avoidPoints(b, p.function.Avoid))
	p.part("apart", apartPoints(b.planned[p.function.Name]))
	for i, label := range p.function.Spread {
		byValue, value := m.overPoints(p.function, i)
		p.part("spread over "+label, byValue[value[b.index]])
	}
	if p.option.image.Ref != "" && b.has(p.option.image, p.platform) {
		p.part("image is there", weightImage)
	}
	p.part("candidate", candidatePoints(p.option.index))
	p.part("spread", b.crowded)
	p.part("free", b.freeAfter(p.option.resources))
}

func (p *pick) part(name string, value points) {
	if value != 0 {
		p.parts = append(p.parts, Part{name, value.float()})
		p.score += value
	}
}

// ownPart is a part that belongs to one replica on one box: what of it is there already. None is negative.
type ownPart struct {
	name  string
	value points
}

func (m *matcher) ownParts(p *pick) []ownPart {
	var parts []ownPart
	if m.dataOn(p.function, p.box) {
		parts = append(parts, ownPart{"its volume is there", weightVolume})
	}
	home, there := m.home(p.key())
	if home != p.box.Name {
		return parts
	}
	name := "stays where it is"
	if !there {
		name = "was there before"
	}
	parts = append(parts, ownPart{name, m.stays()})
	if len(p.options) > 1 && m.runsImage(p) {
		parts = append(parts, ownPart{"same image", weightSameImage})
	}
	return parts
}

// stays is what a replica gains where it is.
func (m *matcher) stays() points {
	if m.rebalance {
		return weightStaysWeak
	}
	return weightStays
}

// runsImage says whether the replica that is there runs this option's image.
func (m *matcher) runsImage(p *pick) bool {
	return slices.ContainsFunc(m.existing[p.key()], func(f found) bool {
		return f.box == p.box.Name && (f.Image == p.option.image.Ref || f.Image == p.platform.Digest || f.Image == p.option.image.Digest)
	})
}

func preferPoints(b *boxState, labels []spec.Variable) points {
	return matching(b, labels, weightPrefer)
}

func avoidPoints(b *boxState, labels []spec.Variable) points {
	return -matching(b, labels, weightAvoid)
}

// matching is the part of the labels that a box has, of a weight. A label without a value asks only for its name.
func matching(b *boxState, labels []spec.Variable, weight points) points {
	if len(labels) == 0 {
		return 0
	}
	n := 0
	for _, label := range labels {
		if have, ok := b.Labels[label.Name]; ok && (label.Value == "" || have == label.Value) {
			n++
		}
	}
	return weight * points(n) / points(len(labels))
}

func apartPoints(n int) points     { return -weightApart * points(n) / points(n+1) }
func candidatePoints(i int) points { return -weightCandidate * points(i) / points(i+1) }
func crowdedPoints(n int) points   { return -weightSpread * points(n) / points(n+4) }

// freeAfter is the scarcer of free CPUs and free memory once the function is there.
func (l *load) freeAfter(need spec.Resources) points {
	return l.free(thousandths(need.CPUs), need.MemoryBytes)
}

// free is freeAfter for thousandths of CPUs and bytes. What the box does not tell counts as free.
func (l *load) free(cpus, memory int64) points {
	byCPUs, byMemory := weightFree, weightFree
	if l.perCPU > 0 {
		byCPUs = points(float64(l.cpus-cpus) * l.perCPU)
	}
	if l.perByte > 0 {
		byMemory = points(float64(l.memory-memory) * l.perByte)
	}
	return max(0, min(byCPUs, byMemory, weightFree))
}
