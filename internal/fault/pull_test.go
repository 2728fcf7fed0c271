package fault_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// Every line of testdata/pull-words.txt is taken for what stands before it.
func TestWordsOfFailedPulls(t *testing.T) {
	file, err := os.Open("testdata/pull-words.txt")
	require.NoError(t, err)
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		line := scanner.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		line, ambiguous := strings.CutPrefix(line, "? ")
		fields := strings.SplitN(line, "|", 3)
		require.Len(t, fields, 3, line)
		words := strings.TrimSpace(fields[2])
		got := fault.OfPull(words)
		require.NotNil(t, got, words)
		require.Equal(t, strings.TrimSpace(fields[0]), string(got.Check), words)
		require.Equal(t, strings.TrimSpace(fields[1]), got.Err.Error(), words)
		require.Equal(t, words, got.Words)
		require.Equal(t, ambiguous, fault.Ambiguous(words), words)
	}
	require.Greater(t, lines, 40)
}

func TestWordsThatNobodyHasHeardMeanNothing(t *testing.T) {
	require.Nil(t, fault.OfPull("the moon is in the wrong phase"))
	require.Nil(t, fault.OfPull(""))
}

func TestAFailedPullSaysItsSentinelOnce(t *testing.T) {
	require.EqualError(t, fault.OfPull("r/a: not found"), "r/a: not found")
	require.EqualError(t, fault.OfPull("manifest unknown"), "manifest unknown: not found")
	require.ErrorIs(t, fault.OfPull("manifest unknown"), fault.ErrNotFound)
}
