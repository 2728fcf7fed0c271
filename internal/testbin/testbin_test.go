package testbin

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// witness is a test that notes how it ended.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Fatalf(format string, args ...any) {
	w.said = "failed: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (w *witness) Skipf(format string, args ...any) {
	w.said = "skipped: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func look(t *testing.T) string {
	w, done := &witness{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		Path(w, "no-such-binary")
	}()
	<-done
	return w.said
}

func TestAMissingBinaryFailsOnlyWhereItIsRequired(t *testing.T) {
	t.Setenv(Require, "")
	require.Equal(t, "skipped: no no-such-binary here: make build builds it", look(t))
	t.Setenv(Require, "1")
	require.Contains(t, look(t), "failed: OVERCLOUD_E2E is set and there is no ")
}
