package server

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestThePagesPureModules runs the tests of jstest under Node: decisions of the page that need no browser.
func TestThePagesPureModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on this machine: the page's pure modules are not tested here")
	}
	files, err := filepath.Glob("jstest/*.test.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, append([]string{"--test"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
