package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

func rooms() []spec.Room {
	return []spec.Room{{
		Name: "hall", Sensors: []spec.Sensor{{ID: 1}, {ID: 2}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg"}, {Name: "ac2", Remote: "lg"}},
	}}
}

func start(t *testing.T, c Config) (*Building, string) {
	t.Helper()
	c.Rooms = rooms()
	if c.Speed == 0 {
		c.Speed = 1
	}
	b, err := New(c)
	require.NoError(t, err)
	s := httptest.NewServer(b.Handler())
	t.Cleanup(s.Close)
	return b, s.URL + "/api/v1/room"
}

func call(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var out map[string]any
	if json.Unmarshal(data, &out) != nil {
		out = map[string]any{"text": string(data)}
	}
	return response.StatusCode, out
}

func ac(t *testing.T, url, name string) map[string]any {
	t.Helper()
	code, view := call(t, "GET", url+"/hall", "")
	require.Equal(t, 200, code)
	require.Equal(t, true, view["simulated"])
	for _, a := range view["state"].(map[string]any)["air_conditioners"].([]any) {
		if a.(map[string]any)["name"] == name {
			return a.(map[string]any)
		}
	}
	t.Fatalf("no %s in %v", name, view)
	return nil
}

func frame(t *testing.T, s infrared.State) string {
	t.Helper()
	f, err := infrared.LG{}.Encode(s, nil)
	require.NoError(t, err)
	data, err := json.Marshal(f)
	require.NoError(t, err)
	return string(data)
}

func TestInfraredSetsTheMachineAndIsHeard(t *testing.T) {
	_, url := start(t, Config{})
	_, before := call(t, "GET", url+"/hall/ir/ac2/heard", "")
	require.Empty(t, before["heard"])
	code, _ := call(t, "POST", url+"/hall/ir/ac2", frame(t, infrared.State{Power: true, Setpoint: 19, Fan: "high"}))
	require.Equal(t, 200, code)
	got := ac(t, url, "ac2")
	require.EqualValues(t, 19, got["setpoint"])
	require.Equal(t, "high", got["fan"])
	require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"], "the other one did not hear it")

	_, heard := call(t, "GET", url+"/hall/ir/ac2/heard", "")
	require.Len(t, heard["heard"], 1)
	data, err := json.Marshal(heard["heard"].([]any)[0])
	require.NoError(t, err)
	var h Heard
	require.NoError(t, json.Unmarshal(data, &h))
	state, code28, err := infrared.LG{}.Decode(infrared.Frame{CarrierHz: h.CarrierHz, Pulses: h.Pulses})
	require.NoError(t, err)
	require.Equal(t, 19, state.Setpoint)
	require.Equal(t, "0x8800448", code28.String())
	last, err := json.Marshal(heard["last"])
	require.NoError(t, err)
	_, none := call(t, "GET", url+"/hall/ir/ac2/heard?since="+string(last), "")
	require.Empty(t, none["heard"])
}

func TestLostInfraredChangesNothingAndSaysNothing(t *testing.T) {
	_, url := start(t, Config{Loss: 1})
	code, body := call(t, "POST", url+"/hall/ir/ac1", frame(t, infrared.State{Power: true, Setpoint: 19}))
	require.Equal(t, 200, code, "a transmitter cannot know: %v", body)
	require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"])
	_, heard := call(t, "GET", url+"/hall/ir/ac1/heard", "")
	require.Empty(t, heard["heard"])
}

func TestGarbledInfraredIsIgnoredByTheMachine(t *testing.T) {
	_, url := start(t, Config{})
	code, _ := call(t, "POST", url+"/hall/ir/ac1", `{"carrier_hz":38000,"pulses_us":[8500,4250,550]}`)
	require.Equal(t, 200, code)
	require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"])
}

func TestHandRemoteIsHiddenUnlessHeard(t *testing.T) {
	_, url := start(t, Config{})
	code, _ := call(t, "POST", url+"/hall/ac/ac1/remote", `{"setpoint":28}`)
	require.Equal(t, 200, code)
	require.EqualValues(t, 28, ac(t, url, "ac1")["setpoint"])
	_, heard := call(t, "GET", url+"/hall/ir/ac1/heard", "")
	require.Empty(t, heard["heard"])
	code, _ = call(t, "POST", url+"/hall/ac/ac1/remote", `{"power":false,"heard":true}`)
	require.Equal(t, 200, code)
	require.Equal(t, false, ac(t, url, "ac1")["power"])
	_, heard = call(t, "GET", url+"/hall/ir/ac1/heard", "")
	require.Len(t, heard["heard"], 1)
}

func TestControlsWarmTheRoom(t *testing.T) {
	b, url := start(t, Config{Speed: 60})
	b.Advance(time.Minute)
	temperature := func() float64 {
		code, r := call(t, "GET", url+"/hall/sensors/1", "")
		require.Equal(t, 200, code)
		require.Equal(t, true, r["simulated"])
		return r["celsius"].(float64)
	}
	before := temperature()
	for path, body := range map[string]string{
		"load": `{"factor":1.4}`, "outdoor": `{"celsius":38}`, "door": `{"open":true}`, "ac/ac1/fail": `{"failed":true}`,
	} {
		code, r := call(t, "PUT", url+"/hall/"+path, body)
		require.Equal(t, 200, code, "%v", r)
	}
	b.Advance(15 * time.Second)
	require.Greater(t, temperature(), before+2, "15 minutes later")
}

func TestBadRequestsAreOneSentence(t *testing.T) {
	_, url := start(t, Config{})
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"GET", "/attic", "", 404, `simulated room "attic": not found`},
		{"GET", "/hall/sensors/9", "", 404, "sensor 9"},
		{"GET", "/hall/sensors/x", "", 400, "no number"},
		{"POST", "/hall/ir/ac9", `{"carrier_hz":38000,"pulses_us":[1]}`, 404, "ac9"},
		{"POST", "/hall/ir/ac1", `{"carrier_hz":38000,"pulses_us":[1,2]}`, 400, "entries"},
		{"POST", "/hall/ir/ac1", `{"carrier_hz":38000,"pulses_us":[300000,1,300000]}`, 400, "500ms"},
		{"POST", "/hall/ir/ac1", `{"carrier_hz":38000,"remote":"toshiba","keys":["SET_20"]}`, 400, "takes pulses"},
		{"POST", "/hall/ir/ac1", `what`, 400, "body"},
		{"PUT", "/hall/load", `{}`, 400, "either"},
		{"PUT", "/hall/load", `{"watts":-5}`, 400, "above 0"},
		{"PUT", "/hall/load", `{"factor":1e9}`, 400, "outside"},
		{"PUT", "/hall/load", `{"wats":5}`, 400, "unknown field"},
		{"PUT", "/hall/outdoor", `{"celsius":500}`, 400, "outside"},
		{"PUT", "/hall/ac/ac9/fail", `{"failed":true}`, 404, "ac9"},
		{"POST", "/hall/ac/ac1/remote", `{"setpoint":99}`, 400, "99 °C"},
		{"GET", "/hall/ir/ac1/heard?since=x", "", 400, "since"},
		{"PUT", "/hall/infrared", `{"loss":2}`, 400, "from 0 to 1"},
		{"DELETE", "/hall", "", 405, ""},
	} {
		code, body := call(t, c.method, url+c.path, c.body)
		require.Equal(t, c.code, code, "%s %s: %v", c.method, c.path, body)
		if c.says != "" {
			require.Contains(t, body["error"], c.says)
		}
	}
	require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"])
}

func TestARestartGoesOn(t *testing.T) {
	dir := t.TempDir()
	b, url := start(t, Config{Dir: dir})
	_, _ = call(t, "POST", url+"/hall/ir/ac1", frame(t, infrared.State{Power: true, Setpoint: 18}))
	b.Advance(time.Minute)
	require.NoError(t, b.Store())
	_, url = start(t, Config{Dir: dir})
	require.EqualValues(t, 18, ac(t, url, "ac1")["setpoint"])

	require.NoError(t, os.WriteFile(filepath.Join(dir, "hall.json"), []byte(`{"air_c":`), 0o600))
	_, url = start(t, Config{Dir: dir})
	require.EqualValues(t, 24, ac(t, url, "ac1")["setpoint"], "an unreadable state begins anew")
	require.FileExists(t, filepath.Join(dir, "hall.json.old"))
}

func TestConfigTellsAllFaults(t *testing.T) {
	bad := rooms()
	bad[0].AirConditioners[0].Remote = "sony"
	err := Config{Rooms: append(bad, spec.Room{Name: "../x"}), Speed: -1, Loss: 7}.Validate()
	for _, says := range []string{"ROOM_SPEED", "ROOM_LOSS", `"sony" is not known (known: coolix, `, `"../x"`} {
		require.ErrorContains(t, err, says)
	}
}

// The air that a machine blows out and its power say whether it cools.
func TestSupplyAirAndPowerTellWhetherAMachineCools(t *testing.T) {
	building, err := New(Config{Speed: 1, Rooms: []spec.Room{{
		Name: "hall", Sensors: []spec.Sensor{{ID: 1}, {ID: 7, Role: spec.RoleSupply}, {ID: 8, Role: spec.RoleReturn}},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg", Supply: 7, Return: 8}},
	}}})
	require.NoError(t, err)
	rooms := httptest.NewServer(building.Handler())
	t.Cleanup(rooms.Close)
	url := rooms.URL + "/api/v1/room"
	shows := func() (drop, watts float64) {
		_, supply := call(t, "GET", url+"/hall/sensors/7", "")
		_, returned := call(t, "GET", url+"/hall/sensors/8", "")
		_, power := call(t, "GET", url+"/hall/ac/ac1/power", "")
		return returned["celsius"].(float64) - supply["celsius"].(float64), power["watts"].(float64)
	}
	code, _ := call(t, "POST", url+"/hall/ir/ac1", frame(t, infrared.State{Power: true, Setpoint: 18}))
	require.Equal(t, 200, code)
	building.Advance(10 * time.Minute)
	drop, watts := shows()
	require.Greater(t, drop, 5.0)
	require.Greater(t, watts, 500.0)

	code, _ = call(t, "PUT", url+"/hall/ac/ac1/fail", `{"failed":true}`)
	require.Equal(t, 200, code)
	building.Advance(10 * time.Minute)
	drop, watts = shows()
	require.Less(t, drop, 1.0)
	require.Zero(t, watts)
}

func TestRealMachinesAreNotSimulated(t *testing.T) {
	b, err := New(Config{Speed: 1, Rooms: []spec.Room{
		{Name: "hall", Sensors: []spec.Sensor{{ID: 1}}, AirConditioners: []spec.AirConditioner{
			{Name: "ac1", Remote: "lg", Transmitter: "simulated://ac1"},
			{Name: "learned", Remote: "/etc/lirc/lircd.conf.d/x.lircd.conf#x", Transmitter: "/dev/lirc0"},
			{Name: "real", Remote: "daikin", Transmitter: "lircd:"},
		}},
	}})
	require.NoError(t, err, "a learned remote of a real machine is none of the simulation's business")
	hall := b.rooms["hall"]
	require.Len(t, hall.model.State().AirConditioners, 1)
	require.ErrorIs(t, hall.send("real", infrared.Frame{}), fault.ErrNotFound)

	_, err = New(Config{Speed: 1, Rooms: []spec.Room{{Name: "hall", AirConditioners: []spec.AirConditioner{
		{Name: "ac1", Remote: "/etc/x.conf#x", Transmitter: "simulated://ac1"},
	}}}})
	require.ErrorContains(t, err, "room hall, air conditioner ac1: remote")
}
