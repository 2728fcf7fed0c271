//go:build integration

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/ssh/sshtest"
)

// specificationFile writes a Compose file into a folder of the test.
func specificationFile(t *testing.T, format string, values ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, format, values...), 0o600))
	return path
}

// doctor runs `starter doctor --json` and gives the state of each box's checks.
func (s *stage) doctor(file string) (states map[string]map[string]activities.Check, code int) {
	s.t.Helper()
	out, code := s.starter("doctor", "--json", file)
	out, _, _ = strings.Cut(out, "\nstarter: ") // what it says beside the JSON
	var found struct{ Boxes []activities.Examination }
	require.NoError(s.t, json.Unmarshal([]byte(out), &found), out)
	states = map[string]map[string]activities.Check{}
	for _, box := range found.Boxes {
		states[box.Box] = map[string]activities.Check{}
		for _, check := range box.Checks {
			states[box.Box][check.Name] = check
		}
	}
	return states, code
}

func TestDoctorSaysWhatIsWrongWithEachBox(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 3})
	app := labtest.Image(t, s.lab, lab.TestImage{Name: "app", Bytes: 1 << 20})
	boxes := s.lab.Boxes()
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte(s.lab.LockedRegistry().Credentials()), 0o600))
	file := specificationFile(t, `
name: examined
services:
  app: {image: %q}
  locked: {image: %q}
secrets: {lab: {file: %q}}
x-overcloud:
  registries: {%q: {credentials: lab}}
  boxes:
    box1: {engine: %q, tls: %[6]q}
    box2: {engine: %[7]q, tls: %[6]q}
    box3: {engine: %[8]q, tls: %[6]q}
`, s.lab.Registry().Ref(app), s.lab.LockedRegistry().Ref(app), password, s.lab.LockedRegistry().Host(),
		boxes[0].Engine, boxes[0].TLS, boxes[1].Engine, boxes[2].Engine)

	began := time.Now()
	out, code := s.starter("doctor", file)
	took := time.Since(began)
	t.Logf("examined 3 boxes in %s\n%s", took.Round(time.Millisecond), out)
	require.Zero(t, code)
	require.Less(t, took, 3*time.Second)
	require.Equal(t, 3, strings.Count(out, "both sides are proven"))
	require.Equal(t, 3, strings.Count(out, s.lab.LockedRegistry().Ref(app)+" is there"))
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 100, line)
	}

	s.lab.Registry().Stop()
	require.NoError(t, os.WriteFile(password, []byte("lab:wrong"), 0o600))
	require.NoError(t, s.lab.Kill(t.Context(), "box2"))
	out, code = s.starter("doctor", file)
	t.Log(out)
	require.Equal(t, 1, code)
	seen, _ := s.doctor(file)
	down, locked := "registry "+s.lab.Registry().Host(), "registry "+s.lab.LockedRegistry().Host()
	require.Equal(t, activities.CheckFail, seen["box1"][down].State)
	require.Contains(t, seen["box1"][down].Advice, "start the registry")
	require.Equal(t, activities.CheckFail, seen["box3"][locked].State)
	require.Contains(t, seen["box3"][locked].Advice, "set `credentials`")
	require.NotContains(t, out, "wrong", "no password is shown")
	require.Equal(t, activities.CheckFail, seen["box2"]["address"].State)
	for name, check := range seen["box2"] {
		require.Contains(t, []string{activities.CheckFail, activities.CheckSkip}, check.State, name)
	}
}

func TestABareBoxIsInstalledByTheOperatorsCommand(t *testing.T) {
	bare := sshtest.NewBare(t)
	s := newStage(t, lab.Options{Boxes: 1}, "OVERCLOUD_SSH_KEY="+bare.Key, "OVERCLOUD_SSH_KNOWN_HOSTS="+bare.KnownHosts)
	file := specificationFile(t, `
name: prepared
services:
  app: {image: "registry.example/app:1"}
x-overcloud:
  boxes:
    bare: {engine: %q}
`, "ssh://"+bare.Access())
	seen, code := s.doctor(file)
	require.Equal(t, 1, code)
	require.Contains(t, seen["bare"]["engine"].Advice, "starter install FILE bare")

	out, code := s.starter("install", file)
	require.Equal(t, 1, code, "nobody said yes")
	require.Contains(t, out, "nothing was installed")
	out, code = s.starter("install", file, "bares", "--yes")
	require.Equal(t, 1, code)
	require.Contains(t, out, `there is no box "bares" (did you mean "bare"?)`)

	out, code = s.starter("install", file, "--yes", "--who", "tess")
	t.Log(out)
	require.Zero(t, code)
	require.Greater(t, strings.Count(out, "\nbare: "), 2, "what is being done is shown")
	require.Contains(t, out, "has Docker 20.10")
	seen, _ = s.doctor(file)
	require.Equal(t, activities.CheckPass, seen["bare"]["engine"].State)
	out, code = s.starter("install", file, "--yes")
	require.Zero(t, code)
	require.Contains(t, out, "nothing was changed")
}
