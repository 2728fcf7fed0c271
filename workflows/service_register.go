package workflows

import (
	"time"

	"go.temporal.io/sdk/worker"
)

// Register makes a worker know every workflow under its function name.
func Register(registry worker.WorkflowRegistry) {
	registry.RegisterWorkflow(ServiceWorkflow)
	registry.RegisterWorkflow(DeployWorkflow)
	registry.RegisterWorkflow(MatchWorkflow)
	registry.RegisterWorkflow(PlaceWorkflow)
	registry.RegisterWorkflow(StitchWorkflow)
	registry.RegisterWorkflow(TuneWorkflow)
	registry.RegisterWorkflow(ReconcileWorkflow)
	registry.RegisterWorkflow(ShedWorkflow)
	registry.RegisterWorkflow(CollectWorkflow)
	registry.RegisterWorkflow(SweepWorkflow)
	registry.RegisterWorkflow(ScaleWorkflow)
	registry.RegisterWorkflow(ExamineWorkflow)
	registry.RegisterWorkflow(InstallWorkflow)
	registry.RegisterWorkflow(HistoryWorkflow)
	registry.RegisterWorkflow(InspectWorkflow)
	registry.RegisterWorkflow(LogsWorkflow)
}

// WorkerOptions are those that the workflows count on.
func WorkerOptions() worker.Options {
	return worker.Options{
		// Pulls and probes are few and heavy: the default of 1000 at once would drown a small box. One service
		// uses at most 16 (its starts, see stitch.go), so a command to an air conditioner finds a free slot
		// even while three services deploy.
		MaxConcurrentActivityExecutionSize: 64,
		// Heartbeats carry cancellation to an activity. Held back for 0.8 x 15 s, as by default, a `down` in
		// the middle of a pull would take 12 s longer, and the progress bar would jump.
		MaxHeartbeatThrottleInterval: time.Second,
		// A worker that is stopped lets short activities end; longer ones are tried again elsewhere.
		WorkerStopTimeout: 10 * time.Second,
	}
}
