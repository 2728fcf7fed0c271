package state

import (
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// resourceStale is how old a box's resources may be before they are left out of means: boxes speak each 10 to 60 s.
const resourceStale = 3 * time.Minute

// Means are the gauges of a room: each a mean over what is good and fresh.
type Means struct {
	Temperature Mean `json:"temperature"` // °C, of the sensors at inlets and in the room; of all when there are none such
	Humidity    Mean `json:"humidity"`    // %, of the same
	CPU         Mean `json:"cpu"`         // %, of the boxes in the room; of all boxes when the specification names none
	Memory      Mean `json:"memory"`      // % used, of the same
	Disk        Mean `json:"disk"`        // % used, of the same, each box as the mean of its disks
}

// Mean is over Of values out of All that there could be, to a tenth; nil of none.
type Mean struct {
	Value *float64 `json:"value"`
	Of    int      `json:"of"`
	All   int      `json:"all"`
}

func meanOf(values []float64, all int) Mean {
	if len(values) == 0 {
		return Mean{All: all}
	}
	mean := math.Round(10*average(values)) / 10
	return Mean{&mean, len(values), all}
}

func average(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// means are a room's, of sensors as they are shown.
func (s *Store) means(room spec.Room, sensors []Sensor, now time.Time) Means {
	var celsius, humidity []float64
	air := func(one Sensor) bool { return one.Role == spec.RoleInlet || one.Role == spec.RoleAmbient }
	some, all := slices.ContainsFunc(sensors, air), 0
	for _, one := range sensors {
		if some && !air(one) {
			continue
		}
		all++
		if one.Celsius == nil || one.Bad || one.Stale {
			continue
		}
		celsius = append(celsius, *one.Celsius)
		if one.Humidity != nil {
			humidity = append(humidity, *one.Humidity)
		}
	}
	m := Means{Temperature: meanOf(celsius, all), Humidity: meanOf(humidity, all)}
	m.CPU, m.Memory, m.Disk = s.boxMeans(room, now)
	return m
}

func (s *Store) boxMeans(room spec.Room, now time.Time) (cpu, memory, disk Mean) {
	var cpus, memories, disks []float64
	all := len(room.Boxes)
	if all == 0 {
		all = len(s.boxes())
	}
	for name, r := range s.resources {
		if len(room.Boxes) > 0 && !slices.Contains(room.Boxes, name) || now.UnixMilli()-r.TimeMillis > resourceStale.Milliseconds() {
			continue
		}
		if r.CPUPercent != nil {
			cpus = append(cpus, *r.CPUPercent)
		}
		if r.MemTotal != nil && r.MemAvail != nil && *r.MemTotal > 0 {
			memories = append(memories, 100*(1 - *r.MemAvail / *r.MemTotal))
		}
		if used := diskUse(r); len(used) > 0 {
			disks = append(disks, average(used))
		}
	}
	return meanOf(cpus, all), meanOf(memories, all), meanOf(disks, all)
}

func diskUse(r wire.Resource) (used []float64) {
	for _, d := range r.Disks {
		used = append(used, d.Percent)
	}
	return used
}
