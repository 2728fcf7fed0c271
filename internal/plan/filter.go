package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// refuse adds one reason against a pick: what is needed, what there is.
func (p *pick) refuse(format string, args ...any) {
	p.reasons = append(p.reasons, fmt.Sprintf(format, args...))
}

// check runs every filter and collects every reason, so that a person fixes all of them at once. Of a box that
// does not answer nothing more is known than its labels. Pinned are the boxes with the replica's data.
func (m *matcher) check(p *pick, pinned []*boxState) {
	m.checkFixed(p)
	b := p.box
	if b.drained() && !slices.Contains(pinned, b) {
		p.refuse("availability: need %s, have %s", spec.AvailabilityActive, spec.AvailabilityDrain)
	}
	if !b.seen.Reachable {
		return
	}
	if len(pinned) > 0 && !slices.Contains(pinned, b) {
		p.refuse("volume: need %s with its data, which is on %s, have none of it", m.volumeOn(p.function, pinned[0]), boxNames(pinned))
	}
	m.checkRoom(p)
	m.checkPorts(p)
}

// checkFixed runs the filters that neither another placement nor a person at the boxes changes: reachable,
// platform, engine, constraints.
func (m *matcher) checkFixed(p *pick) {
	b := p.box
	if !b.seen.Reachable {
		p.refuse("not reachable: %s", cmp.Or(b.seen.Fault, "it was not observed"))
	} else {
		m.checkPlatform(p)
		if need, have := p.function.Engine, b.seen.EngineVersion; olderThan(have, need) {
			p.refuse("engine: need %s or newer, have %s", need, cmp.Or(have, "an unknown version"))
		}
	}
	for _, c := range p.option.constraints {
		checkConstraint(p, c)
	}
}

func boxNames(boxes []*boxState) string {
	names := make([]string, 0, len(boxes))
	for _, b := range boxes {
		names = append(names, b.Name)
	}
	return strings.Join(names, " or ")
}

// olderThan compares the numbers of two versions, "20.10.24+dfsg1" as 20.10.24. A version that nobody knows is
// older than any.
func olderThan(have, need string) bool {
	if need == "" {
		return false
	}
	has, wants := versionOf(have), versionOf(need)
	for i, n := range wants {
		switch {
		case i >= len(has) || has[i] < n:
			return i < len(has) || n > 0
		case has[i] > n:
			return false
		}
	}
	return false
}

// versionOf are the leading numbers of a version; a v before them does not count.
func versionOf(text string) []int {
	var numbers []int
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "v"), ".") {
		digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
		n, err := strconv.Atoi(part[:digits])
		if err != nil {
			break
		}
		numbers = append(numbers, n)
		if digits < len(part) {
			break
		}
	}
	return numbers
}

func (m *matcher) checkPlatform(p *pick) {
	b := p.box
	platform, ok := platformFor(b.seen, p.option.image)
	if !ok {
		p.refuse("platform: need %s, have %s", platformsText(p.option.image), boxPlatform(b.seen))
	}
	p.platform = platform
	if !m.needsProbe(p.function) {
		return
	}
	probe, ok := platformFor(b.seen, *m.probe)
	if !ok {
		p.refuse("platform of the probe image: need %s, have %s", platformsText(*m.probe), boxPlatform(b.seen))
	}
	p.probe, p.probeImage = &probe, m.probe
}

// needsProbe says whether the probe image must be on a function's box: connections are proven from there, and
// forwarders run from it.
func (m *matcher) needsProbe(f *spec.Function) bool { return m.probe != nil && len(f.Consumes) > 0 }

func checkConstraint(p *pick, c spec.Constraint) {
	have, known := constraintValue(p.box, c.Key)
	if (c.Op == "!=") == (have != c.Value) {
		return
	}
	switch {
	case !known:
		have = "nothing: the box does not have it"
	case have == "":
		have = "an empty value"
	}
	p.refuse("constraint: need %s %s %s, have %s", c.Key, c.Op, c.Value, have)
}

// constraintValue is what a box says for a constraint's key.
func constraintValue(b *boxState, key string) (value string, known bool) {
	switch key {
	case "node.hostname":
		return b.Name, true
	case "node.platform.os":
		return b.seen.OS, b.seen.OS != ""
	case "node.platform.arch":
		return b.seen.Arch, b.seen.Arch != ""
	}
	label, ok := strings.CutPrefix(key, "node.labels.")
	if !ok {
		return "", false
	}
	value, known = b.Labels[label]
	return value, known
}

// checkRoom compares what is needed with what is left: CPUs, memory, disk, replicas on the box.
func (m *matcher) checkRoom(p *pick) {
	b, need := p.box, p.option.resources
	if cpus := thousandths(need.CPUs); cpus > 0 && cpus > b.cpus {
		p.refuse("cpus: need %s, have %s free of %s", cpuText(cpus), cpuText(max(b.cpus, 0)), cpuText(b.totalCPUs))
	}
	if need.MemoryBytes > 0 && need.MemoryBytes > b.memory {
		p.refuse("memory: need %s, have %s free of %s", bytesText(need.MemoryBytes), bytesText(max(b.memory, 0)), bytesText(b.totalMemory))
	}
	if p.platform.Digest != "" && b.diskKnown {
		disk := b.missing(p.option.image, p.platform)
		if p.probe != nil && p.probe.Digest != p.platform.Digest {
			disk += b.missing(*p.probeImage, *p.probe)
		}
		if disk > 0 && disk > b.disk {
			p.refuse("disk: need %s (compressed size x %g), have %s free", bytesText(disk), unpackFactor, bytesText(max(b.disk, 0)))
		}
	}
	if most := m.mostPerBox(p.function); most > 0 && b.planned[p.function.Name] >= most {
		p.refuse("replicas on one box: need at most %d, have %d", most, b.planned[p.function.Name])
	}
}

// checkPorts looks at the ports that must have a certain number; the plan can always pick the others.
func (m *matcher) checkPorts(p *pick) {
	for _, port := range p.function.Ports {
		if port.Host == 0 || m.shared(port) {
			continue
		}
		if holder, taken := m.ports.clash(p.box, p.key(), onBox(p.box, port)); taken {
			p.refuse("port: need %d/%s on %s, have it taken by %s", port.Host, protocolOf(port), p.box.address, holder.describe)
		}
	}
}

// platformFor is the best platform of an image for a box: the same system and architecture with the highest
// variant that the box can run.
func platformFor(b Box, image Image) (Platform, bool) {
	var best Platform
	level := -1
	for _, p := range image.Platforms {
		if cmp.Or(p.OS, "linux") != cmp.Or(b.OS, "linux") || p.Arch != b.Arch {
			continue
		}
		if v := variantLevel(p.Variant, 0); v <= variantLevel(b.Variant, usualVariant(b.Arch)) && v > level {
			best, level = p, v
		}
	}
	return best, level >= 0
}

// variantLevel is the number in v6, v7, v8; an image without one runs on every variant.
func variantLevel(variant string, absent int) int {
	if variant == "" {
		return absent
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(variant, "v")); err == nil {
		return n
	}
	return absent
}

// usualVariant is what engines mean that do not say: 32-bit ARM with Docker is v7, 64-bit ARM is v8.
func usualVariant(arch string) int {
	switch arch {
	case "arm":
		return 7
	case "arm64":
		return 8
	}
	return 1
}

// platformText is os/arch[/variant].
func platformText(os, arch, variant string) string {
	text := cmp.Or(os, "linux") + "/" + cmp.Or(arch, "unknown")
	if variant != "" {
		text += "/" + variant
	}
	return text
}

func boxPlatform(b Box) string { return platformText(b.OS, b.Arch, b.Variant) }

func platformsText(image Image) string {
	texts := make([]string, 0, len(image.Platforms))
	for _, p := range image.Platforms {
		texts = append(texts, platformText(p.OS, p.Arch, p.Variant))
	}
	if len(texts) == 0 {
		return "any platform of " + image.Ref + " (it has none)"
	}
	return strings.Join(texts, " or ")
}

// cpuText writes thousandths of a CPU as people do.
func cpuText(n int64) string { return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) }

// bytesText writes bytes in the unit that keeps the number short.
func bytesText(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.size {
			return strconv.FormatFloat(float64(n*10/unit.size)/10, 'f', -1, 64) + " " + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}
