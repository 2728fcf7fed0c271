package proc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/resource"
)

func TestSampleReadsProc(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"stat":    "cpu  100 5 50 1000 7 0 3 0 0 0\ncpu0 1 1 1 1\n",
		"uptime":  "12345.67 999.0\n",
		"loadavg": "0.42 0.30 0.20 1/200 999\n",
		"meminfo": "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\n",
		"net/dev": "Inter-|   Receive\n face |bytes\n  eth0: 1111 2 3 4 0 0 0 0 5555 6 7 8 0 0 0 0\n  veth1a2b3c4: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	s, err := Machine{Proc: dir, Root: dir}.Sample()
	require.NoError(t, err)
	require.InDelta(t, 12345.67, *s.UptimeS, 1e-9)
	require.InDelta(t, 0.42, *s.Load1, 1e-9)
	require.EqualValues(t, 100, s.User.Value)
	require.EqualValues(t, 15, s.Other.Value, "nice, waiting, interrupts")
	require.InDelta(t, 600*1024, *s.MemAvail, 0)
	c := func(v uint64) *resource.Counter { return &resource.Counter{Value: v, Bits: 64} }
	require.Equal(t, []resource.Interface{{
		Name: "eth0", InBytes: c(1111), InErrors: c(3), InDiscards: c(4), OutBytes: c(5555), OutErrors: c(7), OutDiscards: c(8),
	}}, s.Interfaces)
	require.Len(t, s.Disks, 1)
	_, err = Machine{Proc: filepath.Join(dir, "none"), Root: dir}.Sample()
	require.Error(t, err)
}

func TestThisMachineCanBeSampled(t *testing.T) {
	s, err := Host().Sample()
	require.NoError(t, err)
	require.NotNil(t, s.UptimeS)
	require.NotNil(t, s.MemTotal)
	require.NotNil(t, s.Idle)
	require.NotEmpty(t, s.Interfaces)
}
