package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// TuneWorkflow holds the intention of one room for months: what the rules want, what people want, what holds,
// and whether the machines obey. It tells each desired setpoint until the edge has confirmed it, and hands its
// state to a fresh run before its history grows long; no message is lost on the way.
//
// It has no clock of its own: readings and decisions stay with the control loop, so a quiet room costs a handful
// of events a day. Cancelled, it leaves the machines as they are: their edges fall back by themselves when leases
// stop.
func TuneWorkflow(ctx workflow.Context, in TuneInput) error {
	t, err := newTuning(ctx, in)
	if err != nil {
		return err
	}
	for {
		t.settle(ctx)
		t.tell(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case t.long(ctx):
			return t.handOver(ctx)
		}
		t.wait(ctx)
	}
}

// tuning is one run of TuneWorkflow. All that outlives the run is in state and in.
type tuning struct {
	in    TuneInput
	state TuneState
	shown wire.Intent // what the intent's revision stands for

	inbox    workflow.Selector
	woken    workflow.Channel // an update has changed the state
	telling  []telling
	together bool             // see changeTogether
	root     workflow.Context // of the run
	alarmAt  time.Time
	stopLast workflow.CancelFunc // of the alarm
	// intentWaits says that the intent's alarm is set.
	intentWaits bool
}

func newTuning(ctx workflow.Context, in TuneInput) (*tuning, error) {
	if in.Room.Policy.IsZero() {
		in.Room.Policy = spec.DefaultPolicy()
	}
	t := &tuning{in: in, root: ctx, inbox: workflow.NewSelector(ctx), woken: workflow.NewBufferedChannel(ctx, 1)}
	t.together = workflow.GetVersion(ctx, changeTogether, workflow.DefaultVersion, 1) > workflow.DefaultVersion
	if in.Carry != nil {
		t.state, t.in.Carry = *in.Carry, nil
		t.shown = t.state.intent(time.Time{})
	} else {
		if err := checkRoom(in.Room, in.Room.Name); err != nil {
			return nil, invalid("room %q: %s", in.Room.Name, sentence(err))
		}
		t.state = newTuneState(in, workflow.Now(ctx))
		index(ctx, in.attributes(), attributes{})
	}
	t.listen(ctx)
	if err := workflow.SetQueryHandler(ctx, QueryState, func() (TuneState, error) { return t.state, nil }); err != nil {
		return nil, err
	}
	return t, t.answerUpdates(ctx)
}

// listen takes the signals in this order when several wait: what changes the frame first, then people, then the
// control loop, then answers to what that may have brought. Signals of one name keep their order.
func (t *tuning) listen(ctx workflow.Context) {
	for _, name := range []string{
		SignalRoom, SignalPolicy, SignalResume, SignalOverride, SignalRecommend, SignalAck, SignalAlert,
		SignalAcknowledge, SignalShelve, SignalUnshelve,
	} {
		t.inbox.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
			// Raw, because the SDK drops what it cannot decode, and a person should hear why.
			var raw converter.RawValue
			if c.ReceiveAsync(&raw) {
				t.take(workflow.Now(ctx), name, raw)
			}
		})
	}
	t.inbox.AddReceive(t.woken, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) })
	t.inbox.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
}

// wait sleeps until something happened, and takes all that did.
func (t *tuning) wait(ctx workflow.Context) {
	t.alarm(ctx)
	t.inbox.Select(ctx)
	for ctx.Err() == nil && t.inbox.HasPending() {
		t.inbox.Select(ctx)
	}
}

// alarm keeps one timer, for the next thing that is due, and in runs that publish together another one for the intent:
// that is put off by every publication, and each time would cost two events to follow.
func (t *tuning) alarm(ctx workflow.Context) {
	at, what := t.state.next(!t.together)
	if t.together {
		t.intentAlarm(ctx)
	}
	if at.Equal(t.alarmAt) {
		return
	}
	if t.stopLast != nil {
		t.stopLast()
		t.stopLast = nil
	}
	t.alarmAt = at
	if at.IsZero() {
		return
	}
	ctx, t.stopLast = workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(ctx, at.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: what})
	t.inbox.AddFuture(timer, func(f workflow.Future) {
		if f.Get(ctx, nil) == nil && t.alarmAt.Equal(at) {
			t.alarmAt, t.stopLast = time.Time{}, nil
		}
	})
}

// intentAlarm keeps a timer that fires no later than the intent is due. One that fires too soon is set anew.
func (t *tuning) intentAlarm(ctx workflow.Context) {
	if t.intentWaits || t.state.IntentAt.IsZero() || t.state.Told != t.state.Revision {
		return // while it is on its way, its publication is what is waited for
	}
	t.intentWaits = true
	wait := max(0, t.state.IntentAt.Add(intentEvery).Sub(workflow.Now(ctx)))
	timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "the intent is published again"})
	t.inbox.AddFuture(timer, func(f workflow.Future) {
		if f.Get(ctx, nil) == nil {
			t.intentWaits = false
		}
	})
}

// settle brings the state up to now: what has ended, what is overdue, what holds.
func (t *tuning) settle(ctx workflow.Context) {
	now := workflow.Now(ctx)
	t.state.settle(now)
	if intent := t.state.intent(time.Time{}); !sameIntent(t.shown, intent) {
		t.state.Revision = nextRevision(t.state.Revision, now)
		t.shown = intent
		workflow.SetCurrentDetails(ctx, t.state.describe())
	}
}

// long says that the history should not grow further.
func (t *tuning) long(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || t.in.MaxEvents > 0 && info.GetCurrentHistoryLength() >= t.in.MaxEvents
}

// handOver gives the state to a fresh run, after every message that has come. What is on its way to the broker
// is told again by the next run: its readers know revisions that they have seen.
func (t *tuning) handOver(ctx workflow.Context) error {
	for t.inbox.HasPending() || !workflow.AllHandlersFinished(ctx) {
		t.inbox.Select(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	t.settle(ctx)
	t.state.Taken.Runs++
	in := t.in
	in.Carry = &t.state
	return workflow.NewContinueAsNewError(ctx, TuneWorkflow, in)
}

// sentence is an error for people, without the sentinel in front.
func sentence(err error) string { return strings.TrimPrefix(err.Error(), "invalid: ") }
