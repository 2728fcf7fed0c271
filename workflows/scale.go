package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// WatchQueue is the task queue of the activities that watch functions for as long as they run: with slots of their
// own, so that they hold back no deploy however many functions are tuned.
const WatchQueue = TaskQueue + "-watch"

// ScaleID is the ID of the tuning of a function's replicas.
func ScaleID(service, function string) string { return TuneID(service, "function/"+function) }

// SignalWatch tells ScaleWorkflow how its function is placed now: activities.WatchInput. Query `state` answers with
// ScaleState.
const SignalWatch = "watch"

// Tuning is who asks for a scale that nobody asked for.
const Tuning = "tuning"

// ScaleInput names a function as it was placed.
type ScaleInput struct {
	Watch activities.WatchInput `json:"watch"`
	// Last is carried from run to run.
	Last *ScaleAsked `json:"last,omitempty"`
}

// ScaleState is what the tuning of a function says of itself. The measurements are in the heartbeats of its activity.
type ScaleState struct {
	Function string      `json:"function"`
	Tune     spec.Tune   `json:"tune"`
	Replicas int         `json:"replicas"`
	Last     *ScaleAsked `json:"last,omitempty"`
}

// ScaleAsked is the last change that a tuning asked for.
type ScaleAsked struct {
	At       time.Time      `json:"at"`
	Decision scale.Decision `json:"decision"`
	// Outcome is accepted once the function runs with it, and waiting before.
	Outcome string `json:"outcome"`
}

// The numbers of ScaleWorkflow. A watch ends twice a day, so that no activity is for ever: about ten events. What was
// asked for is waited for as long as a slow deploy takes; then the world is measured anew. A change that fails is thus
// asked for six times an hour and not each minute.
const (
	watchMost     = 12 * time.Hour
	scalePatience = 10 * time.Minute
)

// watching is for the activity that measures until something should change. It heartbeats each second; 15 s without one
// mean that its worker has died, and another goes on with what it had measured, which a gap of 30 s would make void.
func watching() workflow.ActivityOptions {
	o := options(watchMost+time.Hour, 0, 15*time.Second, 0, 10*time.Second)
	o.TaskQueue = WatchQueue
	return o
}

// ScaleWorkflow keeps the number of replicas of one function where its load wants it, within the bounds of the
// specification. It changes nothing itself: it asks its service, which carries out a scale as if a person had asked
// for it, and waits to be told how the function is placed then. A quiet function costs about twenty events a day.
func ScaleWorkflow(ctx workflow.Context, in ScaleInput) error {
	t := &scaling{in: in, told: workflow.GetSignalChannel(ctx, SignalWatch)}
	if in.Last == nil {
		index(ctx, attributes{Service: in.Watch.Service, Phase: PhaseTuning, Boxes: boxNames(in.Watch.Boxes)}, attributes{})
	}
	if err := workflow.SetQueryHandler(ctx, QueryState, func() (ScaleState, error) { return t.state(), nil }); err != nil {
		return err
	}
	for {
		for t.told.ReceiveAsync(&t.in.Watch) {
			t.accepted()
		}
		if suggested(ctx) {
			return workflow.NewContinueAsNewError(ctx, ScaleWorkflow, t.in)
		}
		decision, err := t.watch(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // nothing that trying at once could cure: the box has an address that is none, say
			workflow.GetLogger(ctx).Warn("the function cannot be watched", "function", t.in.Watch.Function, "error", err)
			t.await(ctx)
		case decision.Why != "":
			if err := t.ask(ctx, decision); err != nil {
				return err
			}
			t.await(ctx)
		}
	}
}

// scaling is one run of ScaleWorkflow.
type scaling struct {
	in   ScaleInput
	told workflow.ReceiveChannel
}

func (t *scaling) state() ScaleState {
	return ScaleState{Function: t.in.Watch.Function, Tune: t.in.Watch.Tune, Replicas: t.in.Watch.Replicas, Last: t.in.Last}
}

// watch measures until something should change; no decision when its time is over or the function was placed anew.
func (t *scaling) watch(ctx workflow.Context) (scale.Decision, error) {
	var loads *activities.Loads
	within, cancel := workflow.WithCancel(ctx)
	defer cancel()
	in := t.in.Watch
	in.Until = workflow.Now(ctx).Add(watchMost)
	o := as(watching(), "watch", in.Tune.Metric+" of "+in.Function)
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(within, o), loads.Watch, in)
	workflow.SetCurrentDetails(ctx, t.describe())
	anew := false
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(future, func(workflow.Future) {})
	selector.AddReceive(t.told, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, &t.in.Watch)
		t.accepted()
		anew = true
		cancel()
	})
	selector.Select(ctx)
	var decision scale.Decision
	err := future.Get(ctx, &decision)
	if anew {
		return scale.Decision{}, nil // what came of the old watch was about another placement
	}
	return decision, err
}

// ask tells the service. A service that is gone needs no tuning.
func (t *scaling) ask(ctx workflow.Context, decision scale.Decision) error {
	t.in.Last = &ScaleAsked{At: workflow.Now(ctx), Decision: decision, Outcome: "waiting"}
	request := ScaleRequest{Function: t.in.Watch.Function, Replicas: decision.Replicas, Who: Tuning, Why: decision.Why}
	err := workflow.SignalExternalWorkflow(ctx, ServiceID(t.in.Watch.Service), "", SignalScale, request).Get(ctx, nil)
	if err != nil && !temporal.IsCanceledError(err) {
		return failure(err, "scale "+request.Function+" of "+t.in.Watch.Service, nil)
	}
	return err
}

// await waits until the function is placed anew, or for as long as that may take.
func (t *scaling) await(ctx workflow.Context) {
	within, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(within, scalePatience, workflow.TimerOptions{Summary: "measure again unless told before"})
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(timer, func(workflow.Future) {})
	selector.AddReceive(t.told, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, &t.in.Watch)
		t.accepted()
	})
	selector.Select(ctx)
}

// accepted notes that the function runs as was asked.
func (t *scaling) accepted() {
	if t.in.Last != nil && t.in.Watch.Replicas == t.in.Last.Decision.Replicas {
		t.in.Last.Outcome = "accepted"
	}
}

func (t *scaling) describe() string {
	text := "**watching** " + t.in.Watch.Tune.Metric + " of " + t.in.Watch.Function
	if last := t.in.Last; last != nil {
		text += "\n\nlast asked for at " + last.At.UTC().Format(time.RFC3339) + ": " + last.Decision.Why + " (" + last.Outcome + ")"
	}
	return text
}
