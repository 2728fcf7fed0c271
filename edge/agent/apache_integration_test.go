//go:build integration

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/kafka/kafkatest"
	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/worker/sink"
)

// apache is the broker of those tests of the package that stop none.
var apache kafkatest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	apache.Close()
	os.Exit(code)
}

// Brokers are killed one after another while an edge delivers and a sink stores. Each reading is in Kafka once, in the
// order of its sensor, and in InfluxDB once.
func TestReadingsOutliveBrokersThatAreKilled(t *testing.T) {
	for _, c := range []struct{ nodes, kills int }{{1, 3}, {3, 3}} {
		t.Run(fmt.Sprintf("%d of %d", c.kills, c.nodes), func(t *testing.T) {
			brokers := kafkatest.New(t, c.nodes)
			broker := kafka.Config{Brokers: brokers.Brokers(), ClientID: "edge-pi-1", Frugal: true}
			server := influxtest.New(t)
			server.Database("history")
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
			defer cancel()
			require.NoError(t, kafka.EnsureTopics(ctx, broker, wire.Topics()))
			store(t, broker, server)
			o := newOutbox(t)
			delivering, stop := context.WithCancel(ctx)
			delivered := make(chan error, 1)
			go func() { delivered <- o.deliver(delivering, broker, wire.TopicTemp) }()

			flowing, dry := context.WithCancel(ctx)
			defer dry()
			var sampling sync.WaitGroup
			sent := 0
			sampling.Go(func() { sent = o.sample(flowing) })
			for i := range c.kills {
				pause(ctx, 1500*time.Millisecond) // of quiet flow
				brokers.Kill(i % c.nodes)
				pause(ctx, time.Second)
				require.NoError(t, brokers.Start(i%c.nodes, c.nodes))
			}
			pause(ctx, time.Second)
			dry()
			sampling.Wait()
			o.runsEmpty(t, wire.TopicTemp)
			stop()
			require.NoError(t, <-delivered)
			require.Zero(t, o.spools[wire.TopicTemp].Stats().Dropped)
			sensorsRise(t, broker, sent)
			require.Eventually(t, func() bool { return server.Count("history", "temp", "temperature") == sent }, 40*time.Second, 100*time.Millisecond)
			t.Logf("%d readings over %d kills of %d brokers", sent, c.kills, c.nodes)
		})
	}
}

// sample queues readings of 30 sensors in 10 rooms until ctx ends, and says how many.
func (o *outbox) sample(ctx context.Context) (n int) {
	for ; ctx.Err() == nil; pause(ctx, 10*time.Millisecond) {
		for range 30 {
			o.reading(wire.Reading{
				Room: "room-" + itoa(n%10), Sensor: n % 30, At: time.UnixMilli(noon + int64(n)), Celsius: 20 + float64(n%8),
			})
			n++
		}
	}
	return n
}

// store runs a sink until the test ends.
func store(t *testing.T, broker kafka.Config, server *influxtest.Server) {
	t.Helper()
	client, err := influx.New(influx.Config{URL: server.URL, Org: "overcloud", Bucket: "history/autogen"})
	require.NoError(t, err)
	broker.Frugal = false
	s := sink.New(sink.Config{Kafka: broker, Store: client, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		client.Close()
	})
}

// sensorsRise checks that the topic has so many readings, those of each sensor in their order and none twice.
func sensorsRise(t *testing.T, broker kafka.Config, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := kafka.Ends(ctx, broker, wire.TopicTemp)
	require.NoError(t, err)
	last, seen := map[string]int64{}, 0
	all, err := kafka.Between(ctx, broker, wire.TopicTemp, nil, ends, 10*n, func(r kafka.Record) {
		fields := strings.Split(string(r.Value), ",")
		at, err := strconv.ParseInt(fields[0], 10, 64)
		require.NoError(t, err)
		sensor := string(r.Key) + "/" + fields[1]
		if before, known := last[sensor]; known {
			require.Equal(t, before+30, at, "of sensor %s", sensor)
		}
		last[sensor] = at
		seen++
	})
	require.NoError(t, err)
	require.True(t, all)
	require.Equal(t, n, seen, "%v", ends)
}

func TestDeliveriesThatAreStoppedAnywhereDoubleNothing(t *testing.T) {
	broker := topicOf(t, nil)
	o := newOutbox(t)
	const records = 40_000
	o.counting(t, wire.TopicTemp, 0, records)
	for i := range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(40+i*60)*time.Millisecond)
		require.NoError(t, o.deliver(ctx, broker, wire.TopicTemp))
		cancel()
	}
	o.goes(t, broker, wire.TopicTemp)
	o.runsEmpty(t, wire.TopicTemp)
	exactly(t, broker, wire.TopicTemp, 0, records)
}

// A topic that takes less than a batch of ours: what fits alone arrives, what does not is dropped alone.
func TestATopicOfSmallMessagesGetsWhatFits(t *testing.T) {
	broker := topicOf(t, map[string]*string{"max.message.bytes": kadm.StringPtr("5000")})
	o := newOutbox(t)
	o.counting(t, wire.TopicTemp, 0, 1500)
	require.NoError(t, o.spools[wire.TopicTemp].Append(spool.Record{Key: []byte("room-0"), Value: []byte(incompressible(20 << 10)), Time: time.UnixMilli(noon)}))
	o.counting(t, wire.TopicTemp, 1500, 3000)
	began := time.Now()
	o.goes(t, broker, wire.TopicTemp)
	o.runsEmpty(t, wire.TopicTemp)
	t.Logf("3000 small records and a large one in %s", time.Since(began).Round(time.Millisecond))
	exactly(t, broker, wire.TopicTemp, 0, 3000)
	require.EqualValues(t, 1, o.refusals(wire.TopicTemp))
}

// topicOf is a place with the topic of readings.
func topicOf(t *testing.T, settings map[string]*string) kafka.Config {
	t.Helper()
	here := apache.Place(t)
	broker := kafka.Config{Brokers: here.Brokers, Prefix: here.Prefix, Frugal: true}
	client, err := kgo.NewClient(kgo.SeedBrokers(here.Brokers...))
	require.NoError(t, err)
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 3, -1, settings, broker.Name(wire.TopicTemp))
	require.NoError(t, err)
	return broker
}
