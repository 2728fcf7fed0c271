package control

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/anomaly"
	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// probe is one sensor of a room.
type probe struct {
	id    int
	inlet bool
	heard bool
	last  rules.Reading
}

func probes(s spec.Room) []probe {
	inlets := map[int]bool{}
	for _, sensor := range s.Inlets() {
		inlets[sensor.ID] = true
	}
	var out []probe
	for _, sensor := range s.Sensors {
		out = append(out, probe{id: sensor.ID, inlet: inlets[sensor.ID]})
	}
	return out
}

func (r *room) probe(id int) *probe {
	for i := range r.probes {
		if r.probes[i].id == id {
			return &r.probes[i]
		}
	}
	return nil
}

// take keeps the newest reading of each sensor, and says whether the room should decide at once. A clock that is ahead or
// not set must not make a reading look fresh, nor dead: the broker's time bounds it.
func (r *room) take(reading *wire.Reading, arrived, now time.Time) (hot bool) {
	p := r.probe(reading.Sensor)
	if p == nil {
		return false // of no sensor of the room
	}
	at := reading.At
	if !arrived.IsZero() && (reading.Unsynchronised || at.After(arrived)) {
		at = arrived
	}
	if p.heard && at.Before(p.last.At) {
		return false
	}
	p.heard = true
	p.last = rules.Reading{
		Sensor: reading.Sensor, At: at, Celsius: reading.Celsius, Bad: reading.Bad,
		Humidity: reading.Humidity, HasHumidity: reading.HasHumidity,
	}
	if now.Sub(at) > r.policy.StaleAfter.D() {
		return false
	}
	r.heard = now
	// What goes on already is looked at in its turn.
	return p.inlet && !reading.Bad && reading.Celsius >= r.policy.Critical && r.state.EmergencySince.IsZero()
}

// newest is the time of the newest reading; zero when there is none.
func (r *room) newest() (at time.Time) {
	for _, p := range r.probes {
		at = later(at, p.last.At)
	}
	return at
}

// gauge is what an electricity meter showed last.
type gauge struct {
	watts     float64
	at        time.Time
	simulated bool
}

// fresh says that the gauge shows what is, not what was.
func (g gauge) fresh(now time.Time, p *spec.Policy) bool {
	return !g.at.IsZero() && now.Sub(g.at) <= p.StaleAfter.D()
}

func (r *room) meter(p wire.Power, arrived time.Time) {
	at := time.UnixMilli(p.TimeMillis)
	if !arrived.IsZero() && at.After(arrived) {
		at = arrived
	}
	g := &r.load
	if p.AC != "" {
		m := r.machine(p.AC)
		if m == nil {
			return
		}
		g = &m.power
	}
	if !at.Before(g.at) {
		*g = gauge{p.Watts, at, p.Simulated}
	}
}

func decodeIntent(value []byte) (intent, error) {
	i, err := wire.Decode[wire.Intent](value)
	read := intent{Intent: i}
	if err != nil || len(i.Policy) == 0 {
		return read, err
	}
	var p spec.Policy
	if read.fault = json.Unmarshal(i.Policy, &p); read.fault == nil {
		read.fault = p.Validate()
	}
	if read.fault == nil {
		read.policy = &p
	}
	read.Policy = nil // it is kept once
	return read, nil
}

// tell takes what the workflow wants.
func (r *room) tell(i intent, log *slog.Logger) {
	if r.intent != nil && i.Revision < r.intent.Revision {
		return
	}
	r.intent = &i.Intent
	switch {
	case i.fault != nil:
		log.Warn("an intent with a policy that cannot be; the former one holds", "room", i.Room, "cause", i.fault.Error())
	case i.policy != nil && !i.policy.Equal(*r.policy):
		r.policy = i.policy
	}
}

// see takes a command on the topic: the first one of the highest revision, since an edge passes over the second.
func (r *room) see(c wire.Command, at time.Time) {
	if m := r.machine(c.AC); m != nil && c.Revision > m.seen.Revision {
		m.seen, m.seenAt = c, at
	}
}

func (r *room) confirm(a wire.Ack) {
	if m := r.machine(a.AC); m != nil && a.State == wire.AckConfirmed {
		m.confirmed = max(m.confirmed, a.Revision)
	}
}

// alert keeps what control loops have raised. What another process raised (this one's forerunner, say) is recalled,
// so that it can end; what comes back of this one's own is known. It also learns from others which machines are lost.
func (r *room) alert(a wire.Alert) {
	if a.Source != rules.Source {
		r.boxes.TakeAlert(a)
		r.lose(a)
		return
	}
	if a.EndedMillis == 0 {
		r.lasting[a.ID] = a
		if a.BeganMillis > r.said[a.ID] && r.mine {
			r.recall([]wire.Alert{a})
		}
		return
	}
	delete(r.lasting, a.ID)
	if anomaly.Is(a) {
		return
	}
	r.state.Alerts = slices.DeleteFunc(r.state.Alerts, func(w rules.Watch) bool {
		return w.ID == a.ID && !w.Began.IsZero() && w.Began.UnixMilli() <= a.BeganMillis
	})
}

// The alerts of others that say that a machine does not do what it is told: the workflow's, that it does not confirm; the
// edge's, that no frame was heard, and that its air or its power show no effect. A warning of the last may be a
// person with the remote in hand, and the machine is told again.
const kindUnconfirmed, kindInfrared, kindNoEffect = "unconfirmed", "infrared", "no-effect"

func (r *room) lose(a wire.Alert) {
	if a.Kind != kindUnconfirmed && a.Kind != kindInfrared && a.Kind != kindNoEffect {
		return
	}
	m := r.machine(strings.TrimPrefix(a.ID, a.Room+"/"+a.Kind+"/"))
	if m == nil {
		return
	}
	if a.EndedMillis != 0 || a.Kind == kindNoEffect && a.Severity == wire.SeverityWarning {
		delete(m.faults, a.Kind)
		return
	}
	if m.faults == nil {
		m.faults = map[string]string{}
	}
	m.faults[a.Kind] = a.Evidence
}

// recall puts alerts of a forerunner back into the memories that can end them.
func (r *room) recall(raised []wire.Alert) {
	var ofRules, ofBoxes []wire.Alert
	for _, a := range raised {
		if anomaly.Is(a) {
			ofBoxes = append(ofBoxes, a)
		} else {
			ofRules = append(ofRules, a)
		}
	}
	r.state.Recall(ofRules)
	r.boxes.Recall(ofBoxes)
}
