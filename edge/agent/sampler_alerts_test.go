package agent

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device"
)

func TestWhatIsDoubtedForLongBecomesAnAlertThatEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sensor := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			if n > 2 && n <= 9 {
				return celsius(75)
			}
			return celsius(24)
		}}
		readings, alerts, _ := sampled(t, 10*time.Second, 5*time.Minute, sensor)
		require.Len(t, alerts, 2)
		require.Contains(t, alerts[0].Evidence, "sensor 1: 75.0 °C is outside -10 to 60 °C")
		require.Equal(t, "sensor", alerts[0].Kind)
		require.Zero(t, alerts[0].EndedMillis)
		require.Equal(t, int64(30_000), alerts[0].BeganMillis-readings[2].At.UnixMilli())
		require.Equal(t, alerts[0].ID, alerts[1].ID)
		require.NotZero(t, alerts[1].EndedMillis)
	})
}

func TestASensorThatIsBadHalfOfTheTimeBecomesOneAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alternates := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			if n%2 == 0 && n < 300 { // 50 minutes
				return celsius(75)
			}
			return celsius(24)
		}}
		_, alerts, _ := sampled(t, 10*time.Second, 40*time.Minute, alternates)
		require.Len(t, alerts, 1, "it begins once and lasts")
		require.Contains(t, alerts[0].Evidence, "sensor 1: bad in 43 of 86 samples of the last 14m0s, now: 75.0 °C is outside -10 to 60 °C")

		alternates = &probe{start: time.Now(), say: alternates.say}
		_, alerts, _ = sampled(t, 10*time.Second, 80*time.Minute, alternates)
		require.Len(t, alerts, 2, "and ends when it is well again")
		require.NotZero(t, alerts[1].EndedMillis)
	})
}

func TestAStuckSensorIsFoundBesideItsNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &probe{start: time.Now(), say: func(context.Context, int) (device.Measurement, error) { return celsius(24.5) }}
		lives := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			return celsius(24 + math.Sin(float64(n)/30))
		}}
		readings, alerts, _ := sampled(t, 10*time.Second, 40*time.Minute, stuck, lives)
		bad := 0
		for _, r := range readings {
			if r.Bad {
				bad++
				require.Equal(t, 1, r.Sensor)
				require.True(t, strings.HasPrefix(r.Reason, "stuck at 24.5 °C for "), r.Reason)
			}
		}
		require.InDelta(t, 60, bad, 1, "ten minutes of them")
		require.Len(t, alerts, 1)
	})
}

func TestHumidityThatIsLeftOutForLongIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wet := &probe{start: time.Now(), say: func(_ context.Context, n int) (device.Measurement, error) {
			return device.Measurement{Celsius: 24 + float64(n%2)/10, Humidity: 0, HasHumidity: true}, nil
		}}
		readings, alerts, _ := sampled(t, 10*time.Second, 11*time.Minute, wet)
		for _, r := range readings {
			require.False(t, r.Bad || r.HasHumidity)
		}
		require.Len(t, alerts, 1)
		require.Equal(t, "hall/sensor/1/humidity", alerts[0].ID)
		require.Contains(t, alerts[0].Evidence, "humidity: 0 % exactly")
	})
}
