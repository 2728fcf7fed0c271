package catalog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestLocalSensors(t *testing.T) {
	for source, says := range map[string]string{
		"iio:dht11@4": "", "iio:bme280/1-0076": "", "w1:28-0000075f1c2d": "", "file:/run/probe?max-age=10s": "", "exec:/bin/probe?arg=1": "",
		"iio:":              "sensor 7: source iio: names no device (write iio:dht11@4",
		"iio:iio:device0":   "sensor 7: source iio:iio:device0: the number of an iio:device moves",
		"w1:28":             "sensor 7: source w1:28 names no sensor (write w1:28-0000075f1c2d",
		"file:probe":        "sensor 7: source file:probe: the path has to be absolute",
		"exec:/bin/x?sh=1":  `sensor 7: source exec:/bin/x?sh=1: "sh" is unknown (known: arg, scale)`,
		"carrier-pigeon:7":  `sensor 7: source "carrier-pigeon:7" is no device`,
		"/sys/bus/w1/wrong": "is no device",
	} {
		_, err := catalog.Catalog{}.Thermometer("hall", spec.Sensor{ID: 7, Source: source})
		if says == "" {
			require.NoError(t, err, source)
			continue
		}
		require.ErrorIs(t, err, fault.ErrInvalid, source)
		require.ErrorContains(t, err, says)
	}
}

func TestLocalMeters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watts")
	require.NoError(t, os.WriteFile(path, []byte("640\n"), 0o600))
	meter, err := catalog.Catalog{}.Meter("hall", spec.AirConditioner{Name: "ac1", Meter: "file:" + path})
	require.NoError(t, err)
	watts, err := meter.Watts(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 640, watts, 0)
	meter, err = catalog.Catalog{}.Meter("hall", spec.AirConditioner{Name: "ac1", Meter: "exec:/bin/echo?arg=650"})
	require.NoError(t, err)
	watts, err = meter.Watts(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 650, watts, 0)
	_, err = catalog.Catalog{}.Meter("hall", spec.AirConditioner{Name: "ac1", Meter: "file:watts"})
	require.ErrorContains(t, err, "air conditioner ac1: source file:watts: the path has to be absolute")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestOneHubForAProcess(t *testing.T) {
	shared := catalog.Catalog{Sysfs: t.TempDir()}.Shared()
	require.NotNil(t, shared.OneWire)
	require.Same(t, shared.OneWire, shared.Shared().OneWire)
}
