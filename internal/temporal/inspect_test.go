package temporal

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// A box is looked at once for all who ask at the same time, and a log is followed once for all who watch it: on a real
// server, with the worker of logs killed in between.
func TestLooksAndLogs(t *testing.T) {
	l := newLab(t)
	glasses, stream := &fakes.Glasses{}, &fakes.LogStream{}
	glasses.See("rack-1", activities.Inspection{Engine: activities.EngineFacts{Version: "28.0"}})
	views := &activities.Views{
		Glasses: glasses, Placements: Services{Client: l.Client}, Secrets: fakes.Secrets{}, Logs: stream,
		Pause: 10 * time.Millisecond, Flush: 10 * time.Millisecond,
	}
	l.workWith(t, func(w worker.Worker) {
		workflows.Register(w)
		w.RegisterActivity(views)
	})
	ctx := t.Context()
	_, err := l.Inspect(ctx, "smart-energy", "rack-1")
	require.ErrorIs(t, err, fault.ErrNotFound, "no such service runs")
	_, err = l.StartService(ctx, service())
	require.NoError(t, err)
	l.await(t, tuning)
	l.looks(t, glasses)
	l.whereabouts(t)
	l.follows(t, views, glasses, stream)
}

// looks has many ask for the same box at once.
func (l *lab) looks(t *testing.T, glasses *fakes.Glasses) {
	ctx := t.Context()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			seen, err := l.Inspect(ctx, "smart-energy", "rack-1")
			if err != nil || !seen.Reachable || seen.Engine.Version != "28.0" {
				t.Errorf("look: %+v, %v", seen, err)
			}
		})
	}
	all.Wait()
	require.Less(t, glasses.Count("inspect rack-1"), 8, "they share looks")
	_, err := l.Inspect(ctx, "smart-energy", "rack-9")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, "it has no box rack-9")
}

// whereabouts are where the function of the service stands.
func (l *lab) whereabouts(t *testing.T) {
	places, err := Services{Client: l.Client}.Whereabouts(t.Context(), "smart-energy")
	require.NoError(t, err)
	require.Len(t, places.Placements, 1)
	require.Contains(t, places.Placements[0].Environment, spec.Variable{Name: "OVERCLOUD_BOX", Value: "rack-1"})
	places.Placements[0].Environment = nil
	require.Equal(t, activities.Whereabout{Function: "kafka", Replica: 1, Box: "rack-1"}, places.Placements[0])
	require.Equal(t, service().Boxes, places.Boxes)
}

// follows has three watch a log whose follower dies with its worker.
func (l *lab) follows(t *testing.T, views *activities.Views, glasses *fakes.Glasses, stream *fakes.LogStream) {
	ctx := t.Context()
	begun := time.Now()
	glasses.Write(func(ctx context.Context, ask activities.LogAsk, begin func(activities.LogSource), take func(activities.LogEntry)) error {
		begin(activities.LogSource{Container: "c1", State: "running"})
		for i := range 3 {
			if at := begun.Add(time.Duration(i) * time.Second); !at.Before(ask.Since) {
				take(activities.LogEntry{At: at, Stream: wire.StreamOut, Text: "line"})
			}
		}
		<-ctx.Done()
		return ctx.Err()
	})
	watching := func() worker.Worker {
		options := workflows.WorkerOptions()
		options.DisableWorkflowWorker = true
		options.WorkerStopTimeout = 10 * time.Millisecond
		watch := worker.New(l.SDK(), workflows.WatchQueue, options)
		watch.RegisterActivity(views)
		require.NoError(t, watch.Start())
		return watch
	}
	first := watching()
	for range 3 {
		require.NoError(t, l.WatchLog(ctx, "smart-energy", "kafka", 1, 50))
	}
	lines := func() (all []wire.LogLine) {
		for _, record := range stream.Records() {
			all = append(all, record.Lines...)
		}
		return all
	}
	require.Eventually(t, func() bool { return len(lines()) == 3 }, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, 1, glasses.Count("follow kafka/1 on rack-1 tail 50"), "three watch one following")
	require.Eventually(t, func() bool { // the cursor has reached the server
		described, err := l.SDK().DescribeWorkflowExecution(ctx, workflows.LogsID("smart-energy", "kafka", 1), "")
		if err != nil || len(described.GetPendingActivities()) != 1 {
			return false
		}
		var cursor activities.LogCursor
		beats := described.GetPendingActivities()[0].GetHeartbeatDetails().GetPayloads()
		return len(beats) == 1 && read(beats[0], &cursor) == nil && cursor.At.Equal(begun.Add(2*time.Second))
	}, 20*time.Second, 20*time.Millisecond)
	first.Stop()
	t.Cleanup(watching().Stop)
	require.Eventually(t, func() bool { return len(lines()) == 5 }, 30*time.Second, 20*time.Millisecond, "another worker goes on: the last second comes again")
	require.Equal(t, lines()[1:3], lines()[3:5], "and is known by its times")
}
