package sink

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// rig is a Kafka broker, InfluxDB and the means to look at both.
// newRig gives each test a broker and a database of its own on one server.
// start runs a sink until the returned function stops it.
func TestSink(t *testing.T) {
	server := influxtest.New(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"a kill between write and commit doubles and loses nothing", killBetweenWriteAndCommit},
		{"poison goes to quarantine and the rest is stored", poison},
		{"every stream is stored with its own time", everyStream},
		{"it waits for InfluxDB and catches up", outage},
		{"readings past their retention do not hold up the others", tooOld},
		{"a field of another type does not hold up the others", otherType},
		{"what it accepts InfluxDB takes", accepted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newRig(t, server)) })
	}
}

// dying is a store that accepts a batch and then kills the sink before it can commit.
type dying struct {
	Store
	written chan struct{}
}

func (d dying) Write(ctx context.Context, lines []byte) error {
	if err := d.Store.Write(ctx, lines); err != nil {
		return err
	}
	close(d.written)
	<-ctx.Done() // the caller never hears that it was accepted
	return ctx.Err()
}

func killBetweenWriteAndCommit(t *testing.T, r *rig) {
	r.readings(0, 1000)
	store := dying{Store: r.client, written: make(chan struct{})}
	_, kill := r.start(store)
	select {
	case <-store.written:
	case <-r.ctx.Done():
		t.Fatal("nothing was written")
	}
	kill()
	require.Positive(t, r.points(), "the batch is in InfluxDB, its offsets are not committed")

	r.readings(1000, 1500)
	sink, stop := r.start(r.client)
	r.await(1500)
	require.Eventually(t, func() bool { return sink.read().Records == 1500 }, 20*time.Second, 20*time.Millisecond,
		"the second sink reads all again")
	stop()
	require.Equal(t, 1500, r.points())

	r.readings(1500, 1600)
	third, _ := r.start(r.client)
	r.await(1600)
	require.Eventually(t, func() bool { return third.read().Records == 100 }, 20*time.Second, 20*time.Millisecond,
		"what was committed is not read again")
}

func (s *Sink) read() Health {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return s.state.health
}

func outage(t *testing.T, r *rig) {
	sink, _ := r.start(r.client)
	r.readings(0, 100)
	r.await(100)
	r.server.Stop()
	r.readings(100, 7000)
	require.Eventually(t, func() bool {
		detail, err := sink.Check()
		require.NoError(t, err, "a new sink would not find InfluxDB either")
		return strings.Contains(detail.(Health).Waiting, "unreachable")
	}, 20*time.Second, 20*time.Millisecond, "its health says so")
	require.Equal(t, int64(100), sink.read().Records, "nothing counts as done meanwhile")
	r.server.Start()
	r.await(7000)
	require.Eventually(t, func() bool { return sink.read().Waiting == "" }, 20*time.Second, 20*time.Millisecond)
	require.Zero(t, sink.read().Quarantined)
}

func poison(t *testing.T, r *rig) {
	// A field that is text already: InfluxDB refuses numbers for it for good.
	require.NoError(t, r.client.Write(r.ctx, []byte(fmt.Sprintf(
		"interface,box=box-9,interface=eth0 in_bytes_s=\"text\" %d", r.began.UnixMilli()))))
	bytes := 5.0
	bad := wire.Resource{Box: "box-9", TimeMillis: r.began.UnixMilli(), Interfaces: []wire.Interface{{Name: "eth0", InBytes: &bytes}}}
	broken := kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: []byte("1,2,three"), Headers: map[string]string{"clock": "x"}}
	r.readings(0, 300)
	r.produce(
		kafka.Record{Topic: wire.TopicResource, Key: []byte("box-9"), Value: wire.Encode(bad)},
		broken,
		kafka.Record{Topic: wire.TopicControl, Key: []byte("lab/ac1"), Value: []byte(`{"setpoint":99}`)},
		kafka.Record{Topic: wire.TopicTemp, Value: []byte("x,9,40,21")}, // a 2017 record of a sensor that nobody has
		kafka.Record{Topic: wire.TopicAck},                              // a tombstone
		kafka.Record{Topic: wire.TopicPower, Key: []byte("lab"), Value: wire.Encode(wire.Power{Room: "lab", Watts: -5, TimeMillis: r.began.UnixMilli()})},
		kafka.Record{Topic: wire.TopicPower, Key: []byte("lab"), Value: wire.Encode(wire.Power{Room: "lab", Watts: 5, TimeMillis: r.began.Add(72 * time.Hour).UnixMilli()})},
		kafka.Record{Topic: wire.TopicAnswer, Key: []byte("lab"), Value: []byte(`{"room":"lab","kind":"maybe"}`)},
	)
	r.readings(300, 600)
	sink, _ := r.start(r.client)
	r.await(600)

	tail, err := kafka.NewTail(r.config.Kafka, time.Time{}, wire.TopicQuarantine)
	require.NoError(t, err)
	defer tail.Close()
	reasons := make(map[string]kafka.Record)
	for len(reasons) < 8 {
		records, err := tail.Poll(r.ctx)
		require.NoError(t, err, "so far %v", reasons)
		for _, record := range records {
			reasons[record.Headers[wire.HeaderReason]] = record
		}
	}
	find := func(part string) kafka.Record {
		for reason, record := range reasons {
			if strings.Contains(reason, part) {
				return record
			}
		}
		t.Fatalf("no reason says %q: %v", part, reasons)
		return kafka.Record{}
	}
	require.Equal(t, string(wire.Encode(bad)), string(find("field type conflict").Value))
	got := find("4 fields")
	require.Equal(t, "1,2,three", string(got.Value), "as it came")
	require.Equal(t, wire.TopicTemp, string(got.Key))
	require.Equal(t, "lab", got.Headers["key"])
	require.Equal(t, "x", got.Headers["original-clock"])
	find("id is missing")
	find("no room has sensor 9")
	find("the record is empty")
	find("watts -5 is outside 0 to")
	find("more than a day ahead")
	find("kind \"maybe\" is none of")
	require.Eventually(t, func() bool { return sink.read().Quarantined == 8 }, 10*time.Second, 20*time.Millisecond)
	_, err = sink.Check()
	require.NoError(t, err, "bad records are no fault of the sink")
}

func everyStream(t *testing.T, r *rig) {
	at := r.began.Add(5 * time.Minute)
	load, humidity := 0.5, wire.Reading{Room: "my room, 2=x", Sensor: 2, At: at, Celsius: 22.5, Humidity: 41, HasHumidity: true}
	bad := wire.Reading{Room: "lab", Sensor: 1, At: at, Celsius: 85, Bad: true, Reason: `power-up "value"`}
	r.produce(
		kafka.Record{Topic: wire.TopicTemp, Key: []byte(humidity.Room), Value: wire.AppendReading(nil, humidity)},
		kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: wire.AppendReading(nil, bad), Headers: bad.Headers()},
		kafka.Record{Topic: wire.TopicTemp, Value: fmt.Appendf(nil, "%d,2,40,21.5", at.UnixMilli())},
		kafka.Record{Topic: wire.TopicResource, Key: []byte("pi-1"), Value: wire.Encode(wire.Resource{
			Box: "pi-1", TimeMillis: at.UnixMilli(), Load1: &load, Disks: []wire.Disk{{Path: `C:\`, Percent: 40}},
			Interfaces: []wire.Interface{{Name: "eth0"}},
		})},
		kafka.Record{Topic: wire.TopicControl, Key: []byte("lab/ac1"), Value: wire.Encode(wire.Command{
			ID: "c1", Revision: 3, Room: "lab", AC: "ac1", Power: true, Setpoint: 23, Mode: "cool", Fan: "auto", TTLMillis: 1000,
		})},
		kafka.Record{Topic: wire.TopicAck, Key: []byte("lab/ac1"), Value: wire.Encode(wire.Ack{
			ID: "c1", Revision: 3, Room: "lab", AC: "ac1", State: wire.AckConfirmed, Power: true, Setpoint: 23,
			Source: "command", TimeMillis: at.UnixMilli(), Evidence: "echo\n\"0x88\" \\",
		})},
		kafka.Record{Topic: wire.TopicAlert, Key: []byte("lab"), Value: wire.Encode(wire.Alert{
			ID: "lab/limit/1", Room: "lab", Kind: "limit", Severity: wire.SeverityHigh, BeganMillis: at.UnixMilli(), Source: "control",
		})},
		kafka.Record{Topic: wire.TopicPower, Key: []byte("lab/ac1"), Value: wire.Encode(wire.Power{Room: "lab", AC: "ac1", Watts: 812.5, TimeMillis: at.UnixMilli(), Simulated: true})},
		kafka.Record{Topic: wire.TopicPower, Key: []byte("lab"), Value: wire.Encode(wire.Power{Room: "hall", Watts: 4000, TimeMillis: at.UnixMilli()})},
		kafka.Record{Topic: wire.TopicAnswer, Key: []byte("lab"), Value: wire.Encode(wire.Answer{
			Room: "lab", Alert: "lab/limit/1", Kind: wire.AnswerShelve, Who: "tess", Why: "the door", TimeMillis: at.UnixMilli(), UntilMillis: at.Add(time.Hour).UnixMilli(),
		})},
	)
	sink, _ := r.start(r.client)
	require.Eventually(t, func() bool { return sink.read().Records == 10 }, 30*time.Second, 20*time.Millisecond)
	for _, c := range []struct {
		measurement, field string
		tags               map[string]string
		want               float64
	}{
		{"temp", "temperature", map[string]string{"room": "my room, 2=x", "sensor": "2", "quality": "good"}, 22.5},
		{"temp", "humidity", map[string]string{"room": "my room, 2=x", "sensor": "2"}, 41},
		{"temp", "temperature", map[string]string{"room": "lab", "sensor": "1", "quality": "bad"}, 85},
		{"temp", "temperature", map[string]string{"room": "lab", "sensor": "2"}, 21.5},
		{"resource", "load1", map[string]string{"box": "pi-1"}, 0.5},
		{"disk", "used_percent", map[string]string{"box": "pi-1", "disk": "C:/"}, 40},
		{"ack", "setpoint", map[string]string{"room": "lab", "ac": "ac1", "state": "confirmed"}, 23},
		{"alert", "active", map[string]string{"room": "lab", "kind": "limit"}, 1},
		{"power", "watts", map[string]string{"room": "lab", "ac": "ac1"}, 812.5},
		{"power", "simulated", map[string]string{"ac": "ac1"}, 1},
		{"power", "watts", map[string]string{"room": "hall"}, 4000},
		{"answer", "until", map[string]string{"room": "lab", "kind": "shelve", "alert": "lab/limit/1"}, float64(at.Add(time.Hour).UnixMilli())},
	} {
		p, ok, err := r.client.Latest(r.ctx, c.measurement, c.field, c.tags, r.began)
		require.NoError(t, err)
		require.True(t, ok, "%s %s", c.measurement, c.field)
		require.InDelta(t, c.want, p.Value, 0, "%s %s", c.measurement, c.field)
		require.True(t, p.Time.Equal(at), "%s: %s", c.measurement, p.Time)
	}
	p, ok, err := r.client.Latest(r.ctx, "command", "setpoint", map[string]string{"ac": "ac1"}, r.began)
	require.NoError(t, err)
	require.True(t, ok)
	require.InDelta(t, 23, p.Value, 0)
	require.WithinDuration(t, time.Now(), p.Time, time.Minute, "a command's time is the broker's")
}

func TestOnePoisonedLineOfManyIsFoundInFewRequests(t *testing.T) {
	var b batch
	for i := range 5000 {
		b.add(encoder{}, kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: fmt.Appendf(nil, "1760000000000,%d,,20", i)})
	}
	requests, written := 0, 0
	err := b.write(t.Context(), func(_ context.Context, lines []byte) error {
		requests++
		if strings.Contains(string(lines), "sensor=4321,") {
			return fmt.Errorf("%w: poison", fault.ErrRejected)
		}
		written += strings.Count(string(lines), "\n")
		return nil
	})
	require.NoError(t, err)
	require.Len(t, b.bad, 1)
	require.Contains(t, string(b.bad[0].record.Value), ",4321,")
	require.Equal(t, 4999, written)
	require.LessOrEqual(t, requests, 27)
}

func BenchmarkEncode(b *testing.B) {
	record := kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: []byte("1760000000000,12,41.5,23.25")}
	var batch batch
	b.ReportAllocs()
	for b.Loop() {
		batch.add(encoder{}, record)
		if batch.line.Lines >= batchLines {
			batch.reset()
		}
	}
}
