//go:build integration

package sink

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/kafka/kafkatest"
	"github.com/overcloud/overcloud/internal/wire"
)

// apache is the broker of all tests of the package.
var apache kafkatest.Shared

// memberOf makes the test's own binary a sink: what is killed shall be a process.
const memberOf = "SINK_MEMBER_OF" // BROKERS PREFIX INFLUX BUCKET

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(memberOf)); len(words) == 4 {
		os.Exit(member(words[0], words[1], words[2], words[3]))
	}
	code := m.Run()
	apache.Close()
	os.Exit(code)
}

func place(t *testing.T) kafka.Config {
	t.Helper()
	here := apache.Place(t)
	return kafka.Config{Brokers: here.Brokers, Prefix: here.Prefix}
}

func onlyEmbedded(t *testing.T) {
	t.Helper()
	t.Skip("it is not about the broker: make test runs it")
}

// member is a sink until SIGTERM.
func member(brokers, prefix, url, bucket string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	store, err := influx.New(influx.Config{URL: url, Org: "overcloud", Bucket: bucket})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer store.Close()
	config := Config{Kafka: kafka.Config{Brokers: strings.Split(brokers, ","), Prefix: prefix}, Store: store, Log: slog.New(slog.DiscardHandler)}
	if err := New(config).Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// crew are sinks of one group, each a process.
type crew struct {
	t    *testing.T
	rig  *rig
	here []*exec.Cmd
}

func (c *crew) join() {
	c.t.Helper()
	self, err := os.Executable()
	require.NoError(c.t, err)
	cmd := exec.Command(self)
	k := c.rig.config.Kafka
	cmd.Env = append(os.Environ(), memberOf+"="+strings.Join([]string{
		strings.Join(k.Brokers, ","), k.Prefix, c.rig.server.URL, c.rig.database + "/autogen",
	}, " "))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(c.t, cmd.Start())
	c.here = append(c.here, cmd)
}

// part ends one member.
func (c *crew) part(i int, how syscall.Signal) {
	c.t.Helper()
	cmd := c.here[i]
	c.here = append(c.here[:i:i], c.here[i+1:]...)
	require.NoError(c.t, cmd.Process.Signal(how))
	err := cmd.Wait()
	if how == syscall.SIGTERM {
		require.NoError(c.t, err, "it was asked to end")
	}
}

func (c *crew) end() {
	for len(c.here) > 0 {
		c.part(0, syscall.SIGKILL)
	}
}

// stands watches how long partitions that have something to store stand still.
type stands struct {
	mu      sync.Mutex
	longest time.Duration
	where   string
}

func (s *stands) watch(ctx context.Context, cfg kafka.Config) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	type progress struct {
		at    int64
		since time.Time
	}
	seen := map[string]progress{}
	for ctx.Err() == nil {
		lags, err := admin.Lag(ctx, cfg.Name(Group))
		if err == nil {
			for _, p := range lags[cfg.Name(Group)].Lag.Sorted() {
				name := fmt.Sprintf("%s/%d", p.Topic, p.Partition)
				last, known := seen[name]
				if !known || p.Commit.At != last.at || p.Lag == 0 {
					seen[name] = progress{p.Commit.At, time.Now()}
					continue
				}
				s.mu.Lock()
				if stood := time.Since(last.since); stood > s.longest {
					s.longest, s.where = stood, name
				}
				s.mu.Unlock()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// Sinks come, leave and are killed while readings flow, some of which InfluxDB refuses. Each reading is stored once,
// each refused one is in quarantine, and a killed member's partitions stand still no longer than its session.
func TestSinksComeAndGoWhileReadingsFlow(t *testing.T) {
	r := newRig(t, influxtest.New(t))
	random := rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano())))
	sinks := &crew{t: t, rig: r}
	t.Cleanup(sinks.end)
	require.NoError(t, r.client.Write(r.ctx, fmt.Appendf(nil, // a field that is text already refuses numbers
		"interface,box=box-9,interface=eth0 in_bytes_s=\"text\" %d", r.began.UnixMilli())))

	watching, watched := context.WithCancel(r.ctx)
	stood, seen := &stands{}, make(chan error, 1)
	go func() { seen <- stood.watch(watching, r.config.Kafka) }()

	flowing, dry := context.WithCancel(r.ctx)
	flowed := make(chan flow, 1)
	go func() { flowed <- r.flow(flowing) }()

	const lasts, killEvery = 26 * time.Second, 10 * time.Second // a session and what comes after it
	began, killed := time.Now(), time.Now().Add(-killEvery/2)
	sinks.join()
	sinks.join()
	counts := map[string]int{}
	for time.Since(began) < lasts {
		time.Sleep(time.Duration(500+random.IntN(2500)) * time.Millisecond) // whenever it happens
		switch {
		case time.Since(killed) > killEvery && len(sinks.here) > 1:
			sinks.part(random.IntN(len(sinks.here)), syscall.SIGKILL)
			killed = time.Now()
			counts["killed"]++
		case len(sinks.here) < 2 || len(sinks.here) < 4 && random.IntN(2) == 0:
			sinks.join()
			counts["came"]++
		default:
			sinks.part(random.IntN(len(sinks.here)), syscall.SIGTERM)
			counts["left"]++
		}
	}
	dry()
	sent := <-flowed
	require.NoError(t, sent.err)
	r.await(sent.readings)
	ends := r.ends(wire.TopicTemp, wire.TopicResource)
	require.Eventually(t, func() bool { return r.committed() >= ends }, 40*time.Second, 200*time.Millisecond, "nothing waits for ever")
	watched()
	require.NoError(t, <-seen)
	require.Equal(t, sent.refused, len(r.quarantined()), "each once or more")
	t.Logf("%d readings, %d refused; members %v; the longest stand %s of %s", sent.readings, sent.refused, counts,
		stood.longest.Round(10*time.Millisecond), stood.where)
	require.Positive(t, counts["killed"])
	require.Less(t, stood.longest, sessionAndRebalance)
}

// sessionAndRebalance is a session (6 s), a heartbeat of those who are left (1 s), a batch that fills (1 s), and their
// rebalance on a busy machine.
const sessionAndRebalance = 10 * time.Second

// flow is what was sent.
type flow struct {
	readings, refused int
	err               error
}

// flow sends readings of 40 rooms until ctx ends, and now and then a record that cannot be stored.
func (r *rig) flow(ctx context.Context) (sent flow) {
	bytes := 5.0
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		from := sent.readings
		var records []kafka.Record
		for range 40 {
			i := sent.readings
			room := fmt.Sprintf("room-%d", i%40)
			reading := wire.Reading{Room: room, Sensor: 1, At: r.began.Add(time.Duration(i) * time.Millisecond), Celsius: 21}
			records = append(records, kafka.Record{Topic: wire.TopicTemp, Key: []byte(room), Value: wire.AppendReading(nil, reading)})
			sent.readings++
		}
		if sent.err = r.producer.Produce(r.ctx, records...); sent.err != nil {
			return sent
		}
		if from%4000 != 0 {
			continue
		}
		bad := wire.Resource{Box: "box-9", TimeMillis: r.began.UnixMilli() + int64(from), Interfaces: []wire.Interface{{Name: "eth0", InBytes: &bytes}}}
		sent.err = r.producer.Produce(r.ctx,
			kafka.Record{Topic: wire.TopicResource, Key: []byte("box-9"), Value: wire.Encode(bad)},
			kafka.Record{Topic: wire.TopicTemp, Key: []byte("room-1"), Value: fmt.Append(nil, from, ",no,reading")})
		if sent.err != nil {
			return sent
		}
		sent.refused += 2
	}
	return sent
}

// ends is how far topics reach, all partitions together.
func (r *rig) ends(topics ...string) (n int64) {
	r.t.Helper()
	for _, topic := range topics {
		places, err := kafka.Ends(r.ctx, r.config.Kafka, topic)
		require.NoError(r.t, err)
		for _, at := range places {
			n += max(0, at)
		}
	}
	return n
}

// quarantined are the records in quarantine, by where they were.
func (r *rig) quarantined() map[string]bool {
	r.t.Helper()
	ends, err := kafka.Ends(r.ctx, r.config.Kafka, wire.TopicQuarantine)
	require.NoError(r.t, err)
	out := map[string]bool{}
	_, err = kafka.Between(r.ctx, r.config.Kafka, wire.TopicQuarantine, nil, ends, 1<<20, func(record kafka.Record) {
		out[record.Headers["topic"]+"/"+record.Headers["partition"]+"/"+record.Headers["offset"]] = true
	})
	require.NoError(r.t, err)
	return out
}
