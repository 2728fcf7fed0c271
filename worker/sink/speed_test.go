package sink

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// enough counts the lines that it is given and stops the sink at the last.
type enough struct {
	want int64
	stop context.CancelFunc

	lines atomic.Int64
	began atomic.Pointer[time.Time] // the first write
	ended atomic.Pointer[time.Time] // the last
}

func (e *enough) Write(_ context.Context, lines []byte) error {
	e.began.CompareAndSwap(nil, new(time.Now()))
	if e.lines.Add(int64(bytes.Count(lines, []byte("\n")))) >= e.want*98/100 && e.ended.Load() == nil {
		e.ended.Store(new(time.Now())) // the last batch waits a second for others
	}
	if e.lines.Load() >= e.want {
		e.stop()
	}
	return nil
}

// What the sink itself costs, with a store that costs nothing; joining the group and leaving it are not counted.
func BenchmarkSink(b *testing.B) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, wire.TopicTemp))
	require.NoError(b, err)
	defer cluster.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic(wire.TopicTemp))
	require.NoError(b, err)
	defer producer.Close()
	const messages = 300_000
	for i := range messages {
		r := wire.Reading{Room: fmt.Sprintf("room-%d", i%25), Sensor: i % 100, At: time.UnixMilli(1_760_000_000_000 + int64(i)), Celsius: 24.5, Humidity: 41.2, HasHumidity: true}
		producer.Produce(b.Context(), &kgo.Record{Key: []byte(r.Room), Value: wire.AppendReading(nil, r)}, nil)
	}
	require.NoError(b, producer.Flush(b.Context()))
	var took time.Duration
	for i := 0; b.Loop(); i++ {
		ctx, stop := context.WithCancel(b.Context())
		store := &enough{want: messages, stop: stop}
		s := New(Config{Kafka: kafka.Config{Brokers: cluster.ListenAddrs()}, Group: fmt.Sprint("g", i), Store: store})
		require.NoError(b, s.Run(ctx))
		took += store.ended.Load().Sub(*store.began.Load())
	}
	b.ReportMetric(float64(messages)*float64(b.N)/took.Seconds(), "messages/s")
}
