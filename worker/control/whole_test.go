package control

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// TestTheWholeLoop joins the real parts: a reading goes in, the rules recommend, TuneWorkflow on a real server
// sends the command through Kafka, an edge confirms it, and the workflow knows. Then a person holds the machine,
// and an emergency beats the person.
func TestTheWholeLoop(t *testing.T) {
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	indexed(t, server.FrontendHostPort())
	c, p := server.Client(), newPlant(t)
	w := worker.New(c, workflows.TaskQueue, worker.Options{})
	workflows.Register(w)
	w.RegisterActivity(&activities.Cooling{Streams: kafka.Streams{Producer: p.out}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	id := workflows.TuneID("s", "hall")
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue},
		workflows.TuneWorkflow, workflows.TuneInput{Service: "s", Room: hall()})
	require.NoError(t, err)
	await := func(what string, reached func(workflows.ACState) bool) {
		t.Helper()
		var s workflows.TuneState
		require.Eventually(t, func() bool {
			value, err := c.QueryWorkflow(t.Context(), id, "", workflows.QueryState)
			return err == nil && value.Get(&s) == nil && reached(s.ACs[0])
		}, 20*time.Second, 20*time.Millisecond, "%s: %+v", what, &s)
	}
	confirmed := func(n int) func(workflows.ACState) bool {
		return func(ac workflows.ACState) bool {
			return ac.Desired == n && ac.Confirmed != nil && *ac.Confirmed == n
		}
	}
	ctx, stopEdge := context.WithCancel(t.Context())
	edge := make(chan struct{})
	go func() { defer close(edge); obey(ctx, p) }()
	t.Cleanup(func() { stopEdge(); <-edge })
	run(t, p, server.FrontendHostPort())

	await("the start is confirmed", confirmed(24))
	stop := p.measure(27.8)
	await("two degrees colder", confirmed(22))
	stop()
	require.NoError(t, c.SignalWorkflow(t.Context(), id, "", workflows.SignalOverride, workflows.Override{
		AC: "ac1", Setpoint: 25, For: spec.Duration(time.Hour), Who: "Ada", Why: "test",
	}))
	await("a person holds it", confirmed(25))
	stop = p.measure(33)
	await("the emergency beats the person", func(ac workflows.ACState) bool {
		return confirmed(18)(ac) && ac.Emergency && ac.Overrides[0].Suspended != "" && ac.CommandID[:7] == "control"
	})
	stop()
}

// run is the control loop with the real client of Temporal.
func run(t *testing.T, p *plant, address string) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Kafka: p.config, TemporalAddress: address, Service: "s", Rooms: []spec.Room{hall()},
			Tick: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// obey is an edge that confirms every command with a revision that it has not seen.
func obey(ctx context.Context, p *plant) {
	tail, err := kafka.NewTail(p.config, time.Time{}, wire.TopicControl)
	if err != nil {
		return
	}
	defer tail.Close()
	var seen int64
	for {
		records, err := tail.Poll(ctx)
		if err != nil {
			return
		}
		for _, record := range records {
			c, err := wire.Decode[wire.Command](record.Value)
			if err != nil || c.Revision <= seen {
				continue
			}
			seen = c.Revision
			ack := wire.Ack{
				ID: c.ID, Revision: c.Revision, Room: c.Room, AC: c.AC, State: wire.AckConfirmed, Power: c.Power,
				Setpoint: c.Setpoint, Evidence: "echo", Source: "command", TimeMillis: time.Now().UnixMilli(), Simulated: true,
			}
			if p.out.Produce(ctx, kafka.Record{Topic: wire.TopicAck, Key: record.Key, Value: wire.Encode(ack)}) != nil {
				return
			}
		}
	}
}

// indexed makes the search attributes that the workflows write, as the worker does when it starts.
func indexed(t *testing.T, address string) {
	t.Helper()
	client, err := temporal.Dial(temporal.Options{Address: address})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.EnsureAttributes(t.Context()))
}
