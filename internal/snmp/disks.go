package snmp

import (
	"context"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

// hrStorageTable, for agents whose configuration has no `disk` lines and no includeAllDisks.
const (
	oidStorageType  = ".1.3.6.1.2.1.25.2.3.1.2"
	oidStorageDescr = ".1.3.6.1.2.1.25.2.3.1.3" // the path, of a disk
	oidStorageSize  = ".1.3.6.1.2.1.25.2.3.1.5" // units
	oidStorageUsed  = ".1.3.6.1.2.1.25.2.3.1.6" // the same units

	fixedDisk = ".1.3.6.1.2.1.25.2.1.4" // hrStorageFixedDisk
)

func (s *Session) disks(ctx context.Context, t tables, sample *resource.Sample) error {
	if !s.learned.noDisks && len(t.rows(oidDiskPath)) == 0 {
		s.learned.noDisks = true
	}
	if s.learned.noDisks {
		return s.storage(ctx, t, sample)
	}
	seen := map[string]bool{}
	for _, index := range t[oidDiskPath].indices() {
		name := text(t.rows(oidDiskPath)[index])
		used := gauge(t.rows(oidDiskPercent)[index], 1)
		switch {
		case name == "" || seen[name]: // a disk line and includeAllDisks may name one twice
		case used == nil:
			sample.LeftOut = append(sample.LeftOut, fmt.Sprintf("disk %s: the agent gives no percentage (is it mounted?)", name))
		default:
			sample.Disks = append(sample.Disks, wire.Disk{Path: name, Percent: *used})
		}
		seen[name] = true
	}
	return nil
}

// storage reads fixed disks from hrStorageTable. The share is of all blocks, as dskPercent is (compared with df on
// net-snmp 5.9.3): where a file system keeps 5 % for root, one that people find full shows 95 %.
func (s *Session) storage(ctx context.Context, t tables, sample *resource.Sample) error {
	if err := s.more(ctx, t, oidStorageType, oidStorageDescr, oidStorageSize, oidStorageUsed); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, index := range t[oidStorageDescr].indices() {
		name := text(t.rows(oidStorageDescr)[index])
		kind, _ := t.rows(oidStorageType)[index].Value.(string)
		if kind != fixedDisk || seen[name] || !ofPeople(name) {
			continue
		}
		seen[name] = true
		size, used := gauge(t.rows(oidStorageSize)[index], 1), gauge(t.rows(oidStorageUsed)[index], 1)
		if size == nil || used == nil || *size == 0 {
			continue
		}
		sample.Disks = append(sample.Disks, wire.Disk{Path: name, Percent: 100 * *used / *size})
	}
	return nil
}

// ofPeople says whether a mount is one that people fill, and not the kernel's or a container engine's.
func ofPeople(path string) bool {
	for _, prefix := range []string{"/dev", "/proc", "/run", "/sys", "/snap", "/var/lib/docker", "/var/lib/containers", "/var/lib/kubelet"} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return false
		}
	}
	return strings.HasPrefix(path, "/")
}
