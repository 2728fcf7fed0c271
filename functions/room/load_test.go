package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestLoadNeedsNoRoomWhereThereIsOne(t *testing.T) {
	serve := func(names ...string) string {
		config := server.Config{Speed: 1}
		for _, name := range names {
			config.Rooms = append(config.Rooms, spec.Room{
				Name: name, Sensors: []spec.Sensor{{ID: 1}}, AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg"}},
			})
		}
		building, err := server.New(config)
		require.NoError(t, err)
		s := httptest.NewServer(building.Handler())
		t.Cleanup(s.Close)
		return s.URL
	}
	one, two := serve("hall"), serve("attic", "hall")
	for line, want := range map[string]string{
		"--factor 2 --url " + one:               "0 simulated room hall: load times 2",
		"--room hall --watts 900 --url " + two:  "0 simulated room hall: load 900 W",
		"--factor 2 --url " + two:               "1 room load: there are 2 rooms (attic, hall): name one with --room",
		"--room cellar --factor 2 --url " + two: `1 room load: simulated room "cellar": not found`,
		"--factor 2 --watts 2 --url " + one:     "2 room load: give one of --watts and --factor, above 0, as in: room load --factor 2.5",
		"--factor 2 --url http://127.0.0.1:1":   "1 room load: no simulated room answers at http://127.0.0.1:1/api/v1/room (give its --url): dial tcp 127.0.0.1:1: connect: connection refused",
		"--factor 2 --url " + one + "/no":       "1 room load: " + one + "/no/api/v1/room answered 404 Not Found: no simulated room is there",
	} {
		var out strings.Builder
		code := load(t.Context(), strings.Fields(line), &out, &out)
		require.Equal(t, want, strings.TrimSpace(string(rune('0'+code))+" "+out.String()), line)
	}
}
