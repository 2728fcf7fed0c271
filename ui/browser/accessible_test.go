package browser

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// finding is one rule of axe that the page breaks.
type finding struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// examine runs axe over what is shown. It comes in by the debugger, not by a script element: the page's policy holds.
const examine = `axe.run(document, {resultTypes: ["violations"], rules: {region: {enabled: true}}}).then((r) => r.violations.map((v) => ({
  id: v.id, impact: v.impact, help: v.help,
  nodes: v.nodes.slice(0, 6).map((n) => n.html.slice(0, 200) + " :: " + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? "")),
})))`

// accessible: axe finds nothing serious or critical at any place, in both colours.
func (b browser) accessible(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	require.NoError(t, err)
	s := stage(t, Busy)
	for _, path := range places() {
		for _, look := range []Look{laptop(), phone()} {
			t.Run(fmt.Sprintf("%s at %d", path, look.Width), func(t *testing.T) {
				p := b.open(t, s, look, path)
				require.NoError(t, p.Do(string(axe)+";null", nil))
				for _, dark := range []bool{false, true} {
					look.Dark = dark
					require.NoError(t, p.See(look))
					serious(t, ask[[]finding](t, p, examine), dark)
				}
			})
		}
	}
}

func serious(t *testing.T, found []finding, dark bool) {
	t.Helper()
	for _, f := range found {
		if f.Impact == "serious" || f.Impact == "critical" {
			t.Errorf("dark %v: %s (%s): %s\n%q", dark, f.ID, f.Impact, f.Help, f.Nodes)
			continue
		}
		t.Logf("dark %v: %s (%s): %s %q", dark, f.ID, f.Impact, f.Help, f.Nodes)
	}
}
