package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has cost over a while.
type usage struct {
	resident int64   // bytes, at the end
	cores    float64 // of CPU, mean
}

func (u usage) String() string {
	return fmt.Sprintf("%d MB, %.2f cores", u.resident>>20, u.cores)
}

// meter reads /proc.
type meter struct {
	pid   int
	began time.Time
	ticks int64
}

func newMeter(pid int) *meter { return &meter{pid: pid, began: time.Now(), ticks: ticks(pid)} }

// read tells the usage since the meter was made.
func (m *meter) read() usage {
	const perSecond = 100 // USER_HZ
	spent := float64(ticks(m.pid)-m.ticks) / perSecond
	return usage{resident: resident(m.pid), cores: spent / time.Since(m.began).Seconds()}
}

// ticks is the CPU time of a process; zero when it cannot be read.
func ticks(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var sum int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return sum
}

// resident is the resident memory of a process, bytes; zero when it cannot be read.
func resident(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// spread is the middle and the ends of some times.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	at := func(share float64) time.Duration {
		return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))].Round(time.Millisecond)
	}
	return fmt.Sprintf("p50 %s, p99 %s, longest %s of %d", at(0.5), at(0.99), at(1), len(sorted))
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
