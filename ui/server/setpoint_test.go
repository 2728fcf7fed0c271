package server

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// node runs a script beside modules of the page and decodes what it prints.
func node(t *testing.T, modules []string, script string, in, out any) {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node here; the browser's tests use the page's modules as they are")
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600))
	for _, module := range modules {
		text, err := os.ReadFile("assets/" + module)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(module)), text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "run.js"), []byte(script), 0o600))
	input, err := json.Marshal(in)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), path, "run.js")
	command.Dir, command.Stdin = folder, strings.NewReader(string(input))
	answer, err := command.CombinedOutput()
	require.NoError(t, err, "%s", answer)
	require.NoError(t, json.Unmarshal(answer, out), "%s", answer)
}

// What the page draws as allowed is what the tuning allows.
func TestThePageShowsTheLimitsThatRefuse(t *testing.T) {
	type question struct {
		Policy spec.Policy `json:"policy"`
		Min    int         `json:"min"`
		Max    int         `json:"max"`
	}
	var questions []question
	var want []control.Limits
	for _, policy := range [][2]int{{18, 27}, {22, 24}, {16, 30}} {
		for _, machine := range [][2]int{{18, 30}, {0, 0}, {20, 23}, {25, 30}, {16, 19}} {
			q := question{Policy: spec.DefaultPolicy(), Min: machine[0], Max: machine[1]}
			q.Policy.SetpointMin, q.Policy.SetpointMax = policy[0], policy[1]
			questions = append(questions, q)
			want = append(want, control.LimitsOf(q.Policy, spec.AirConditioner{Min: q.Min, Max: q.Max}))
		}
	}
	var drawn []struct{ Least, Most int }
	node(t, []string{"core/setpoint.js"}, `import { limitsOf } from "./setpoint.js"; import fs from "node:fs";
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, "utf8")).map((q) => limitsOf({ policy: q.policy }, q))));`, questions, &drawn)
	for i, q := range questions {
		require.Equal(t, want[i], control.Limits{Min: drawn[i].Least, Max: drawn[i].Most}, "policy %d to %d, machine %d to %d", q.Policy.SetpointMin, q.Policy.SetpointMax, q.Min, q.Max)
	}
}

// What the dialog promises is what merging does: who waits, and who holds when it has ended.
func TestThePageSaysBeforehandWhatAnOverrideWouldDo(t *testing.T) {
	const script = `import { outcome, seconds } from "./setpoint.js"; import fs from "node:fs";
fs.readFileSync(0);
const o = (id, priority, minutes, suspended) => ({ id, priority, setpoint: 22, until: new Date(minutes * 60000).toISOString(), suspended });
const ask = (ac, wanted, minutes) => { const w = outcome(ac, wanted, minutes * 60000); return [w.waits, w.above?.id ?? "", w.beats?.id ?? "", w.next?.id ?? ""].join(" "); };
console.log(JSON.stringify([
  ask({ auto: 24 }, { setpoint: 20 }, 60),
  ask({ auto: 24, overrides: [o("a", "", 90)] }, { setpoint: 20, priority: "normal" }, 60),
  ask({ auto: 24, overrides: [o("a", "", 30)] }, { setpoint: 20, priority: "normal" }, 60),
  ask({ auto: 24, overrides: [o("h", "high", 90), o("a", "", 120, "the override h of high priority holds")] }, { setpoint: 20, priority: "normal" }, 60),
  ask({ auto: 18, emergency: true }, { setpoint: 24, priority: "high" }, 60),
  ask({ auto: 18, emergency: true }, { setpoint: 18, priority: "high" }, 60),
  [seconds("24h0m0s"), seconds("1m30s"), seconds("500ms"), String(seconds("soon"))].join(" "),
]));`
	var said []string
	node(t, []string{"core/setpoint.js"}, script, nil, &said)
	require.Equal(t, []string{
		"false   ", "false  a a", "false  a ", "true h  h", "true   ", "false   ", "86400 90 0.5 NaN",
	}, said)
}
