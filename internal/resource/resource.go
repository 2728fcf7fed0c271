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

	// CPU ticks since the start, over all processors. Other is nice and waiting time, where it is known.
	User, System, Idle, Other *Counter
	MemTotal, MemAvail        *float64 // bytes
	Disks                     []wire.Disk
	Interfaces                []Interface
}

// Interface is the counters of one network interface.
type Interface struct {
	Name                                                            string
	InBytes, OutBytes, InErrors, OutErrors, InDiscards, OutDiscards *Counter
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

// Rates is what one sample says of a box, with the rates since the one before. Rates are nil at the first
// sample and after a restart of the box (its uptime fell).
func Rates(earlier *Sample, now Sample) wire.Resource {
	r := wire.Resource{
		TimeMillis: now.At.UnixMilli(), UptimeS: now.UptimeS, Load1: now.Load1,
		MemTotal: now.MemTotal, MemAvail: now.MemAvail, Disks: now.Disks,
	}
	comparable := earlier != nil && now.At.After(earlier.At) && !restarted(*earlier, now)
	if comparable {
		processors(&r, *earlier, now)
	}
	for _, i := range now.Interfaces {
		out := wire.Interface{Name: i.Name}
		if before := find(earlier, i.Name); comparable && before != nil {
			rates(&out, *before, i, now.At.Sub(earlier.At).Seconds())
		}
		r.Interfaces = append(r.Interfaces, out)
	}
	return r
}

func restarted(earlier, now Sample) bool {
	return earlier.UptimeS != nil && now.UptimeS != nil && *now.UptimeS < *earlier.UptimeS
}

func processors(r *wire.Resource, earlier, now Sample) {
	user, userOK := now.User.since(earlier.User)
	system, systemOK := now.System.since(earlier.System)
	idle, idleOK := now.Idle.since(earlier.Idle)
	other, _ := now.Other.since(earlier.Other)
	total := user + system + idle + other
	if !userOK || !systemOK || !idleOK || total <= 0 {
		return // right after its start an agent's counters stand at 0
	}
	percent := func(part float64) *float64 { return new(100 * part / total) }
	r.UserPct, r.SystemPct, r.IdlePct = percent(user), percent(system), percent(idle)
	r.CPUPercent = percent(total - idle)
}

// find looks interfaces up by name: an index can move.
func find(s *Sample, name string) *Interface {
	if s == nil {
		return nil
	}
	for i := range s.Interfaces {
		if s.Interfaces[i].Name == name {
			return &s.Interfaces[i]
		}
	}
	return nil
}

// mostRate is 10 Tbit/s in bytes; a rate above it is a counter that jumped.
const mostRate = 1.25e12

func rates(out *wire.Interface, before, now Interface, seconds float64) {
	rate := func(earlier, later *Counter) *float64 {
		rise, ok := later.since(earlier)
		if !ok || rise/seconds > mostRate {
			return nil
		}
		return new(rise / seconds)
	}
	out.InBytes, out.OutBytes = rate(before.InBytes, now.InBytes), rate(before.OutBytes, now.OutBytes)
	out.InErrors, out.OutErrors = rate(before.InErrors, now.InErrors), rate(before.OutErrors, now.OutErrors)
	out.InDiscards, out.OutDiscards = rate(before.InDiscards, now.InDiscards), rate(before.OutDiscards, now.OutDiscards)
}
