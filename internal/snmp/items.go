package snmp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

// The object identifiers, read from net-snmp's MIBs.
const (
	oidUptime    = ".1.3.6.1.2.1.25.1.1.0"      // hrSystemUptime, 1/100 s; sysUpTime is only the agent's
	oidLoad      = ".1.3.6.1.4.1.2021.10.1.5.1" // laLoadInt.1, load times 100
	oidUser      = ".1.3.6.1.4.1.2021.11.50.0"  // ssCpuRaw…, ticks, Counter32
	oidNice      = ".1.3.6.1.4.1.2021.11.51.0"
	oidSystem    = ".1.3.6.1.4.1.2021.11.52.0"
	oidIdle      = ".1.3.6.1.4.1.2021.11.53.0"
	oidWait      = ".1.3.6.1.4.1.2021.11.54.0"
	oidMemTotal  = ".1.3.6.1.4.1.2021.4.5.0"  // kB
	oidMemAvail  = ".1.3.6.1.4.1.2021.4.27.0" // memSysAvail, kB; older agents lack it
	oidMemFree   = ".1.3.6.1.4.1.2021.4.6.0"  // memAvailReal: in spite of its name it is the free memory
	oidMemBuffer = ".1.3.6.1.4.1.2021.4.14.0"
	oidMemCached = ".1.3.6.1.4.1.2021.4.15.0"

	oidDiskPath    = ".1.3.6.1.4.1.2021.9.1.2"
	oidDiskPercent = ".1.3.6.1.4.1.2021.9.1.9"

	oidName        = ".1.3.6.1.2.1.31.1.1.1.1" // ifName
	oidInBytes     = ".1.3.6.1.2.1.31.1.1.1.6" // ifHCInOctets, Counter64: 32 bits wrap in 34 s at 1 Gb/s
	oidOutBytes    = ".1.3.6.1.2.1.31.1.1.1.10"
	oidInErrors    = ".1.3.6.1.2.1.2.2.1.14" // Counter32
	oidOutErrors   = ".1.3.6.1.2.1.2.2.1.20"
	oidInDiscards  = ".1.3.6.1.2.1.2.2.1.13"
	oidOutDiscards = ".1.3.6.1.2.1.2.2.1.19"
)

// poll is one poll under way; the first error stops the rest.
type poll struct {
	client *gosnmp.GoSNMP
	err    error
}

func (p *poll) get(oids ...string) map[string]gosnmp.SnmpPDU {
	found := map[string]gosnmp.SnmpPDU{}
	if p.err != nil {
		return found
	}
	packet, err := p.client.Get(oids)
	if err != nil {
		p.err = err
		return found
	}
	if packet.Error != gosnmp.NoError {
		p.err = fmt.Errorf("the agent answers %s", packet.Error)
		return found
	}
	for _, v := range packet.Variables {
		found[v.Name] = v
	}
	return found
}

func (p *poll) scalars(s *resource.Sample) {
	v := p.get(oidUptime, oidLoad, oidUser, oidNice, oidSystem, oidIdle, oidWait,
		oidMemTotal, oidMemAvail, oidMemFree, oidMemBuffer, oidMemCached)
	s.UptimeS, s.Load1 = gauge(v[oidUptime], 0.01), gauge(v[oidLoad], 0.01)
	s.User, s.System, s.Idle = counter(v[oidUser]), counter(v[oidSystem]), counter(v[oidIdle])
	s.Other = sum(counter(v[oidNice]), counter(v[oidWait]))
	s.MemTotal, s.MemAvail = gauge(v[oidMemTotal], 1024), gauge(v[oidMemAvail], 1024)
	if s.MemAvail == nil {
		if free := gauge(v[oidMemFree], 1024); free != nil {
			s.MemAvail = new(*free + known(gauge(v[oidMemBuffer], 1024)) + known(gauge(v[oidMemCached], 1024)))
		}
	}
}

// column walks one column of a table: index to value.
func (p *poll) column(oid string) map[string]gosnmp.SnmpPDU {
	found := map[string]gosnmp.SnmpPDU{}
	if p.err != nil {
		return found
	}
	const most = 4096 // rows; an agent that never ends is not believed
	p.err = p.client.BulkWalk(oid, func(v gosnmp.SnmpPDU) error {
		if len(found) >= most {
			return fmt.Errorf("the table %s has more than %d rows", oid, most)
		}
		found[strings.TrimPrefix(v.Name, oid+".")] = v
		return nil
	})
	return found
}

// disks are there only when the agent's configuration has `disk` lines or includeAllDisks.
func (p *poll) disks(s *resource.Sample) {
	paths, percents := p.column(oidDiskPath), p.column(oidDiskPercent)
	for _, index := range sorted(paths) {
		path, used := text(paths[index]), gauge(percents[index], 1)
		if path != "" && used != nil {
			s.Disks = append(s.Disks, wire.Disk{Path: path, Percent: *used})
		}
	}
}

func (p *poll) interfaces(s *resource.Sample) {
	names := p.column(oidName)
	inBytes, outBytes := p.column(oidInBytes), p.column(oidOutBytes)
	inErrors, outErrors := p.column(oidInErrors), p.column(oidOutErrors)
	inDiscards, outDiscards := p.column(oidInDiscards), p.column(oidOutDiscards)
	for _, index := range sorted(names) {
		name := text(names[index])
		if name == "" {
			continue
		}
		s.Interfaces = append(s.Interfaces, resource.Interface{
			Name:    name,
			InBytes: counter(inBytes[index]), OutBytes: counter(outBytes[index]),
			InErrors: counter(inErrors[index]), OutErrors: counter(outErrors[index]),
			InDiscards: counter(inDiscards[index]), OutDiscards: counter(outDiscards[index]),
		})
	}
}

func sorted(column map[string]gosnmp.SnmpPDU) []string {
	var out []string
	for index := range column {
		out = append(out, index)
	}
	slices.Sort(out)
	return out
}

func number(v gosnmp.SnmpPDU) (uint64, bool) {
	switch v.Type {
	case gosnmp.Integer, gosnmp.Counter32, gosnmp.Gauge32, gosnmp.TimeTicks, gosnmp.Counter64, gosnmp.Uinteger32:
		n := gosnmp.ToBigInt(v.Value)
		if n.Sign() < 0 || !n.IsUint64() {
			return 0, false
		}
		return n.Uint64(), true
	default: // NoSuchObject, NoSuchInstance, Null or nothing
		return 0, false
	}
}

func gauge(v gosnmp.SnmpPDU, scale float64) *float64 {
	n, ok := number(v)
	if !ok {
		return nil
	}
	return new(float64(n) * scale)
}

func counter(v gosnmp.SnmpPDU) *resource.Counter {
	n, ok := number(v)
	if !ok {
		return nil
	}
	bits := 32
	if v.Type == gosnmp.Counter64 {
		bits = 64
	}
	return &resource.Counter{Value: n, Bits: bits}
}

// sum adds two 32-bit counters; their sum wraps as they do.
func sum(a, b *resource.Counter) *resource.Counter {
	if a == nil || b == nil {
		return nil
	}
	return &resource.Counter{Value: (a.Value + b.Value) & 0xFFFFFFFF, Bits: 32}
}

func known(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

func text(v gosnmp.SnmpPDU) string {
	b, ok := v.Value.([]byte)
	if !ok {
		return ""
	}
	return strings.TrimSpace(string(b))
}
