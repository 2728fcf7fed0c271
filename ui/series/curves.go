package series

import (
	"cmp"
	"math"
	"strconv"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// curves are what people know by name, in the order of a legend.
func (s *sheet) curves(times []int64) []Curve {
	all := s.inlets(times)
	for _, sensor := range s.room.Sensors {
		id := strconv.Itoa(sensor.ID)
		c := s.columns[key{"temperature", id}]
		if c == nil {
			continue
		}
		all = append(all, Curve{
			ID: KindSensor + "/" + id, Name: cmp.Or(sensor.Name, "sensor "+id), Kind: KindSensor, Role: cmp.Or(sensor.Role, spec.RoleInlet),
			Unit: "°C", Values: c.mean, Min: c.low, Max: c.high,
		})
	}
	for _, ac := range s.room.AirConditioners {
		if commands := s.told[ac.Name]; len(commands) > 0 {
			all = append(all, Curve{ID: KindSetpoint + "/" + ac.Name, Name: ac.Name, Kind: KindSetpoint, Unit: "°C", Values: held(commands, times)})
		}
	}
	if c := s.columns[key{"watts", ""}]; c != nil {
		all = append(all, Curve{ID: KindLoad, Name: "IT load", Kind: KindLoad, Unit: "W", Values: c.mean, Min: c.low, Max: c.high})
	}
	for _, ac := range s.room.AirConditioners {
		if c := s.columns[key{"watts", ac.Name}]; c != nil {
			all = append(all, Curve{ID: KindPower + "/" + ac.Name, Name: ac.Name, Kind: KindPower, Unit: "W", Values: c.mean, Min: c.low, Max: c.high})
		}
	}
	return all
}

// inlets are the curves of the room as a whole, each the median of the inlet sensors as the rules have it.
func (s *sheet) inlets(times []int64) []Curve {
	var warm, damp, dew []*column
	for _, sensor := range s.room.Sensors {
		if cmp.Or(sensor.Role, spec.RoleInlet) != spec.RoleInlet {
			continue
		}
		id := strconv.Itoa(sensor.ID)
		t, h := s.columns[key{"temperature", id}], s.columns[key{"humidity", id}]
		if t != nil {
			warm = append(warm, t)
		}
		if h != nil {
			damp = append(damp, h)
		}
		if t != nil && h != nil {
			dew = append(dew, &column{mean: dewPoints(t.mean, h.mean)})
		}
	}
	var all []Curve
	keep := int64(0)
	if s.plan.step == 0 {
		keep = s.plan.gap.Milliseconds()
	}
	if len(warm) > 0 {
		low, high := extremes(warm)
		all = append(all, Curve{ID: KindInlet, Name: "inlet", Kind: KindInlet, Unit: "°C", Values: medians(warm, times, keep), Min: low, Max: high})
	}
	if len(damp) > 0 {
		all = append(all, Curve{ID: KindHumidity, Name: "humidity", Kind: KindHumidity, Unit: "%", Values: medians(damp, times, keep)})
	}
	if len(dew) > 0 {
		all = append(all, Curve{ID: KindDewPoint, Name: "dew point", Kind: KindDewPoint, Unit: "°C", Values: medians(dew, times, keep)})
	}
	return all
}

func dewPoints(celsius, humidity Column) Column {
	all := nothing(len(celsius))
	for i := range celsius {
		if i < len(humidity) && humidity[i] > 0 && humidity[i] <= 100 {
			all[i] = control.DewPoint(celsius[i], humidity[i])
		}
	}
	return all
}

// medians are those of the columns' values at each time. Where values are readings themselves one counts for as long as
// keep, ms, as the rules take it; a time at which none has come has no median.
func medians(columns []*column, times []int64, keep int64) Column {
	all := nothing(len(times))
	last, since := make([]float64, len(columns)), make([]int64, len(columns))
	var now []float64
	for i, at := range times {
		now = now[:0]
		fresh := false
		for n, c := range columns {
			switch v := c.mean[i]; {
			case !math.IsNaN(v):
				last[n], since[n], fresh = v, at, true
				now = append(now, v)
			case keep > 0 && since[n] > 0 && at-since[n] <= keep:
				now = append(now, last[n])
			}
		}
		if fresh {
			all[i] = control.Median(now)
		}
	}
	return all
}

// extremes are the least and the most of all columns; nil where there are none.
func extremes(columns []*column) (low, high Column) {
	if columns[0].low == nil {
		return nil, nil
	}
	low, high = nothing(len(columns[0].low)), nothing(len(columns[0].low))
	for _, c := range columns {
		for i := range c.low {
			low[i], high[i] = least(low[i], c.low[i]), most(high[i], c.high[i])
		}
	}
	return low, high
}
