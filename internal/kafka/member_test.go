package kafka

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// staff is a member of the group "rooms" that runs, and what it was told last.
type staff struct {
	*Member
	mu    sync.Mutex
	share Share
	leave func()
}

func (s *staff) now() Share { s.mu.Lock(); defer s.mu.Unlock(); return s.share }

func hire(t *testing.T, cfg Config) *staff {
	t.Helper()
	m, err := NewMember(cfg, "rooms", "temp")
	require.NoError(t, err)
	s, gone := &staff{Member: m}, make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(gone)
		if err := m.Run(ctx, func(share Share) { s.mu.Lock(); defer s.mu.Unlock(); s.share = share }); err != nil {
			t.Error(err)
		}
	}()
	s.leave = sync.OnceFunc(func() { cancel(); <-gone; m.Close() })
	t.Cleanup(s.leave)
	return s
}

func shared(t *testing.T, partitions int, all ...*staff) {
	t.Helper()
	require.Eventually(t, func() bool {
		mine := map[int32]int{}
		for _, s := range all {
			share := s.now()
			if int(share.Partitions) != partitions || len(share.Mine) == 0 {
				return false
			}
			for _, p := range share.Mine {
				mine[p]++
			}
		}
		for p := range int32(partitions) {
			if mine[p] != 1 {
				return false
			}
		}
		return true
	}, 40*time.Second, 10*time.Millisecond, "each partition belongs to one")
}

func TestMembersShareThePartitionsAndReadNothing(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 4, "temp")
	require.NoError(t, producer(t, cfg).Produce(within(t, 10*time.Second), numbered("temp", 50)...))
	first := hire(t, cfg)
	shared(t, 4, first)
	second := hire(t, cfg)
	shared(t, 4, first, second)
	second.leave()
	shared(t, 4, first)

	_, err := NewMember(cfg, "", "temp")
	require.ErrorContains(t, err, "a member of a group needs")
}

// The home of a key is where its records are.
func TestAKeysHomeIsItsPartition(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 3, "temp")
	ctx := within(t, 20*time.Second)
	var records []Record
	for i := range 60 {
		records = append(records, Record{Topic: "temp", Key: fmt.Append(nil, "room-", i), Value: fmt.Append(nil, i)})
	}
	require.NoError(t, producer(t, cfg).Produce(ctx, records...))
	tail, err := NewTail(cfg, time.Time{}, "temp")
	require.NoError(t, err)
	defer tail.Close()
	for seen := 0; seen < 60; {
		polled, err := tail.Poll(ctx)
		require.NoError(t, err)
		for _, r := range polled {
			require.Equal(t, Home("temp", string(r.Key), 3), r.Partition, string(r.Key))
			seen++
		}
	}
}

func TestAMemberFindsAClusterThatWasBuiltAnew(t *testing.T) {
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
	first := hire(t, cfg)
	shared(t, 2, first)
	cluster.Close()
	start()
	second := hire(t, cfg) // only a group that lives shares with it
	shared(t, 2, first, second)
}

func TestATailOfTheLastRecordsFindsTheNewestOfEachKey(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 2, "temp")
	ctx := within(t, 20*time.Second)
	p := producer(t, cfg)
	empty, err := NewTailOfLast(cfg, 5, "temp")
	require.NoError(t, err)
	defer empty.Close()
	require.NoError(t, empty.Begin(ctx))
	require.True(t, empty.Caught(), "there is nothing to catch up with")
	var records []Record
	for i := range 40 {
		records = append(records, Record{Topic: "temp", Key: []byte("k"), Value: fmt.Append(nil, i)})
	}
	require.NoError(t, p.Produce(ctx, records...))
	tail, err := NewTailOfLast(cfg, 5, "temp")
	require.NoError(t, err)
	defer tail.Close()
	require.NoError(t, tail.Begin(ctx))
	require.False(t, tail.Caught())
	require.Equal(t, map[string]int{"35": 1, "36": 1, "37": 1, "38": 1, "39": 1}, read(t, ctx, tail.Poll, 5))
	require.True(t, tail.Caught())
	require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Key: []byte("k"), Value: []byte("new")}))
	require.Equal(t, map[string]int{"new": 1}, read(t, ctx, tail.Poll, 1))
	_, err = NewTailOfLast(cfg, 0, "temp")
	require.Error(t, err)
}
