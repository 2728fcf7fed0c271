package plan

import (
	"cmp"
	"math"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// unpackFactor is how much disk an image needs for each compressed byte: the compressed layer and what it
// unpacks to exist at the same time (Go binaries compress to about 2/3, so 1 + 1.5).
const unpackFactor = 2.5

// boxState is one declared box while functions are being placed: what it has and what is already taken.
type boxState struct {
	spec.Box
	seen    Box
	address string // where its published ports live: boxes that share it share ports

	cpus, totalCPUs     int64 // thousandths
	memory, totalMemory int64 // bytes
	disk                int64 // bytes; meaningless without diskKnown
	diskKnown           bool

	images  map[string]bool // digests that are there
	pulled  map[string]int  // digests that placements bring, with how many need them
	planned map[string]int  // replicas placed here, by function
	count   int             // replicas placed here
}

// newBoxState joins what was declared with what was seen. Containers of other owners keep their reservations.
func newBoxState(service string, declared spec.Box, seen Box) *boxState {
	b := &boxState{
		Box: declared, seen: seen, address: portAddress(declared),
		images: make(map[string]bool, len(seen.Images)), pulled: map[string]int{}, planned: map[string]int{},
	}
	b.totalCPUs = atMost(thousandths(seen.CPUs), thousandths(declared.CPUs))
	b.totalMemory = atMost(seen.MemoryBytes, declared.MemoryBytes)
	b.disk, b.diskKnown = seen.FreeDisk, seen.FreeDisk >= 0
	if declared.DiskBytes > 0 && (!b.diskKnown || declared.DiskBytes < b.disk) {
		b.disk, b.diskKnown = declared.DiskBytes, true
	}
	b.cpus, b.memory = b.totalCPUs, b.totalMemory
	for _, c := range seen.Containers {
		if c.Service != service && c.holds() {
			b.cpus -= thousandths(c.CPUs)
			b.memory -= c.MemoryBytes
		}
	}
	for _, digest := range seen.Images {
		b.images[digest] = true
	}
	return b
}

// atMost bounds what the engine reports by a cap; a cap of zero is none.
func atMost(total, limit int64) int64 {
	if limit > 0 && (total <= 0 || limit < total) {
		return limit
	}
	return total
}

// thousandths of a CPU are whole numbers, so that ten times 0.1 is 1.
func thousandths(cpus float64) int64 { return int64(math.Round(cpus * 1000)) }

// portAddress names the network address that a box publishes on.
func portAddress(box spec.Box) string {
	if box.Address == "localhost" {
		return "127.0.0.1"
	}
	return cmp.Or(box.Address, box.Name)
}

// holds says whether a container uses its reservation and its ports now.
func (c Container) holds() bool {
	switch c.State {
	case "created", "exited", "dead", "removing":
		return false
	}
	return true
}

// has says whether the box has a platform of an image, by either digest.
func (b *boxState) has(image Image, platform Platform) bool {
	return b.images[platform.Digest] || b.images[image.Digest]
}

// missing is the disk that an image would need here, bytes; nothing when it is there or on its way.
func (b *boxState) missing(image Image, platform Platform) int64 {
	if b.has(image, platform) || b.pulled[platform.Digest] > 0 {
		return 0
	}
	return int64(float64(platform.SizeBytes) * unpackFactor)
}

// take reserves what a pick needs; release gives exactly that back.
func (b *boxState) take(p *pick) {
	b.cpus -= thousandths(p.option.resources.CPUs)
	b.memory -= p.option.resources.MemoryBytes
	b.bring(p.option.image, p.platform, 1)
	if p.probe != nil {
		b.bring(*p.probeImage, *p.probe, 1)
	}
	b.planned[p.function.Name]++
	b.count++
}

func (b *boxState) release(p *pick) {
	b.cpus += thousandths(p.option.resources.CPUs)
	b.memory += p.option.resources.MemoryBytes
	b.bring(p.option.image, p.platform, -1)
	if p.probe != nil {
		b.bring(*p.probeImage, *p.probe, -1)
	}
	b.planned[p.function.Name]--
	b.count--
}

// bring counts one more (or less) placement that needs an image; the first needs the disk, the last frees it.
func (b *boxState) bring(image Image, platform Platform, by int) {
	if by > 0 {
		b.disk -= b.missing(image, platform)
	}
	b.pulled[platform.Digest] += by
	if by < 0 {
		b.disk += b.missing(image, platform)
	}
}

// found is one of our containers where it was seen.
type found struct {
	box string
	Container
}

// replicaKey names one replica of one function.
type replicaKey struct {
	function string
	replica  int
}

// findOurs lists the service's own containers, by replica, each list in the order of box and name.
func findOurs(service string, boxes []Box) (all []found, byReplica map[replicaKey][]found) {
	byReplica = map[replicaKey][]found{}
	for _, box := range boxes {
		for _, c := range box.Containers {
			if c.Service == service {
				all = append(all, found{box.Name, c})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.box, b.box), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, f := range all {
		key := replicaKey{f.Function, f.Replica}
		byReplica[key] = append(byReplica[key], f)
	}
	return all, byReplica
}
