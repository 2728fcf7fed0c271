package plan_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

var update = flag.Bool("update", false, "write testdata/*/want.txt anew")

// Each folder of testdata is one case: service.json and observed.json in, the plan's text (or the error) out.
func TestPlansReadAsWritten(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/service.json")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 8)
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var service spec.Service
			var observed plan.Observed
			read(t, path, &service)
			read(t, filepath.Join(dir, "observed.json"), &observed)
			made, err := plan.Make(service, observed)
			got := made.String()
			if err != nil {
				got = err.Error() + "\n"
			}
			golden := filepath.Join(dir, "want.txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into), path)
}
