package agent

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

func newOutbox(t *testing.T) *outbox {
	t.Helper()
	o, err := openOutbox(Config{Box: "pi-1", Dir: t.TempDir(), Spool: Spool{Bytes: 8 << 20}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.close()) })
	return o
}

func cluster(t *testing.T, port int, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(3, "temp", "ack", "alert", "resource")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, kafka.Config{Brokers: []string{net.JoinHostPort("127.0.0.1", itoa(port))}}
}

// counting queues the readings from to to, one value each, of two rooms.
func (o *outbox) counting(t *testing.T, topic string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, o.spools[topic].Append(spool.Record{
			Key: fmt.Appendf(nil, "room-%d", i%2), Value: []byte(itoa(i)), Time: time.UnixMilli(noon + int64(i)),
		}))
	}
}

// goes runs the deliveries of topics until the test ends or the returned function is called.
func (o *outbox) goes(t *testing.T, broker kafka.Config, topics ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, len(topics))
	for _, topic := range topics {
		d := o.delivery(broker, topic)
		d.stuckAfter = time.Second
		go func() { ended <- d.run(ctx) }()
	}
	stopped := false
	stop = func() {
		cancel()
		for i := 0; i < len(topics) && !stopped; i++ {
			require.NoError(t, <-ended)
		}
		stopped = true
	}
	t.Cleanup(stop)
	return stop
}

func (o *outbox) runsEmpty(t *testing.T, topic string) {
	t.Helper()
	require.Eventually(t, func() bool { return o.spools[topic].Stats().Depth == 0 }, 40*time.Second, 10*time.Millisecond)
}

// exactly checks that a topic has the values from to to, each once, in order for each key.
func exactly(t *testing.T, broker kafka.Config, topic string, from, to int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ends, err := kafka.Ends(ctx, broker, topic)
	require.NoError(t, err)
	got := map[string][]string{}
	_, err = kafka.Between(ctx, broker, topic, nil, ends, 1<<20, func(r kafka.Record) {
		got[string(r.Key)] = append(got[string(r.Key)], string(r.Value))
	})
	require.NoError(t, err)
	want := map[string][]string{}
	for i := from; i < to; i++ {
		key := fmt.Sprintf("room-%d", i%2)
		want[key] = append(want[key], itoa(i))
	}
	require.Equal(t, want, got)
}

// What a killed process had sent, and never heard of again, is found in the topic and not sent twice.
func TestWhatAKilledProcessSentComesOnce(t *testing.T) {
	t.Parallel()
	for _, sent := range []int{0, 1, 1500, 2500, 4000} {
		_, broker := cluster(t, freePort(t))
		o := newOutbox(t)
		o.counting(t, wire.TopicTemp, 0, 100)
		stop := o.goes(t, broker, wire.TopicTemp)
		o.runsEmpty(t, wire.TopicTemp)
		stop()

		o.counting(t, wire.TopicTemp, 100, 4100)
		batch, err := o.spools[wire.TopicTemp].Read(4000)
		require.NoError(t, err)
		sender, err := kafka.NewSender(broker, wire.TopicTemp)
		require.NoError(t, err)
		flight := &kafka.Flight{}
		var records []kafka.Record
		for _, r := range batch.Records[:sent] {
			records = append(records, kafka.Record{Key: r.Key, Value: r.Value})
		}
		sender.Send(flight, records)
		<-flight.Done()
		require.False(t, flight.AnyFailed())
		sender.Close() // and no acknowledgement: it was killed

		o.goes(t, broker, wire.TopicTemp)
		o.runsEmpty(t, wire.TopicTemp)
		exactly(t, broker, wire.TopicTemp, 0, 4100)
	}
}

func TestATopicThatIsRefusedDelaysNoOther(t *testing.T) {
	t.Parallel()
	c, broker := cluster(t, freePort(t))
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		request, _ := r.(*kmsg.ProduceRequest)
		info := c.TopicIDInfo(request.Topics[0].TopicID)
		if request.Topics[0].Topic != wire.TopicAck && (info == nil || info.Topic != wire.TopicAck) {
			return nil, nil, false
		}
		answer, _ := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				one := kmsg.NewProduceResponseTopicPartition()
				one.Partition, one.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				out.Partitions = append(out.Partitions, one)
			}
			answer.Topics = append(answer.Topics, out)
		}
		return answer, nil, true
	})
	o := newOutbox(t)
	o.counting(t, wire.TopicAck, 0, 50)
	o.goes(t, broker, wire.TopicAck, wire.TopicTemp)
	o.counting(t, wire.TopicTemp, 0, 5000)
	o.runsEmpty(t, wire.TopicTemp)
	exactly(t, broker, wire.TopicTemp, 0, 5000)
	require.Equal(t, 50, o.spools[wire.TopicAck].Stats().Depth, "nothing of it is dropped")
	require.Zero(t, o.refusals(wire.TopicAck))
}

func TestATopicThatIsNotThereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "temp"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	broker := kafka.Config{Brokers: c.ListenAddrs()}
	o := newOutbox(t)
	o.counting(t, wire.TopicAck, 0, 50)
	o.counting(t, wire.TopicTemp, 0, 50)
	o.goes(t, broker, wire.TopicAck, wire.TopicTemp)
	o.runsEmpty(t, wire.TopicTemp)
	require.Equal(t, 50, o.spools[wire.TopicAck].Stats().Depth)
	require.NoError(t, kafka.EnsureTopics(t.Context(), broker, map[string]int32{"ack": 3}))
	o.runsEmpty(t, wire.TopicAck)
	exactly(t, broker, wire.TopicAck, 0, 50)
}

// One record that the broker does not take is dropped and counted; those around it arrive.
func TestARecordThatIsRefusedIsDroppedAlone(t *testing.T) {
	t.Parallel()
	c, broker := cluster(t, freePort(t))
	o := newOutbox(t)
	o.counting(t, wire.TopicTemp, 0, 10)
	require.NoError(t, o.spools[wire.TopicTemp].Append(spool.Record{Key: []byte("room-0"), Value: []byte(incompressible(400 << 10)), Time: time.UnixMilli(noon)}))
	o.counting(t, wire.TopicTemp, 10, 30)
	// The client learns nothing of a topic's limit: the broker refuses.
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		request, _ := r.(*kmsg.ProduceRequest)
		answer, _ := request.ResponseKind().(*kmsg.ProduceResponse)
		long := false
		for _, topic := range request.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				long = long || len(p.Records) > 100<<10
				one := kmsg.NewProduceResponseTopicPartition()
				one.Partition, one.ErrorCode = p.Partition, kerr.MessageTooLarge.Code
				out.Partitions = append(out.Partitions, one)
			}
			answer.Topics = append(answer.Topics, out)
		}
		return answer, nil, long
	})
	o.goes(t, broker, wire.TopicTemp)
	o.runsEmpty(t, wire.TopicTemp)
	exactly(t, broker, wire.TopicTemp, 0, 30)
	require.EqualValues(t, 1, o.refusals(wire.TopicTemp))
}

func incompressible(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b.WriteByte(byte(x))
	}
	return b.String()
}

// A cluster that was built anew under the same address, without its data, is found again without a restart.
func TestDeliveryGoesOnAfterAClusterWasBuiltAnew(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	first, broker := cluster(t, port)
	o := newOutbox(t)
	o.counting(t, wire.TopicTemp, 0, 1000)
	o.goes(t, broker, wire.TopicTemp)
	o.runsEmpty(t, wire.TopicTemp)
	first.Close()
	o.counting(t, wire.TopicTemp, 1000, 2000)
	cluster(t, port)
	o.runsEmpty(t, wire.TopicTemp)
	exactly(t, broker, wire.TopicTemp, 1000, 2000)
}

func TestAStopWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	_, broker := cluster(t, freePort(t))
	o := newOutbox(t)
	o.counting(t, wire.TopicTemp, 0, 20_000)
	stop := o.goes(t, broker, wire.TopicTemp)
	require.Eventually(t, func() bool { return o.spools[wire.TopicTemp].Stats().Depth < 20_000 }, 20*time.Second, time.Millisecond)
	stop()
	left := o.spools[wire.TopicTemp].Stats().Depth
	exactly(t, broker, wire.TopicTemp, 0, 20_000-left)
}

func TestTroublesBeginAndEnd(t *testing.T) {
	began := time.UnixMilli(noon)
	var tr trouble
	for i, c := range []struct {
		after time.Duration
		stats spool.Stats
		lost  uint64
		kinds string // with + for a beginning and - for an end
	}{
		{0, spool.Stats{Bytes: 10, Max: 100}, 0, ""},
		{time.Second, spool.Stats{Bytes: 81, Max: 100}, 0, "+spool"},
		{2 * time.Second, spool.Stats{Bytes: 75, Max: 100}, 0, ""},
		{3 * time.Second, spool.Stats{Bytes: 69, Max: 100}, 0, "-spool"},
		{6 * time.Minute, spool.Stats{Max: 100, Depth: 3, Oldest: began.Add(30 * time.Second)}, 0, "+spool-age"},
		{7 * time.Minute, spool.Stats{Max: 100, Depth: 3, Oldest: began.Add(5 * time.Minute)}, 0, ""},
		{8 * time.Minute, spool.Stats{Max: 100}, 0, "-spool-age"},
		{9 * time.Minute, spool.Stats{Max: 100, Depth: 1, Oldest: began.Add(24 * time.Hour)}, 0, ""},
		{10 * time.Minute, spool.Stats{Max: 100}, 5, "+spool-drops"},
		{15 * time.Minute, spool.Stats{Max: 100}, 6, ""},
		{24 * time.Minute, spool.Stats{Max: 100}, 6, ""},
		{26 * time.Minute, spool.Stats{Max: 100}, 6, "-spool-drops"},
	} {
		var kinds []string
		for _, one := range tr.look(began.Add(c.after), "temp", c.stats, c.lost) {
			sign := "+"
			if one.ended {
				sign = "-"
			}
			kinds = append(kinds, sign+one.kind)
			require.Contains(t, one.evidence, "temp")
			require.False(t, one.began.IsZero())
		}
		require.Equal(t, c.kinds, strings.Join(kinds, " "), "step %d", i)
	}
}

func TestRatesAreQueuedAsShortAsTheyMean(t *testing.T) {
	rate, exact := 35727.52095017392, 25276510208.0
	r := wire.Resource{Box: "b", CPUPercent: &rate, MemTotal: &exact, Interfaces: []wire.Interface{{Name: "eth0", InBytes: &rate}}}
	short := brief(r)
	require.Equal(t, 35727.52, *short.CPUPercent)
	require.Equal(t, 35727.52, *short.Interfaces[0].InBytes)
	require.Equal(t, exact, *short.MemTotal)
	require.Nil(t, short.Interfaces[0].OutBytes)
	require.Equal(t, 35727.52095017392, *r.Interfaces[0].InBytes, "the sample itself is left alone")
}
