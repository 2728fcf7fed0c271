// Package resource owns what is measured of a box: a sample of its counters and gauges, and the rates between
// two samples. It is pure; package snmp and the edge's own reader of /proc take the samples.
package resource

import (
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Sample is one look at a box. What could not be read is nil.
type Sample struct {
	// At is when, with its monotonic clock: rates come from it and not from the wall clock.
	At      time.Time
	UptimeS *float64 // of the system, not of its SNMP agent
	Load1   *float64
	// AgentUptimeS is the SNMP agent's; it stands for a system that does not tell its own.
	AgentUptimeS *float64

	// CPU ticks since the start, over all processors. Other is nice, waiting, interrupt and stolen time, where known.
	User, System, Idle, Other *Counter
	MemTotal, MemAvail        *float64 // bytes
	Disks                     []wire.Disk
	Interfaces                []Interface

	// LeftOut says in sentences what is not here and why.
	LeftOut []string
}

// Interface is the counters of one network interface.
type Interface struct {
	Name                                                            string
	InBytes, OutBytes, InErrors, OutErrors, InDiscards, OutDiscards *Counter
	// SpeedBits is what the link can carry, bit/s; 0 when it is not known. It tells how often a 32-bit counter may
	// have wrapped.
	SpeedBits float64
}

// Counter is a value that only rises, and begins again at 2^Bits.
type Counter struct {
	Value uint64
	Bits  int // 32 or 64
}

// since is how far it has risen since an earlier look.
func (c *Counter) since(earlier *Counter) (float64, bool) {
	if c == nil || earlier == nil || c.Bits != earlier.Bits {
		return 0, false
	}
	if c.Bits == 32 {
		rise := (c.Value - earlier.Value) & 0xFFFFFFFF
		// A rise by more than half the range within one poll is a counter that somebody reset.
		return float64(rise), rise < 1<<31
	}
	if c.Value < earlier.Value {
		return 0, false // 64 bits do not wrap within a lifetime: somebody reset it
	}
	return float64(c.Value - earlier.Value), true
}
