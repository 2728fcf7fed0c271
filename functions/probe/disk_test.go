package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiskSaysWhatIsFree(t *testing.T) {
	var out, faults bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"disk", t.TempDir()}, &out, &faults))
	var space Space
	require.NoError(t, json.Unmarshal(out.Bytes(), &space))
	require.Positive(t, space.Free)
	require.Greater(t, space.Total, space.Free)

	require.Equal(t, 1, run(t.Context(), []string{"disk", "/no/such/path"}, &out, &faults))
	require.Contains(t, faults.String(), "look at /no/such/path: no such file or directory")
	require.Equal(t, 2, run(t.Context(), []string{"disk"}, &out, &faults))
}
