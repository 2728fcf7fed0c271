package state

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// room draws one room from everything that is known of it.
func (s *Store) room(room spec.Room, now time.Time) Room {
	view := Room{
		Name: room.Name, Title: cmp.Or(room.Title, room.Name), Policy: room.Policy,
		StaleAfter: room.Policy.StaleAfter.D().Milliseconds(), Sensors: []Sensor{}, ACs: []AC{},
		Picture: s.pictures[room.Name],
	}
	known, heard := s.tunes[room.Name]
	if heard {
		view.Mode, view.Policy, view.TuneHeardAt = known.state.Mode, known.state.Policy, known.heard.UnixMilli()
		view.StaleAfter = known.state.Policy.StaleAfter.D().Milliseconds()
		view.Rejected, view.Audit = known.state.Rejected, known.state.Audit
	}
	for _, sensor := range room.Sensors {
		view.Sensors = append(view.Sensors, s.sensor(sensor, now, view.StaleAfter))
	}
	view.Inlet = inlet(view.Sensors)
	view.Means = s.means(room, view.Sensors, now)
	view.Load, view.Decision = s.power(room.Name, ""), s.decisions[room.Name].newest
	for _, ac := range room.AirConditioners {
		view.ACs = append(view.ACs, s.ac(room, ac, known.state))
	}
	return view
}

func (s *Store) sensor(sensor spec.Sensor, now time.Time, staleAfter int64) Sensor {
	view := Sensor{
		ID: sensor.ID, Name: cmp.Or(sensor.Name, fmt.Sprintf("sensor %d", sensor.ID)), X: sensor.X, Y: sensor.Y,
		Simulated: strings.HasPrefix(sensor.Source, "simulated:"), Stale: true, Role: cmp.Or(sensor.Role, spec.RoleInlet),
	}
	r, known := s.readings[sensor.ID]
	if !known {
		return view
	}
	view.At, view.Celsius, view.Bad, view.Reason = r.At.UnixMilli(), &r.Celsius, r.Bad, r.Reason
	if r.HasHumidity {
		view.Humidity = &r.Humidity
	}
	view.Stale = now.UnixMilli()-view.At > staleAfter
	return view
}

// inlet is the median over the good and fresh sensors at inlets, as the control loop's is; nil when there are none.
func inlet(sensors []Sensor) *float64 {
	var values []float64
	for _, sensor := range sensors {
		if sensor.Role == spec.RoleInlet && sensor.Celsius != nil && !sensor.Bad && !sensor.Stale {
			values = append(values, *sensor.Celsius)
		}
	}
	if len(values) == 0 {
		return nil
	}
	middle := control.Median(values)
	return &middle
}

// ac shows an air conditioner by the workflow's word; newer words of the streams (an intent, an ack) are laid
// over it, so that the page is right while Temporal is away.
func (s *Store) ac(room spec.Room, ac spec.AirConditioner, state workflows.TuneState) AC {
	view := AC{Simulated: strings.HasPrefix(ac.Transmitter, "simulated:"), X: ac.X, Y: ac.Y}
	view.Power = s.power(room.Name, ac.Name)
	view.ACState = workflows.ACState{Name: ac.Name, Min: ac.Min, Max: ac.Max}
	for _, told := range state.ACs {
		if told.Name == ac.Name {
			view.ACState = told
		}
	}
	if intent, known := s.intents[room.Name]; known && intent.Revision > state.Revision {
		overlayIntent(&view, intent)
	}
	if ack, known := s.acks[room.Name+"/"+ac.Name]; known {
		view.LastAck = &ack
		overlayAck(&view, ack)
	}
	return view
}

func overlayIntent(view *AC, intent wire.Intent) {
	for _, told := range intent.ACs {
		if told.AC != view.Name {
			continue
		}
		view.Auto, view.Desired, view.Reason = told.Auto, told.Desired, told.Reason
		view.DesiredSince = time.UnixMilli(told.ChangedMillis)
		view.Revision = max(view.Revision, told.CommandRevision)
	}
}

func overlayAck(view *AC, ack wire.Ack) {
	if ack.Revision < view.Revision {
		return
	}
	at, setpoint := time.UnixMilli(ack.TimeMillis), ack.Setpoint
	switch ack.State {
	case wire.AckSent:
		view.Sent, view.SentAt = &setpoint, at
	case wire.AckConfirmed:
		view.Sent, view.Confirmed, view.ConfirmedAt, view.Evidence = &setpoint, &setpoint, at, ack.Evidence
	}
}
