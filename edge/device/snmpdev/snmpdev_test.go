package snmpdev_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/snmpdev"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/snmp/snmptest"
)

// A server with two processors, each with a "Core 0", and an inlet below zero; and a metered outlet.
const server = `
.1.3.6.1.4.1.2021.13.16.2.1.2.1|4|CPU Temp
.1.3.6.1.4.1.2021.13.16.2.1.2.4|4|Core 0
.1.3.6.1.4.1.2021.13.16.2.1.2.7|4|Inlet
.1.3.6.1.4.1.2021.13.16.2.1.2.9|4|Core 0
.1.3.6.1.4.1.2021.13.16.2.1.3.1|66|48500
.1.3.6.1.4.1.2021.13.16.2.1.3.4|66|51000
.1.3.6.1.4.1.2021.13.16.2.1.3.7|66|4294964796
.1.3.6.1.4.1.2021.13.16.2.1.3.9|66|52000
.1.3.6.1.4.1.318.1.1.26.6.3.1.7.1|66|82
.1.3.6.1.4.1.318.1.2.0|4|235
.1.3.6.1.4.1.318.1.3.0|4|out of order
`

func boxes(t *testing.T, agent *snmptest.Agent) []snmp.Target {
	t.Helper()
	target, err := snmp.ParseTarget("rack-1", "udp://"+agent.Address()+"?timeout=200ms&retries=1&community="+snmptest.Community)
	require.NoError(t, err)
	return []snmp.Target{{Box: "other", Host: "192.0.2.1"}, target}
}

func thermometer(t *testing.T, agent *snmptest.Agent, source string) device.Thermometer {
	t.Helper()
	out, err := snmpdev.NewThermometer(boxes(t, agent), source)
	require.NoError(t, err)
	t.Cleanup(func() { out.(interface{ Close() error }).Close() })
	return out
}

func TestBoardTemperaturesByName(t *testing.T) {
	agent := snmptest.Play(t, server)
	for source, want := range map[string]float64{
		"snmp:rack-1/CPU%20Temp": 48.5, "snmp:rack-1/Inlet": -2.5, "snmp:rack-1/Core%200#9": 52,
		"snmp:rack-1/1.3.6.1.4.1.318.1.2.0?scale=0.1": 23.5,
	} {
		sensor := thermometer(t, agent, source)
		for range 2 {
			m, err := sensor.Read(t.Context())
			require.NoError(t, err, source)
			require.InDelta(t, want, m.Celsius, 1e-9, source)
			require.False(t, m.HasHumidity)
		}
		require.Contains(t, sensor.(device.Describer).Describe(), "rack-1 (udp "+agent.Address(), source)
	}
}

func TestARowThatMovesIsFoundAgain(t *testing.T) {
	agent := snmptest.Play(t, server)
	sensor := thermometer(t, agent, "snmp:rack-1/CPU%20Temp")
	_, err := sensor.Read(t.Context())
	require.NoError(t, err)
	before := agent.Asked()
	_, err = sensor.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, agent.Asked()-before, "one packet once the row is known")

	agent.Set(t, ".1.3.6.1.4.1.2021.13.16.2.1.2.1|4|Chipset", ".1.3.6.1.4.1.2021.13.16.2.1.3.1|66|70000",
		".1.3.6.1.4.1.2021.13.16.2.1.2.2|4|CPU Temp", ".1.3.6.1.4.1.2021.13.16.2.1.3.2|66|49000")
	m, err := sensor.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 49, m.Celsius, 0, "not the chipset's 70")

	agent.Drop(".1.3.6.1.4.1.2021.13.16.2.1.2.2")
	_, err = sensor.Read(t.Context())
	require.ErrorIs(t, err, fault.ErrNotFound, "never an old value")
}

func TestReadingsThatCannotBeHadSayWhatToDo(t *testing.T) {
	agent := snmptest.Play(t, server)
	for source, says := range map[string]string{
		"snmp:rack-1/CPU%20Tmep":                `has no board temperature "CPU Tmep"`,
		"snmp:rack-1/Core%200":                  "write snmp:rack-1/Core%200#4 for the first of them",
		"snmp:rack-1/Core%200#1":                `no board temperature "Core 0" in row 1`,
		"snmp:rack-1/1.3.6.1.4.1.318.1.3.0":     "is no number",
		"snmp:rack-1/1.3.6.1.4.1.318.9.9.9.9.0": "look it up with snmpwalk",
	} {
		_, err := thermometer(t, agent, source).Read(t.Context())
		require.ErrorContains(t, err, says, source)
		require.ErrorContains(t, err, "rack-1", source)
	}
	_, err := thermometer(t, snmptest.Play(t, ".1.3.6.1.2.1.1.3.0|67|1"), "snmp:rack-1/Inlet").Read(t.Context())
	require.ErrorContains(t, err, "install lm-sensors")

	agent.Set(t, "!mute")
	began := time.Now()
	_, err = thermometer(t, agent, "snmp:rack-1/Inlet").Read(t.Context())
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.Less(t, time.Since(began), 3*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = thermometer(t, agent, "snmp:rack-1/Inlet").Read(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestMeters(t *testing.T) {
	agent := snmptest.Play(t, server)
	meter, err := snmpdev.NewMeter(boxes(t, agent), "snmp:rack-1/1.3.6.1.4.1.318.1.1.26.6.3.1.7.1?scale=10")
	require.NoError(t, err)
	watts, err := meter.Watts(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 820, watts, 1e-9)
}

func TestAddressesThatAreNone(t *testing.T) {
	known := boxes(t, snmptest.Play(t, server))
	for address, says := range map[string]string{
		"snmp:":                         "write snmp:box/device",
		"snmp:rack-1":                   "write snmp:box/device",
		"snmp:rack-1/":                  "write snmp:box/device",
		"snmp:/Inlet":                   "write snmp:box/device",
		"snmp:rack-7/Inlet":             "box rack-7 is not among the boxes that this edge polls (known: other, rack-1)",
		"snmp:rack-1/CPU%2":             "percent-encoded",
		"snmp:rack-1/Inlet?scale=2":     "for numbers by their OID",
		"snmp:rack-1/Inlet#x":           "the number of a row",
		"snmp:rack-1/Inlet#":            "the number of a row",
		"snmp:rack-1/1.3.6.1?scale=0":   "no number other than 0",
		"snmp:rack-1/1.3.6.1?scale=NaN": "no number other than 0",
		"snmp:rack-1/1.3.6.1?factor=3":  "factor is no parameter",
		"snmp:rack-1/1.3.6.1?scale=%zz": "write ?scale=0.1",
	} {
		_, err := snmpdev.NewThermometer(known, address)
		require.ErrorIs(t, err, fault.ErrInvalid, address)
		require.ErrorContains(t, err, says, address)
	}
	_, err := snmpdev.NewThermometer(nil, "snmp:rack-1/Inlet")
	require.ErrorContains(t, err, "there are none")
	_, err = snmpdev.NewMeter(known, "snmp:rack-1/Inlet")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "names no number")
}
