package workflows

import (
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
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

// publish is for one record to Kafka, which answers in milliseconds. While the broker is away the attempts go on
// (they cost no history) until the record is superseded.
func publish() workflow.ActivityOptions {
	o := options(15*time.Second, 0, 0, 0, 10*time.Second)
	o.WaitForCancellation = false // a superseded record may still arrive: readers go by its revision
	return o
}

// tuning is one run of TuneWorkflow. All that outlives the run is in state and in.
type tuning struct {
	in    TuneInput
	state TuneState
	shown wire.Intent // what the intent's revision stands for

	inbox    workflow.Selector
	woken    workflow.Channel // an update has changed the state
	telling  []telling
	alarmAt  time.Time
	stopLast workflow.CancelFunc // of the alarm
}

// telling is a record on its way to the broker.
type telling struct {
	record untold
	cancel workflow.CancelFunc
}

func newTuning(ctx workflow.Context, in TuneInput) (*tuning, error) {
	if in.Room.Policy == (spec.Policy{}) {
		in.Room.Policy = spec.DefaultPolicy()
	}
	t := &tuning{in: in, inbox: workflow.NewSelector(ctx), woken: workflow.NewBufferedChannel(ctx, 1)}
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
	return t, workflow.SetUpdateHandlerWithOptions(ctx, UpdateOverride, t.override,
		workflow.UpdateHandlerOptions{Validator: t.validate, Description: "a person's setpoint"})
}

// listen takes the signals in this order when several wait: what changes the frame first, then people, then the
// control loop. Signals of one name keep their order.
func (t *tuning) listen(ctx workflow.Context) {
	for _, name := range []string{SignalRoom, SignalPolicy, SignalResume, SignalOverride, SignalRecommend, SignalAck, SignalAlert} {
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

// alarm keeps one timer, for the next thing that is due.
func (t *tuning) alarm(ctx workflow.Context) {
	at, what := t.state.next()
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

// tell starts to publish what the broker does not have. A record that is superseded is given up.
func (t *tuning) tell(ctx workflow.Context) {
	for _, record := range t.state.untold(workflow.Now(ctx)) {
		if t.underway(record) {
			continue
		}
		ctx, cancel := workflow.WithCancel(ctx)
		t.telling = append(t.telling, telling{record: record, cancel: cancel})
		t.inbox.AddFuture(record.publish(ctx), func(f workflow.Future) {
			t.told(ctx, record, f.Get(ctx, nil))
			cancel()
		})
	}
}

// underway says whether a record is on its way, and gives up an older one in its place. An alert's end waits for
// its beginning.
func (t *tuning) underway(record untold) bool {
	for i, other := range t.telling {
		if other.record.key != record.key {
			continue
		}
		if other.record.revision == record.revision || record.alert != nil {
			return true
		}
		other.cancel()
		t.telling = append(t.telling[:i], t.telling[i+1:]...)
		return false
	}
	return false
}

func (t *tuning) told(ctx workflow.Context, record untold, err error) {
	for i, other := range t.telling {
		if other.record.key == record.key && other.record.revision == record.revision {
			t.telling = append(t.telling[:i], t.telling[i+1:]...)
			break
		}
	}
	if temporal.IsCanceledError(err) {
		return
	}
	now := workflow.Now(ctx)
	switch {
	case err == nil:
	case permanent(err): // never to be published: let it go, and say so
		why, _ := explain(err)
		t.state.reject(now, "publish", "", record.key, errors.New(why))
	default:
		return // tell begins it anew
	}
	t.state.told(record, now)
}

// permanent says that no attempt can cure an error.
func permanent(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.NonRetryable()
}

// untold is a record that the broker does not have; one of its last three is set.
type untold struct {
	key      string
	revision int64
	command  *wire.Command
	intent   *wire.Intent
	alert    *wire.Alert
}

func (u untold) publish(ctx workflow.Context) workflow.Future {
	var cooling *activities.Cooling // only its methods' names are used
	o := publish()
	o.Summary = u.key
	ctx = workflow.WithActivityOptions(ctx, o)
	switch {
	case u.command != nil:
		return workflow.ExecuteActivity(ctx, cooling.SendCommand, *u.command)
	case u.intent != nil:
		return workflow.ExecuteActivity(ctx, cooling.PublishIntent, *u.intent)
	}
	return workflow.ExecuteActivity(ctx, cooling.PublishAlert, *u.alert)
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
	in := t.in
	in.Carry = &t.state
	return workflow.NewContinueAsNewError(ctx, TuneWorkflow, in)
}

// validate refuses an override before it leaves a trace. It changes nothing.
func (t *tuning) validate(_ workflow.Context, o Override) error {
	if err := t.state.checkOverride(o); err != nil {
		return invalid("%s", sentence(err))
	}
	return nil
}

// override answers the update.
func (t *tuning) override(ctx workflow.Context, o Override) (OverrideAccepted, error) {
	if o.ID == "" {
		o.ID = workflow.GetCurrentUpdateInfo(ctx).ID
	}
	if err := t.state.takeOverride(workflow.Now(ctx), o); err != nil {
		return OverrideAccepted{}, invalid("%s", sentence(err))
	}
	t.settle(ctx)
	t.woken.SendAsync(true)
	return t.state.accepted(o), nil
}

// sentence is an error for people, without the sentinel in front.
func sentence(err error) string { return strings.TrimPrefix(err.Error(), "invalid: ") }
