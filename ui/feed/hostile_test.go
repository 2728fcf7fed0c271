package feed

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
	"github.com/overcloud/overcloud/workflows"
)

func TestAClockThatIsAheadKeepsNoSensorFresh(t *testing.T) {
	store := state.NewStore([]spec.Room{{Name: "lab", Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{{ID: 1}}}})
	c := Config{Store: store}
	came := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	say := func(at, came time.Time, celsius float64) {
		value := wire.AppendReading(nil, wire.Reading{Room: "lab", Sensor: 1, At: at, Celsius: celsius})
		require.NoError(t, c.take(kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: value, Time: came}))
	}
	say(came.Add(20*time.Hour), came, 22)
	sensor := store.Snapshot(came.Add(30 * time.Minute)).Rooms[0].Sensors[0]
	require.True(t, sensor.Stale, "it has been silent for half an hour")
	say(came.Add(40*time.Minute), came.Add(40*time.Minute), 31)
	sensor = store.Snapshot(came.Add(41 * time.Minute)).Rooms[0].Sensors[0]
	require.InDelta(t, 31, *sensor.Celsius, 0.01, "its clock was put right: what it says now counts")
	require.Equal(t, came.Add(40*time.Minute).UnixMilli(), sensor.At)
}

// half is a Temporal whose service does not answer, while its rooms do.
type half struct{}

func (half) Status(context.Context, string) (workflows.Status, error) {
	return workflows.Status{}, fmt.Errorf("the service is stuck: %w", fault.ErrUnreachable)
}

func (half) TuneState(_ context.Context, _, room string) (workflows.TuneState, error) {
	if room == "attic" {
		return workflows.TuneState{}, fmt.Errorf("the attic is stuck: %w", fault.ErrUnreachable)
	}
	return workflows.TuneState{Room: room, Mode: "auto", Policy: spec.DefaultPolicy()}, nil
}

func TestWhoDoesNotAnswerKeepsNoRoomsNewsBack(t *testing.T) {
	store := state.NewStore([]spec.Room{{Name: "attic"}, {Name: "lab"}})
	err := Config{Service: "svc", Workflows: half{}, Store: store}.askAll(t.Context())
	require.ErrorContains(t, err, "the service is stuck")
	require.Equal(t, "auto", store.Snapshot(time.Now()).Rooms[1].Mode)
}
