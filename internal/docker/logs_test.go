package docker

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
)

func TestALogIsTakenApart(t *testing.T) {
	const stamp = "2026-11-24T01:37:11.152820634Z"
	var framed bytes.Buffer
	out, faults := stdcopy.NewStdWriter(&framed, stdcopy.Stdout), stdcopy.NewStdWriter(&framed, stdcopy.Stderr)
	long := strings.Repeat("x", 16<<10)
	for _, frame := range []struct {
		to   *bytes.Buffer
		text string
	}{{text: stamp + " one\n"}, {to: &framed, text: stamp + " two\r\n"}, {text: stamp + " " + long}, {text: stamp + " its rest\n"}, {text: stamp + " \n"}, {text: "no line\n"}} {
		w := out
		if frame.to != nil {
			w = faults
		}
		_, err := w.Write([]byte(frame.text))
		require.NoError(t, err)
	}
	var said []string
	take := func(e activities.LogEntry) {
		said = append(said, fmt.Sprintf("%s %d %.10s cut %v at %d", e.Stream, len(e.Text), e.Text, e.Cut, e.At.Nanosecond()))
	}
	require.NoError(t, readLog(&framed, false, take))
	require.Equal(t, []string{
		"stdout 3 one cut false at 152820634", "stderr 3 two cut false at 152820634",
		"stdout 16384 xxxxxxxxxx cut true at 152820634", "stdout 0  cut false at 152820634",
	}, said)
	said = nil
	require.NoError(t, readLog(strings.NewReader(stamp+" of a terminal\r\n"+stamp+" last"), true, take))
	require.Equal(t, []string{"stdout 13 of a termi cut false at 152820634", "stdout 4 last cut true at 152820634"}, said)
}
