package infrared

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What receivers heard from remotes is understood, and by the right profile only.
func TestRecordedFrames(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*/raw")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Clean(file))
			require.NoError(t, err)
			var pulses []int
			for _, word := range strings.Fields(string(raw)) {
				us, err := strconv.Atoi(word)
				require.NoError(t, err)
				pulses = append(pulses, us)
			}
			var got []string
			for _, name := range Names() {
				p, err := ByName(name)
				require.NoError(t, err)
				if state, code, err := p.Decode(Frame{Pulses: pulses}); err == nil {
					got = append(got, name+" "+state.String()+" "+code.String())
				}
			}
			want, err := os.ReadFile(filepath.Join(folder, "want"))
			require.NoError(t, err)
			require.Equal(t, strings.TrimSpace(string(want)), strings.Join(got, "\n"))
		})
	}
}
