package iio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/iio"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/internal/fault"
)

func TestAddresses(t *testing.T) {
	for address, says := range map[string]string{
		"": "names no device", "/dht11@4": "names no device", "dht11/": "names no device", "dht11/a/b": "names no device",
		"iio:device0": "moves",
	} {
		_, err := iio.New(sysfs.Dir("/nowhere"), address)
		require.ErrorIs(t, err, fault.ErrInvalid, address)
		require.ErrorContains(t, err, says)
	}
	for _, address := range []string{"dht11@4", "dht11", "bme280/1-0076"} {
		_, err := iio.New(sysfs.Dir("/nowhere"), address)
		require.NoError(t, err, "a device that is not plugged in is no fault of the address")
	}
}

func TestItAsksForPatience(t *testing.T) {
	thermometer, err := iio.New(sysfs.Dir("/nowhere"), "dht11@4")
	require.NoError(t, err)
	var patient device.Patient = thermometer
	most, pause := patient.Tries()
	require.Equal(t, 3, most)
	require.Equal(t, 2*time.Second, pause)
	_, err = thermometer.Read(t.Context())
	require.ErrorIs(t, err, fault.ErrNotFound)
}
