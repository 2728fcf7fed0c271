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

// load is what a box has left while functions are being placed. All boxes' loads lie one after another, so that
// a scan of a thousand of them reads memory in order.
type load struct {
	cpus    int64 // thousandths
	memory  int64 // bytes
	disk    int64 // bytes; unlimited when nobody knows
	crowded points
	// What a thousandth of a CPU and a byte of memory are worth in the score; zero when the box tells no total.
	perCPU, perByte float64
}

// unlimited is more disk than there is, with room to count in.
const unlimited = math.MaxInt64 / 4

// boxState is one declared box while functions are being placed: what it has and what is already taken.
type boxState struct {
	spec.Box
	*load
	index   int // among the boxes, which go by name
	seen    Box
	address string // where its published ports live: boxes that share it share ports

	totalCPUs, totalMemory int64 // thousandths, bytes
	diskKnown              bool

	images  map[string]bool // digests that are there
	pulled  map[string]int  // digests that placements bring, with how many need them
	planned map[string]int  // replicas placed here, by function
	count   int             // replicas placed here
}

// newBoxState joins what was declared with what was seen. Containers of other owners keep their reservations.
func newBoxState(service string, declared spec.Box, seen Box, l *load) *boxState {
	b := &boxState{
		Box: declared, load: l, seen: seen, address: portAddress(declared),
		images: make(map[string]bool, len(seen.Images)), pulled: map[string]int{}, planned: map[string]int{},
	}
	b.totalCPUs = atMost(thousandths(seen.CPUs), thousandths(declared.CPUs))
	b.totalMemory = atMost(seen.MemoryBytes, declared.MemoryBytes)
	b.disk, b.diskKnown = seen.FreeDisk, seen.FreeDisk >= 0
	if declared.DiskBytes > 0 && (!b.diskKnown || declared.DiskBytes < b.disk) {
		b.disk, b.diskKnown = declared.DiskBytes, true
	}
	if !b.diskKnown {
		b.disk = unlimited
	}
	b.cpus, b.memory = b.totalCPUs, b.totalMemory
	if b.totalCPUs > 0 {
		b.perCPU = float64(weightFree) / float64(b.totalCPUs)
	}
	if b.totalMemory > 0 {
		b.perByte = float64(weightFree) / float64(b.totalMemory)
	}
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

// drained says whether a person keeps the box empty.
func (b *boxState) drained() bool { return b.Availability == spec.AvailabilityDrain }

// has says whether the box has a platform of an image, by either digest.
func (b *boxState) has(image Image, platform Platform) bool {
	return b.images[platform.Digest] || b.images[image.Digest]
}

// missing is the disk that an image would need here, bytes; nothing when it is there or on its way.
func (b *boxState) missing(image Image, platform Platform) int64 {
	if b.has(image, platform) || b.pulled[platform.Digest] > 0 {
		return 0
	}
	return diskOf(platform)
}

func diskOf(platform Platform) int64 { return int64(float64(platform.SizeBytes) * unpackFactor) }

// reserve counts a replica in (by 1) or out (by -1) with what it keeps for itself.
func (b *boxState) reserve(function string, need spec.Resources, by int) {
	b.cpus -= int64(by) * thousandths(need.CPUs)
	b.memory -= int64(by) * need.MemoryBytes
	b.planned[function] += by
	b.count += by
	b.crowded = crowdedPoints(b.count)
}

// take reserves what a pick needs; release gives exactly that back.
func (b *boxState) take(p *pick)    { b.move(p, 1) }
func (b *boxState) release(p *pick) { b.move(p, -1) }

func (b *boxState) move(p *pick, by int) {
	b.reserve(p.function.Name, p.option.resources, by)
	b.bring(p.option.image, p.platform, by)
	if p.probe != nil {
		b.bring(*p.probeImage, *p.probe, by)
	}
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

// findOurs lists the service's own containers, by replica, each list in the order of box and name. A swarm keeps
// the last ended containers of every task: they are its memory, not drift.
func findOurs(service spec.Service, boxes []Box) (all []found, byReplica map[replicaKey][]found) {
	byReplica = map[replicaKey][]found{}
	for _, box := range boxes {
		for _, c := range box.Containers {
			if c.Service == service.Name {
				all = append(all, found{box.Name, c})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.box, b.box), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	kept := all[:0]
	var now map[replicaKey]found
	if service.Orchestrator == spec.OrchestratorSwarm {
		inTurn(service, all)
		now = lastOf(all)
	}
	for _, f := range all {
		key := replicaKey{f.Function, f.Replica}
		if last, swarm := now[key]; swarm && !f.holds() && (last.box != f.box || last.ID != f.ID) {
			continue
		}
		byReplica[key] = append(byReplica[key], f)
		kept = append(kept, f)
	}
	return kept, byReplica
}

// lastOf is the container of each replica that says how it is: one that runs, else the youngest.
func lastOf(all []found) map[replicaKey]found {
	last := map[replicaKey]found{}
	for _, f := range all {
		key := replicaKey{f.Function, f.Replica}
		old, ok := last[key]
		if !ok || (f.holds() && !old.holds()) || (f.holds() == old.holds() && f.Created > old.Created) {
			last[key] = f
		}
	}
	return last
}
