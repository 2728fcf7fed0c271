package agent

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
)

// What a meter shows each 10 s is told as means of half a minute; what it does not show is told of never.
func TestAMeterIsToldInMeans(t *testing.T) {
	t.Parallel()
	var told []wire.Power
	m := &metering{room: "hall", ac: "ac1", simulated: true, publish: func(p wire.Power) { told = append(told, p) }}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for i := range 8 {
		m.took(t.Context(), now.Add(time.Duration(i)*10*time.Second), float64(600+100*(i%4)), nil)
	}
	require.Equal(t, []wire.Power{
		{Room: "hall", AC: "ac1", Watts: 750, TimeMillis: now.Add(30 * time.Second).UnixMilli(), Simulated: true},
		{Room: "hall", AC: "ac1", Watts: 750, TimeMillis: now.Add(70 * time.Second).UnixMilli(), Simulated: true},
	}, told)

	for _, nonsense := range []float64{math.NaN(), -5, math.Inf(1), 1e12} {
		m.took(t.Context(), now.Add(90*time.Second), nonsense, nil)
		require.NotEmpty(t, m.fault, "%g", nonsense)
	}
	m.took(t.Context(), now.Add(100*time.Second), 0, errors.New("no answer"))
	require.False(t, m.value(now.Add(101*time.Second)).Known, "it is 31 s old")

	m.took(t.Context(), now.Add(time.Hour), 1000, nil)
	m.took(t.Context(), now.Add(time.Hour+30*time.Second), 1000, nil)
	require.Len(t, told, 3)
	require.InDelta(t, 1000, told[2].Watts, 0, "nothing of an hour ago is in the mean")
}
