package kafka

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A record that arrives while a tail looks for its place is what the tail is there for: an order of this moment.
func TestATailSeesWhatArrivesWhileItBegins(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "temp"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	cfg := Config{Brokers: cluster.ListenAddrs()}
	ctx := within(t, 20*time.Second)
	out := producer(t, cfg)
	old := time.Now().Add(-time.Hour)
	require.NoError(t, out.Produce(ctx, Record{Topic: "temp", Value: []byte("old"), Time: old}))

	// Whoever asks for the end hears of a record that was not there yet when the listing by time was answered.
	byTime, once := make(chan struct{}), sync.Once{}
	arrive := sync.OnceFunc(func() {
		if err := out.Produce(ctx, Record{Topic: "temp", Value: []byte("order")}); err != nil {
			t.Error(err)
		}
	})
	cluster.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if r.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0].Timestamp >= 0 {
			once.Do(func() { close(byTime) })
			return nil, nil, false
		}
		cluster.SleepControl(func() {
			select {
			case <-byTime:
				time.Sleep(50 * time.Millisecond) // so that it is answered
				arrive()
			case <-time.After(300 * time.Millisecond):
			}
		})
		return nil, nil, false
	})
	tail, err := NewTail(cfg, time.Now().Add(-time.Minute), "temp")
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	time.AfterFunc(2*time.Second, arrive)
	require.Equal(t, map[string]int{"order": 1}, read(t, ctx, tail.Poll, 1))
}

// What a tail of many old records begins with is what is new enough, and nothing of the rest.
func TestATailPassesOverWhatIsOlder(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 3, "temp")
	ctx := within(t, 20*time.Second)
	p := producer(t, cfg)
	at := time.UnixMilli(1_700_000_000_000)
	records := numbered("temp", 6000)
	for i := range records {
		records[i].Time = at.Add(time.Duration(i) * time.Second)
	}
	require.NoError(t, p.Produce(ctx, records...))
	tail, err := NewTail(cfg, at.Add(5990*time.Second), "temp")
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	seen := read(t, ctx, tail.Poll, 10)
	for i := 5990; i < 6000; i++ {
		require.Equal(t, 1, seen[fmt.Sprint(i)], "%d", i)
	}
	require.Len(t, seen, 10)

	late, err := NewTail(cfg, at.Add(7000*time.Second), "temp")
	require.NoError(t, err)
	t.Cleanup(late.Close)
	brief := within(t, time.Second)
	_, err = late.Poll(brief)
	require.ErrorIs(t, err, context.DeadlineExceeded, "nothing is that new")
	require.NoError(t, p.Produce(ctx, Record{Topic: "temp", Value: []byte("an older clock's"), Time: at}))
	require.Equal(t, map[string]int{"an older clock's": 1}, read(t, ctx, late.Poll, 1), "it came after the tail began")
}

func TestATailOfNoBrokerWaitsAndIsClosed(t *testing.T) {
	t.Parallel()
	tail, err := NewTail(Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", freePort(t))}}, time.Now(), "temp")
	require.NoError(t, err)
	_, err = tail.Poll(within(t, 300*time.Millisecond))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	time.AfterFunc(300*time.Millisecond, tail.Close)
	began := time.Now()
	_, err = tail.Poll(within(t, 20*time.Second))
	require.Error(t, err)
	require.Less(t, time.Since(began), 10*time.Second)
}
