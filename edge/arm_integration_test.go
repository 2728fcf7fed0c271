//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/check"
)

// The builds for Raspberry Pis run under qemu's user emulation: every instruction of theirs, on this machine's kernel.
func TestThePisBuildsCheckAndSimulate(t *testing.T) {
	for _, machine := range []struct{ name, emulator, arch string }{
		{"64 bit", "qemu-aarch64-static", "GOARCH=arm64"},
		{"32 bit", "qemu-arm-static", "GOARCH=arm"},
	} {
		t.Run(machine.name, func(t *testing.T) {
			t.Parallel()
			emulator, err := exec.LookPath(machine.emulator)
			require.NoError(t, err, "Debian's qemu-user-static is needed")
			binary := filepath.Join(t.TempDir(), "edge")
			build := exec.CommandContext(t.Context(), "go", "build", "-tags", "nethttpomithttp2", "-gcflags=github.com/twmb/franz-go/pkg/kmsg=-l", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", machine.arch, "GOARM=7")
			out, err := build.CombinedOutput()
			require.NoError(t, err, string(out))

			simulated := emulated(t, 0, emulator, binary, "simulate", "--hours", "1", "--remote", "daikin")
			require.Contains(t, simulated, "machines unconfirmed at the end: 0")
			require.Contains(t, simulated, "minutes above 27 °C: 0")
			csv := strings.Split(strings.TrimSpace(emulated(t, 0, emulator, binary, "simulate", "--hours", "1", "--csv")), "\n")
			require.Len(t, csv, 2)

			dir := t.TempDir()
			probe, file := filepath.Join(dir, "probe"), filepath.Join(dir, "edge.yaml")
			require.NoError(t, os.WriteFile(probe, []byte("24.5 41\n"), 0o600))
			require.NoError(t, os.WriteFile(file, []byte(`
box: pi-1
data: `+filepath.Join(dir, "data")+`
listen: 127.0.0.1:1
kafka: {brokers: ["127.0.0.1:1"]}
rooms:
  hall:
    sensors:
      - {id: 1, source: "file:`+probe+`", box: pi-1}
      - {id: 2, source: "w1:28-0000075f1c2d", box: pi-1}
`), 0o600))
			var lines []check.Line
			require.NoError(t, json.Unmarshal([]byte(emulated(t, 1, emulator, binary, "check", "--json", "--config", file)), &lines))
			state := map[string]string{}
			for _, l := range lines {
				state[l.Name] = l.State
			}
			require.Equal(t, check.OK, state["hall/1"])
			require.Equal(t, check.Failed, state["hall/2"], "there is no 1-Wire bus here")
			require.Equal(t, check.Failed, state["127.0.0.1:1"])
			require.Equal(t, check.OK, state["disk"])
			require.Equal(t, check.OK, state["pi-1"])
		})
	}
}

// emulated is what a run prints that ends with that code.
func emulated(t *testing.T, code int, emulator string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), emulator, args...)
	cmd.Env = append(os.Environ(), "OVERCLOUD_BOX=", "KAFKA_BROKERS=", "OVERCLOUD_ROOMS=", "OVERCLOUD_ROOT=", "EDGE_CONFIG=")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.Equal(t, code, exit.ExitCode(), "%v: %s%s", args, out.String(), errs.String())
		return out.String()
	}
	require.NoError(t, err)
	require.Zero(t, code, "%v: %s", args, out.String())
	return out.String()
}
