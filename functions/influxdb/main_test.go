package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
)

const asMain = "INFLUXDB_TEST_AS_MAIN"

// TestMain lets the test binary be the function, so that it can be signalled and killed.
func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestTheServerKeepsItsDataOverStopsAndKills(t *testing.T) {
	binary := influxtest.Binary(t)
	port, health, backup := free(t), free(t), free(t)
	env := append(os.Environ(), asMain+"=1", "OVERCLOUD_INFLUXD="+binary, fn.EnvRoot+"="+t.TempDir(), fn.EnvListenHost+"=127.0.0.1",
		"INFLUXDB_PORT="+port, "INFLUXDB_HEALTH_PORT="+health, "INFLUXDB_BACKUP_PORT="+backup, "INFLUXDB_DATABASE=over-cloud")
	base := "http://127.0.0.1:" + port
	var out bytes.Buffer
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env, cmd.Stderr = env, &out
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			if cmd.ProcessState == nil {
				require.NoError(t, cmd.Process.Kill())
				require.Error(t, cmd.Wait())
			}
		})
		require.Eventually(t, func() bool { return fn.ProbeHealth(t.Context(), "127.0.0.1:"+health) == nil },
			30*time.Second, 50*time.Millisecond, "healthy")
		return cmd
	}
	gone := func() bool {
		_, err := net.Dial("tcp", "127.0.0.1:"+port)
		return err != nil
	}

	first := start()
	status, _ := post(t, base+"/api/v2/write?org=x&bucket=over-cloud/autogen&precision=ms", "temp,room=lab temperature=23.5 1760000000000")
	require.Equal(t, http.StatusNoContent, status)
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.NoError(t, first.Wait(), out.String())
	require.True(t, gone(), "the server has ended with us")

	second := start()
	read := func() string {
		_, body := post(t, base+"/query?db=over-cloud&q="+url.QueryEscape("SELECT temperature FROM temp"), "")
		return body
	}
	require.Contains(t, read(), "23.5")
	require.NoError(t, second.Process.Kill())
	require.Error(t, second.Wait())
	third := start() // while the killed one's server may still be ending
	require.Contains(t, read(), "23.5")
	require.NoError(t, third.Process.Signal(os.Interrupt))
	require.NoError(t, third.Wait(), out.String())
}

func TestAConfigurationThatCannotBeIsRefused(t *testing.T) {
	env := map[string]string{"INFLUXDB_DATABASE": `a"; DROP DATABASE "b`, fn.EnvRoot: t.TempDir(), "INFLUXDB_PORT": "http"}
	_, err := read(func(name string) string { return env[name] })
	require.ErrorContains(t, err, "INFLUXDB_DATABASE")
	require.ErrorContains(t, err, "INFLUXDB_PORT")
	require.ErrorContains(t, err, "influxd is at none of")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, awaitFree(ctx, listener.Addr().String()), "port is taken")
}

func TestAServerThatEndsByItselfIsAFault(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	script := filepath.Join(t.TempDir(), "influxd")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nexit 3\n"), 0o700))
	require.ErrorContains(t, runServer(ctx, script, "x"), "influxd: exited: exit status 3")
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	answer, err := http.Post(url, "text/plain", strings.NewReader(body))
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}
