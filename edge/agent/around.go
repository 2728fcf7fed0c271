package agent

import (
	"strconv"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/spec"
)

// around is what is measured near one air conditioner: its air, its room's inlets, its power.
type around struct {
	room  string
	ac    spec.AirConditioner
	board *board
	meter *metering // nil when there is none
}

// How often what is around a machine is looked at.
const (
	observeMost  = 10 * time.Second
	observeLeast = 200 * time.Millisecond
)

// observe is what is known now. It touches no device.
func (a *around) observe(now time.Time, stale time.Duration) aircon.Observation {
	o := aircon.Observation{
		At:     now,
		Supply: a.board.sensor(now, a.room, a.ac.Supply, stale),
		Return: a.board.sensor(now, a.room, a.ac.Return, stale),
	}
	inlets := a.board.inlets(now, a.room, stale)
	o.Inlet, o.Inlets = inlets.mean, inlets.fresh
	o.Watts = a.meter.value(now)
	return o
}

// sensor is the last good reading of a sensor, unless it is older than stale; none for sensor 0.
func (b *board) sensor(now time.Time, room string, id int, stale time.Duration) aircon.Value {
	if id == 0 {
		return aircon.Value{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l, found := b.sensors[room+"/"+strconv.Itoa(id)]
	if !found || l.At.IsZero() || now.Sub(l.At) > stale {
		return aircon.Value{}
	}
	return aircon.Known(l.Celsius)
}

// inlets is what the fresh inlets of one room say.
type inlets struct {
	fresh         int
	mean, warmest aircon.Value // °C
}

// inlets are those of this edge; what is supply or return air is no inlet.
func (b *board) inlets(now time.Time, room string, stale time.Duration) inlets {
	b.mu.Lock()
	defer b.mu.Unlock()
	var in inlets
	sum := 0.0
	for _, l := range b.sensors {
		if l.Room != room || l.role != spec.RoleInlet || l.At.IsZero() || now.Sub(l.At) > stale {
			continue
		}
		in.fresh++
		sum += l.Celsius
		if !in.warmest.Known || l.Celsius > in.warmest.N {
			in.warmest = aircon.Known(l.Celsius)
		}
	}
	if in.fresh > 0 {
		in.mean = aircon.Known(sum / float64(in.fresh))
	}
	return in
}
