package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/server"
)

func TestTheCurveIsThatOfTheInlets(t *testing.T) {
	at := func(millis int64, c float64) influx.Point {
		return influx.Point{Time: time.UnixMilli(millis), Value: c}
	}
	room := spec.Room{Sensors: []spec.Sensor{{ID: 1}, {ID: 2, Role: spec.RoleInlet}, {ID: 3}, {ID: 4, Role: spec.RoleSupply}}}
	require.Equal(t, []server.Point{{At: 10, Value: 25}, {At: 20, Value: 26}}, inlets(room, map[string][]influx.Point{
		"1": {at(10, 25), at(20, 26)}, "2": {at(10, 24)}, "3": {at(10, 40)}, "4": {at(10, 12), at(20, 12), at(30, 12)}, "9": {at(10, 0)},
	}))
}

func TestStepsBeginWithWhatHeldAndEndNow(t *testing.T) {
	commands := []server.Point{{At: 10, Value: 24}, {At: 90, Value: 23}, {At: 150, Value: 22}}
	require.Equal(t, []server.Point{{At: 100, Value: 23}, {At: 150, Value: 22}, {At: 200, Value: 22}}, steps(commands, 100, 200))
	require.Empty(t, steps(nil, 100, 200))
}
