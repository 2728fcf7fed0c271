package resource

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func c32(v uint64) *Counter { return &Counter{Value: v, Bits: 32} }
func c64(v uint64) *Counter { return &Counter{Value: v, Bits: 64} }

func at(seconds int, uptime float64) Sample {
	return Sample{At: time.Unix(1_790_000_000+int64(seconds), 0), UptimeS: &uptime}
}

func TestRatesOverTime(t *testing.T) {
	a, b := at(0, 1000), at(30, 1030)
	a.User, a.System, a.Idle = c32(100), c32(50), c32(1000)
	b.User, b.System, b.Idle = c32(400), c32(150), c32(1600)
	a.Interfaces = []Interface{{Name: "eth0", InBytes: c64(1000), OutBytes: c64(0), InErrors: c32(1)}}
	b.Interfaces = []Interface{{Name: "eth0", InBytes: c64(4000), OutBytes: c64(300), InErrors: c32(4)}, {Name: "new0", InBytes: c64(9)}}

	first := rates(nil, a)
	require.Nil(t, first.CPUPercent)
	require.Nil(t, first.Interfaces[0].InBytes, "the first poll has no rate")
	r := rates(&a, b)
	require.InDelta(t, 40, *r.CPUPercent, 1e-9)
	require.InDelta(t, 30, *r.UserPct, 1e-9)
	require.InDelta(t, 10, *r.SystemPct, 1e-9)
	require.InDelta(t, 60, *r.IdlePct, 1e-9)
	require.InDelta(t, 100, *r.Interfaces[0].InBytes, 1e-9)
	require.InDelta(t, 10, *r.Interfaces[0].OutBytes, 1e-9)
	require.InDelta(t, 0.1, *r.Interfaces[0].InErrors, 1e-9)
	require.Nil(t, r.Interfaces[0].OutErrors, "what was not measured is not zero")
	require.Nil(t, r.Interfaces[1].InBytes, "a new interface has no rate yet")
	require.Equal(t, int64(1_790_000_030_000), r.TimeMillis)
}

func TestCountersWrapAt32Bits(t *testing.T) {
	a, b := at(0, 1000), at(10, 1010)
	a.User, a.System, a.Idle = c32(1<<32-10), c32(0), c32(1<<32-50)
	b.User, b.System, b.Idle = c32(15), c32(0), c32(25)
	a.Interfaces = []Interface{{Name: "eth0", InErrors: c32(1<<32 - 5)}}
	b.Interfaces = []Interface{{Name: "eth0", InErrors: c32(5)}}
	r := rates(&a, b)
	require.InDelta(t, 25, *r.CPUPercent, 1e-9, "25 of 100 ticks")
	require.InDelta(t, 1, *r.Interfaces[0].InErrors, 1e-9)
}

func TestARestartHasNoRates(t *testing.T) {
	a, b := at(0, 1000), at(30, 5)
	a.User, a.System, a.Idle = c32(1000), c32(1000), c32(1000)
	b.User, b.System, b.Idle = c32(10), c32(10), c32(10)
	a.Interfaces = []Interface{{Name: "eth0", InBytes: c64(1000), InErrors: c32(7)}}
	b.Interfaces = []Interface{{Name: "eth0", InBytes: c64(4000), InErrors: c32(1)}}
	r := rates(&a, b)
	require.Nil(t, r.CPUPercent)
	require.Nil(t, r.Interfaces[0].InBytes)
	require.Nil(t, r.Interfaces[0].InErrors)
}

func TestCountersThatDoNotMoveOrWereReset(t *testing.T) {
	a, b := at(0, 1000), at(30, 1030)
	a.User, a.System, a.Idle = c32(0), c32(0), c32(0)
	b.User, b.System, b.Idle = c32(0), c32(0), c32(0)
	a.Interfaces = []Interface{{Name: "eth0", InBytes: c64(1000)}}
	b.Interfaces = []Interface{{Name: "eth0", InBytes: c64(10)}}
	r := rates(&a, b)
	require.Nil(t, r.CPUPercent, "no ticks, no percentage")
	require.Nil(t, r.Interfaces[0].InBytes, "a 64-bit counter that fell was reset")
	a.Interfaces[0].InErrors, b.Interfaces[0].InErrors = c32(50), c32(0)
	require.Nil(t, rates(&a, b).Interfaces[0].InErrors, "and so was a 32-bit one that rose by nearly everything")
	require.Nil(t, rates(&a, a).CPUPercent, "no time has passed")
}
