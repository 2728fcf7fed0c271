package compose

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

var update = flag.Bool("update", false, "write testdata/*/want.txt anew")

// Each folder of testdata is one file and everything that is to be said about it: mistakes as the error tells
// them, warnings after "warning: ", or "ok". A new mistake, or a bug, is a new folder.
func TestEveryMistakeIsToldWithItsLineAndWhatToDo(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/compose.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, file := range cases {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			want, err := filepath.Abs(filepath.Join(folder, "want.txt"))
			require.NoError(t, err)
			got := tell(t, folder)
			if *update {
				require.NoError(t, os.WriteFile(want, []byte(got), 0o600))
			}
			wanted, err := os.ReadFile(want)
			require.NoError(t, err)
			require.Equal(t, string(wanted), got)
		})
	}
}

func tell(t *testing.T, folder string) string {
	t.Helper()
	t.Chdir(folder)
	var warnings spec.Problems
	_, err := Load(context.Background(), Options{
		Path: "compose.yaml", Env: map[string]string{"SET": "7", "EMPTY": ""},
		Warn: func(p spec.Problem) { warnings = append(warnings, p) },
	})
	var out strings.Builder
	for _, w := range warnings.Sort() {
		out.WriteString("warning: " + w.String() + "\n")
	}
	if err == nil {
		return out.String() + "ok\n"
	}
	require.ErrorIs(t, err, fault.ErrInvalid)
	var problems spec.Problems
	require.True(t, errors.As(err, &problems))
	for _, p := range problems {
		require.Positive(t, p.Line, "%s has no line", p)
	}
	return out.String() + err.Error() + "\n"
}
