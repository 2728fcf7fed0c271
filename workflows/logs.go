package workflows

import (
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
)

// LogsID is the ID of the following of one replica's log: all who watch it share one.
func LogsID(service, function string, replica int) string {
	return "logs/" + service + "/" + function + "/" + strconv.Itoa(replica)
}

// LogsInput names a log. Signal `watch` says that somebody still watches it.
type LogsInput struct {
	Service  string `json:"service"`
	Function string `json:"function"`
	Replica  int    `json:"replica"`
	// Tail is how many of its last lines to begin with.
	Tail int `json:"tail"`
	// After and Watched are carried from run to run.
	After   activities.LogCursor `json:"after,omitzero"`
	Watched time.Time            `json:"watched,omitzero"`
}

const (
	// WatchedFor is how long one `watch` holds. Those who watch say so each 30 s: one may get lost.
	WatchedFor = 75 * time.Second
	// followMost ends a run: with two signals a minute and the timers between them it has some 200 events then.
	followMost = 15 * time.Minute
)

// trailing is for the activity that follows a log. It has slots of its own, beside deploys. It heartbeats each second;
// 10 s without one are a dead worker, and another one goes on at the last line that was published. Its attempts do not
// end: the workflow ends it.
func trailing() workflow.ActivityOptions {
	o := options(followMost+time.Minute, 0, 10*time.Second, 0, 5*time.Second)
	o.TaskQueue = WatchQueue
	return o
}

// LogsWorkflow lets the log of one replica be published for as long as somebody watches, and ends 75 s after the last
// word of them. The lines go to the stream, never through its history.
func LogsWorkflow(ctx workflow.Context, in LogsInput) error {
	if in.Watched.IsZero() {
		in.Watched = workflow.Now(ctx)
	}
	l := &watchedLog{in: in, told: workflow.GetSignalChannel(ctx, SignalWatch)}
	for {
		over, err := l.follow(ctx)
		switch {
		case err != nil:
			return failure(err, "follow the log of "+in.Function, nil)
		case l.heard(ctx): // just now
			continue
		case over:
			return nil
		}
		return workflow.NewContinueAsNewError(ctx, LogsWorkflow, l.in)
	}
}

// watchedLog is one run of LogsWorkflow.
type watchedLog struct {
	in   LogsInput
	told workflow.ReceiveChannel
}

// heard takes in all that was said, and tells whether there was anything.
func (l *watchedLog) heard(ctx workflow.Context) bool {
	any := false
	for l.told.ReceiveAsync(nil) {
		any = true
		l.in.Watched = workflow.Now(ctx)
	}
	return any
}

// follow is one activity: until its time is over, or nobody watches any more. One timer stands at a time: to begin
// another one at each word would double the history.
func (l *watchedLog) follow(ctx workflow.Context) (over bool, err error) {
	var views *activities.Views
	within, cancel := workflow.WithCancel(ctx)
	defer cancel()
	o := as(trailing(), "", "log of "+l.in.Function)
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(within, o), views.Follow, activities.FollowInput{
		Service: l.in.Service, Function: l.in.Function, Replica: l.in.Replica, Tail: l.in.Tail, After: l.in.After,
		Until: workflow.Now(ctx).Add(followMost),
	})
	var timer workflow.Future
	for !future.IsReady() && !over {
		l.heard(ctx)
		left := l.in.Watched.Add(WatchedFor).Sub(workflow.Now(ctx))
		if left <= 0 || ctx.Err() != nil {
			over = true
			break
		}
		selector := workflow.NewSelector(ctx)
		if timer == nil {
			timer = workflow.NewTimerWithOptions(within, left, workflow.TimerOptions{Summary: "does anybody still watch?"})
		}
		selector.AddFuture(future, func(workflow.Future) {})
		selector.AddFuture(timer, func(workflow.Future) { timer = nil })
		selector.AddReceive(l.told, func(workflow.ReceiveChannel, bool) {})
		selector.Select(ctx)
	}
	cancel()
	var cursor activities.LogCursor
	err = future.Get(ctx, &cursor)
	switch {
	case over:
		return true, ctx.Err() // nobody wants to know how it ended
	case err == nil:
		l.in.After = cursor
	}
	return false, err
}
