package snmp

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/resource"
)

// The object identifiers, read from net-snmp's MIBs.
const (
	oidUptime      = ".1.3.6.1.2.1.25.1.1.0"      // hrSystemUptime, 1/100 s
	oidAgentUptime = ".1.3.6.1.2.1.1.3.0"         // sysUpTime, 1/100 s, of the agent; for agents without the other
	oidLoad        = ".1.3.6.1.4.1.2021.10.1.5.1" // laLoadInt.1, load times 100
	oidUser        = ".1.3.6.1.4.1.2021.11.50.0"  // ssCpuRaw…, ticks over all processors, Counter32
	oidNice        = ".1.3.6.1.4.1.2021.11.51.0"
	oidSystem      = ".1.3.6.1.4.1.2021.11.52.0" // the kernel without interrupts (compared with /proc/stat, net-snmp 5.9.3)
	oidIdle        = ".1.3.6.1.4.1.2021.11.53.0"
	oidWait        = ".1.3.6.1.4.1.2021.11.54.0"
	oidInterrupt   = ".1.3.6.1.4.1.2021.11.56.0"
	oidSoftIRQ     = ".1.3.6.1.4.1.2021.11.61.0"
	oidSteal       = ".1.3.6.1.4.1.2021.11.64.0"
	oidMemTotal    = ".1.3.6.1.4.1.2021.4.5.0"  // kB, signed 32 bits: nonsense from 2 TiB on
	oidMemTotalX   = ".1.3.6.1.4.1.2021.4.20.0" // memTotalRealX, kB, 64 bits; older agents lack it
	oidMemAvail    = ".1.3.6.1.4.1.2021.4.27.0" // memSysAvail, kB; older agents lack it
	oidMemFree     = ".1.3.6.1.4.1.2021.4.6.0"  // memAvailReal: in spite of its name it is the free memory
	oidMemBuffer   = ".1.3.6.1.4.1.2021.4.14.0"
	oidMemCached   = ".1.3.6.1.4.1.2021.4.15.0"

	oidDiskPath    = ".1.3.6.1.4.1.2021.9.1.2"
	oidDiskPercent = ".1.3.6.1.4.1.2021.9.1.9"

	oidName        = ".1.3.6.1.2.1.31.1.1.1.1" // ifName
	oidInBytes     = ".1.3.6.1.2.1.31.1.1.1.6" // ifHCInOctets, Counter64: 32 bits wrap in 34 s at 1 Gb/s
	oidOutBytes    = ".1.3.6.1.2.1.31.1.1.1.10"
	oidDescr       = ".1.3.6.1.2.1.2.2.1.2"  // ifDescr, for agents without ifXTable
	oidSpeed       = ".1.3.6.1.2.1.2.2.1.5"  // ifSpeed, bit/s; 2^32-1 when it is more
	oidInBytes32   = ".1.3.6.1.2.1.2.2.1.10" // ifInOctets, Counter32
	oidOutBytes32  = ".1.3.6.1.2.1.2.2.1.16"
	oidInErrors    = ".1.3.6.1.2.1.2.2.1.14" // Counter32
	oidOutErrors   = ".1.3.6.1.2.1.2.2.1.20"
	oidInDiscards  = ".1.3.6.1.2.1.2.2.1.13"
	oidOutDiscards = ".1.3.6.1.2.1.2.2.1.19"
)

func scalarOIDs() []string {
	return []string{
		oidUptime, oidAgentUptime, oidLoad, oidUser, oidNice, oidSystem, oidIdle, oidWait, oidInterrupt, oidSoftIRQ, oidSteal,
		oidMemTotal, oidMemTotalX, oidMemAvail, oidMemFree, oidMemBuffer, oidMemCached,
	}
}

// Poll takes one sample: one GET for the single items, and as few GETBULKs for disks and interfaces together as their
// rows need; two packets each way for a box with up to five interfaces. What the agent does not have stays nil. Errors
// name the box and say what to do: ErrUnreachable for a silent agent, ErrUnauthorised for one that does not take user
// or password, ErrRejected for one that shows nothing, ErrInvalid for a target that cannot be asked.
func (s *Session) Poll(ctx context.Context) (resource.Sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sample, err := s.sample(ctx)
	if err != nil {
		return resource.Sample{}, fmt.Errorf("ask box %s: %w", s.target, err)
	}
	return sample, nil
}

func (s *Session) sample(ctx context.Context) (resource.Sample, error) {
	sample := resource.Sample{At: time.Now()}
	found, err := s.get(ctx, scalarOIDs())
	if err != nil {
		return sample, err
	}
	scalars(found, &sample)
	s.forgetAfterRestart(sample.AgentUptimeS)
	t, err := s.tables(ctx, &sample)
	if err != nil {
		return sample, err
	}
	if err := s.disks(ctx, t, &sample); err != nil {
		return sample, err
	}
	if err := s.interfaces(ctx, t, &sample); err != nil {
		return sample, err
	}
	if len(found) == 0 && len(sample.Disks)+len(sample.Interfaces) == 0 {
		return sample, fmt.Errorf("it answers and shows %s none of the items: give it a view that holds .1.3.6.1.2.1 and .1.3.6.1.4.1.2021 (Debian's own shows the system group only): %w",
			s.who(), fault.ErrRejected)
	}
	return sample, nil
}

// forgetAfterRestart lets an agent that was started again show itself anew: its configuration may be another.
func (s *Session) forgetAfterRestart(uptime *float64) {
	if uptime == nil {
		return
	}
	if *uptime < s.learned.uptime {
		s.learned = learned{}
	}
	s.learned.uptime = *uptime
}

func scalars(v values, s *resource.Sample) {
	s.UptimeS, s.AgentUptimeS = gauge(v[oidUptime], 0.01), gauge(v[oidAgentUptime], 0.01)
	s.Load1 = gauge(v[oidLoad], 0.01)
	s.User, s.System, s.Idle = counter(v[oidUser]), counter(v[oidSystem]), counter(v[oidIdle])
	s.Other = sum(counter(v[oidNice]), counter(v[oidWait]), counter(v[oidInterrupt]), counter(v[oidSoftIRQ]), counter(v[oidSteal]))
	if zero(s.User) && zero(s.System) && zero(s.Idle) {
		s.User, s.System, s.Idle, s.Other = nil, nil, nil, nil
		s.LeftOut = append(s.LeftOut, "processors: the agent has not counted yet, as in its first seconds")
	}
	if s.MemTotal = gauge(v[oidMemTotalX], 1024); s.MemTotal == nil || *s.MemTotal == 0 {
		s.MemTotal = gauge(v[oidMemTotal], 1024)
	}
	s.MemAvail = gauge(v[oidMemAvail], 1024)
	if s.MemAvail == nil {
		if free := gauge(v[oidMemFree], 1024); free != nil {
			s.MemAvail = new(*free + known(gauge(v[oidMemBuffer], 1024)) + known(gauge(v[oidMemCached], 1024)))
		}
	}
}

func zero(c *resource.Counter) bool { return c != nil && c.Value == 0 }

func known(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

// tables is what one walk over disks and interfaces together gives, by column.
type tables map[string]*column

func (s *Session) tables(ctx context.Context, sample *resource.Sample) (tables, error) {
	oids := []string{oidName, oidInErrors, oidOutErrors, oidInDiscards, oidOutDiscards}
	if s.learned.noNames {
		oids[0] = oidDescr
	}
	if !s.learned.noWide {
		oids = append(oids, oidInBytes, oidOutBytes)
	}
	if s.learned.narrow {
		oids = append(oids, oidInBytes32, oidOutBytes32, oidSpeed)
	}
	if !s.learned.noDisks {
		oids = append(oids, oidDiskPath, oidDiskPercent)
	}
	t := tables{}
	if err := s.more(ctx, t, oids...); err != nil {
		return nil, err
	}
	// The counters are those of the answer, which may have come after tries.
	sample.At = s.heard
	return t, nil
}

// more walks further columns.
func (s *Session) more(ctx context.Context, t tables, oids ...string) error {
	columns, err := s.walk(ctx, oids...)
	for _, c := range columns {
		t[c.oid] = c
	}
	return err
}

// rows are those of a column, none when it was not walked.
func (t tables) rows(oid string) map[string]gosnmp.SnmpPDU {
	if c := t[oid]; c != nil {
		return c.rows
	}
	return nil
}

func (s *Session) interfaces(ctx context.Context, t tables, sample *resource.Sample) error {
	if len(t.rows(oidName)) == 0 && !s.learned.noNames {
		if err := s.more(ctx, t, oidDescr); err != nil {
			return err
		}
		s.learned.noNames = len(t.rows(oidDescr)) > 0
	}
	names := t[oidName]
	if s.learned.noNames {
		names = t[oidDescr]
	}
	if !s.learned.narrow && lacks(names, t.rows(oidInBytes)) {
		if err := s.more(ctx, t, oidInBytes32, oidOutBytes32, oidSpeed); err != nil {
			return err
		}
		s.learned.narrow = len(t.rows(oidInBytes32)) > 0
		s.learned.noWide = s.learned.narrow && len(t.rows(oidInBytes)) == 0
	}
	seen := map[string]bool{}
	for _, index := range names.indices() {
		name := text(names.rows[index])
		if name == "" || s.skipped(name) {
			continue
		}
		if seen[name] {
			name += "#" + index // two of one name are told apart by their index
		}
		seen[name] = true
		sample.Interfaces = append(sample.Interfaces, t.nic(name, index))
	}
	return nil
}

// lacks says whether some interface has no 64-bit counter.
func lacks(names *column, wide map[string]gosnmp.SnmpPDU) bool {
	for index := range names.rows {
		if _, has := wide[index]; !has {
			return true
		}
	}
	return false
}

func (s *Session) skipped(name string) bool {
	skip := s.target.Skip
	if skip == nil {
		skip = DefaultSkip()
	}
	for _, pattern := range skip {
		if matches, _ := path.Match(pattern, name); matches { // the patterns were validated
			return true
		}
	}
	return false
}

func (t tables) nic(name, index string) resource.Interface {
	nic := resource.Interface{
		Name:    name,
		InBytes: counter(t.rows(oidInBytes)[index]), OutBytes: counter(t.rows(oidOutBytes)[index]),
		InErrors: counter(t.rows(oidInErrors)[index]), OutErrors: counter(t.rows(oidOutErrors)[index]),
		InDiscards: counter(t.rows(oidInDiscards)[index]), OutDiscards: counter(t.rows(oidOutDiscards)[index]),
	}
	if nic.InBytes == nil {
		nic.InBytes = counter(t.rows(oidInBytes32)[index])
	}
	if nic.OutBytes == nil {
		nic.OutBytes = counter(t.rows(oidOutBytes32)[index])
	}
	nic.SpeedBits = known(gauge(t.rows(oidSpeed)[index], 1))
	return nic
}
