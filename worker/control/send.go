package control

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// send gives the effects of a decision to those who carry them out. It never waits.
func (l *loop) send(r *room, e effects) {
	room := r.spec.Name
	for _, c := range e.commands {
		l.cfg.Log.Warn("emergency command", "room", room, "ac", c.AC, "setpoint", c.Setpoint, "revision", c.Revision, "reason", c.Reason)
		key := wire.ControlKey(c.Room, c.AC)
		l.commands.put(string(key), kafka.Record{Topic: wire.TopicControl, Key: key, Value: wire.Encode(c)}, true)
	}
	if e.lease != nil {
		l.records.put("lease "+room, kafka.Record{Topic: wire.TopicLease, Key: []byte(room), Value: wire.Encode(*e.lease)}, false)
	}
	for _, a := range e.alerts {
		l.cfg.Log.Info("alert", "id", a.ID, "severity", a.Severity, "ended", a.EndedMillis != 0, "evidence", a.Evidence)
		l.records.put("alert "+a.ID, kafka.Record{Topic: wire.TopicAlert, Key: []byte(room), Value: wire.Encode(a)}, true)
	}
	if e.decision != nil {
		if err := e.decision.Validate(); err != nil {
			l.cfg.Log.Error("a decision that nobody could read is not published", "room", room, "cause", err.Error())
		} else {
			l.records.put("decision "+room, kafka.Record{Topic: wire.TopicDecision, Key: []byte(room), Value: wire.Encode(*e.decision)}, false)
		}
	}
	if t := e.threat; t != nil {
		if t.begin {
			l.cfg.Log.Warn("cooling is lost", "room", room, "reason", t.word.Reason)
		}
		l.threats.put(room, *t, t.begin)
	}
	for _, ac := range e.dropped {
		l.signals.drop(room + "/" + ac)
	}
	for _, s := range e.signals {
		l.cfg.Log.Info("recommend", "room", room, "ac", s.AC, "setpoint", s.Setpoint, "reason", s.Reason)
		l.signals.put(room+"/"+s.AC, signal{room: room, payload: s}, s.Emergency)
	}
}

// ask lets the loop's goroutine do something, for at most a second. Errors: a loop that is too busy, or over.
func (l *loop) ask(ctx context.Context, do func()) error {
	done := make(chan struct{})
	once, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case l.asks <- func() { do(); close(done) }:
		<-done
		return nil
	case <-once.Done():
		return fmt.Errorf("the loop did not answer within a second")
	}
}
