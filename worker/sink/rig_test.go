package sink

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

type rig struct {
	t        *testing.T
	ctx      context.Context
	server   *influxtest.Server
	database string
	client   *influx.Client
	config   Config
	producer *kafka.Producer
	began    time.Time
}

func newRig(t *testing.T, server *influxtest.Server) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	database := strings.ReplaceAll(t.Name(), "/", "-")
	server.Database(database)
	client, err := influx.New(influx.Config{URL: server.URL, Org: "overcloud", Bucket: database + "/autogen"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	r := &rig{t: t, ctx: ctx, server: server, database: database, client: client, began: time.Now().Add(-time.Hour).Truncate(time.Second)}
	r.config = Config{
		Kafka: place(t), Store: client,
		Rooms: []spec.Room{{Name: "lab", Sensors: []spec.Sensor{{ID: 1}, {ID: 2}}}},
	}
	require.NoError(t, kafka.EnsureTopics(ctx, r.config.Kafka, wire.Topics()))
	r.producer, err = kafka.NewProducer(r.config.Kafka)
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	return r
}

func (r *rig) start(store Store) (sink *Sink, stop func()) {
	cfg := r.config
	cfg.Store = store
	sink = New(cfg)
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(r.t, <-done)
		})
	}
	r.t.Cleanup(stop)
	return sink, stop
}

func (r *rig) reading(i int) kafka.Record {
	reading := wire.Reading{Room: "lab", Sensor: 1 + i%2, At: r.began.Add(time.Duration(i) * 100 * time.Millisecond), Celsius: 20 + float64(i%10)}
	return kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: wire.AppendReading(nil, reading)}
}

func (r *rig) produce(records ...kafka.Record) {
	r.t.Helper()
	require.NoError(r.t, r.producer.Produce(r.ctx, records...))
}

func (r *rig) readings(from, to int) {
	records := make([]kafka.Record, 0, to-from)
	for i := from; i < to; i++ {
		records = append(records, r.reading(i))
	}
	r.produce(records...)
}

func (r *rig) points() int {
	return r.server.Count(r.database, "temp", "temperature")
}

func (r *rig) await(n int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.points() == n }, 40*time.Second, 100*time.Millisecond, "%d points", n)
}
