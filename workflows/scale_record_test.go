package workflows

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/scale"
)

// TestRecordHistoriesOfAScale writes the history of a tuned function that was given replicas, was told so, and ended
// with its service; see TestRecordHistories.
func TestRecordHistoriesOfAScale(t *testing.T) {
	if os.Getenv("OVERCLOUD_RECORD") == "" {
		t.Skip("set OVERCLOUD_RECORD=1 to write new histories")
	}
	r := newRecorder(t)
	options := WorkerOptions()
	options.DisableWorkflowWorker = true
	w := worker.New(r.client, WatchQueue, options)
	w.RegisterActivityWithOptions(func(ctx context.Context, in activities.WatchInput) (scale.Decision, error) {
		if in.Replicas == 1 {
			return scale.Decision{Replicas: 2, Why: "kafka-lag 2000 records a replica above kafka-lag 1000 records a replica for 1m0s: 1 -> 2 (1 to 4)"}, nil
		}
		for {
			select {
			case <-ctx.Done():
				return scale.Decision{}, ctx.Err()
			case <-time.After(100 * time.Millisecond):
				sdkactivity.RecordHeartbeat(ctx)
			}
		}
	}, sdkactivity.RegisterOptions{Name: "Watch"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	r.start(tuned(1, 4))
	r.await(func(s Status) bool { return s.Revision == 2 && s.Phase == PhaseTuning })
	time.Sleep(time.Second) // until the tuning has been told
	r.signal(SignalDown, DownRequest{Who: "ann"})
	r.end(ServiceID("smart-energy"))
	r.save("scale", ScaleID("smart-energy", "sink"))
}
