package resource

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Tracker turns the samples of one box into records with rates. The zero value is ready.
type Tracker struct {
	last *Sample
	// moved is when the counters of the interfaces that stand in last were first seen.
	moved time.Time
}

// refresh is how long an agent may give the same counters of its interfaces again: net-snmp 5.9.3 reads them from the
// kernel each 3 s (measured), others wait longer. Until they move or this has passed, standing still is no rate of zero.
const refresh = 20 * time.Second

// Next is what a sample says, with the rates since the one before. Rates are nil at the first sample, after a
// restart of the box, and where a counter was reset; what cannot be is left out with the reason.
func (t *Tracker) Next(now Sample) wire.Resource {
	r := wire.Resource{
		TimeMillis: now.At.UnixMilli(), UptimeS: now.UptimeS, Load1: now.Load1,
		MemTotal: now.MemTotal, MemAvail: now.MemAvail, Disks: now.Disks, LeftOut: now.LeftOut,
	}
	earlier := t.last
	if earlier != nil && (!now.At.After(earlier.At) || Restarted(*earlier, now)) {
		earlier = nil
	}
	if earlier != nil {
		processors(&r, *earlier, now)
	}
	stale := earlier != nil && still(*earlier, now) && now.At.Sub(t.moved) < refresh
	if stale {
		r.LeftOut = append(r.LeftOut, "rates of interfaces: the agent gives the same counters again, which it reads anew only from time to time")
	}
	for _, nic := range now.Interfaces {
		out := wire.Interface{Name: nic.Name}
		if before := find(earlier, nic.Name); before != nil && !stale {
			rater{seconds: now.At.Sub(t.moved).Seconds(), out: &r.LeftOut}.nic(&out, *before, nic)
		}
		r.Interfaces = append(r.Interfaces, out)
	}
	t.last = &now
	if !stale {
		t.moved = now.At
	}
	clean(&r)
	return r
}

// centiseconds is where hrSystemUptime begins again, s: after 497 days.
const centiseconds = (1 << 32) / 100.0

// Restarted says whether the box began anew between two samples: its uptime is behind what it should be by then. That
// it is above the earlier one says little after a long silence.
func Restarted(earlier, now Sample) bool {
	before, after := earlier.UptimeS, now.UptimeS
	if before == nil || after == nil {
		before, after = earlier.AgentUptimeS, now.AgentUptimeS
	}
	if before == nil || after == nil {
		return false
	}
	passed := now.At.Sub(earlier.At).Seconds()
	behind := *before + passed - *after
	slack := 5 + passed/50 // a slow answer, and clocks that differ
	if behind > centiseconds-slack && behind < centiseconds+slack {
		return false // it has wrapped
	}
	return behind > slack
}

// still says whether no counter of any interface has moved.
func still(earlier, now Sample) bool {
	if len(now.Interfaces) == 0 || len(now.Interfaces) != len(earlier.Interfaces) {
		return false
	}
	for i, nic := range now.Interfaces {
		if before := earlier.Interfaces[i]; nic.Name != before.Name || !slices.EqualFunc(nic.counters(), before.counters(), equal) {
			return false
		}
	}
	return true
}

func (i Interface) counters() []*Counter {
	return []*Counter{i.InBytes, i.OutBytes, i.InErrors, i.OutErrors, i.InDiscards, i.OutDiscards}
}

func equal(a, b *Counter) bool { return a == b || a != nil && b != nil && *a == *b }

func processors(r *wire.Resource, earlier, now Sample) {
	user, userOK := now.User.since(earlier.User)
	system, systemOK := now.System.since(earlier.System)
	idle, idleOK := now.Idle.since(earlier.Idle)
	other, _ := now.Other.since(earlier.Other)
	total := user + system + idle + other
	if !userOK || !systemOK || !idleOK || total <= 0 {
		return // an agent that polls the kernel each 5 s only gives the same ticks again
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

// rater makes rates over a time, and notes what it leaves out.
type rater struct {
	seconds float64
	out     *[]string
}

func (r rater) nic(out *wire.Interface, before, now Interface) {
	out.InBytes = r.bytes(now, "in", before.InBytes, now.InBytes)
	out.OutBytes = r.bytes(now, "out", before.OutBytes, now.OutBytes)
	out.InErrors, out.OutErrors = r.rate(before.InErrors, now.InErrors), r.rate(before.OutErrors, now.OutErrors)
	out.InDiscards, out.OutDiscards = r.rate(before.InDiscards, now.InDiscards), r.rate(before.OutDiscards, now.OutDiscards)
}

func (r rater) rate(earlier, later *Counter) *float64 {
	rise, ok := later.since(earlier)
	if !ok || rise/r.seconds > mostRate {
		return nil
	}
	return new(rise / r.seconds)
}

// bytes is a rate of bytes. A 32-bit counter wraps in 34 s at 1 Gb/s: the link's speed says whether it can have done so
// more than once, which nobody could see.
func (r rater) bytes(nic Interface, way string, earlier, later *Counter) *float64 {
	if earlier == nil || later == nil || earlier.Bits != 32 || later.Bits != 32 || nic.SpeedBits <= 0 {
		return r.rate(earlier, later)
	}
	most := nic.SpeedBits / 8 * r.seconds
	if most >= 1<<32 {
		*r.out = append(*r.out, fmt.Sprintf("bytes %s of interface %s: its 32-bit counter may wrap more than once in %.0f s at %.0f Mbit/s: ask the box more often, or use an agent with 64-bit counters",
			way, nic.Name, r.seconds, nic.SpeedBits/1e6))
		return nil
	}
	rise := float64((later.Value - earlier.Value) & math.MaxUint32)
	if rise > max(1.1*most, 1<<31) {
		return nil // more than the link carries: somebody reset it
	}
	return new(rise / r.seconds)
}
