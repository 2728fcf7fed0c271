package simulate

import (
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/wire"
)

// echoAfter is how long a frame and its way through the receiver take.
const echoAfter = time.Second

// carry carries out what a machine decides, as an edge does.
func (w *world) carry(u *unit, e aircon.Effects) {
	for _, a := range e.Alerts {
		w.alert(a)
	}
	for _, a := range e.Acks {
		if a.State == wire.AckRejected {
			w.note("%s rejects %d °C: %s", u.name, a.Setpoint, a.Evidence)
		}
	}
	if e.Send == nil {
		return
	}
	w.send(u, *e.Send)
	w.carry(u, u.machine.Sent(w.now, nil))
}

func (w *world) alert(a wire.Alert) {
	word := "begins"
	if a.EndedMillis != 0 {
		word = "ends"
	}
	w.note("alert %s %s: %s", a.ID, word, a.Evidence)
}

// send puts a frame into the room: lost, or heard by the machine and by the receiver near it, blurred.
func (w *world) send(u *unit, f infrared.Frame) {
	w.hour().Frames++
	if w.air.Float64() < w.options.Loss {
		w.hour().Lost++
		return
	}
	heard := f.Blurred(w.air.IntN)
	state, _, err := u.profile.Decode(heard)
	if err != nil {
		w.note("%s does not understand a frame: %v", u.name, err)
		return
	}
	if err := w.model.Tell(u.name, room.Told{Power: state.Power, Setpoint: state.Setpoint, Mode: state.Mode, Fan: state.Fan}); err != nil {
		w.note("%v", err)
	}
	u.echo = &echo{at: w.now.Add(echoAfter), frame: heard}
}

// hear hands the machine what its receiver heard.
func (w *world) hear(u *unit) {
	if u.echo == nil || w.now.Before(u.echo.at) {
		return
	}
	frame := u.echo.frame
	u.echo = nil
	if state, code, err := u.profile.Decode(frame); err == nil {
		w.carry(u, u.machine.Heard(w.now, state, code))
	}
}

// settle lets what was sent last be heard: a replay that ends within a second of a frame says nothing about it.
func (w *world) settle() {
	for range 2 * 60 {
		w.now = w.now.Add(time.Second)
		for _, u := range w.units {
			w.hear(u)
			w.carry(u, u.machine.Tick(w.now))
		}
	}
}

// unconfirmed counts machines that were not heard to be told what is wanted of them.
func (w *world) unconfirmed() int {
	n := 0
	for _, u := range w.units {
		v := u.machine.View()
		if v.Wanted == nil || v.Actual == nil || *v.Wanted != *v.Actual {
			n++
		}
	}
	return n
}
