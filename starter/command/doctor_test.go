package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

func TestTheDoctorsTableFitsAHundredColumns(t *testing.T) {
	found := findings{
		Local: []activities.Check{{Name: "worker", State: activities.CheckPass, Seen: "polls"}},
		Boxes: []activities.Examination{{Box: "rack-1", Engine: "tcp://rack-1:2376", Took: spec.Duration(123456 * time.Microsecond), Checks: []activities.Check{
			{Name: "address", State: activities.CheckPass, Seen: "rack-1:2376 answers"},
			{
				Name: "registry registry.lan:5000", State: activities.CheckFail, Advice: "put the registry's authority on the box: /etc/docker/certs.d/registry.lan:5000/ca.crt",
				Seen: `from the box: Get "https://registry.lan:5000/v2/": x509: certificate signed by unknown authority`,
			},
			{Name: "clock", State: activities.CheckSkip, Seen: "the engine does not tell its time"},
		}}},
	}
	var out strings.Builder
	sheet{out: &out}.findings(found)
	require.Equal(t, `PASS  worker                      polls

box rack-1  tcp://rack-1:2376  120ms
PASS  address                     rack-1:2376 answers
FAIL  registry registry.lan:5000  from the box: Get "https://registry.lan:5000/v2/": x509:
                                  certificate signed by unknown authority
                                  -> put the registry's authority on the box:
                                  /etc/docker/certs.d/registry.lan:5000/ca.crt
SKIP  clock                       the engine does not tell its time
`, out.String())

	out.Reset()
	sheet{out: &out, colour: true}.findings(found)
	require.Contains(t, out.String(), "\x1b[31;1mFAIL\x1b[0m  registry")
}

func TestInstallAsksFirstAndChangesNothingWithoutAYes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`name: shop
services: {web: {image: "web:1"}}
x-overcloud:
  boxes:
    rack-1: {engine: "tcp://127.0.0.1:1"}
    pi-1: {engine: "ssh://pi@pi-1"}
`), 0o600))
	for line, want := range map[string]string{
		"":              "nothing was installed; say --yes, or answer y",
		"pi-1":          "nothing was installed; say --yes, or answer y",
		"pi-2":          `there is no box "pi-2" (did you mean "pi-1"?)`,
		"rack-1":        "box rack-1 has no SSH access: write `ssh: user@host` or `engine: ssh://user@host`",
		"pi-1 --yes":    "Temporal at 127.0.0.1:1 does not answer",
		"pi-1 --yess":   "unknown flag: --yess (starter install --help)",
		"pi-1 rack-1 x": "box rack-1 has no SSH access: write `ssh: user@host` or `engine: ssh://user@host`",
	} {
		code, _, errs := run(t, append([]string{"install", file}, strings.Fields(line)...)...)
		require.Equal(t, 1, code, line)
		require.Equal(t, "starter: "+want+"\n", errs, line)
	}
	_, out, _ := run(t, "install", file)
	require.Contains(t, out, "  pi-1 (pi@pi-1)\n")
	require.NotContains(t, out, "rack-1")
}

func TestTheOutcomeOfAnInstallationIsARowForEachBox(t *testing.T) {
	var out strings.Builder
	g := &globals{system: System{Out: &out}}
	err := g.installed(workflows.InstallOutcome{Boxes: []workflows.InstallReport{
		{InstallResult: activities.InstallResult{Box: "pi-1", Already: true, Engine: "24.0"}},
		{InstallResult: activities.InstallResult{Box: "rack-1", Engine: "20.10", Distribution: "Debian 12", Advice: "do this"}},
		{InstallResult: activities.InstallResult{Box: "pi-2"}, Fault: "no root"},
	}})
	require.EqualError(t, err, "1 of 3 boxes have no engine")
	require.Equal(t, `PASS  pi-1    had an engine already (24.0); nothing was changed
WARN  rack-1  has Docker 20.10 now (Debian 12)
              -> do this
FAIL  pi-2    no root
`, out.String())
}
