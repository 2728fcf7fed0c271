// Package e2e drives the whole of OverCloud the way a person does: `starter up` on free ports, the stock
// temporal command, the Control Room's API, Ctrl-C. It runs the built binaries and no fakes but the room.
package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The policy of the test: as the default one, with the waits of minutes cut to seconds. The simulated room
// runs faster than real time by the same sense. No emergency is wanted here: it would hold 18 °C for two minutes.
const quickPolicy = `{"policy":{"band_low":25,"band_high":26.5,"warn":34,"high":38,"critical":40,"class":"A3",` +
	`"setpoint_min":18,"setpoint_max":27,"setpoint_start":24,"fail_cold":22,` +
	`"up_step":1,"up_every":"6s","down_step":1,"down_every":"3s","down_after":"2s","fast_down_after":"2s","min_run":"0s","min_off":"0s","commands_an_hour":60,"fast_down_above":27.5,"fast_down_step":2,"fast_down_every":"2s",` +
	`"sample_every":"10s","stale_after":"90s","evidence_window":"10s","resend_most":3,"refresh_every":"20m","lease_ttl":"5m","override_most":"24h"},` +
	`"who":"e2e","why":"a test has no minutes"}`

func TestFromOneCommandToAConfirmedSetpointAndBack(t *testing.T) {
	o := newOverCloud(t)
	o.up()
	t.Run("every arrow carries data", o.everyArrow)
	t.Run("a load step brings the setpoint down and it recovers", o.loadStep)
	t.Run("overrides by three ways, refused ones change nothing", o.overrides)
	t.Run("load step, alert, override, countdown and expiry in a browser", o.pageByHand)
	t.Run("an override outlives a restart and ends by itself", o.overrideOverRestart)
	t.Run("down leaves nothing", o.down)
	o.interrupt()
	o.nothingListens()
}

// everyArrow sees readings in the page, resources of boxes, proven connections and history in InfluxDB.
func (o *overcloud) everyArrow(t *testing.T) {
	o.until(t, 60*time.Second, "the first setpoint is confirmed", func(s snapshot) bool {
		ac := s.ac("ac1")
		return s.room().Inlet != nil && ac.Confirmed != nil && *ac.Confirmed == ac.Desired
	})
	o.until(t, 40*time.Second, "resources of a box arrive", func(s snapshot) bool {
		for _, b := range s.Boxes {
			if b.Resource != nil {
				return true
			}
		}
		return false
	})
	s := o.until(t, 10*time.Second, "the page knows that the service runs", func(s snapshot) bool {
		return s.Service.Phase == "tuning" && len(s.Service.Functions) > 0
	})
	for _, f := range s.Service.Functions {
		for _, p := range f.Probes {
			require.True(t, p.Connected, "%s -> %s: %s", f.Function, p.Provider, p.Fault)
		}
	}
	require.Eventually(t, func() bool {
		return len(o.stored(t)) > 0
	}, 30*time.Second, 500*time.Millisecond, "readings are stored in InfluxDB")
}

// loadStep raises the room's IT load, watches the setpoint fall and be confirmed, and recover afterwards.
func (o *overcloud) loadStep(t *testing.T) {
	o.temporal(t, "workflow", "signal", "--workflow-id", "tune/smart-energy/server-room", "--name", "policy", "--input", quickPolicy)
	before := o.state(t).ac("ac1").Desired
	o.load(t, 3)
	low := o.until(t, 90*time.Second, "the setpoint falls and the air conditioner confirms", func(s snapshot) bool {
		ac := s.ac("ac1")
		return ac.Desired < before && ac.Confirmed != nil && *ac.Confirmed == ac.Desired
	}).ac("ac1").Desired
	o.load(t, 0.7)
	// The rules go by means over a minute at least, so the way back cannot be hurried further.
	o.until(t, 4*time.Minute, "the setpoint recovers", func(s snapshot) bool {
		low = min(low, s.ac("ac1").Desired)
		return s.ac("ac1").Desired > low
	})
	o.load(t, 1)
}

// overrides sets one by each way, and shows that nonsense is refused with a sentence.
func (o *overcloud) overrides(t *testing.T) {
	holds := func(setpoint int) {
		t.Helper()
		o.until(t, 30*time.Second, "the override holds and is confirmed", func(s snapshot) bool {
			ac := s.ac("ac1")
			return ac.Desired == setpoint && ac.Confirmed != nil && *ac.Confirmed == setpoint
		})
	}
	o.starter(t, "override", "--room", "server-room", "--ac", "ac1", "--setpoint", "20", "--for", "30m", "--why", "by starter")
	holds(20)
	o.temporal(t, "workflow", "signal", "--workflow-id", "tune/smart-energy/server-room", "--name", "override",
		"--input", `{"ac":"ac1","setpoint":21,"for":"30m","who":"e2e","why":"by signal"}`)
	holds(21)
	status, _ := o.post(t, `{"ac":"ac1","setpoint":19,"for":"30m","who":"e2e","why":"by the API"}`)
	require.Equal(t, 201, status)
	holds(19)

	status, body := o.post(t, `{"ac":"ac1","setpoint":50,"for":"30m","who":"e2e","why":"nonsense"}`)
	require.Equal(t, 422, status, body)
	require.Contains(t, body, "50")
	refused := o.starterFails(t, "override", "--room", "server-room", "--ac", "ac9", "--setpoint", "20", "--why", "nonsense")
	require.Contains(t, refused, "ac9")
	refused = o.starterFails(t, "override", "--room", "attic", "--ac", "ac1", "--setpoint", "20", "--why", "nonsense")
	require.Contains(t, refused, "attic")
	require.Equal(t, 19, o.state(t).ac("ac1").Desired, "what was refused changed nothing")

	o.starter(t, "resume", "--room", "server-room")
	o.until(t, 20*time.Second, "no override is left", func(s snapshot) bool { return len(s.ac("ac1").Overrides) == 0 })
}

// overrideOverRestart stops everything while an override holds, and finds it again, and then gone.
func (o *overcloud) overrideOverRestart(t *testing.T) {
	o.starter(t, "override", "--room", "server-room", "--ac", "ac1", "--setpoint", "18", "--for", "25s", "--why", "a restart comes")
	ends := time.Now().Add(25 * time.Second)
	revision := o.state(t).Service.Revision
	o.interrupt()
	o.nothingListens()
	o.up()
	s := o.state(t)
	require.Greater(t, s.Service.Revision, revision, "the same workflow went on")
	if time.Now().Before(ends.Add(-5 * time.Second)) {
		o.until(t, 10*time.Second, "the override holds after the restart", func(s snapshot) bool { return len(s.ac("ac1").Overrides) == 1 })
	}
	o.until(t, 60*time.Second, "the override ended by itself", func(s snapshot) bool {
		return s.room().TuneHeardAt > ends.UnixMilli() && len(s.ac("ac1").Overrides) == 0
	})
	require.False(t, time.Now().Before(ends.Add(-time.Second)), "it ended before its time")
}

// down takes the service away while the embedded servers stay.
func (o *overcloud) down(t *testing.T) {
	out := o.starter(t, "down", "smart-energy")
	require.Contains(t, out, "removed")
	for _, box := range o.boxes(t) {
		require.Empty(t, box, "containers that stayed")
	}
	require.Contains(t, o.starterFails(t, "status", "smart-energy"), "smart-energy")
}

// stored is the inlet of the last ten minutes as it is in InfluxDB; NaN and gaps are left out.
func (o *overcloud) stored(t *testing.T) (inlet []float64) {
	t.Helper()
	var answer struct {
		Series []struct{ Values []*float64 }
	}
	from := time.Now().Add(-10 * time.Minute).UnixMilli()
	o.get(t, fmt.Sprintf("/api/v1/rooms/server-room/series?only=inlet&from=%d", from), &answer)
	for _, curve := range answer.Series {
		for _, value := range curve.Values {
			if value != nil {
				inlet = append(inlet, *value)
			}
		}
	}
	return inlet
}
