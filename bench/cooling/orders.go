package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/wire"
)

// decide is the control loop.
func (w *world) decide() control.Decision {
	in := control.Input{Now: w.time(), Started: epoch(), Room: w.source.Name, Policy: w.policy, State: w.state}
	for _, s := range w.sensors {
		in.Sensors = append(in.Sensors, s.id)
		if !s.last.At.IsZero() {
			in.Readings = append(in.Readings, s.last)
		}
	}
	for _, u := range w.units {
		view := u.machine.View()
		u.ac.Lost = view.NoEffect || view.Unheard
		if watts, err := w.model.Power(u.name); w.full && err == nil {
			u.ac.Watts, u.ac.MeteredAt = watts, w.time()
		}
		in.ACs = append(in.ACs, u.ac)
	}
	d := control.Decide(in)
	w.state = d.Next
	for _, a := range d.Began {
		w.began(a)
	}
	for _, a := range d.Ended {
		delete(w.lasting, a.ID)
	}
	for i, r := range d.ACs {
		u := w.units[i]
		switch {
		case r.Setpoint == 0 || r.Setpoint == u.ac.Auto:
			continue
		case r.Setpoint > u.ac.Auto:
			u.ac.Raised = w.time()
		default:
			u.ac.Lowered = w.time()
		}
		u.ac.Auto, u.ac.Desired = r.Setpoint, r.Setpoint
		w.order(u, r.Reason, d.Action.Urgent())
	}
	return d
}

func (w *world) began(a wire.Alert) {
	if !w.lasting[a.ID] {
		w.alerts = append(w.alerts, alertAt{w.now, a})
	}
	w.lasting[a.ID] = true
}

func (w *world) observe(i int, d control.Decision) (aircon.Observation, error) {
	var o aircon.Observation
	if d.Fresh > 0 {
		o.Inlet, o.Inlets = aircon.Known(d.Inlet), d.Fresh
	}
	if !w.full {
		return o, nil
	}
	supply, _, err := w.model.Read(supplyID + i)
	if err != nil {
		return o, err
	}
	back, _, err := w.model.Read(returnID + i)
	if err != nil {
		return o, err
	}
	watts, err := w.model.Power(w.units[i].name)
	o.Supply, o.Return, o.Watts = aircon.Known(supply), aircon.Known(back), aircon.Known(watts)
	return o, err
}

func (w *world) order(u *unit, reason string, urgent bool) {
	u.revision = control.NextRevision(u.revision, w.time())
	w.carry(u, u.machine.Order(w.time(), wire.Command{
		ID: fmt.Sprintf("%s-%d", u.name, u.revision), Revision: u.revision, Room: w.source.Name, AC: u.name, Power: true, Setpoint: u.ac.Auto,
		Mode: infrared.ModeCool, Fan: infrared.FanAuto, Reason: reason, Emergency: urgent, Origin: wire.OriginRules,
		TTLMillis: time.Minute.Milliseconds(),
	}, 0))
}

// carry carries out what a machine's edge decides.
func (w *world) carry(u *unit, e aircon.Effects) {
	for _, a := range e.Alerts {
		if a.EndedMillis == 0 {
			w.began(a)
		} else {
			delete(w.lasting, a.ID)
		}
	}
	if strings.Contains(e.Note, "contradicts") {
		w.notes++
	}
	if e.Send == nil {
		return
	}
	w.send(u, *e.Send)
	w.carry(u, u.machine.Sent(w.time(), nil))
}

// send puts a frame into the room: lost, or heard by the machine and by the receiver near it. A machine that is deaf is
// not: the receiver hears the frame all the same.
func (w *world) send(u *unit, f infrared.Frame) {
	loss, deaf := w.source.Loss, false
	if w.fault != nil {
		loss = cmp.Or(w.fault.loss, loss)
		deaf = w.fault.deaf && u == w.units[0]
	}
	if w.random.Float64() < loss {
		return
	}
	heard := f.Blurred(w.random.IntN)
	u.echo, u.echoAt = &heard, w.now+time.Second
	state, _, err := w.profile.Decode(heard)
	if err != nil || deaf {
		return
	}
	// It is one of the model's own, and the limits were checked.
	_ = w.model.Tell(u.name, room.Told{Power: state.Power, Setpoint: state.Setpoint, Mode: state.Mode, Fan: state.Fan})
}
