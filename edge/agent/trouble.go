package agent

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// trouble is what is wrong with one queue. It is pure: time and the queue's state come in, beginnings and ends come
// out.
type trouble struct {
	full, old, losing time.Time // when each began; zero while it is not so
	lost              uint64    // records, as it was last seen
	lastLoss          time.Time
}

// The bounds, each with its way back, so that no alert flutters.
const (
	fullFrom, fullUntil = 0.8, 0.7 // of a queue's bytes
	oldFrom, oldUntil   = 5 * time.Minute, time.Minute
	lossOver            = 10 * time.Minute // without another one
)

// condition is one alert that begins or ends.
type condition struct {
	kind, severity, evidence string
	began                    time.Time
	ended                    bool
}

// look takes the state of a queue; lost are all the records that it ever lost. Records that are older than the
// clock's now count as new.
func (t *trouble) look(now time.Time, topic string, s spool.Stats, lost uint64) []condition {
	var out []condition
	turn := func(began *time.Time, is bool, kind, severity, evidence string) {
		if is == !began.IsZero() {
			return
		}
		if is {
			*began = now
		}
		out = append(out, condition{kind: kind, severity: severity, evidence: evidence, began: *began, ended: !is})
		if !is {
			*began = time.Time{}
		}
	}
	share := float64(s.Bytes) / float64(s.Max)
	turn(&t.full, share > fullFrom || !t.full.IsZero() && share > fullUntil, "spool", wire.SeverityHigh,
		fmt.Sprintf("the queue of %s is %.0f %% full with %d records, %d lost", topic, 100*share, s.Depth, lost))
	var age time.Duration
	if !s.Oldest.IsZero() {
		age = max(0, now.Sub(s.Oldest))
	}
	turn(&t.old, age > oldFrom || !t.old.IsZero() && age > oldUntil, "spool-age", wire.SeverityWarning,
		fmt.Sprintf("the oldest of %d records for %s waits for %s", s.Depth, topic, age.Round(time.Second)))
	if lost > t.lost {
		t.lastLoss = now
	}
	more := lost - min(lost, t.lost)
	t.lost = lost
	turn(&t.losing, !t.lastLoss.IsZero() && now.Sub(t.lastLoss) < lossOver, "spool-drops", wire.SeverityHigh,
		fmt.Sprintf("the queue of %s lost %d records, %d since the edge began: no room, damage, or refused by the broker", topic, more, lost))
	return out
}

// look tells what has changed of one queue, in each room that this edge serves.
func (o *outbox) look(now time.Time, topic string, rooms []string) {
	s := o.spools[topic].Stats()
	for _, c := range o.troubles[topic].look(now, topic, s, s.Dropped+s.Lost+o.refusals(topic)) {
		for _, room := range rooms {
			a := wire.Alert{
				ID: room + "/" + c.kind + "/" + o.box + "/" + topic, Room: room, Kind: c.kind, Severity: c.severity, Source: "edge",
				BeganMillis: c.began.UnixMilli(), Evidence: c.evidence,
			}
			if c.ended {
				a.EndedMillis = max(now.UnixMilli(), a.BeganMillis)
			}
			o.alert(a)
		}
	}
}
