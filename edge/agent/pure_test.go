package agent

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/control"
)

func TestTheWatchCountsFromTheStart(t *testing.T) {
	start := time.Now()
	w := newWatch(start)
	missing, began := w.tick(start.Add(4*time.Minute), 5*time.Minute)
	require.False(t, missing || began)
	missing, began = w.tick(start.Add(5*time.Minute), 5*time.Minute)
	require.True(t, missing && began)
	missing, began = w.tick(start.Add(6*time.Minute), 5*time.Minute)
	require.True(t, missing)
	require.False(t, began, "it begins once")

	require.True(t, w.seen(start.Add(7*time.Minute), 100), "orders are back")
	missing, _ = w.tick(start.Add(8*time.Minute), 5*time.Minute)
	require.False(t, missing)
	require.False(t, w.seen(start.Add(8*time.Minute), 100), "the same lease again renews nothing")
	missing, began = w.tick(start.Add(12*time.Minute), 5*time.Minute)
	require.True(t, missing && began)
}

func TestTheFirstLeaseIsOrdersComingBack(t *testing.T) {
	start := time.Now()
	w := newWatch(start)
	require.True(t, w.seen(start, 1))
	require.False(t, w.seen(start, 2))
}

func TestDoubts(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name    string
		celsius []float64 // one each 10 s
		doubts  []bool
	}{
		{"quiet air", []float64{24, 24.1, 24, 26.9}, []bool{false, false, false, false}},
		{"outside of what air can be", []float64{85, -40, 24}, []bool{true, true, false}},
		{"a spike is doubted, what follows is not", []float64{24, 30, 24.2}, []bool{false, true, false}},
		{"a true change is believed after a while", []float64{24, 32, 32, 32, 32}, []bool{false, true, true, false, false}},
		{"no number", []float64{24, math.NaN(), 24, math.Inf(1)}, []bool{false, true, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := judge{stepK: 3}
			for i, v := range c.celsius {
				doubt := j.doubt(now.Add(time.Duration(i)*10*time.Second), v)
				require.Equal(t, c.doubts[i], doubt != "", "reading %d: %q", i, doubt)
			}
		})
	}
}

func TestConfigTellsEveryFaultAtOnce(t *testing.T) {
	env := map[string]string{
		"OVERCLOUD_BOX": "pi-1",
		"OVERCLOUD_ROOMS": `[{"name":"hall","sensors":[{"id":1,"source":"w1:28-0","box":"pi-1"},{"id":2,"source":"nonsense","box":"pi-1"},
			{"id":3,"source":"w1:x","box":"pi-2"},{"id":4,"source":"simulated://room/x","box":"pi-1"}],
			"air_conditioners":[{"name":"ac1","remote":"sony","transmitter":"simulated://ac1","box":"pi-1"},
			{"name":"ac2","remote":"lg","transmitter":"lircd:/run/x","box":"pi-1","min":28,"max":30}]}]`,
		"SIMULATED_ROOM": "http://127.0.0.1:1",
		"SNMP_TARGETS":   "rack-1=tcp://10.0.0.1?community=hush",
		"RESOURCE_EVERY": "soon", "EDGE_CLOCK": "cuckoo",
	}
	_, err := ReadConfig(func(name string) string { return env[name] })
	for _, says := range []string{
		`sensor 1: not built yet: source of kind "w1"`, `sensor 2: source "nonsense" is no device`, "sensor 4: source",
		`remote "sony" is not known (known: lg)`, `air conditioner ac2: not built yet: transmitter of kind "lircd"`,
		"ac2: no setpoint is allowed", "KAFKA_BROKERS is not set", "RESOURCE_EVERY", "EDGE_CLOCK", "SNMP target of box rack-1",
	} {
		require.ErrorContains(t, err, says)
	}
	require.NotContains(t, err.Error(), "sensor 3", "it stands on another box")
	require.NotContains(t, err.Error(), "hush", "community names are secrets")
}

func TestConfigFillsAPolicyThatIsMissing(t *testing.T) {
	env := map[string]string{
		"OVERCLOUD_BOX": "pi-1", "KAFKA_BROKERS": "127.0.0.1:9092", "SIMULATED_ROOM": "http://127.0.0.1:1",
		"OVERCLOUD_ROOMS": `[{"name":"hall","sensors":[{"id":1,"source":"simulated://room/1","box":"pi-1"}],
			"air_conditioners":[{"name":"ac1","remote":"lg","transmitter":"simulated://ac1","box":"pi-1","max":25}]}]`,
		"OVERCLOUD_ROOT": "/somewhere", "SNMP_TARGETS": "rack-1=udp://10.0.0.1:1161, rack-2=udp://10.0.0.2?community=c",
	}
	c, err := ReadConfig(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, c.Rooms[0].Policy.SampleEvery.D())
	require.Equal(t, "/somewhere/var/lib/edge", c.Dir)
	require.Len(t, c.Targets, 2)
	profile, err := remote(c.Rooms[0], c.Rooms[0].AirConditioners[0])
	require.NoError(t, err)
	require.Equal(t, control.Limits{Min: 18, Max: 25}, limits(c.Rooms[0].Policy, c.Rooms[0].AirConditioners[0], profile))
}
