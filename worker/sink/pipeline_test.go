package sink

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// gate is a store that holds each request until the test lets it through.
type gate struct {
	requests chan request

	mu     sync.Mutex
	stored map[string]bool
	open   bool // lets all through
	away   bool // refuses all
	tries  int
}

type request struct {
	lines  string
	answer chan error
}

func newGate() *gate { return &gate{requests: make(chan request, 8), stored: map[string]bool{}} }

func (g *gate) Write(ctx context.Context, lines []byte) error {
	g.mu.Lock()
	open, away := g.open, g.away
	g.tries++
	g.mu.Unlock()
	switch {
	case away:
		return fmt.Errorf("no answer: %w", fault.ErrUnreachable)
	case open:
		return g.keep(string(lines))
	}
	r := request{lines: string(lines), answer: make(chan error, 1)}
	g.requests <- r
	select {
	case err := <-r.answer:
		if err != nil {
			return err
		}
		return g.keep(r.lines)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) keep(lines string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for line := range strings.Lines(lines) {
		g.stored[line] = true
	}
	return nil
}

func (g *gate) set(open, away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.away = open, away
}

func (g *gate) all() map[string]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.stored)
}

// newDryRig is a rig without InfluxDB.
func newDryRig(t *testing.T) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	r := &rig{t: t, ctx: ctx, began: time.Now().Add(-time.Hour).Truncate(time.Second)}
	r.config = Config{Kafka: place(t)}
	require.NoError(t, kafka.EnsureTopics(ctx, r.config.Kafka, wire.Topics()))
	var err error
	r.producer, err = kafka.NewProducer(r.config.Kafka)
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	return r
}

// spread are readings of many rooms, so that every partition has some.
func (r *rig) spread(from, to int) {
	records := make([]kafka.Record, 0, to-from)
	for i := from; i < to; i++ {
		room := fmt.Sprintf("room-%d", i%40)
		reading := wire.Reading{Room: room, Sensor: 1, At: r.began.Add(time.Duration(i) * time.Second), Celsius: 21}
		records = append(records, kafka.Record{Topic: wire.TopicTemp, Key: []byte(room), Value: wire.AppendReading(nil, reading)})
	}
	r.produce(records...)
}

// committed is how many records of all partitions count as processed.
func (r *rig) committed() (n int64) {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.config.Kafka.Brokers...))
	require.NoError(r.t, err)
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(r.ctx, r.config.Kafka.Name(Group))
	require.NoError(r.t, err)
	offsets.Each(func(o kadm.OffsetResponse) { n += max(0, o.At) })
	return n
}

func (r *rig) next(g *gate) request {
	r.t.Helper()
	select {
	case request := <-g.requests:
		return request
	case <-r.ctx.Done():
		r.t.Fatal("nothing was written")
		return request{}
	}
}

func TestABatchThatIsStoredEarlyWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	r, store := newDryRig(t), newGate()
	_, stop := r.start(store)
	r.spread(0, 50)
	first := r.next(store)
	r.spread(50, 120)
	second := r.next(store)
	second.answer <- nil
	require.Eventually(t, func() bool { return len(store.all()) > 0 }, 5*time.Second, 10*time.Millisecond)
	time.Sleep(300 * time.Millisecond)
	require.Zero(t, r.committed(), "the first is not stored yet")
	first.answer <- nil
	require.Eventually(t, func() bool { return r.committed() == 120 }, 10*time.Second, 50*time.Millisecond)
	require.Len(t, store.all(), 120)
	stop()
}

func TestAStopWithTwoBatchesOnTheirWayLosesNothing(t *testing.T) {
	t.Parallel()
	r, store := newDryRig(t), newGate()
	_, stop := r.start(store)
	r.spread(0, 50)
	r.next(store)
	r.spread(50, 120)
	second := r.next(store)
	second.answer <- nil
	require.Eventually(t, func() bool { return len(store.all()) > 0 }, 5*time.Second, 10*time.Millisecond)
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 5*time.Second)
	require.Zero(t, r.committed())
	after := newGate()
	after.set(true, false)
	r.start(after)
	require.Eventually(t, func() bool { return len(after.all()) == 120 && r.committed() == 120 }, 30*time.Second, 50*time.Millisecond)
}

// A second sink comes while two batches of the first are on their way: whatever moves, no offset passes what is stored.
func TestARebalanceWithTwoBatchesOnTheirWayLosesNothing(t *testing.T) {
	t.Parallel()
	r, one, two := newDryRig(t), newGate(), newGate()
	_, stopOne := r.start(one)
	r.spread(0, 500)
	first := r.next(one)
	r.spread(500, 1000)
	second := r.next(one)
	_, stopTwo := r.start(two)
	theirs := r.next(two) // partitions have moved, and their records come again
	require.Zero(t, r.committed())
	two.set(true, false)
	theirs.answer <- nil
	stored := func() int {
		all := one.all()
		maps.Copy(all, two.all())
		return len(all)
	}
	require.Eventually(t, func() bool { return r.committed() > 0 }, 20*time.Second, 50*time.Millisecond)
	require.LessOrEqual(t, r.committed(), int64(stored()))
	second.answer <- nil
	time.Sleep(300 * time.Millisecond)
	require.LessOrEqual(t, r.committed(), int64(len(two.all())), "the second's part of the first's batches is not stored in order yet")
	first.answer <- nil
	one.set(true, false)
	require.Eventually(t, func() bool { return stored() == 1000 && r.committed() == 1000 }, 30*time.Second, 50*time.Millisecond)
	stopOne()
	r.spread(1000, 1100)
	require.Eventually(t, func() bool { return stored() == 1100 && r.committed() == 1100 }, 30*time.Second, 50*time.Millisecond)
	stopTwo()
}

// InfluxDB is away for longer than any patience of Kafka's: the sink stays a member, reads no further than its batches
// and loses nothing.
func TestALongOutageOfInfluxDBIsWaitedOut(t *testing.T) {
	t.Parallel()
	r, store := newDryRig(t), newGate()
	store.set(false, true)
	sink, _ := r.start(store)
	for i := range 20 {
		r.spread(i*3000, (i+1)*3000)
	}
	time.Sleep(15 * time.Second) // a session is 6
	require.Zero(t, r.committed())
	require.Zero(t, sink.read().Quarantined)
	store.set(true, false)
	require.Eventually(t, func() bool { return len(store.all()) == 60_000 && r.committed() == 60_000 }, 40*time.Second, 100*time.Millisecond)
	require.EqualValues(t, 60_000, sink.read().Records, "nothing was read twice: it was a member all the time")
}

// Some lines of a batch are refused while another batch is on its way: what is refused is in quarantine before its
// offset counts.
func TestRefusedLinesAreInQuarantineBeforeTheirOffsetCounts(t *testing.T) {
	t.Parallel()
	r, store := newDryRig(t), newGate()
	sink, _ := r.start(store)
	r.spread(0, 8)
	first := r.next(store)
	r.spread(8, 16)
	second := r.next(store)
	first.answer <- fmt.Errorf("field type conflict: %w", fault.ErrRejected)
	for sink.read().Quarantined == 0 {
		select {
		case half := <-store.requests:
			require.Zero(t, r.committed()) // the last answer lets it be
			if strings.Contains(half.lines, "room-3,") {
				half.answer <- fmt.Errorf("field type conflict: %w", fault.ErrRejected)
			} else {
				half.answer <- nil
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.Eventually(t, func() bool { return r.committed() == 8 }, 10*time.Second, 50*time.Millisecond)
	require.EqualValues(t, 1, sink.read().Quarantined)
	second.answer <- nil
	require.Eventually(t, func() bool { return r.committed() == 16 && len(store.all()) == 15 }, 10*time.Second, 50*time.Millisecond)
}
