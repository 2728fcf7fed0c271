package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/server"
)

// history reads what the sink stored.
type history struct{ stored *influx.Client }

// Inlet is the median of the room's inlet sensors in steps of every, each by its mean there: what the rules go by, which
// is not the air that machines blow out.
func (h history) Inlet(ctx context.Context, room spec.Room, from, to time.Time, every time.Duration) ([]server.Point, error) {
	tags := map[string]string{"room": room.Name, "quality": "good"}
	each, err := h.stored.SeriesBy(ctx, "temp", "temperature", tags, "sensor", from, to, every)
	return inlets(room, each), err
}

// inlets puts the series of the room's inlet sensors, by their numbers, together: the median at each time.
func inlets(room spec.Room, each map[string][]influx.Point) []server.Point {
	at := map[int64][]float64{}
	for _, s := range room.Sensors {
		if cmp.Or(s.Role, spec.RoleInlet) != spec.RoleInlet {
			continue
		}
		for _, p := range each[strconv.Itoa(s.ID)] {
			at[p.Time.UnixMilli()] = append(at[p.Time.UnixMilli()], p.Value)
		}
	}
	points := make([]server.Point, 0, len(at))
	for _, millis := range slices.Sorted(maps.Keys(at)) {
		points = append(points, server.Point{At: millis, Value: control.Median(at[millis])})
	}
	return points
}

// held is how far back the command is looked for that still holds at the beginning of a range: the edge repeats
// its state every 20 min, but a command is written once.
const held = 7 * 24 * time.Hour

// Setpoint is the setpoint told to an air conditioner, as steps: the one that held at from, each later one,
// and the last one once more at to.
func (h history) Setpoint(ctx context.Context, room, ac string, from, to time.Time, _ time.Duration) ([]server.Point, error) {
	tags := map[string]string{"room": room, "ac": ac}
	points, err := h.stored.Series(ctx, "command", "setpoint", tags, from.Add(-held), to, 0)
	return steps(convert(points), from.UnixMilli(), to.UnixMilli()), err
}

func steps(points []server.Point, from, to int64) []server.Point {
	inside := []server.Point{}
	for _, p := range points {
		if p.At >= from {
			inside = append(inside, p)
			continue
		}
		inside = []server.Point{{At: from, Value: p.Value}} // points come oldest first: the last one holds
	}
	if len(inside) > 0 {
		inside = append(inside, server.Point{At: to, Value: inside[len(inside)-1].Value})
	}
	return inside
}

func convert(points []influx.Point) []server.Point {
	converted := make([]server.Point, 0, len(points))
	for _, p := range points {
		converted = append(converted, server.Point{At: p.Time.UnixMilli(), Value: p.Value})
	}
	return converted
}
