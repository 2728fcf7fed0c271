//go:build integration

package kafka

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/overcloud/overcloud/internal/kafka/kafkatest"
	"github.com/overcloud/overcloud/internal/wire"
)

// Three brokers of which one is killed, all are restarted one after another as in an upgrade, and one hangs, while a
// Sender and a Producer write and a Group and a Tail read.
func TestThreeBrokersLoseNothingWhileTheyFail(t *testing.T) {
	cluster := kafkatest.New(t, 3)
	cfg := Config{Brokers: cluster.Brokers(), ClientID: "test"}
	replicas(t, cfg)
	prompt(t, cfg)
	ctx := within(t, 150*time.Second)
	writing, enough := context.WithCancel(ctx)
	defer enough()
	var work sync.WaitGroup
	var sent, produced atomic.Int64
	s, p := sender(t, cfg, wire.TopicTemp), producer(t, cfg)
	work.Go(func() { flights(t, writing, s, &sent) })
	work.Go(func() { commands(t, writing, p, &produced) })

	members := group(t, cfg, wire.TopicTemp)
	grouped := reading(t, ctx, members.Poll, func() error { return members.Commit(ctx) })
	tail, err := NewTail(cfg, time.Time{}, wire.TopicControl)
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	tailed := reading(t, ctx, tail.Poll, func() error { return nil })

	fail(t, cluster)
	enough()
	work.Wait()
	t.Logf("%d records by a sender, %d by a producer", sent.Load(), produced.Load())
	require.Greater(t, sent.Load(), int64(1000))
	require.Greater(t, produced.Load(), int64(100))
	orderly(t, topicIs(t, cfg, wire.TopicTemp), int(sent.Load()))
	require.Eventually(t, func() bool { return grouped.count() == int(sent.Load()) }, 30*time.Second, 50*time.Millisecond, "the group")
	require.Eventually(t, func() bool { return tailed.count() == int(produced.Load()) }, 30*time.Second, 50*time.Millisecond, "the tail")
	lag := func() int64 {
		left, _, err := Lags{Config: cfg}.Lag(ctx, nil, cfg.Name("readers"))
		require.NoError(t, err)
		return left
	}
	require.Eventually(t, func() bool { return lag() == 0 }, 20*time.Second, 100*time.Millisecond, "all is committed")
}

// fail is what happens to the brokers.
func fail(t *testing.T, cluster *kafkatest.Cluster) {
	t.Helper()
	t.Log("broker 1 is killed") // each in turn: package edge/agent
	cluster.Kill(0)
	time.Sleep(time.Second) // an outage
	require.NoError(t, cluster.Start(0, 3))
	for i := range 3 {
		t.Logf("broker %d is restarted", i+1)
		cluster.Stop(i)
		require.NoError(t, cluster.Start(i, 3))
	}
	t.Log("broker 1 hangs")
	require.NoError(t, cluster.Hang(0))
	time.Sleep(5 * time.Second) // longer than the cluster's patience with it
	require.NoError(t, cluster.Resume(0))
}

// replicas checks how topics are made, and that somebody hears of those that are not.
func replicas(t *testing.T, cfg Config) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	client, err := cfg.client()
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, 1, 1, nil, wire.TopicAnswer)
	require.NoError(t, err)
	one := cfg
	one.Replicas, one.Prefix = 1, "one."
	require.NoError(t, EnsureTopics(ctx, one, map[string]int32{"small": 2}))
	many := cfg
	many.Replicas = 4
	brief := within(t, time.Second)
	require.ErrorContains(t, EnsureTopics(brief, many, map[string]int32{"large": 1}), "create topics at", "a fourth broker is waited for")

	var said bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
	require.NoError(t, EnsureTopics(ctx, cfg, wire.Topics()))
	require.Contains(t, said.String(), "topics=[answer]")
	var topics kadm.TopicDetails
	require.Eventually(t, func() bool { // the broker that is asked may not know them yet
		topics, err = admin.ListTopics(ctx)
		return err == nil && len(topics) >= len(wire.Topics())+len([]string{"one.small"}) && topics.Error() == nil
	}, 10*time.Second, 50*time.Millisecond)
	require.False(t, topics.Has("large"))
	require.Equal(t, 1, topics["one.small"].Partitions.NumReplicas())
	require.Eventually(t, func() bool {
		settings, err := admin.DescribeTopicConfigs(ctx, wire.TopicTemp)
		return err == nil && setting(settings[0], "min.insync.replicas") == "2" && setting(settings[0], "message.timestamp.type") == "LogAppendTime"
	}, 10*time.Second, 50*time.Millisecond)
	for topic, partitions := range wire.Topics() {
		if topic != wire.TopicAnswer {
			require.Len(t, topics[topic].Partitions, int(partitions))
			require.Equal(t, 3, topics[topic].Partitions.NumReplicas(), topic)
		}
	}
}

// prompt checks that an edge hears an order at once, whichever of the brokers leads its partition: nothing comes from the
// others meanwhile.
func prompt(t *testing.T, cfg Config) {
	t.Helper()
	ctx := within(t, 2*time.Minute)
	p := producer(t, cfg)
	cfg.Frugal, cfg.Prefix = true, "prompt."
	require.NoError(t, EnsureTopics(ctx, cfg, map[string]int32{wire.TopicControl: 3}))
	tail, err := NewTail(cfg, time.Now().Add(-time.Minute), wire.TopicControl)
	require.NoError(t, err)
	defer tail.Close()
	slowest := time.Duration(0)
	for i := range 12 {
		order := Record{Topic: cfg.Name(wire.TopicControl), Key: fmt.Append(nil, "hall/ac", i), Value: []byte("order")}
		require.NoError(t, p.Produce(ctx, order))
		began := time.Now()
		_, err := tail.Poll(ctx)
		require.NoError(t, err)
		if i > 2 { // the first meet connections that are being made
			slowest = max(slowest, time.Since(began))
		}
	}
	t.Logf("an order is heard within %s", slowest.Round(time.Millisecond))
	require.Less(t, slowest, 3*time.Second)
}

func setting(of kadm.ResourceConfig, name string) string {
	for _, one := range of.Configs {
		if one.Key == name {
			return one.MaybeValue()
		}
	}
	return ""
}

// flights sends records of seven keys, two batches at a time, until ctx ends.
func flights(t *testing.T, ctx context.Context, s *Sender, sent *atomic.Int64) {
	f := [2]*Flight{{}, {}}
	land := func(one *Flight) {
		if <-one.Done(); one.AnyFailed() {
			t.Error("a record was given up:", one.failed)
		}
	}
	i := 0
	for ; ctx.Err() == nil; i++ {
		if i >= len(f) {
			land(f[i%2])
		}
		records := make([]Record, 50)
		for j := range records {
			n := i*len(records) + j
			records[j] = Record{Key: fmt.Append(nil, "key", n%7), Value: strconv.AppendInt(nil, int64(n), 10)}
		}
		s.Send(f[i%2], records)
		sent.Add(int64(len(records)))
		pause(ctx, 20*time.Millisecond)
	}
	land(f[0])
	land(f[1])
}

// commands produces one record after another until ctx ends. Each is tried for as long as it takes.
func commands(t *testing.T, ctx context.Context, p *Producer, produced *atomic.Int64) {
	for ctx.Err() == nil {
		value, began := strconv.AppendInt(nil, produced.Load(), 10), time.Now()
		if err := p.Produce(t.Context(), Record{Topic: wire.TopicControl, Key: []byte("hall/ac1"), Value: value}); err != nil {
			t.Error(err)
			return
		}
		produced.Add(1)
		if took := time.Since(began); took > time.Second {
			t.Logf("a command took %s", took.Round(time.Millisecond))
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// heard are the values that came, each once or more.
type heard struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (h *heard) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.seen)
}

func reading(t *testing.T, ctx context.Context, poll func(context.Context) ([]Record, error), done func() error) *heard {
	h := &heard{seen: map[string]bool{}}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	t.Cleanup(func() { stop(); <-ended })
	go func() {
		defer close(ended)
		for {
			records, err := poll(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			h.mu.Lock()
			for _, r := range records {
				h.seen[string(r.Value)] = true
			}
			h.mu.Unlock()
			if err := done(); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	return h
}

// orderly checks that records have the numbers 0 to n-1, each once, rising for each key.
func orderly(t *testing.T, records []Record, n int) {
	t.Helper()
	last, seen := map[string]int{}, map[int]bool{}
	for _, r := range records {
		i, err := strconv.Atoi(string(r.Value))
		require.NoError(t, err)
		require.False(t, seen[i], "%d came twice", i)
		if before, known := last[string(r.Key)]; known {
			require.Equal(t, before+7, i, "of key %s", r.Key)
		}
		last[string(r.Key)], seen[i] = i, true
	}
	require.Len(t, seen, n)
}
