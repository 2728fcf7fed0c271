package command

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// tunedRoom is a room "hall" that is tuned on a real server, over fake streams; it returns the server's address.
func tunedRoom(t *testing.T) (address string, c *temporal.Client) {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err = temporal.Dial(temporal.Options{Address: server.FrontendHostPort()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.EnsureAttributes(t.Context()))
	w := worker.New(c.SDK(), workflows.TaskQueue, workflows.WorkerOptions())
	w.RegisterWorkflow(workflows.TuneWorkflow)
	w.RegisterActivity(&activities.Cooling{Streams: &fakes.Streams{}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	room := spec.Room{Name: "hall", Policy: spec.DefaultPolicy(), AirConditioners: []spec.AirConditioner{{Name: "ac1", Min: 16, Max: 30}}}
	_, err = c.SDK().ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.TuneID(defaultService, "hall"), TaskQueue: workflows.TaskQueue,
	}, workflows.TuneWorkflow, workflows.TuneInput{Service: defaultService, Room: room})
	require.NoError(t, err)
	return server.FrontendHostPort(), c
}

// The verbs of a room, one after the other, as a person would type them.
func TestTheVerbsOfARoom(t *testing.T) {
	address, c := tunedRoom(t)
	say := func(line ...string) (code int, said string) {
		var out, errs strings.Builder
		code = Execute(t.Context(), System{Args: line, Out: &out, Err: &errs, Environ: []string{"TEMPORAL_ADDRESS=" + address, "USER=tess"}})
		times := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)
		return code, times.ReplaceAllString(out.String()+errs.String(), "TIME")
	}
	ok := func(want string, line ...string) {
		t.Helper()
		code, said := say(line...)
		require.Zero(t, code, said)
		require.Equal(t, want, said)
	}
	no := func(want string, line ...string) {
		t.Helper()
		code, said := say(line...)
		require.Equal(t, 1, code, said)
		require.Equal(t, "starter: "+want+"\n", said)
	}
	override := func(id, priority string, setpoint string) []string {
		return []string{"override", "--room", "hall", "--ac", "ac1", "--setpoint", setpoint, "--for", "30m", "--why", "delivery", "--priority", priority, "--id", id}
	}
	ok("override a: ac1 at 20 °C until TIME\n", override("a", "high", "20")...)
	ok("override b: ac1 at 22 °C until TIME\nit is suspended: the override a of high priority holds; 20 °C holds until then\n", override("b", "normal", "22")...)
	no(`priority "urgent" is unknown: write low, normal or high`, override("c", "urgent", "22")...)
	code, why := say("why", "hall", "ac1")
	require.Zero(t, code)
	require.Regexp(t, `^ac1 is told 20 °C since .* because of the override: override by tess until .*: delivery \(high priority, (30|29)m left\); the rules would have 24 °C: .*; the limits are 18 to 27 °C; the override b by tess to 22 °C until .* waits: the override a of high priority holds; .*\n$`, why)
	no(`there is no air conditioner "ac7" in room hall (there are ac1)`, "why", "hall", "ac7")
	no("no room attic of smart-energy is running", "why", "attic")
	ok("override a of ac1 (20 °C) has ended: 22 °C holds now; starter why hall ac1\n", "resume", "--room", "hall", "--id", "a")
	no("there is no override a (there is b of ac1)", "resume", "--room", "hall", "--id", "a")
	ok("override b of ac1 (22 °C) has ended: 24 °C holds now; starter why hall ac1\n", "resume", "--room", "hall")

	ok("changes in the policy of hall:\n  setpoint-max 27 °C -> 25 °C\n  up-every 15m -> 20m\n", "policy", "hall", "--set", "setpoint-max=25", "--set", "up_every=20m", "--dry-run")
	ok("changes in the policy of hall:\n  setpoint-max 27 °C -> 25 °C\nthe tuning of hall has taken them:\n  setpoint-max 27 °C -> 25 °C\n", "policy", "hall", "--set", "setpoint-max=25", "--why", "heat")
	ok("nothing changes: the policy of hall is so already\n", "policy", "hall", "--set", "setpoint-max=25", "--why", "heat")
	no(`a policy has no "setpoint-maxx" (did you mean "setpoint-max"?)`, "policy", "hall", "--set", "setpoint-maxx=25", "--why", "heat")
	code, said := say("policy", "hall", "--set", "setpoint-max=12", "--why", "heat")
	require.Equal(t, 1, code)
	require.Contains(t, said, "setpoint-max")
	code, shown := say("policy", "hall")
	require.Zero(t, code)
	require.Regexp(t, `(?m)^setpoint-max +25 °C +from \d+ to \d+ °C +never warmer$`, shown)
	ok("the tuning of hall has taken them:\n  setpoint-max 25 °C -> 27 °C\n", "policy", "hall", "--reset", "--why", "over")

	no("no alert hall/spool/pi-1 lasts in room hall (none does)", "acknowledge", "hall", "hall/spool/pi-1")
	require.NoError(t, c.SignalTune(t.Context(), defaultService, "hall", workflows.SignalAlert, wire.Alert{
		ID: "hall/spool/pi-1", Room: "hall", Kind: "spool", Severity: wire.SeverityWarning, BeganMillis: time.Now().UnixMilli(), Source: "edge",
	}))
	ok("alert hall/spool/pi-1 is acknowledged until it ends\n", "acknowledge", "hall", "hall/spool/pi-1", "--why", "on my way")
	ok("alert hall/spool/pi-1 is shelved until TIME; it is no longer acknowledged\n", "shelve", "hall", "hall/spool/pi-1", "--for", "2h")
	ok("alert hall/sensor/3 is shelved until TIME (it does not last now)\n", "shelve", "hall", "hall/sensor/3", "--for", "2h")
	ok("alert hall/sensor/3 is told again when it begins (it does not last now)\n", "unshelve", "hall", "hall/sensor/3")
	no("alert hall/sensor/3 is neither shelved nor acknowledged", "unshelve", "hall", "hall/sensor/3")

	code, said = say("audit", "hall")
	require.Zero(t, code)
	require.Regexp(t, `TIME  tess  override ac1 to 20 °C for 30m0s, high priority +TIME +accepted as a \(delivery\)`, said)
	require.Regexp(t, `TIME  tess  policy +- +accepted: setpoint-max 27 °C -> 25 °C \(heat\)`, said)
	require.Regexp(t, `hall/spool/pi-1  shelve  tess  TIME`, said)
	code, said = say("audit", "hall", "--json")
	require.Zero(t, code)
	var found trail
	require.NoError(t, json.Unmarshal([]byte(said), &found))
	require.EqualValues(t, 2, found.Taken.Overrides)
	require.EqualValues(t, 4, found.Taken.Answers)
	require.EqualValues(t, 2, found.Taken.Policies)
}
