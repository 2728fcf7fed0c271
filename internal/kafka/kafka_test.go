package kafka

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// numbered are records 0 to n-1 of a topic, their number as value, spread over keys.
// read polls until it has seen n different values, and returns how often it saw each.
func TestARecordArrivesAsItWasSent(t *testing.T) {
	cfg := broker(t, 3, "temp")
	ctx := within(t, 10*time.Second)
	sent := Record{
		Topic: "temp", Key: []byte("room-1"), Value: []byte("x"),
		Headers: map[string]string{"quality": "bad"}, Time: time.UnixMilli(1_700_000_000_000),
	}
	require.NoError(t, producer(t, cfg).Produce(ctx, sent))
	got, err := group(t, cfg, "temp").Poll(ctx)
	require.NoError(t, err)
	require.Len(t, got, 1)
	sent.Partition = got[0].Partition
	require.True(t, got[0].Time.Equal(sent.Time))
	got[0].Time = sent.Time
	require.Equal(t, sent, got[0])
}

func TestRecordsOfAKeyKeepTheirPartitionAndOrder(t *testing.T) {
	cfg := broker(t, 3, "temp")
	ctx := within(t, 10*time.Second)
	require.NoError(t, producer(t, cfg).Produce(ctx, numbered("temp", 700)...))
	last, home := make(map[string]int), make(map[string]int32)
	g := group(t, cfg, "temp")
	for total := 0; total < 700; {
		records, err := g.Poll(ctx)
		require.NoError(t, err)
		for _, record := range records {
			n, err := strconv.Atoi(string(record.Value))
			require.NoError(t, err)
			key := string(record.Key)
			if before, ok := last[key]; ok {
				require.Greater(t, n, before)
				require.Equal(t, home[key], record.Partition)
			}
			last[key], home[key] = n, record.Partition
		}
		total += len(records)
	}
}

func TestAGroupReadsAgainWhatItDidNotCommit(t *testing.T) {
	cfg := broker(t, 3, "temp")
	ctx := within(t, 20*time.Second)
	p := producer(t, cfg)
	require.NoError(t, p.Produce(ctx, numbered("temp", 100)...))

	first := group(t, cfg, "temp")
	read(t, ctx, first.Poll, 100)
	require.NoError(t, first.Commit(ctx))
	require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Value: []byte("late")}))
	require.Equal(t, map[string]int{"late": 1}, read(t, ctx, first.Poll, 1))
	first.Close() // without a commit

	second := group(t, cfg, "temp")
	require.Equal(t, map[string]int{"late": 1}, read(t, ctx, second.Poll, 1), "committed ones do not come back, the other does")
}

func TestNothingIsLostWhenAMemberJoins(t *testing.T) {
	cfg := broker(t, 6, "temp")
	ctx := within(t, 30*time.Second)
	p := producer(t, cfg)
	type batch struct {
		member int
		values []string
	}
	batches := make(chan batch)
	member := func(id int) {
		g, err := NewGroup(cfg, "readers", "temp")
		if err != nil {
			t.Error(err)
			return
		}
		defer g.Close()
		for {
			records, err := g.Poll(ctx)
			if err != nil {
				return
			}
			b := batch{member: id}
			for _, record := range records {
				b.values = append(b.values, string(record.Value))
			}
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if err := g.Commit(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	}
	go member(1)
	seen, members := make(map[string]int), make(map[int]int)
	collect := func(n int) {
		for len(seen) < n {
			select {
			case b := <-batches:
				members[b.member] += len(b.values)
				for _, value := range b.values {
					seen[value]++
				}
			case <-ctx.Done():
				t.Fatalf("%d of %d arrived", len(seen), n)
			}
		}
	}
	records := numbered("temp", 4000)
	require.NoError(t, p.Produce(ctx, records[:1000]...))
	collect(1000)
	go member(2)
	for n := 1000; n < len(records) || members[2] == 0; n += 100 {
		if n < len(records) {
			require.NoError(t, p.Produce(ctx, records[n:n+100]...))
			collect(n + 100)
			continue
		}
		extra := Record{Topic: "temp", Key: fmt.Append(nil, "extra", n), Value: fmt.Append(nil, "extra", n)}
		require.NoError(t, p.Produce(ctx, extra))
		collect(len(seen) + 1)
	}
	require.Positive(t, members[2], "the second member got work")
}

func TestATailSeesEveryPartitionFromATimeOn(t *testing.T) {
	cfg := broker(t, 3, "temp", "later")
	ctx := within(t, 10*time.Second)
	p := producer(t, cfg)
	at := time.UnixMilli(1_700_000_000_000)
	for i := range 20 {
		require.NoError(t, p.Produce(ctx, Record{
			Topic: "temp", Key: fmt.Append(nil, i), Value: fmt.Append(nil, i), Time: at.Add(time.Duration(i) * time.Second),
		}))
	}
	tail, err := NewTail(cfg, at.Add(15*time.Second), "temp", "later")
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	require.Equal(t, map[string]int{"15": 1, "16": 1, "17": 1, "18": 1, "19": 1}, read(t, ctx, tail.Poll, 5))
	require.NoError(t, p.Produce(ctx, Record{Topic: "later", Value: []byte("new")}))
	require.Equal(t, map[string]int{"new": 1}, read(t, ctx, tail.Poll, 1))

	all, err := NewTail(cfg, time.Time{}, "temp")
	require.NoError(t, err)
	t.Cleanup(all.Close)
	require.Len(t, read(t, ctx, all.Poll, 20), 20)
}

func TestATailFindsATopicThatIsMadeAfterIt(t *testing.T) {
	cfg := broker(t, 0)
	ctx := within(t, 20*time.Second)
	tail, err := NewTail(cfg, time.Now().Add(-time.Minute), "temp")
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	require.NoError(t, EnsureTopics(ctx, cfg, map[string]int32{"temp": 2}))
	require.NoError(t, producer(t, cfg).Produce(ctx, numbered("temp", 10)...))
	require.Len(t, read(t, ctx, tail.Poll, 10), 10)
}

func TestEverythingWaitsForABrokerThatIsAwayAndOutlivesItsRestart(t *testing.T) {
	onlyEmbedded(t)
	port := freePort(t)
	cfg := Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}
	ctx := within(t, 40*time.Second)
	p, g := producer(t, cfg), group(t, cfg, "temp")
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SyncWrites())
		require.NoError(t, err)
		return cluster
	}
	ensured := make(chan error, 1)
	go func() { ensured <- EnsureTopics(ctx, cfg, wire.Topics()) }()
	short := within(t, 300*time.Millisecond)
	_, err := g.Poll(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	cluster := start()
	require.NoError(t, <-ensured)
	require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Value: []byte("before")}))
	require.Len(t, read(t, ctx, g.Poll, 1), 1)
	require.NoError(t, g.Commit(ctx))
	cluster.Close()

	brief := within(t, 500*time.Millisecond)
	err = p.Produce(brief, Record{Topic: "temp", Value: []byte("lost")})
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "produce to temp at 127.0.0.1:")

	produced := make(chan error, 1)
	go func() { produced <- p.Produce(ctx, Record{Topic: "temp", Value: []byte("after")}) }()
	cluster = start()
	defer cluster.Close()
	require.NoError(t, <-produced)
	seen := make(map[string]bool)
	for !seen["after"] {
		records, err := g.Poll(ctx)
		require.NoError(t, err)
		for _, record := range records {
			seen[string(record.Value)] = true
		}
		require.NoError(t, g.Commit(ctx))
	}
	require.False(t, seen["before"], "its offset was committed and kept")
}

func TestFaultsOfTheCallerAreNamedAtOnce(t *testing.T) {
	_, err := NewProducer(Config{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "no Kafka broker is given")
	_, err = NewGroup(Config{Brokers: []string{"kafka"}}, "g", "temp")
	require.ErrorContains(t, err, `"kafka" is not host:port`)

	cfg := broker(t, 0)
	err = producer(t, cfg).Produce(within(t, 20*time.Second), Record{Topic: "nowhere", Value: []byte("x")})
	require.ErrorIs(t, err, fault.ErrNotFound)
	err = Ping(within(t, 500*time.Millisecond), Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))}})
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.NoError(t, Ping(within(t, 5*time.Second), cfg))
}

func TestEnsureTopicsLeavesWhatIsThere(t *testing.T) {
	cfg := broker(t, 5, "temp")
	ctx := within(t, 10*time.Second)
	require.NoError(t, EnsureTopics(ctx, cfg, wire.Topics()))
	require.NoError(t, EnsureTopics(ctx, cfg, wire.Topics()), "twice is once")
	for topic := range wire.Topics() {
		require.NoError(t, producer(t, cfg).Produce(ctx, Record{Topic: topic, Value: []byte("x")}))
	}
}

func TestStreamsRefuseWhatNoReaderWouldTake(t *testing.T) {
	cfg := broker(t, 3, wire.TopicControl)
	ctx := within(t, 10*time.Second)
	streams := Streams{Producer: producer(t, cfg)}
	command := wire.Command{
		ID: "c1", Revision: 4, Room: "lab", AC: "ac1", Power: true, Setpoint: 23, Mode: "cool", Fan: "auto", TTLMillis: 60_000,
	}
	hot := command
	hot.Setpoint = 99
	require.ErrorIs(t, streams.Command(ctx, hot), fault.ErrInvalid)
	intent := wire.Intent{Room: "lab", Revision: 1, TimeMillis: time.Now().UnixMilli()}
	err := streams.Intent(ctx, intent)
	require.ErrorIs(t, err, fault.ErrUnreachable, "its topic is not there yet: it must be tried again")
	require.NotErrorIs(t, err, fault.ErrNotFound)
	require.NoError(t, streams.Command(ctx, command))
	got, err := group(t, cfg, wire.TopicControl).Poll(ctx)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "lab/ac1", string(got[0].Key))
	decoded, err := wire.Decode[wire.Command](got[0].Value)
	require.NoError(t, err)
	require.Equal(t, command, decoded)
}
