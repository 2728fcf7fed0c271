package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// twoBoxes is a plan for web on box a; b has no room.
func twoBoxes(t *testing.T) plan.Plan {
	t.Helper()
	made, err := plan.Make(spec.Service{
		Name:  "shop",
		Boxes: []spec.Box{{Name: "a", Address: "10.0.0.1"}, {Name: "b", Address: "10.0.0.2"}},
		Functions: []spec.Function{{
			Name: "web", Image: "web:1", Replicas: 1, Resources: spec.Resources{CPUs: 2},
			Environment: []spec.Variable{{Name: "TOKEN", Value: "canary"}},
		}},
	}, plan.Observed{
		Boxes:  []plan.Box{{Name: "a", Reachable: true, Arch: "amd64", CPUs: 4}, {Name: "b", Reachable: true, Arch: "amd64", CPUs: 1}},
		Images: []plan.Image{{Ref: "web:1", Digest: "sha256:1", Platforms: []plan.Platform{{Arch: "amd64", Digest: "sha256:2"}}}},
	})
	require.NoError(t, err)
	return made
}

// shown is what show writes.
func shown(t *testing.T, made plan.Plan, why whyNot, asJSON bool) string {
	t.Helper()
	var out strings.Builder
	g := &globals{system: System{Out: &out}, address: defaultAddress, namespace: defaultNamespace}
	require.NoError(t, g.show(made, "compose.yaml", why, asJSON))
	return out.String()
}

func TestAPlanIsShownWithItsMatrixAndHowToApplyExactlyIt(t *testing.T) {
	made := twoBoxes(t)
	text := shown(t, made, whyNot{}, false)
	require.Contains(t, text, "  create shop-web-1 on a (level 1): not there\n")
	require.Contains(t, text, "  web 1  [2.5]  cpus\n")
	require.Contains(t, text, "  * a: score 2.5 (free 2.5)\n")
	require.Contains(t, text, "  - b: cpus: need 2, have 1 free of 1\n")
	require.True(t, strings.HasSuffix(text, "exactly this: starter apply --plan-hash "+made.Hash+" compose.yaml\n"), text)
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "canary", "values of the environment are not for the screen")

	made.Placements[0].Action = plan.ActionKeep
	require.NotContains(t, shown(t, made, whyNot{}, false), "exactly this", "there is nothing to do")
}

func TestWhyNotIsOneSentence(t *testing.T) {
	made := twoBoxes(t)
	require.Equal(t, "web 1 on b: cpus: need 2, have 1 free of 1\n", shown(t, made, whyNot{"web", "b"}, false))
	require.Equal(t, "web 1 on a: it is there, score 2.5 (free 2.5)\n", shown(t, made, whyNot{"web", "a"}, false))
}

func TestAPlanAsJSONHasTheMatrix(t *testing.T) {
	made := twoBoxes(t)
	var got struct {
		plan.Plan
		Changes int        `json:"changes"`
		Matrix  []plan.Row `json:"matrix"`
	}
	require.NoError(t, json.Unmarshal([]byte(shown(t, made, whyNot{}, true)), &got))
	require.Equal(t, made.Hash, got.Hash)
	require.Equal(t, made.Choices, got.Choices)
	require.Equal(t, 1, got.Changes)
	require.Equal(t, made.Matrix(), got.Matrix)
	require.Equal(t, "a", got.Matrix[0].Box)
	require.Equal(t, []string{"cpus: need 2, have 1 free of 1"}, got.Matrix[0].Cells[1].Reasons)

	require.NoError(t, json.Unmarshal([]byte(shown(t, made, whyNot{"web", "b"}, true)), &got))
	require.Len(t, got.Matrix, 1)
	require.Len(t, got.Matrix[0].Cells, 1)
}

func TestWhyNotIsWrittenInTwoWays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		asked string
		args  []string
		why   whyNot
		fault string
	}{
		{"", []string{file}, whyNot{}, ""},
		{"web", []string{file, "rack-1"}, whyNot{"web", "rack-1"}, ""},
		{"web", []string{"rack-1", file}, whyNot{"web", "rack-1"}, ""}, // --why-not web rack-1 FILE
		{"web=rack-1", []string{file}, whyNot{"web", "rack-1"}, ""},
		{"web", []string{file}, whyNot{}, "--why-not web names no box: write --why-not FUNCTION BOX"},
		{"=rack-1", []string{file}, whyNot{}, `--why-not "=rack-1" is incomplete: write --why-not FUNCTION BOX`},
	} {
		path, why, err := readWhyNot(c.asked, c.args)
		if c.fault != "" {
			require.EqualError(t, err, c.fault)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, file, path)
		require.Equal(t, c.why, why)
	}
}

func TestWhyNotOfWhatIsNotThereIsOneSentence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: shop\nservices: {web: {image: \"web:1\"}, kafka: {image: \"kafka:1\"}}\n"+
		"x-overcloud: {boxes: {rack-1: {engine: \"tcp://127.0.0.1:1\", address: 127.0.0.1}}}\n"), 0o600))
	for line, want := range map[string]string{
		"--why-not kafak rack-1":   `there is no function "kafak" (did you mean "kafka"?)`,
		"--why-not=kafka=rack-2":   `there is no box "rack-2" (did you mean "rack-1"?)`,
		"--why-not kafka":          "--why-not kafka names no box: write --why-not FUNCTION BOX",
		"rack-1":                   "too much (2 arguments) was given; write starter plan FILE",
		"--why-not kafka=rack-1 x": "too much (2 arguments) was given; write starter plan FILE",
	} {
		code, _, errs := run(t, append([]string{"plan", file}, strings.Fields(line)...)...)
		require.Equal(t, 1, code, line)
		require.Equal(t, "starter: "+want+"\n", errs, line)
	}
}

func TestColoursAreOnlyForTerminals(t *testing.T) {
	require.Nil(t, painter(&strings.Builder{}, nil))
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	require.Nil(t, painter(file, nil), "a file is no terminal")
	require.Equal(t, "\x1b[32mgood\x1b[0m", paint(plan.ToneGood, "good"))
	require.Equal(t, "plain", paint(0, "plain"))
}
