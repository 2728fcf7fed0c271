//go:build integration

package snmp

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp/snmptest"
)

// daemon is a real snmpd.
type daemon struct {
	*snmptest.Daemon
	t testing.TB
}

func snmpd(t testing.TB, lines ...string) daemon {
	t.Helper()
	return daemon{snmptest.StartSnmpd(t, lines...), t}
}

func (d daemon) target(address string) Target {
	d.t.Helper()
	before, after, _ := strings.Cut(address, "?")
	to, err := ParseTarget("rack-1", fmt.Sprintf("udp://%s127.0.0.1:%d?timeout=1s&retries=1&%s", before, d.Port, after))
	require.NoError(d.t, err)
	return to
}

const plainConf = "rocommunity public 127.0.0.1\ndisk / 10%"

func first(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.Fields(string(data))
}

func float(t *testing.T, text string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return f
}

func TestRealNumbersAreTheKernels(t *testing.T) {
	s := NewSession(snmpd(t, plainConf).target("?community=public"))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	_, err := s.Poll(ctx)
	require.NoError(t, err)

	sent := traffic(t, 32<<20)
	// snmpd reads the interfaces anew each 3 s, ticks each 5 s.
	time.Sleep(6 * time.Second)
	sample, err := s.Poll(ctx)
	require.NoError(t, err)
	octets := loOctets(t)

	require.InDelta(t, float(t, first(t, "/proc/uptime")[0]), *sample.UptimeS, 1.5)
	require.InDelta(t, float(t, first(t, "/proc/loadavg")[0]), *sample.Load1, 1.5)
	var memory float64
	for i, fields := 0, first(t, "/proc/meminfo"); i+1 < len(fields); i++ {
		if fields[i] == "MemTotal:" {
			memory = float(t, fields[i+1]) * 1024
		}
	}
	require.InDelta(t, memory, *sample.MemTotal, 0)
	require.Less(t, *sample.MemAvail, *sample.MemTotal)

	stat := first(t, "/proc/stat") // cpu user nice system idle iowait irq softirq steal
	for name, is := range map[string]struct {
		ticks uint64
		field []int
	}{
		"user": {sample.User.Value, []int{1}}, "system": {sample.System.Value, []int{3}}, "idle": {sample.Idle.Value, []int{4}},
		"other": {sample.Other.Value, []int{2, 5, 6, 7, 8}},
	} {
		var want float64
		for _, i := range is.field {
			want += float(t, stat[i])
		}
		require.InDelta(t, want, float64(is.ticks), 6*100*8, "%s: not older than 6 s", name)
	}

	require.Equal(t, "/", sample.Disks[0].Path)
	require.InDelta(t, df(t), sample.Disks[0].Percent, 1.01)
	for _, i := range sample.Interfaces {
		if i.Name == "lo" {
			require.Equal(t, 64, i.InBytes.Bits)
			require.LessOrEqual(t, i.InBytes.Value, octets)
			require.InDelta(t, float64(octets), float64(i.InBytes.Value), float64(sent)/2, "others use it too")
			return
		}
	}
	t.Fatal("no interface lo")
}

// traffic sends bytes over loopback and says how many arrived.
func traffic(t *testing.T, bytes int) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_, _ = conn.Write(make([]byte, bytes))
			conn.Close()
		}
	}()
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer conn.Close()
	total, buffer := 0, make([]byte, 1<<16)
	for {
		n, err := conn.Read(buffer)
		if total += n; err != nil {
			return total
		}
	}
}

func loOctets(t *testing.T) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/net/dev")
	require.NoError(t, err)
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			n, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			require.NoError(t, err)
			return n
		}
	}
	t.Fatal("no lo in /proc/net/dev")
	return 0
}

// df is the share of all blocks of / that df calls used. df's own percentage is of what people may use: without the
// blocks that are kept for root.
func df(t *testing.T) float64 {
	t.Helper()
	out, err := exec.Command("df", "--block-size=1", "--output=size,used", "/").Output()
	require.NoError(t, err)
	fields := strings.Fields(string(out))
	return 100 * float(t, fields[len(fields)-1]) / float(t, fields[len(fields)-2])
}

func TestTheRatesOfRealTraffic(t *testing.T) {
	s := NewSession(snmpd(t, plainConf).target("?community=public"))
	defer s.Close()
	var tracker resource.Tracker
	_, err := s.Poll(t.Context())
	require.NoError(t, err)
	time.Sleep(6 * time.Second)
	before := loOctets(t)
	a, err := s.Poll(t.Context())
	require.NoError(t, err)
	tracker.Next(a)
	traffic(t, 64<<20)
	time.Sleep(6 * time.Second)
	b, err := s.Poll(t.Context())
	require.NoError(t, err)
	r := tracker.Next(b)
	after := loOctets(t)
	for _, i := range r.Interfaces {
		if i.Name == "lo" {
			bytes := *i.InBytes * b.At.Sub(a.At).Seconds()
			require.Greater(t, bytes, float64(64<<20))
			require.Less(t, bytes, 1.5*float64(after-before), "others use it too, and snmpd may have looked a little before us")
		}
	}
	require.NotNil(t, r.CPUPercent)
	require.InDelta(t, 100, *r.CPUPercent+*r.IdlePct, 1e-6)
}

func BenchmarkPollOfTheRealSnmpd(b *testing.B) {
	s := NewSession(snmpd(b, plainConf).target("?community=public"))
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Poll(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
