package kafka

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/fault"
)

func sender(t *testing.T, cfg Config, topic string) *Sender {
	t.Helper()
	s, err := NewSender(cfg, topic)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func landed(t *testing.T, f *Flight) {
	t.Helper()
	select {
	case <-f.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("a flight does not land")
	}
}

// topicIs reads all of a topic.
func topicIs(t *testing.T, cfg Config, topic string) []Record {
	t.Helper()
	ctx := within(t, 30*time.Second)
	ends, err := Ends(ctx, cfg, topic)
	require.NoError(t, err)
	var out []Record
	all, err := Between(ctx, cfg, topic, nil, ends, 1<<20, func(r Record) { out = append(out, r) })
	require.NoError(t, err)
	require.True(t, all)
	return out
}

func TestFlightsLandInOrderWithTheirPlaces(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 3, "temp")
	s := sender(t, cfg, "temp")
	one, two := &Flight{}, &Flight{}
	for round := range 5 { // flights are used again
		s.Send(one, numbered("temp", 300))
		s.Send(two, numbered("temp", 300))
		landed(t, one)
		landed(t, two)
		require.False(t, one.AnyFailed() || two.AnyFailed(), "round %d", round)
	}
	ends, err := Ends(t.Context(), cfg, "temp")
	require.NoError(t, err)
	require.Equal(t, ends, Places(nil).Reach(two.Places()), "the last flight reaches to the end")
	last := map[string]int{}
	records := topicIs(t, cfg, "temp")
	require.Len(t, records, 3000)
	for _, r := range records {
		n, err := strconv.Atoi(string(r.Value))
		require.NoError(t, err)
		if before, seen := last[string(r.Key)]; seen && n != before+7 {
			require.Less(t, n, 7, "key %s: %d after %d", r.Key, n, before)
		}
		last[string(r.Key)] = n
	}
	empty := &Flight{}
	s.Send(empty, nil)
	landed(t, empty)
}

// The broker goes away and comes back with records on their way, again and again: each is there once, in order.
func TestASenderDoublesNothingWhileTheBrokerFlaps(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(1, "temp"), kfake.DataDir(dir), kfake.SyncWrites())
		require.NoError(t, err)
		return cluster
	}
	cluster := start()
	cfg := Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}
	s := sender(t, cfg, "temp")
	const flights = 60
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(150 * time.Millisecond):
			}
			cluster.Close()
			time.Sleep(50 * time.Millisecond) // an outage, which is the matter here
			cluster = start()
		}
	}()
	f := [2]*Flight{{}, {}}
	for i := range flights {
		if i >= 2 {
			landed(t, f[i%2])
			require.False(t, f[i%2].AnyFailed())
		}
		var records []Record
		for j := range 50 {
			records = append(records, Record{Key: []byte("k"), Value: strconv.AppendInt(nil, int64(i*50+j), 10)})
		}
		s.Send(f[i%2], records)
	}
	landed(t, f[0])
	landed(t, f[1])
	close(stop)
	<-stopped
	t.Cleanup(func() { cluster.Close() })
	records := topicIs(t, cfg, "temp")
	for i, r := range records[:min(len(records), flights*50)] {
		require.Equal(t, strconv.Itoa(i), string(r.Value))
	}
	require.Len(t, records, flights*50)
}

func TestARefusedRecordIsNamed(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 1, "temp")
	s := sender(t, cfg, "temp")
	f := &Flight{}
	s.Send(f, []Record{{Value: []byte("good")}, {Value: []byte(strings.Repeat("x", 2<<20))}, {Value: []byte("good too")}})
	landed(t, f)
	require.True(t, f.AnyFailed())
	require.NoError(t, f.Failed(0))
	require.ErrorIs(t, f.Failed(1), fault.ErrRejected)
	require.NoError(t, f.Failed(2))
	require.Len(t, topicIs(t, cfg, "temp"), 2)
}

func TestAClosedSenderEndsItsFlights(t *testing.T) {
	t.Parallel()
	port := freePort(t) // nobody listens
	s := sender(t, Config{Brokers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}, "temp")
	f := &Flight{}
	s.Send(f, numbered("temp", 10))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Answers(ctx), fault.ErrUnreachable)
	s.Close()
	landed(t, f)
	require.Error(t, f.Failed(9))
}

func TestBetweenReadsWhatIsAsked(t *testing.T) {
	t.Parallel()
	cfg := broker(t, 2, "temp")
	ctx := within(t, 30*time.Second)
	_, err := Ends(ctx, cfg, "absent")
	require.ErrorIs(t, err, fault.ErrNotFound)
	s, f := sender(t, cfg, "temp"), &Flight{}
	s.Send(f, numbered("temp", 100))
	landed(t, f)
	before, err := Ends(ctx, cfg, "temp")
	require.NoError(t, err)
	s.Send(f, numbered("temp", 40))
	landed(t, f)
	ends, err := Ends(ctx, cfg, "temp")
	require.NoError(t, err)
	look := func(from Places, most int) (n int, all bool) {
		all, err := Between(ctx, cfg, "temp", from, ends, most, func(Record) { n++ })
		require.NoError(t, err)
		return n, all
	}
	n, all := look(before, 1000)
	require.True(t, all)
	require.Equal(t, 40, n)
	n, all = look(nil, 1000)
	require.True(t, all)
	require.Equal(t, 140, n)
	n, _ = look(ends, 1000)
	require.Zero(t, n)
	n, _ = look(Places{1 << 40, 1 << 40}, 1000)
	require.Equal(t, 140, n, "a topic that was made anew is read from its beginning")
	again, err := DecodePlaces(ends.Encode())
	require.NoError(t, err)
	require.Equal(t, ends, again)
	for _, bad := range [][]byte{nil, {0xFF}, {3, 1}, {0xFF, 0xFF, 0x7F}} {
		_, err := DecodePlaces(bad)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

// A broker that answers questions and sends no records for a while is not a topic whose records were deleted.
func TestBetweenOutlastsASilence(t *testing.T) {
	onlyEmbedded(t)
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "temp"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	cfg := Config{Brokers: cluster.ListenAddrs()}
	s, f := sender(t, cfg, "temp"), &Flight{}
	s.Send(f, numbered("temp", 100))
	landed(t, f)
	began := time.Now()
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if time.Since(began) < quietMost+time.Second {
			return nil, errors.New("silence"), true // the connection ends without an answer
		}
		return nil, nil, false
	})
	ctx := within(t, 40*time.Second)
	n := 0
	all, err := Between(ctx, cfg, "temp", nil, Places{100}, 1000, func(Record) { n++ })
	require.NoError(t, err)
	require.True(t, all)
	require.Equal(t, 100, n)

	all, err = Between(ctx, cfg, "temp", Places{50}, Places{200}, 1000, func(Record) { n++ })
	require.NoError(t, err)
	require.True(t, all, "what is not there is not waited for")
	require.Equal(t, 150, n)
}
