package kafka

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func TestThePulseKnowsWhenTheBrokerIsAwayAndBack(t *testing.T) {
	onlyEmbedded(t)
	port, dir := freePort(t), t.TempDir()
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(1, "temp"), kfake.DataDir(dir))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		return cluster
	}
	cluster := start()
	cfg := Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, Pulse: &Pulse{}}
	require.InDelta(t, -1, cfg.Pulse.Link().SilentSeconds, 0, "nothing was heard yet")
	tail, err := NewTail(cfg, time.Time{}, "temp")
	require.NoError(t, err)
	defer tail.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _, _ = tail.Poll(ctx) }() // ends with ctx
	defer func() { cancel(); <-done }()
	beats := func() bool {
		l := cfg.Pulse.Link()
		return l.Fault == "" && l.SilentSeconds >= 0 && l.SilentSeconds < 2
	}
	require.Eventually(t, beats, 20*time.Second, 20*time.Millisecond)
	cluster.Close()
	require.Eventually(t, func() bool { return cfg.Pulse.Link().Fault != "" }, 20*time.Second, 20*time.Millisecond)
	require.WithinDuration(t, time.Now(), cfg.Pulse.Link().Since, 20*time.Second)
	start()
	require.Eventually(t, beats, 20*time.Second, 20*time.Millisecond)
}
