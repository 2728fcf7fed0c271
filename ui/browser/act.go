package browser

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// Override does what the tuning's update does: it checks, holds and answers.
func (w *World) Override(_ context.Context, service, room string, o workflows.Override) (workflows.OverrideAccepted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, known := w.tunes[room]
	if !known {
		return workflows.OverrideAccepted{}, fmt.Errorf("%w: service %s has no room %s", fault.ErrNotFound, service, room)
	}
	i := slices.IndexFunc(t.ACs, func(ac workflows.ACState) bool { return ac.Name == o.AC })
	if i < 0 || o.Setpoint < t.Policy.SetpointMin || o.Setpoint > t.Policy.SetpointMax {
		return workflows.OverrideAccepted{}, fmt.Errorf("%w: setpoint %d is outside %d to %d °C", fault.ErrInvalid, o.Setpoint, t.Policy.SetpointMin, t.Policy.SetpointMax)
	}
	now := time.Now()
	if o.ID == "" {
		o.ID = fmt.Sprintf("o-%d", now.UnixMilli())
	}
	w.asked = append(w.asked, fmt.Sprintf("override %s/%s %d °C for %s by %s: %s", room, o.AC, o.Setpoint, o.For.D(), o.Who, o.Why))
	active := workflows.ActiveOverride{Override: o, From: now, Until: now.Add(o.For.D())}
	w.hold(t, &t.ACs[i], active, now)
	t.Audit = append(t.Audit, workflows.AuditEntry{At: now, Who: o.Who, What: fmt.Sprintf("override %s to %d °C for %s", o.AC, o.Setpoint, o.For.D()), Why: o.Why, Until: active.Until, Outcome: "accepted"})
	return workflows.OverrideAccepted{ID: o.ID, Until: active.Until, Desired: t.ACs[i].Desired}, nil
}

// Resume ends overrides: one by its ID, those of one machine, or all of the room.
func (w *World) Resume(_ context.Context, service, room string, request workflows.ResumeRequest) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, known := w.tunes[room]
	if !known {
		return fmt.Errorf("%w: service %s has no room %s", fault.ErrNotFound, service, room)
	}
	w.asked = append(w.asked, fmt.Sprintf("resume %s %s%s by %s", room, request.AC, request.ID, request.Who))
	for i := range t.ACs {
		ac := &t.ACs[i]
		if request.AC != "" && request.AC != ac.Name {
			continue
		}
		ac.Overrides = slices.DeleteFunc(ac.Overrides, func(o workflows.ActiveOverride) bool { return request.ID == "" || o.ID == request.ID })
		w.settle(t, ac, time.Now())
	}
	return nil
}

// Graph is the scenery's service.
func (w *World) Graph(_ context.Context, service string) (workflows.Graph, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if service != w.service.Service {
		return workflows.Graph{}, fmt.Errorf("no service %s is running: %w", service, fault.ErrNotFound)
	}
	return w.graph, nil
}

// Asked is what people asked so far, in words, oldest first.
func (w *World) Asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

// Silence stops a sensor's readings.
func (w *World) Silence(sensor int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.still[sensor] = time.Now()
}

// Change changes a room's policy.
func (w *World) Change(room string, change func(*spec.Policy)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.tunes[room].Policy)
}

// Warm adds some kelvin to every inlet.
func (w *World) Warm(by float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warmer = by
}

// TuneState is what a room's tuning says of itself.
func (w *World) TuneState(_ context.Context, service, room string) (workflows.TuneState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(time.Now())
	t, known := w.tunes[room]
	if !known {
		return workflows.TuneState{}, fmt.Errorf("%w: service %s has no room %s", fault.ErrNotFound, service, room)
	}
	return copied(*t), nil
}

// Answer does what the tuning's update does with what a person says to an alert.
func (w *World) Answer(_ context.Context, _, room, name string, request workflows.AnswerRequest) (workflows.AnswerAccepted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.asked = append(w.asked, fmt.Sprintf("%s %s by %s: %s", name, request.Alert, request.Who, request.Why))
	answer := wire.Answer{Room: room, Alert: request.Alert, Kind: name, Who: request.Who, Why: request.Why, TimeMillis: now.UnixMilli()}
	accepted := workflows.AnswerAccepted{Alert: request.Alert, Kind: name}
	if name == wire.AnswerShelve {
		accepted.Until = now.Add(request.For.D())
		answer.UntilMillis = accepted.Until.UnixMilli()
	}
	_, accepted.Lasts = w.alerts[request.Alert]
	w.answers = append(w.answers, answer)
	return accepted, nil
}

// Recent are two notices, one of which reached nobody.
func (w *World) Recent() []wire.Notice {
	at := w.begun.Add(-8 * time.Minute).UnixMilli()
	matter := []wire.NoticeMatter{{Alert: "server-room/unconfirmed/ac2", BeganMillis: at, Event: "began", Severity: wire.SeverityHigh}}
	return []wire.Notice{
		{Channel: "webhook", ID: "n2", State: wire.NoticeLost, Matters: matter, Subject: "high: ac2 does not confirm", Cause: "https://hooks.example.org answered 410 Gone", TimeMillis: at},
		{Channel: "mail", ID: "n1", State: wire.NoticeTold, Matters: matter, Subject: "high: ac2 does not confirm", TimeMillis: at},
	}
}

// Test has every channel tell it.
func (w *World) Test(_ context.Context, who string) ([]wire.Notice, error) {
	now := time.Now().UnixMilli()
	return []wire.Notice{
		{Channel: "mail", ID: "test", State: wire.NoticeTold, Subject: "test, asked for by " + who, TimeMillis: now},
		{Channel: "webhook", ID: "test", State: wire.NoticeLost, Subject: "test, asked for by " + who, Cause: "https://hooks.example.org answered 410 Gone", TimeMillis: now},
	}, nil
}
