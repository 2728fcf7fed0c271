package kafkatest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := jars(t.Context(), t.TempDir())
	require.ErrorIs(t, err, errAbsent)
	require.ErrorContains(t, err, "apt-get install openjdk-17-jre-headless")

	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "java"), []byte("#!/bin/sh\n"), 0o700))
	t.Setenv("PATH", programs)
	root := t.TempDir()
	_, err = jars(t.Context(), root)
	require.ErrorIs(t, err, errAbsent)
	require.ErrorContains(t, err, "apt-get install maven")

	// Maven Central is not reached: nothing half-fetched is left for the next time.
	require.NoError(t, os.WriteFile(filepath.Join(programs, "mvn"), []byte("#!/bin/sh\necho Unknown host repo.maven.apache.org\nexit 1\n"), 0o700))
	_, err = jars(t.Context(), root)
	require.ErrorIs(t, err, errAbsent)
	require.ErrorContains(t, err, "Unknown host repo.maven.apache.org")
	left, err := os.ReadDir(filepath.Join(root, ".overcloud", "software"))
	require.NoError(t, err)
	require.Empty(t, left)
}
