package kafka

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// committed is what the group "readers" has committed of topic temp, by partition.
func committed(t *testing.T, cfg Config) map[int32]int64 {
	t.Helper()
	client, err := cfg.client()
	require.NoError(t, err)
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(within(t, 10*time.Second), cfg.Name("readers"))
	require.NoError(t, err)
	out := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) { out[o.Partition] = o.At })
	return out
}

func TestMarksAreCommittedInOrderAndNothingBeyondThem(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 1, "temp")
	ctx := within(t, 20*time.Second)
	p, g := producer(t, cfg), group(t, cfg, "temp")
	var marks []Mark
	for i := range 3 {
		require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Value: fmt.Append(nil, i)}))
		read(t, ctx, g.Poll, 1)
		marks = append(marks, g.Mark())
	}
	require.Empty(t, committed(t, cfg))
	for i, mark := range marks {
		require.NoError(t, g.CommitMark(ctx, mark))
		require.Equal(t, map[int32]int64{0: int64(i + 1)}, committed(t, cfg))
	}
	require.NoError(t, g.CommitMark(ctx, marks[0]), "twice is once")
	require.Equal(t, int64(3), committed(t, cfg)[0])
	require.NoError(t, g.CommitMark(ctx, g.Mark()), "of nothing")
	require.Empty(t, g.marks)

	require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Value: []byte("late")}))
	read(t, ctx, g.Poll, 1)
	g.Mark() // its records are on their way, and the process ends
	g.Close()
	require.Equal(t, map[string]int{"late": 1}, read(t, ctx, group(t, cfg, "temp").Poll, 1))
}

func TestWhatIsTakenAwayAfterItsMarkIsNotCommitted(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 6, "temp")
	ctx := within(t, 40*time.Second)
	p, first := producer(t, cfg), group(t, cfg, "temp")
	require.NoError(t, p.Produce(ctx, numbered("temp", 200)...))
	read(t, ctx, first.Poll, 200)
	mark := first.Mark()
	all := len(mark.places)

	polling, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // the others' records come meanwhile; none of these
		defer close(done)
		for polling.Err() == nil {
			if _, err := first.Poll(polling); err != nil && polling.Err() == nil {
				t.Error(err)
				return
			}
		}
	}()
	second := group(t, cfg, "temp")
	_, err := second.Poll(ctx)
	require.NoError(t, err)
	require.NoError(t, second.Commit(ctx))
	theirs := committed(t, cfg)
	require.NotEmpty(t, theirs)
	_, left := first.left(mark)
	require.Less(t, len(left), all, "some are no longer the first's")
	stop()
	<-done
	// Whoever has them now has gone further back or on: either way it is not the first's to say.
	require.NoError(t, p.Produce(ctx, numbered("temp", 200)...))
	for len(theirs) > 0 && theirs[anyKey(theirs)] == committed(t, cfg)[anyKey(theirs)] {
		_, err := second.Poll(ctx)
		require.NoError(t, err)
		require.NoError(t, second.Commit(ctx))
	}
	before := committed(t, cfg)
	require.NoError(t, first.CommitMark(ctx, mark))
	after := committed(t, cfg)
	for number := range theirs {
		require.Equal(t, before[number], after[number], "partition %d is another's", number)
	}
	require.Len(t, after, all, "what was still the first's is committed")
}

func anyKey(m map[int32]int64) int32 {
	for k := range m {
		return k
	}
	return -1
}

// While records are processed and committed their partitions stay: the next member must not process them again.
func TestNothingIsTakenAwayDuringACommit(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "temp"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	cfg := Config{Brokers: cluster.ListenAddrs()}
	ctx := within(t, 40*time.Second)
	p, first := producer(t, cfg), group(t, cfg, "temp")
	require.NoError(t, p.Produce(ctx, numbered("temp", 100)...))
	read(t, ctx, first.Poll, 100)

	held, joined := make(chan struct{}), make(chan struct{})
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(held)
		cluster.SleepControl(func() {
			<-joined
			time.Sleep(3 * time.Second)
		})
		return nil, nil, false
	})
	done := make(chan error, 1)
	go func() { done <- first.Commit(ctx) }()
	<-held
	second := group(t, cfg, "temp")
	seen := make(chan int, 1)
	brief, stop := context.WithCancel(ctx)
	go func() {
		records, _ := second.Poll(brief)
		seen <- len(records)
	}()
	time.Sleep(500 * time.Millisecond)
	close(joined)
	require.NoError(t, <-done)
	polling, end := context.WithTimeout(ctx, 3*time.Second) // the rebalance
	defer end()
	_, err = first.Poll(polling)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	stop()
	require.Zero(t, <-seen, "records that were committed come again")
}

// A mark of topics that were made anew says nothing of the new ones: their offsets begin again.
func TestAMarkOfTopicsThatAreGoneCommitsNothing(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	port := freePort(t)
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(1, "temp"))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		return cluster
	}
	cluster := start()
	cfg := Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}
	ctx := within(t, 60*time.Second)
	p, g := producer(t, cfg), group(t, cfg, "temp")
	require.NoError(t, p.Produce(ctx, numbered("temp", 100)...))
	read(t, ctx, g.Poll, 100)
	mark := g.Mark()
	cluster.Close()
	done := make(chan error, 1)
	go func() { done <- g.CommitMark(ctx, mark) }() // what was polled has just been stored
	time.Sleep(300 * time.Millisecond)
	start()
	require.Eventually(t, func() bool {
		return p.Produce(ctx, Record{Topic: "temp", Value: []byte("new")}) == nil
	}, 40*time.Second, 100*time.Millisecond)
	require.Equal(t, map[string]int{"new": 1}, read(t, ctx, g.Poll, 1))
	require.NoError(t, <-done)
	require.Empty(t, committed(t, cfg))
	require.NoError(t, g.Commit(ctx))
	require.Equal(t, map[int32]int64{0: 1}, committed(t, cfg))
	require.Empty(t, g.marks)
}
