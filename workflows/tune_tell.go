package workflows

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/wire"
)

// telling is records on their way to the broker, together.
type telling struct {
	records []untold
	cancel  workflow.CancelFunc
}

// publish is for records to Kafka, which answers in milliseconds. While the broker is away the attempts go on
// (they cost no history) until one of them is superseded.
func publish() workflow.ActivityOptions {
	o := options(15*time.Second, 0, 0, 0, 10*time.Second)
	o.WaitForCancellation = false // a superseded record may still arrive: readers go by its revision
	return o
}

// changeTogether is the version from which on what changes at once is published by one activity: half of the events of
// one for each record. Runs that began before it go on as they were.
const changeTogether = "publish together"

// mostTogether keeps one publication far inside its time and a payload's size.
const mostTogether = 100

// tell starts to publish what the broker does not have. What is superseded is given up.
func (t *tuning) tell(ctx workflow.Context) {
	records := t.state.untold(workflow.Now(ctx))
	if !t.together {
		for _, record := range records {
			if !t.underway(record) {
				t.send(ctx, []untold{record})
			}
		}
		return
	}
	t.telling = slices.DeleteFunc(t.telling, func(on telling) bool {
		superseded := on.superseded(records)
		if superseded {
			on.cancel()
		}
		return superseded
	})
	fresh := slices.DeleteFunc(records, t.onTheWay)
	for group := range slices.Chunk(fresh, mostTogether) {
		t.send(ctx, group)
	}
}

// send publishes records by one activity.
func (t *tuning) send(ctx workflow.Context, records []untold) {
	ctx, cancel := workflow.WithCancel(ctx)
	t.telling = append(t.telling, telling{records: records, cancel: cancel})
	var published workflow.Future
	if t.together {
		published = publishTogether(ctx, records)
	} else {
		published = records[0].publish(ctx)
	}
	t.inbox.AddFuture(published, func(f workflow.Future) {
		t.sent(ctx, records, f.Get(ctx, nil))
		cancel()
	})
}

// same says that two are the same word about the same thing.
func (u untold) same(other untold) bool { return u.key == other.key && u.revision == other.revision }

// superseded says that there is a newer word than one of these that nobody should hear any more. A newer intent waits
// for the publication of the former one, which takes milliseconds, rather than give up commands beside it; an alert's
// end waits for its beginning.
func (on telling) superseded(by []untold) bool {
	return slices.ContainsFunc(on.records, func(old untold) bool {
		return (old.command != nil || old.answer != nil) && slices.ContainsFunc(by, func(u untold) bool { return u.key == old.key && !u.same(old) })
	})
}

// onTheWay says that a record, or the one that it has to wait for, is on its way.
func (t *tuning) onTheWay(record untold) bool {
	return slices.ContainsFunc(t.telling, func(on telling) bool {
		return slices.ContainsFunc(on.records, func(u untold) bool { return u.key == record.key })
	})
}

// underway is onTheWay for runs that publish each record by itself, and gives up an older one in its place.
func (t *tuning) underway(record untold) bool {
	for i, other := range t.telling {
		switch {
		case other.records[0].key != record.key:
			continue
		case other.records[0].same(record) || record.alert != nil:
			return true
		}
		other.cancel()
		t.telling = slices.Delete(t.telling, i, i+1)
		return false
	}
	return false
}

// sent takes what came of a publication.
func (t *tuning) sent(ctx workflow.Context, records []untold, err error) {
	t.telling = slices.DeleteFunc(t.telling, func(on telling) bool { return on.records[0].same(records[0]) })
	if temporal.IsCanceledError(err) {
		return
	}
	now := workflow.Now(ctx)
	switch {
	case err == nil:
	case !permanent(err):
		return // tell begins it anew
	case len(records) > 1: // one of them is no record at all: the others must not wait for it
		for _, record := range records {
			t.send(t.root, []untold{record})
		}
		return
	default: // never to be published: let it go, and say so
		why, _ := explain(err)
		t.state.reject(now, "publish", "", records[0].key, errors.New(why))
	}
	for _, record := range records {
		t.state.told(record, now)
	}
}

// permanent says that no attempt can cure an error.
func permanent(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.NonRetryable()
}

// untold is a record that the broker does not have; one of its last four is set.
type untold struct {
	key      string
	revision int64
	command  *wire.Command
	intent   *wire.Intent
	alert    *wire.Alert
	answer   *wire.Answer
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
	case u.answer != nil:
		return workflow.ExecuteActivity(ctx, cooling.PublishAnswer, *u.answer)
	}
	return workflow.ExecuteActivity(ctx, cooling.PublishAlert, *u.alert)
}

// publishTogether begins the publication of several records. What a room's edges wait for comes first.
func publishTogether(ctx workflow.Context, records []untold) workflow.Future {
	var cooling *activities.Cooling // only its methods' names are used
	var all activities.Records
	var keys []string
	for _, u := range records {
		keys = append(keys, u.key)
		switch {
		case u.command != nil:
			all.Commands = append(all.Commands, *u.command)
		case u.intent != nil:
			all.Intents = append(all.Intents, *u.intent)
		case u.alert != nil:
			all.Alerts = append(all.Alerts, *u.alert)
		case u.answer != nil:
			all.Answers = append(all.Answers, *u.answer)
		}
	}
	o := publish()
	o.Summary = shortened(strings.Join(keys, ", "))
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), cooling.Publish, all)
}

// shortened bounds a summary: Temporal takes at most 200 bytes.
func shortened(text string) string {
	const most = 180
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
