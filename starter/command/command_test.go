package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/workflows"
)

// run is one command line against a Temporal that is not there.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = Execute(t.Context(), System{
		Args: args, In: strings.NewReader(""), Out: &o, Err: &e, Environ: []string{"TEMPORAL_ADDRESS=127.0.0.1:1", "USER=tess"},
	})
	return code, o.String(), e.String()
}

func TestMistakesAreOneSentenceAndExitCode1(t *testing.T) {
	folder := t.TempDir()
	good := filepath.Join(folder, "compose.yaml")
	require.NoError(t, os.WriteFile(good, []byte("name: shop\nservices: {web: {image: \"web:1\"}}\n"), 0o600))
	bad := filepath.Join(folder, "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("services:\n  web: {imagee: \"web:1\"}\n  db: {image: \"db:1\", restart: maybe}\n"), 0o600))
	away := "Temporal at 127.0.0.1:1 does not answer"
	for line, want := range map[string]string{
		"statsu":                               `unknown command "statsu" for "starter" (did you mean status?)`,
		"nothing":                              `unknown command "nothing" for "starter"`,
		"status --colour":                      "unknown flag: --colour (starter status --help)",
		"approve":                              "no argument was given; write starter approve SERVICE [--step STEP]",
		"plan a b":                             "too much (2 arguments) was given; write starter plan FILE",
		"scale shop":                           "1 argument was given; write starter scale SERVICE FUNCTION=REPLICAS",
		"scale shop web":                       `"web" is no scale: write FUNCTION=REPLICAS, as in sink=2`,
		"scale shop web=-1":                    `"web=-1" is no scale: write FUNCTION=REPLICAS, as in sink=2`,
		"scale shop web=2x":                    `"web=2x" is no scale: write FUNCTION=REPLICAS, as in sink=2`,
		"scale shop web=99999999999999999999":  `"web=99999999999999999999" is no scale: write FUNCTION=REPLICAS, as in sink=2`,
		"up --kafka-port abc":                  `invalid argument "abc" for "--kafka-port" flag: write a whole number (starter up --help)`,
		"up --kafka-port 99999999999999999999": `invalid argument "99999999999999999999" for "--kafka-port" flag: the number is too large (starter up --help)`,
		"up --speed fast":                      `invalid argument "fast" for "--speed" flag: write a number (starter up --help)`,
		"override --for banana":                `invalid argument "banana" for "--for" flag: write a duration, as in 30m or 1h30m (starter override --help)`,
		"override --room r":                    `required flag(s) "ac", "setpoint", "why" not set`,
		"plan " + folder + "/none.yaml":        "specification " + folder + "/none.yaml: there is no such file",
		"plan " + good:                         away,
		"apply " + good:                        away,
		"apply --detach " + good:               away,
		"status":                               away,
		"status shop":                          away,
		"approve shop":                         away,
		"scale shop web=2":                     away,
		"down shop":                            away,
		"resume --room r":                      away,
		"override --room r --ac a --setpoint 20 --why x": away,
		"policy":                            "no argument was given; write starter policy ROOM [--set KEY=VALUE …] [--reset] [--dry-run] --why TEXT",
		"policy r":                          away,
		"policy r --set up-step":            `"up-step" is no setting: write KEY=VALUE, as in setpoint-max=26`,
		"policy r --set up-step=2":          "--why must be given: a policy is changed for a reason",
		"policy r --set up-step=2 --why x":  away,
		"policy r --set a=b --json --why x": "--json shows the policy: write it without --set and --reset",
		"why":                               "no argument was given; write starter why ROOM [AC]",
		"why r ac1":                         away,
		"audit r":                           away,
		"acknowledge r":                     "1 argument was given; write starter acknowledge ROOM ALERT [--why TEXT]",
		"acknowledge r r/warm/room":         away,
		"shelve r r/warm/room --for 2h":     away,
		"shelve r r/warm/room --for soon":   `invalid argument "soon" for "--for" flag: write a duration, as in 30m or 1h30m (starter shelve --help)`,
		"unshelve r r/warm/room":            away,
		"render " + bad: bad + ":2: unknown key \"imagee\" (did you mean \"image\"?)\n" +
			bad + ":3: restart \"maybe\" is unknown: write no, always, on-failure or unless-stopped",
	} {
		code, _, errs := run(t, strings.Fields(line)...)
		require.Equal(t, 1, code, line)
		require.Equal(t, "starter: "+want+"\n", errs, line)
	}
	code, out, errs := run(t, "doctor")
	require.Equal(t, 1, code)
	require.Contains(t, out, "FAIL  Temporal's port  127.0.0.1:1 does not answer")
	require.Equal(t, "starter: 1 of 1 checks failed\n", errs)
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	for _, cmd := range newRoot(System{}).Commands() {
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		code, out, errs := run(t, cmd.Name(), "--help")
		require.Zero(t, code)
		require.Empty(t, errs)
		require.Contains(t, out, "Examples:\n  starter "+cmd.Name())
	}
}

func TestTheOverviewShowsAFaultInBriefAndWhatWaits(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	confirmed := 22
	o := overview{
		Status: workflows.Status{
			Service: "hall", Phase: workflows.PhaseFailed, Revision: 3, Since: now.Add(-time.Minute), FaultType: "NO_BOX",
			Fault: "no box fits for kafka 2\n  rack-1: port taken", Waiting: "stitch",
			Functions: []workflows.FunctionStatus{{Function: "kafka", Replica: 1, Box: "rack-1", State: "healthy", Addresses: []string{"127.0.0.1:9092"}}},
		},
		Rooms: []workflows.TuneState{{Room: "north", Mode: "auto", ACs: []workflows.ACState{{Name: "ac1", Desired: 22, Confirmed: &confirmed, Reason: "warm"}}}},
	}
	var out strings.Builder
	require.NoError(t, o.write(&out, now))
	require.Equal(t, `hall  failed  revision 3  since 1m0s
  NO_BOX: no box fits for kafka 2
    rack-1: port taken
  waits for: starter approve hall --step stitch

FUNCTION  BOX     STATE    ADDRESS         CONNECTED TO
kafka/1   rack-1  healthy  127.0.0.1:9092  

ROOM north (auto)  DESIRED  SENT  CONFIRMED  WHY
ac1                22 °C    -     22 °C      warm
`, out.String())
}
