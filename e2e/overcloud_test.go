package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/ui/state"
)

// overcloud is one installation under test, in a state folder and on ports of its own.
type overcloud struct {
	t     *testing.T
	bin   string
	root  string
	dir   string
	ports map[string]int
	cmd   *exec.Cmd
	out   *lines
	done  chan error
}

// lines is the output of a process that is still written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// flags are the ports that starter up can move.
func flags() []string {
	return []string{"temporal-port", "temporal-ui-port", "registry-port", "control-room-port", "kafka-port", "influxdb-port", "room-port"}
}

func newOverCloud(t *testing.T) *overcloud {
	t.Helper()
	root, bin := testbin.Root(t), filepath.Dir(testbin.Path(t, "starter"))
	o := &overcloud{t: t, bin: bin, root: root, dir: t.TempDir(), ports: map[string]int{}}
	var held []net.Listener // until all are chosen, or one is chosen twice
	for _, flag := range flags() {
		o.ports[flag] = holdPorts(t, 1, &held)
	}
	o.ports["box-port"] = holdPorts(t, 3, &held)
	letGo(held)
	t.Cleanup(func() {
		if o.cmd != nil {
			o.interrupt()
		}
	})
	return o
}

// freePorts finds n ports in a row that nobody listens on.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	var held []net.Listener
	defer func() { letGo(held) }()
	return holdPorts(t, n, &held)
}

func letGo(held []net.Listener) {
	for _, l := range held {
		l.Close()
	}
}

// holdPorts finds n ports in a row that nobody listens on and keeps them, so that the next are others.
func holdPorts(t *testing.T, n int, held *[]net.Listener) int {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port := first.Addr().(*net.TCPAddr).Port
		row := []net.Listener{first}
		for i := 1; i < n; i++ {
			if next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+i)); err == nil {
				row = append(row, next)
			}
		}
		*held = append(*held, row...)
		if len(row) == n {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

// up starts it and returns when the service runs.
func (o *overcloud) up() {
	o.t.Helper()
	args := []string{"up", "specs/smart-energy/compose.yaml", "--state-dir", o.dir, "--bin-dir", o.bin, "--speed", "60"}
	for flag, port := range o.ports {
		args = append(args, "--"+flag, strconv.Itoa(port))
	}
	o.out = &lines{}
	o.cmd = exec.Command(filepath.Join(o.bin, "starter"), args...)
	o.cmd.Dir = o.root
	o.cmd.Stdout, o.cmd.Stderr = o.out, o.out
	// Its own group: a Ctrl-C at the terminal that runs the tests must reach it through us.
	o.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	require.NoError(o.t, o.cmd.Start())
	o.done = make(chan error, 1)
	go func() { o.done <- o.cmd.Wait() }()
	for !strings.Contains(o.out.String(), "runs after") {
		select {
		case err := <-o.done:
			o.cmd = nil
			o.t.Fatalf("starter up ended: %v\n%s", err, o.out)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(began) > 3*time.Minute {
			o.t.Fatalf("starter up did not finish\n%s", o.out)
		}
	}
	o.t.Logf("up in %.1f s", time.Since(began).Seconds())
}

// interrupt is Ctrl-C, and waits for the orderly end.
func (o *overcloud) interrupt() {
	o.t.Helper()
	began := time.Now()
	require.NoError(o.t, o.cmd.Process.Signal(syscall.SIGINT))
	select {
	case err := <-o.done:
		require.NoError(o.t, err, "%s", o.out)
	case <-time.After(time.Minute):
		o.t.Errorf("starter up did not stop\n%s", o.out)
		require.NoError(o.t, o.cmd.Process.Kill())
		<-o.done
	}
	o.cmd = nil
	o.t.Logf("stopped in %.1f s", time.Since(began).Seconds())
}

// nothingListens holds that a stop left no server behind.
func (o *overcloud) nothingListens() {
	o.t.Helper()
	for flag, port := range o.ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		require.NoError(o.t, err, "%s is still taken", flag)
		l.Close()
	}
}

func (o *overcloud) url(flag, path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", o.ports[flag], path)
}

// snapshot is the Control Room's state with short ways into it.
type snapshot struct{ state.Snapshot }

func (s snapshot) room() state.Room { return s.Rooms[0] }

func (s snapshot) ac(name string) state.AC {
	for _, ac := range s.Rooms[0].ACs {
		if ac.Name == name {
			return ac
		}
	}
	return state.AC{}
}

func (o *overcloud) state(t *testing.T) snapshot {
	t.Helper()
	var s snapshot
	o.get(t, "/api/v1/state", &s.Snapshot)
	return s
}

func (o *overcloud) get(t *testing.T, path string, into any) {
	t.Helper()
	answer, err := http.Get(o.url("control-room-port", path))
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(body))
	require.NoError(t, json.Unmarshal(body, into))
}

// until polls the state until it holds; it fails with what was seen last.
func (o *overcloud) until(t *testing.T, within time.Duration, what string, holds func(snapshot) bool) snapshot {
	t.Helper()
	began := time.Now()
	for {
		s := o.state(t)
		if s.Service != nil && holds(s) {
			t.Logf("%s: after %.1f s", what, time.Since(began).Seconds())
			return s
		}
		if time.Since(began) > within {
			text, _ := json.MarshalIndent(s.Rooms, "", " ")
			t.Fatalf("not within %s: %s\n%s", within, what, text)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (o *overcloud) load(t *testing.T, factor float64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, o.url("room-port", "/api/v1/room/server-room/load"),
		strings.NewReader(fmt.Sprintf(`{"factor":%g}`, factor)))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Less(t, answer.StatusCode, 300)
}

func (o *overcloud) post(t *testing.T, body string) (int, string) {
	t.Helper()
	answer, err := http.Post(o.url("control-room-port", "/api/v1/rooms/server-room/overrides"), "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func (o *overcloud) starter(t *testing.T, args ...string) string {
	t.Helper()
	out, err := o.command(t, "starter", args)
	require.NoError(t, err, out)
	return out
}

// starterFails holds that the command exits with a code above 0 and one sentence, no trace.
func (o *overcloud) starterFails(t *testing.T, args ...string) string {
	t.Helper()
	out, err := o.command(t, "starter", args)
	require.Error(t, err, out)
	require.NotContains(t, out, "goroutine")
	require.Equal(t, 1, strings.Count(strings.TrimSpace(out), "\n")+1, "one sentence: %s", out)
	return out
}

// temporal runs the stock command line.
func (o *overcloud) temporal(t *testing.T, args ...string) {
	t.Helper()
	out, err := o.command(t, "temporal", args)
	require.NoError(t, err, out)
}

func (o *overcloud) command(t *testing.T, name string, args []string) (string, error) {
	t.Helper()
	args = append(args, "--address", fmt.Sprintf("127.0.0.1:%d", o.ports["temporal-port"]))
	cmd := exec.CommandContext(t.Context(), filepath.Join(o.bin, name), args...)
	cmd.Dir = o.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// boxes lists the containers of each box by the Docker Engine API.
func (o *overcloud) boxes(t *testing.T) [][]string {
	t.Helper()
	var all [][]string
	for i := range 3 {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/containers/json?all=1", o.ports["box-port"]+i))
		require.NoError(t, err)
		var containers []struct{ Names []string }
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&containers))
		answer.Body.Close()
		var names []string
		for _, c := range containers {
			names = append(names, c.Names...)
		}
		all = append(all, names)
	}
	return all
}
