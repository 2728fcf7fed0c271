package sink

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// counting counts the requests to a store.
type counting struct {
	Store
	requests *atomic.Int64
}

func (c counting) Write(ctx context.Context, lines []byte) error {
	c.requests.Add(1)
	return c.Store.Write(ctx, lines)
}

// Every second reading is older than the retention: a spool that was found in a drawer.
func tooOld(t *testing.T, r *rig) {
	require.NoError(t, r.client.Keep(r.ctx, r.database+"/autogen", 48*time.Hour))
	const n = 6000
	records := make([]kafka.Record, 0, n)
	for i := range n {
		record := r.reading(i)
		if i%2 == 0 {
			record.Value = wire.AppendReading(nil, wire.Reading{Sensor: i, At: r.began.Add(-1000 * time.Hour), Celsius: 20})
		}
		records = append(records, record)
	}
	r.produce(records...)
	var requests atomic.Int64
	sink, _ := r.start(counting{r.client, &requests})
	require.Eventually(t, func() bool { return sink.read().Quarantined == n/2 }, 40*time.Second, 50*time.Millisecond)
	r.await(n / 2)
	require.LessOrEqual(t, requests.Load(), int64(12), "they are found at once")
	r.readings(n, n+100)
	r.await(n/2 + 50 + 50)
}

func otherType(t *testing.T, r *rig) {
	require.NoError(t, r.client.Write(r.ctx, []byte(fmt.Sprintf("power,room=lab watts=\"much\" %d", r.began.UnixMilli()))))
	const n = 3000
	records := make([]kafka.Record, 0, 2*n)
	for i := range n {
		power := wire.Power{Room: "lab", Watts: 5, TimeMillis: r.began.UnixMilli() + int64(i)}
		records = append(records, r.reading(i), kafka.Record{Topic: wire.TopicPower, Key: []byte("lab"), Value: wire.Encode(power)})
	}
	r.produce(records...)
	var requests atomic.Int64
	sink, _ := r.start(counting{r.client, &requests})
	require.Eventually(t, func() bool { return sink.read().Quarantined == n }, 40*time.Second, 50*time.Millisecond)
	r.await(n)
	require.LessOrEqual(t, requests.Load(), int64(20))
}

// Whatever passes the encoder's checks is a line that InfluxDB takes: else a name with a strange letter would cost a
// partition its speed.
func accepted(t *testing.T, r *rig) {
	random := rand.New(rand.NewPCG(3, 3))
	letters := []rune("ab ,=\\\"'\u00e9\u20ac\U0001F975#$%{}[]|;\u00a0\u200b")
	word := func() string {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			b.WriteRune(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	var b batch
	now := time.Now()
	for i := range 4000 {
		at := now.Add(-time.Duration(i) * time.Second)
		record := kafka.Record{Time: now}
		switch i % 4 {
		case 0:
			record.Topic, record.Key = wire.TopicTemp, []byte(word())
			number := []string{"21", "-0", "1.", ".5", "+5", "1e1", "00012.50", "2_0", "0x10", "-12.75", " 5"}[random.IntN(11)]
			record.Value = fmt.Appendf(nil, "%d,%d,,%s", at.UnixMilli(), i, number)
			record.Headers = map[string]string{wire.HeaderQuality: wire.QualityBad, wire.HeaderReason: word()}
		case 1:
			record.Topic, record.Value = wire.TopicPower, wire.Encode(wire.Power{Room: word(), AC: word(), Watts: random.Float64(), TimeMillis: at.UnixMilli()})
		case 2:
			record.Topic, record.Value = wire.TopicAnswer, wire.Encode(wire.Answer{Room: word(), Alert: word(), Kind: wire.AnswerAcknowledge, Who: word(), Why: word(), TimeMillis: at.UnixMilli()})
		case 3:
			record.Topic, record.Key = wire.TopicResource, []byte(word())
			record.Value = wire.Encode(wire.Resource{Box: word(), TimeMillis: at.UnixMilli(), Disks: []wire.Disk{{Path: word(), Percent: 5}}})
		}
		b.add(encoder{}, record)
	}
	require.Greater(t, len(b.records), 3000)
	unwritten := len(b.bad)
	require.NoError(t, b.write(r.ctx, r.client.Write))
	for _, bad := range b.bad[unwritten:] {
		t.Errorf("%s %q: %v", bad.record.Topic, bad.record.Value, bad.reason)
	}
}

// The same words of a 2.x server are understood.
func TestInfluxDB2SaysWhatItRefuses(t *testing.T) {
	server := influxtest.NewTwo(t)
	server.Database("overcloud")
	client, err := influx.New(influx.Config{URL: server.URL, Org: server.Org, Token: server.Token, Bucket: "overcloud/autogen"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, client.Keep(ctx, "overcloud/autogen", 48*time.Hour))
	now := time.Now()
	require.NoError(t, client.Write(ctx, []byte(fmt.Sprintf("power,room=lab watts=\"much\" %d", now.UnixMilli()))))
	var b batch
	for i := range 3000 {
		at := now.Add(-time.Duration(i) * time.Millisecond)
		if i%3 == 0 {
			at = at.Add(-1000 * time.Hour)
		}
		record := kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: fmt.Appendf(nil, "%d,%d,,20", at.UnixMilli(), i)}
		if i%3 == 1 {
			record = kafka.Record{Topic: wire.TopicPower, Value: wire.Encode(wire.Power{Room: "lab", Watts: 5, TimeMillis: at.UnixMilli()})}
		}
		b.add(encoder{}, record)
	}
	requests := 0
	require.NoError(t, b.write(ctx, func(ctx context.Context, lines []byte) error {
		requests++
		return client.Write(ctx, lines)
	}))
	require.Len(t, b.bad, 2000)
	require.LessOrEqual(t, requests, 12)
	for _, bad := range b.bad {
		require.ErrorIs(t, bad.reason, fault.ErrRejected)
	}
}
