package file_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device/file"
	"github.com/overcloud/overcloud/internal/fault"
)

func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

func run(t *testing.T, address string) (float64, error) {
	t.Helper()
	e, err := file.NewExec(address)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	m, err := e.Read(ctx)
	return m.Celsius, err
}

func TestAProgramSaysAMeasurement(t *testing.T) {
	_, err := file.NewExec("/bin/probe?arg=24500;48000")
	require.ErrorIs(t, err, fault.ErrInvalid, "a bare semicolon is no part of a parameter")
	e, err := file.NewExec(program(t, "#!/bin/sh\necho \"$2 $#\"\n") + "?arg=$(id)&arg=24500&scale=0.001")
	require.NoError(t, err)
	m, err := e.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 24.5, m.Celsius, 1e-9)
	require.InDelta(t, 0.002, m.Humidity, 1e-9, "two arguments, and no shell looked at them")
	watts, err := e.Watts(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 24.5, watts, 1e-9)
	require.Contains(t, e.Describe(), "probe $(id) 24500")
}

func TestHowAProgramFails(t *testing.T) {
	t.Setenv("SECRET", "hush")
	for name, c := range map[string]struct{ script, says string }{
		"an exit code with a reason":    {"#!/bin/sh\necho 'bus is busy' >&2\necho more >&2\nexit 3\n", "it ended with 3: bus is busy"},
		"an exit code without a reason": {"#!/bin/sh\necho 24.5\nexit 1\n", "it ended with 1: it gives no reason"},
		"a signal":                      {"#!/bin/sh\nkill -SEGV $$\n", "it was ended by signal 11"},
		"nothing said":                  {"#!/bin/sh\n", "it is empty"},
		"nonsense":                      {"#!/bin/sh\necho hot\n", `"hot" is no number`},
		"endless output":                {"#!/bin/sh\nexec yes 24.5\n", "it says more than 4096 bytes"},
		"endless complaints":            {"#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' e >&2\nexit 1\n", "it ended with 1: eeee"},
		"no program":                    {"just text\n", "no program of this machine"},
		"an environment of our own":     {"#!/bin/sh\necho ${SECRET:-none}\n", `"none" is no number`},
		"no input":                      {"#!/bin/sh\nread x || echo eof\n", `"eof" is no number`},
	} {
		t.Run(name, func(t *testing.T) {
			path := program(t, c.script)
			_, err := run(t, path)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "run "+path)
			require.Less(t, len(err.Error()), 500)
			require.NotContains(t, err.Error(), "\n", "one sentence")
		})
	}
	_, err := run(t, filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fault.ErrNotFound)
	path := program(t, "#!/bin/sh\n")
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = run(t, path)
	require.ErrorContains(t, err, "may not be run")
}

func TestAProgramThatHangsIsEndedWithWhatItStarted(t *testing.T) {
	child := filepath.Join(t.TempDir(), "child")
	e, err := file.NewExec(program(t, "#!/bin/sh\nsleep 600 &\necho $! >"+child+"\necho 24.5\nwait\n"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = e.Read(ctx)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.Less(t, time.Since(began), 3*time.Second)
	gone(t, child)
}

func TestWhatAProgramLeavesBehindIsEnded(t *testing.T) {
	child := filepath.Join(t.TempDir(), "child")
	path := program(t, "#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\necho $! >"+child+"\necho 24.5\n")
	celsius, err := run(t, path)
	require.NoError(t, err)
	require.InDelta(t, 24.5, celsius, 0)
	gone(t, child)

	path = program(t, "#!/bin/sh\nsleep 600 &\necho $! >"+child+"\necho 24.5\n")
	began := time.Now()
	_, err = run(t, path)
	require.ErrorContains(t, err, "kept its output open")
	require.Less(t, time.Since(began), 4*time.Second)
	gone(t, child)
}

// gone waits until the process whose number is in the file is no more, or is a zombie that nobody waits for.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		if syscall.Kill(pid, 0) != nil {
			return true
		}
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 20*time.Millisecond)
}

func TestProgramsThatAreNone(t *testing.T) {
	for address, says := range map[string]string{
		"":                     "absolute (write exec:/usr/local/bin/probe)",
		"probe":                "absolute",
		"/bin/probe?args=x":    `"args" is unknown (known: arg, scale)`,
		"/bin/probe?arg=a%00b": "zero byte",
		"/bin/probe?scale=NaN": "scale",
	} {
		_, err := file.NewExec(address)
		require.ErrorIs(t, err, fault.ErrInvalid, address)
		require.ErrorContains(t, err, says)
	}
}
