package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A kernel that nobody disciplines is told of when nobody has said the time for a while, not at once after a start:
// leases come within a minute.
func TestAnUnsynchronisedKernelIsNoNewsRightAfterAStart(t *testing.T) {
	s := newStand(t.TempDir(), false)
	s.at.mono = 0
	require.False(t, s.trusted(), "readings are marked meanwhile")
	require.Empty(t, s.look("pi-1", []string{"hall"}))
	s.pass(wakeMost - time.Second)
	require.Empty(t, s.look("pi-1", []string{"hall"}))
	s.pass(2 * time.Second)
	require.Len(t, s.look("pi-1", []string{"hall"}), 1)
}
