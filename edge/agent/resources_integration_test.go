//go:build integration

package agent

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/snmp/snmptest"
	"github.com/overcloud/overcloud/internal/spec"
)

// Ten boxes at one poll a second for a while, each a real snmpd; three of them are silent: nothing listens at one, one
// never answers, and one is stopped in between and comes back. What it costs is logged.
func TestTenRealBoxesOfWhichThreeAreSilent(t *testing.T) {
	hole, err := net.ListenPacket("udp", "127.0.0.1:0") // takes every question and says nothing
	require.NoError(t, err)
	defer hole.Close()
	c := Config{Box: "pi-1", IP: "127.0.0.1", ResourceEvery: time.Second, Rooms: []spec.Room{{Name: "hall"}}}
	var daemons []*snmptest.Daemon
	add := func(port int) {
		box := fmt.Sprintf("rack-%d", len(c.Targets)+1)
		target, err := snmp.ParseTarget(box, fmt.Sprintf("udp://127.0.0.1:%d", port))
		require.NoError(t, err)
		c.Targets = append(c.Targets, target)
		c.Rooms[0].Boxes = append(c.Rooms[0].Boxes, box)
	}
	for range 8 {
		d := snmptest.StartSnmpd(t, "rocommunity public 127.0.0.1", "disk / 10%")
		daemons = append(daemons, d)
		add(d.Port)
	}
	add(hole.LocalAddr().(*net.UDPAddr).Port)
	add(9)

	h := &heard{}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, p := range pollers(c, nil) {
		h.listen(p)
		running.Go(func() { _ = p.run(ctx) })
	}
	time.Sleep(2 * time.Second)
	cpu, allocated, began := processor(t), allocations(), time.Now()
	const measured = 15 * time.Second
	time.Sleep(measured)
	used, bytes := processor(t)-cpu, allocations()-allocated
	passed := time.Since(began)
	t.Logf("10 boxes at 1 s: %.2f %% of one core, %.0f KiB allocated a second, with this box by /proc", 100*used.Seconds()/passed.Seconds(), float64(bytes)/passed.Seconds()/1024)

	daemons[7].Stop()
	time.Sleep(8 * time.Second)
	daemons[7].Start()
	time.Sleep(20 * time.Second) // longer than its back-off by then
	cancel()
	running.Wait()

	total := time.Since(began) + 2*time.Second
	for i := range 7 {
		n := len(h.of(fmt.Sprintf("rack-%d", i+1)))
		require.InDelta(t, total.Seconds(), n, 3, "rack-%d misses no poll", i+1)
	}
	require.Empty(t, h.of("rack-9"))
	require.Empty(t, h.of("rack-10"))
	back := h.of("rack-8")
	require.Greater(t, len(back), 15)
	require.Less(t, time.Since(time.UnixMilli(back[len(back)-1].TimeMillis)), 10*time.Second, "it is asked again after it came back")
	begun, ended := map[string]string{}, map[string]bool{}
	for _, a := range h.alerts {
		if a.EndedMillis == 0 {
			begun[a.ID] = a.Evidence
		} else {
			ended[a.ID] = true
		}
	}
	require.Len(t, begun, 3)
	require.Contains(t, begun["hall/box/rack-8"], "nothing listens there")
	require.Contains(t, begun["hall/box/rack-9"], "wrong community")
	require.Contains(t, begun["hall/box/rack-10"], "nothing listens there")
	require.Equal(t, map[string]bool{"hall/box/rack-8": true}, ended)
}

func processor(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
