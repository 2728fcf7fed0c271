package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/agent"
)

// The daemon as systemd runs it: a real process with a file of settings, that is changed, spoilt and mended while it
// runs.
func TestTheDaemonUnderSystemdTakesAChangedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the daemon")
	}
	t.Parallel()
	p := start(t, 1)
	require.Equal(t, "READY=1", p.told("READY=1"))
	require.Equal(t, "WATCHDOG=1", p.told("WATCHDOG=1"))
	p.sensors(1)

	p.write(2)
	p.sensors(2) // within seconds, without being told
	p.write(3)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	p.sensors(3)

	require.NoError(t, os.WriteFile(p.file, []byte("box: pi-1\nkafak: {}\n"), 0o600))
	require.Eventually(t, func() bool { return strings.Contains(p.log.String(), `unknown key \"kafak\"`) }, 10*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(strings.Join(p.status().Alerts, " "), "hall/configuration/pi-1") }, 5*time.Second, 50*time.Millisecond)
	p.sensors(3)
	p.write(1)
	p.sensors(1)
	require.Eventually(t, func() bool { return !strings.Contains(strings.Join(p.status().Alerts, " "), "configuration") }, 5*time.Second, 50*time.Millisecond)

	metrics := p.get("/metrics")
	for _, line := range []string{
		"overcloud_edge_healthy 1\n", `overcloud_edge_readings_total{room="hall",sensor="1",quality="good"} `,
		`overcloud_edge_spool_records{topic="temp"} `, "overcloud_edge_process_resident_bytes ", `overcloud_edge_box_polls_total{box="pi-1"} `,
		`overcloud_edge_reading_celsius{room="hall",sensor="1"} 24.5`, `overcloud_edge_alerts_total{kind="configuration"} 1`,
	} {
		require.Contains(t, metrics, line)
	}

	manual, err := os.ReadFile("../docs/edge.md")
	require.NoError(t, err)
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "#") {
			continue // help and type
		}
		name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
		require.Contains(t, string(manual), "`"+strings.TrimPrefix(name, "overcloud_edge_")+"`", "docs/edge.md lists every metric")
	}

	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "STOPPING=1", p.told("STOPPING=1"))
	require.NoError(t, p.wait(), p.log.String())
}

func TestASecondOneDoesNotStartOnWrongSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the daemon")
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	require.NoError(t, os.WriteFile(file, []byte("box: pi-1\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), build(t), "run", "--config", file)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.ExitCode())
	require.Contains(t, errs.String(), "brokers are not set")
}

type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	file   string
	listen string
	probe  string
	log    *safeBuffer
	socket *net.UnixConn
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "edge")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

func start(t *testing.T, sensors int) *process {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &process{t: t, file: filepath.Join(dir, "edge.yaml"), listen: l.Addr().String(), probe: filepath.Join(dir, "probe"), log: &safeBuffer{}}
	require.NoError(t, l.Close())
	require.NoError(t, os.WriteFile(p.probe, []byte("24.5\n"), 0o600))
	p.write(sensors)
	path := filepath.Join(dir, "notify")
	p.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { p.socket.Close() })

	p.cmd = exec.CommandContext(t.Context(), build(t), "run", "--config", p.file)
	p.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=3000000", "OVERCLOUD_BOX=", "KAFKA_BROKERS=", "OVERCLOUD_ROOMS=", "OVERCLOUD_ROOT=")
	p.cmd.Stderr = p.log
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	return p
}

// write writes the file of settings whole, as editors do.
func (p *process) write(sensors int) {
	var list strings.Builder
	for i := range sensors {
		fmt.Fprintf(&list, "      - {id: %d, source: \"file:%s?max-age=1h\", box: pi-1}\n", i+1, p.probe)
	}
	text := fmt.Sprintf(`
box: pi-1
listen: %s
data: %s
kafka: {brokers: ["127.0.0.1:1"]}
rooms:
  hall:
    sensors:
%s    policy: {sample-every: 200ms, stale-after: 10s}
`, p.listen, filepath.Join(filepath.Dir(p.file), "data"), list.String())
	require.NoError(p.t, os.WriteFile(p.file+".new", []byte(text), 0o600))
	require.NoError(p.t, os.Rename(p.file+".new", p.file))
}

// told waits until systemd is told one thing, and passes over what else it is told.
func (p *process) told(what string) string {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	buffer := make([]byte, 4096)
	for {
		require.NoError(p.t, p.socket.SetReadDeadline(deadline))
		n, err := p.socket.Read(buffer)
		require.NoError(p.t, err, "waiting for %s: %s", what, p.log)
		if string(buffer[:n]) == what {
			return what
		}
	}
}

func (p *process) get(path string) string {
	response, err := http.Get("http://" + p.listen + path) // ours
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(response.Body)
	require.NoError(p.t, err)
	return b.String()
}

func (p *process) status() (s agent.Status) {
	if text := p.get("/api/v1/status"); text != "" {
		require.NoError(p.t, json.Unmarshal([]byte(text), &s))
	}
	return s
}

// sensors waits until so many sensors have been read.
func (p *process) sensors(count int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		s := p.status().Sensors
		return len(s) == count && s[count-1].AgeS != nil
	}, 15*time.Second, 50*time.Millisecond, "%d sensors: %s", count, p.log)
}

func (p *process) wait() error {
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(15 * time.Second):
		return errors.New("it does not stop")
	}
}

// safeBuffer is written by the process's copier and read by the test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
