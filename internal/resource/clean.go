package resource

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/overcloud/overcloud/internal/wire"
)

// The most that is believed. The bounds are wide, and inside those of wire.Resource.
const (
	mostUptimeS    = 50 * 366 * 86400
	mostLoad       = 1e6
	mostPercent    = 101 // rounding
	mostMemory     = 1 << 60
	mostName       = 128
	mostDisks      = 512
	mostInterfaces = 2048
	mostLeftOut    = 32
)

// clean takes out of a record what cannot be, and says so, so that the rest stands.
func clean(r *wire.Resource) {
	leave := func(format string, args ...any) { r.LeftOut = append(r.LeftOut, fmt.Sprintf(format, args...)) }
	bound := func(what string, field **float64, most float64) {
		if v := *field; v != nil && !(*v >= 0 && *v <= most) {
			leave("%s: the box says %g, which cannot be", what, *v)
			*field = nil
		}
	}
	bound("uptime", &r.UptimeS, mostUptimeS)
	bound("load", &r.Load1, mostLoad)
	bound("memory", &r.MemTotal, mostMemory)
	bound("available memory", &r.MemAvail, mostMemory)
	if r.MemTotal != nil && r.MemAvail != nil && *r.MemAvail > *r.MemTotal {
		leave("available memory: the box says %.0f bytes of %.0f, which cannot be", *r.MemAvail, *r.MemTotal)
		r.MemAvail = nil
	}
	var disks []wire.Disk
	for _, d := range r.Disks {
		switch percent := d.Percent; {
		case !nameable(d.Path):
			leave("a disk: its path %.40q is no name", d.Path)
		case !(percent >= 0 && percent <= mostPercent):
			leave("disk %s: the box says it is %g %% full, which cannot be", d.Path, percent)
		case len(disks) >= mostDisks:
			leave("disk %s: there are more than %d", d.Path, mostDisks)
		default:
			disks = append(disks, wire.Disk{Path: d.Path, Percent: math.Min(percent, 100)})
		}
	}
	r.Disks = disks
	var interfaces []wire.Interface
	for _, i := range r.Interfaces {
		switch {
		case !nameable(i.Name):
			leave("an interface: %.40q is no name", i.Name)
		case len(interfaces) >= mostInterfaces:
			leave("interface %s: there are more than %d", i.Name, mostInterfaces)
		default:
			interfaces = append(interfaces, i)
		}
	}
	r.Interfaces = interfaces
	if more := len(r.LeftOut) - mostLeftOut; more > 0 {
		r.LeftOut = append(r.LeftOut[:mostLeftOut:mostLeftOut], fmt.Sprintf("and %d more", more))
	}
}

// nameable says whether a name can become a key or a tag.
func nameable(name string) bool {
	return name != "" && len(name) <= mostName && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsControl) < 0
}
