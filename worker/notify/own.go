package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// A channel that cannot tell people of an alert is an alert itself: it shows in the Control Room, and the other
// channels tell it.
const (
	kindNotify = "notify"
	source     = "notify"
	publishFor = 5 * time.Second
	// failsAfter tries, 7 s with the ordinary pauses: mail servers turn strangers away once.
	failsAfter = 4
)

// recall takes over what an earlier process said of the channel, and ends it if the channel has worked since.
func (w *way) recall(ctx context.Context, a wire.Alert) {
	switch {
	case a.EndedMillis != 0:
		if w.lasting != nil && w.lasting.ID == a.ID && a.BeganMillis >= w.lasting.BeganMillis {
			w.lasting = nil
		}
		return
	case w.lasting != nil:
		return
	}
	w.lasting = &a
	if w.worked.UnixMilli() > a.BeganMillis {
		w.works(ctx)
	}
}

// fails begins the alert, in the room of the alert that could not be told.
func (w *way) fails(ctx context.Context, room string, cause error) {
	if w.lasting != nil {
		return
	}
	a := wire.Alert{
		ID: room + "/" + kindNotify + "/" + w.channel.Name(), Room: room, Kind: kindNotify, Severity: wire.SeverityHigh,
		BeganMillis: w.config.Now().UnixMilli(), Source: source,
		Evidence: fmt.Sprintf("people are not told by %s: %.1000s", w.channel.Name(), cause),
	}
	if w.publish(ctx, a) {
		w.lasting = &a
	}
}

// works ends it.
func (w *way) works(ctx context.Context) {
	w.worked = w.config.Now()
	if w.lasting == nil {
		return
	}
	a := *w.lasting
	a.EndedMillis, a.Evidence = max(w.worked.UnixMilli(), a.BeganMillis), w.channel.Name()+" took a notice"
	if w.publish(ctx, a) {
		w.lasting = nil
	}
}

func (w *way) publish(ctx context.Context, a wire.Alert) bool {
	ctx, cancel := context.WithTimeout(ctx, publishFor)
	defer cancel()
	err := w.producer.Produce(ctx, kafka.Record{Topic: wire.TopicAlert, Key: []byte(a.Room), Value: wire.Encode(a)})
	if err != nil {
		w.log.Warn("an alert of the notifier's own could not be published", "alert", a.ID, "cause", err.Error())
	}
	return err == nil
}
