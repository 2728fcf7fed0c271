// Package proc samples the machine it runs on from /proc and the file system, without an SNMP agent.
package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

// Machine is where the numbers are read.
type Machine struct {
	Proc string // usually /proc
	Root string // the file system whose use is measured
}

// Host is this machine.
func Host() Machine { return Machine{Proc: "/proc", Root: "/"} }

// Sample reads everything; what is not there stays nil. It fails only when /proc is missing altogether.
func (m Machine) Sample() (resource.Sample, error) {
	s := resource.Sample{At: time.Now()}
	if _, err := os.Stat(filepath.Join(m.Proc, "stat")); err != nil {
		return s, fmt.Errorf("sample this machine: %w", err)
	}
	s.UptimeS = first(m.read("uptime"))
	s.Load1 = first(m.read("loadavg"))
	processors(&s, m.read("stat"))
	memory(&s, m.read("meminfo"))
	network(&s, m.read("net/dev"))
	m.disk(&s)
	return s, nil
}

// read is a file's bytes, none when it is not there.
func (m Machine) read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(m.Proc, name))
	if err != nil {
		return nil
	}
	return data
}

func first(data []byte) *float64 {
	fields := strings.Fields(string(data))
	if len(fields) == 0 {
		return nil
	}
	v, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return nil
	}
	return &v
}

func counter(fields []string, i int) *resource.Counter {
	if i >= len(fields) {
		return nil
	}
	v, err := strconv.ParseUint(fields[i], 10, 64)
	if err != nil {
		return nil
	}
	return &resource.Counter{Value: v, Bits: 64}
}

// processors reads "cpu user nice system idle iowait irq softirq steal …".
func processors(s *resource.Sample, stat []byte) {
	for line := range lines(stat) {
		f := strings.Fields(line)
		if len(f) < 5 || f[0] != "cpu" {
			continue
		}
		s.User, s.System, s.Idle = counter(f, 1), counter(f, 3), counter(f, 4)
		other := resource.Counter{Bits: 64}
		for _, i := range []int{2, 5, 6, 7, 8} {
			if c := counter(f, i); c != nil {
				other.Value += c.Value
			}
		}
		s.Other = &other
		return
	}
}

func memory(s *resource.Sample, meminfo []byte) {
	for line := range lines(meminfo) {
		name, rest, _ := strings.Cut(line, ":")
		kilobytes := first([]byte(rest))
		if kilobytes == nil {
			continue
		}
		switch name {
		case "MemTotal":
			s.MemTotal = new(*kilobytes * 1024)
		case "MemAvailable":
			s.MemAvail = new(*kilobytes * 1024)
		}
	}
}

// network reads "name: bytes packets errs drop fifo frame compressed multicast" and the same for sending. The host's ends
// of containers' interfaces are left out as package snmp leaves them out: they come and go under random names, and each
// would be a new series for ever.
func network(s *resource.Sample, dev []byte) {
	for line := range lines(dev) {
		name, rest, found := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if name = strings.TrimSpace(name); !found || len(f) < 12 || strings.HasPrefix(name, "veth") {
			continue
		}
		s.Interfaces = append(s.Interfaces, resource.Interface{
			Name:    name,
			InBytes: counter(f, 0), InErrors: counter(f, 2), InDiscards: counter(f, 3),
			OutBytes: counter(f, 8), OutErrors: counter(f, 10), OutDiscards: counter(f, 11),
		})
	}
}

// disk is the share that df shows: of what ordinary users may use.
func (m Machine) disk(s *resource.Sample) {
	var fs unix.Statfs_t
	if err := unix.Statfs(m.Root, &fs); err != nil || fs.Blocks == 0 {
		return
	}
	used := fs.Blocks - fs.Bfree
	if all := used + fs.Bavail; all > 0 {
		s.Disks = append(s.Disks, wire.Disk{Path: "/", Percent: 100 * float64(used) / float64(all)})
	}
}

func lines(data []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
			if !yield(scanner.Text()) {
				return
			}
		}
	}
}
