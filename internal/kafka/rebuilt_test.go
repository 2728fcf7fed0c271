package kafka

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// A cluster that was built anew, under the same address and without its data, must not need a restart of everybody.
func TestAClusterThatWasBuiltAnewIsFoundAgain(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	port := freePort(t)
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(2, "temp"))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		return cluster
	}
	cluster := start()
	cfg := Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}
	ctx := within(t, 60*time.Second)
	out := producer(t, cfg)
	members := group(t, cfg, "temp")
	tail, err := NewTail(cfg, time.Time{}, "temp")
	require.NoError(t, err)
	defer tail.Close()
	say := func(word string) {
		require.Eventually(t, func() bool {
			return out.Produce(ctx, Record{Topic: "temp", Key: []byte("k"), Value: []byte(word)}) == nil
		}, 40*time.Second, 100*time.Millisecond)
		records, err := members.Poll(ctx)
		require.NoError(t, err)
		require.Equal(t, word, string(records[0].Value))
		require.NoError(t, members.Commit(ctx))
		records, err = tail.Poll(ctx)
		require.NoError(t, err)
		require.Equal(t, word, string(records[0].Value))
	}
	say("before")
	cluster.Close()
	start()
	began := time.Now()
	say("after")
	t.Logf("found again after %s", time.Since(began).Round(time.Millisecond))
}
