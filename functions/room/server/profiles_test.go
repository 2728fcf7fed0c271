package server

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

// Every remote that a specification can name steers a simulated machine, and is heard by the receiver beside it.
func TestEveryRemoteCanBeSimulated(t *testing.T) {
	hall := spec.Room{Name: "hall", Sensors: []spec.Sensor{{ID: 1}}}
	for _, name := range infrared.Names() {
		hall.AirConditioners = append(hall.AirConditioners, spec.AirConditioner{Name: name, Remote: name})
	}
	b, err := New(Config{Speed: 1, Rooms: []spec.Room{hall}})
	require.NoError(t, err)
	s := httptest.NewServer(b.Handler())
	t.Cleanup(s.Close)
	url := s.URL + "/api/v1/room"
	for _, name := range infrared.Names() {
		t.Run(name, func(t *testing.T) {
			profile, err := infrared.ByName(name)
			require.NoError(t, err)
			told := []infrared.State{}
			for setpoint := 18; setpoint <= 30; setpoint++ {
				told = append(told, infrared.State{Power: true, Setpoint: setpoint, Mode: infrared.ModeCool, Fan: infrared.FanAuto})
			}
			told = append(told, infrared.State{}, told[0]) // off, and on again
			for _, state := range told {
				tell(t, url, profile, name, state)
			}
			overheard(t, url, profile, name, told)
			code, body := call(t, "POST", url+"/hall/ac/"+name+"/remote", `{"setpoint":21,"heard":true}`)
			require.Equal(t, 200, code, "%v", body)
			require.EqualValues(t, 21, ac(t, url, name)["setpoint"])
		})
	}
	_, view := call(t, "GET", url+"/hall", "")
	require.Zero(t, view["infrared_ignored"])
	require.EqualValues(t, 15*len(infrared.Names()), view["infrared_sent"])
}

// tell sends a state as an edge does, to a machine in an unknown state, and looks at the machine.
func tell(t *testing.T, url string, profile infrared.Profile, name string, state infrared.State) {
	t.Helper()
	frame, err := profile.Encode(state, nil)
	require.NoError(t, err)
	data, err := json.Marshal(frame)
	require.NoError(t, err)
	code, body := call(t, "POST", url+"/hall/ir/"+name, string(data))
	require.Equal(t, 200, code, "%v", body)
	machine := ac(t, url, name)
	require.Equal(t, state.Power, machine["power"], "%s", state)
	if state.Power {
		require.EqualValues(t, state.Setpoint, machine["setpoint"])
		require.Equal(t, state.Mode, machine["mode"])
		require.Equal(t, state.Fan, machine["fan"])
	}
}

// overheard checks that the receiver heard these states in this order.
func overheard(t *testing.T, url string, profile infrared.Profile, name string, told []infrared.State) {
	t.Helper()
	_, answer := call(t, "GET", fmt.Sprintf("%s/hall/ir/%s/heard", url, name), "")
	heard := answer["heard"].([]any)
	require.Len(t, heard, len(told))
	for i, h := range heard {
		data, err := json.Marshal(h)
		require.NoError(t, err)
		var frame infrared.Frame
		require.NoError(t, json.Unmarshal(data, &frame))
		state, _, err := profile.Decode(frame)
		require.NoError(t, err)
		require.Equal(t, told[i], state)
	}
}

// A machine does not understand another maker's remote; the room counts that for whoever mixed them up.
func TestAnotherMakersRemoteIsIgnored(t *testing.T) {
	_, url := start(t, Config{}) // LG machines
	for _, name := range infrared.Names() {
		if name == "lg" {
			continue
		}
		profile, err := infrared.ByName(name)
		require.NoError(t, err)
		frame, err := profile.Encode(infrared.State{Power: true, Setpoint: 19}, nil)
		require.NoError(t, err)
		data, err := json.Marshal(frame)
		require.NoError(t, err)
		code, body := call(t, "POST", url+"/hall/ir/ac1", string(data))
		require.Equal(t, 200, code, "a transmitter cannot know: %v", body)
		require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"], name)
	}
	_, view := call(t, "GET", url+"/hall", "")
	require.EqualValues(t, len(infrared.Names())-1, view["infrared_ignored"])
}
