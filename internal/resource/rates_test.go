package resource

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
)

func up(v float64) *float64 { return &v }

func TestARestartIsSeenAlsoAfterALongSilence(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after float64
		passed        int
		restarted     bool
	}{
		{"time goes on", 1000, 1030, 30, false},
		{"a slow answer", 1000, 1027, 30, false},
		{"uptime fell", 1000, 12, 30, true},
		{"it rose, but by less than the time that passed", 20, 200, 300, true},
		{"the agent's clock is a little slow", 100_000, 103_540, 3600, false},
		{"hrSystemUptime begins again after 497 days", 42949660, 17.04, 30, false},
		{"a restart after 497 days", 42949660, 3, 3600, true},
	} {
		a, b := at(0, c.before), at(c.passed, c.after)
		require.Equal(t, c.restarted, Restarted(a, b), c.name)
		a.AgentUptimeS, b.AgentUptimeS, a.UptimeS, b.UptimeS = a.UptimeS, b.UptimeS, nil, nil
		require.Equal(t, c.restarted, Restarted(a, b), "by the agent's uptime: "+c.name)
	}
	a, b := at(0, 1000), at(30, 1030)
	a.AgentUptimeS, b.AgentUptimeS = up(500), up(2)
	require.False(t, Restarted(a, b), "only the agent was started again: the kernel's counters go on")
	b.UptimeS = nil
	b.AgentUptimeS = nil
	require.False(t, Restarted(a, b), "nobody knows")
}

func TestRatesComeFromMonotonicTime(t *testing.T) {
	now := time.Now()
	a := Sample{At: now, Interfaces: []Interface{{Name: "eth0", InBytes: c64(0)}}}
	b := Sample{At: now.Add(10 * time.Second), Interfaces: []Interface{{Name: "eth0", InBytes: c64(5000)}}}
	require.InDelta(t, 500, *rates(&a, b).Interfaces[0].InBytes, 1e-9)
	// A wall clock that was set back an hour between two samples: the monotonic part is what counts.
	require.Equal(t, 10*time.Second, b.At.Sub(a.At))
	stripped := b
	stripped.At = b.At.Round(0).Add(-time.Hour)
	require.Nil(t, rates(&a, stripped).Interfaces[0].InBytes, "without one, time that goes back gives no rate")
}

func TestA32BitCounterOfALinkWhoseSpeedIsKnown(t *testing.T) {
	const gigabit = 1e9
	rate := func(speed float64, seconds int, before, after uint64) (*float64, []string) {
		a, b := at(0, 1000), at(seconds, 1000+float64(seconds))
		a.Interfaces = []Interface{{Name: "eth0", InBytes: c32(before), SpeedBits: speed}}
		b.Interfaces = []Interface{{Name: "eth0", InBytes: c32(after), SpeedBits: speed}}
		r := rates(&a, b)
		return r.Interfaces[0].InBytes, r.LeftOut
	}
	got, _ := rate(gigabit, 30, 1<<32-1000, 3_000_000_000-1000)
	require.InDelta(t, 1e8, *got, 1, "it wrapped once at 800 Mbit/s: a rise above half its range is believed")
	got, _ = rate(0, 30, 1<<32-1000, 3_000_000_000-1000)
	require.Nil(t, got, "without a speed it may have been reset")
	got, _ = rate(1e8, 30, 5_000_000, 4_000_000)
	require.Nil(t, got, "100 Mbit/s carries 375 MB in 30 s: it was reset")
	got, _ = rate(1e7, 30, 0, 600_000_000)
	require.InDelta(t, 2e7, *got, 1, "loopback says 10 Mbit/s and carries more")
	got, left := rate(gigabit, 60, 0, 1000)
	require.Nil(t, got, "7.5 GB may have passed in 60 s: nobody knows how often it wrapped")
	require.Len(t, left, 1)
	require.Contains(t, left[0], "bytes in of interface eth0: its 32-bit counter may wrap more than once in 60 s at 1000 Mbit/s")
}

func TestAnAgentThatReadsItsCountersEach15Seconds(t *testing.T) {
	var tracker Tracker
	var rates []*float64
	for second := range 46 { // asked each second; 1,000 bytes a second flow, and are seen each 15 s
		s := at(second, 1000+float64(second))
		s.Interfaces = []Interface{{Name: "eth0", InBytes: c64(uint64(1000 * (second / 15 * 15)))}}
		r := tracker.Next(s)
		rates = append(rates, r.Interfaces[0].InBytes)
		if second == 7 {
			require.Equal(t, []string{"rates of interfaces: the agent gives the same counters again, which it reads anew only from time to time"}, r.LeftOut)
		}
	}
	for second, rate := range rates {
		if second%15 == 0 && second > 0 {
			require.InDelta(t, 1000, *rate, 1e-9, "second %d", second)
		} else {
			require.Nil(t, rate, "second %d: neither zero nor 15,000", second)
		}
	}
}

func TestALinkWithoutTrafficHasRatesOfZero(t *testing.T) {
	var tracker Tracker
	for _, c := range []struct {
		second int
		rate   *float64
	}{{0, nil}, {30, up(0)}, {60, up(0)}, {70, nil}, {90, up(0)}} {
		s := at(c.second, 1000+float64(c.second))
		s.Interfaces = []Interface{{Name: "eth0", InBytes: c64(7)}}
		require.Equal(t, c.rate, tracker.Next(s).Interfaces[0].InBytes, "second %d", c.second)
	}
}

func TestRatesGoOnAfterALongSilence(t *testing.T) {
	var tracker Tracker
	a, b := at(0, 1000), at(300, 1300)
	a.Interfaces, b.Interfaces = []Interface{{Name: "eth0", InBytes: c64(0)}}, []Interface{{Name: "eth0", InBytes: c64(3000)}}
	a.User, a.System, a.Idle = c32(0), c32(0), c32(0)
	b.User, b.System, b.Idle = c32(25), c32(25), c32(50)
	tracker.Next(a)
	r := tracker.Next(b)
	require.InDelta(t, 10, *r.Interfaces[0].InBytes, 1e-9)
	require.InDelta(t, 50, *r.CPUPercent, 1e-9)
}

func TestWhatCannotBeIsLeftOutWithTheReasonAndTheRestStands(t *testing.T) {
	s := at(0, 1000)
	s.Load1, s.MemTotal, s.MemAvail = up(1e9), up(1000), up(1001)
	s.UptimeS = up(math.Inf(1))
	s.Disks = []wire.Disk{{Path: "/", Percent: 300}, {Path: "/ok", Percent: 100.5}, {Path: "bad\n", Percent: 1}, {Path: strings.Repeat("x", 200), Percent: 1}}
	s.Interfaces = []Interface{{Name: "eth0"}, {Name: "\x00"}, {Name: "\xff"}}
	r := rates(nil, s)
	r.Box, r.Source = "rack-1", "snmp"
	require.NoError(t, r.Validate(), "what stays can be sent")
	require.Equal(t, []wire.Disk{{Path: "/ok", Percent: 100}}, r.Disks)
	require.Len(t, r.Interfaces, 1)
	require.InDelta(t, 1000, *r.MemTotal, 0)
	require.Nil(t, r.MemAvail)
	require.Nil(t, r.Load1)
	require.Nil(t, r.UptimeS)
	all := strings.Join(r.LeftOut, "\n")
	for _, says := range []string{"uptime: the box says +Inf", "load: the box says 1e+09", "available memory: the box says 1001 bytes of 1000", "disk /: the box says it is 300 % full", "a disk: its path", "an interface:"} {
		require.Contains(t, all, says)
	}
	s.LeftOut = nil
	for range 100 {
		s.Interfaces = append(s.Interfaces, Interface{Name: "\x01"})
	}
	require.Len(t, rates(nil, s).LeftOut, 33, "bounded")
}

// rates is what one sample says of a box, with the rates since another.
func rates(earlier *Sample, now Sample) wire.Resource {
	var t Tracker
	if earlier != nil {
		t.last, t.moved = earlier, earlier.At
	}
	return t.Next(now)
}
