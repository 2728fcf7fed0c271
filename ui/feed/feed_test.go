package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

// workflowSide answers until it is silenced.
type workflowSide struct{ silent atomic.Bool }

func (w *workflowSide) Status(_ context.Context, service string) (workflows.Status, error) {
	if w.silent.Load() {
		return workflows.Status{}, fmt.Errorf("temporal is away: %w", fault.ErrUnreachable)
	}
	return workflows.Status{Service: service, Phase: workflows.PhaseTuning}, nil
}

func (w *workflowSide) TuneState(_ context.Context, _, room string) (workflows.TuneState, error) {
	return workflows.TuneState{Room: room, Mode: "auto", Policy: spec.DefaultPolicy()}, nil
}

func TestTheStateFollowsStreamsAndWorkflows(t *testing.T) {
	topics := make([]string, 0, len(wire.Topics()))
	for topic := range wire.Topics() {
		topics = append(topics, topic)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topics...))
	require.NoError(t, err)
	defer cluster.Close()
	brokers := kafka.Config{Brokers: cluster.ListenAddrs()}
	producer, err := kafka.NewProducer(brokers)
	require.NoError(t, err)
	defer producer.Close()

	now := time.Now()
	reading := wire.Reading{Room: "lab", Sensor: 1, At: now, Celsius: 25.5}
	require.NoError(t, producer.Produce(t.Context(),
		kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: []byte("no reading at all")},
		kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: wire.AppendReading(nil, reading)},
		kafka.Record{Topic: wire.TopicAlert, Key: []byte("lab"), Value: wire.Encode(wire.Alert{
			ID: "lab/warm/", Room: "lab", Kind: "warm", Severity: wire.SeverityWarning, BeganMillis: now.UnixMilli(), Evidence: "27.1", Source: "control",
		})},
		kafka.Record{Topic: wire.TopicPower, Key: []byte("lab"), Value: wire.Encode(wire.Power{Room: "lab", Watts: 5000, TimeMillis: now.UnixMilli()})},
		kafka.Record{Topic: wire.TopicDecision, Key: []byte("lab"), Value: wire.Encode(wire.Decision{
			Room: "lab", TimeMillis: now.UnixMilli(), Holder: "control-1", Action: "hold", Reason: "inside the band",
		})}))

	store := state.NewStore([]spec.Room{{Name: "lab", Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{{ID: 1}}}})
	side := &workflowSide{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Service: "svc", Kafka: brokers, Workflows: side, Store: store, Log: slog.New(slog.DiscardHandler)})
	}()
	until := func(what string, holds func(state.Snapshot) bool) {
		t.Helper()
		require.Eventually(t, func() bool { return holds(store.Snapshot(time.Now())) }, 20*time.Second, 20*time.Millisecond, what)
	}
	until("the reading behind an unreadable record arrives", func(s state.Snapshot) bool { return s.Rooms[0].Inlet != nil })
	until("power and decision arrive", func(s state.Snapshot) bool { return s.Rooms[0].Load != nil && s.Rooms[0].Decision != nil })
	until("the alert arrives", func(s state.Snapshot) bool { return len(s.Alerts) == 1 })
	until("the workflows answer", func(s state.Snapshot) bool { return s.Service != nil && s.Rooms[0].Mode == "auto" })
	side.silent.Store(true)
	until("a silent Temporal shows", func(s state.Snapshot) bool { return s.Sources["temporal"].Fault != "" })
	require.Equal(t, workflows.PhaseTuning, store.Snapshot(time.Now()).Service.Phase, "what was known stays, marked")
	cluster.Close()
	until("a dead Kafka shows", func(s state.Snapshot) bool { return s.Sources["kafka"].Fault != "" })
	stop()
	require.NoError(t, <-ended)
}
