package box_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/embedded/box"
)

func TestNewRefusesWhatCannotBeRight(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:0": "not a loopback address", "10.0.0.1:1": "not a loopback address", ":0": "not a loopback address", "nonsense": "missing port",
	} {
		_, err := box.New(box.Options{Name: "a", Dir: t.TempDir(), ListenAddr: address})
		require.ErrorContains(t, err, want)
	}
	_, err := box.New(box.Options{Name: "a", Dir: t.TempDir(), ListenAddr: "127.0.0.1:0", Index: 256})
	require.ErrorContains(t, err, "between 0 and 255")
}

func TestATakenPortAndATakenFolderAreNamed(t *testing.T) {
	l := newLab(t)
	other, err := box.New(box.Options{Name: "other", Dir: t.TempDir(), ListenAddr: l.box.Addr(), Index: 199})
	require.NoError(t, err)
	require.ErrorContains(t, other.Start(t.Context()), "port "+l.box.Addr()+" is taken")
	other, err = box.New(box.Options{Name: "other", Dir: l.options.Dir, ListenAddr: "127.0.0.1:0", Index: 199})
	require.NoError(t, err)
	require.ErrorContains(t, other.Start(t.Context()), "another process box uses")
}

func TestInfoSaysWhatItIs(t *testing.T) {
	l := newLab(t)
	info, err := l.docker.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, "lab", info.Name)
	require.Equal(t, "OverCloud process box", info.OperatingSystem)
	require.Equal(t, "linux", info.OSType)
	require.Equal(t, runtime.NumCPU(), info.NCPU)
	require.Positive(t, info.MemTotal)
	require.Equal(t, []string{"overcloud.box=process", "place=test"}, info.Labels)
	require.Equal(t, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH], info.Architecture)
	require.Equal(t, "1.47", l.docker.ClientVersion())
}

func TestWebPagesAndUnknownRoutesAreRefused(t *testing.T) {
	l := newLab(t)
	ask := func(method, path, header, value string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.box.Addr()+path, nil)
		require.NoError(t, err)
		switch header {
		case "Host":
			request.Host = value
		case "Origin":
			request.Header.Set(header, value)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		var said struct{ Message string }
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&said))
		return answer.StatusCode, said.Message
	}
	for _, c := range []struct {
		method, path, header, value, want string
		code                              int
	}{
		{"POST", "/containers/create", "Origin", "http://evil.example", "not for web pages", 403},
		{"GET", "/info", "Host", "evil.example", "not for web pages", 403},
		{"POST", "/v1.47/build", "", "", "does not serve POST /build", 501},
		{"GET", "/v1.99/info", "", "", "too new", 400},
		{"GET", "/v1.12/info", "", "", "too old", 400},
		{"GET", "/containers/json?filters=%7Bbad", "", "", "invalid filters", 400},
		{"POST", "/containers/create", "", "", "config cannot be empty", 400},
	} {
		code, said := ask(c.method, c.path, c.header, c.value)
		require.Equal(t, c.code, code, c.path)
		require.Contains(t, said, c.want)
	}
}

func TestLogsFollowTailAndTimes(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	id := l.run("talker", api.Config{Image: ref, Cmd: []string{"say", "a", "b", "c"}}, api.HostConfig{})
	l.eventually(func() bool { return l.inspect(id).State.Status == "exited" }, "it ends")
	out, errs := l.output(id, api.LogsOptions{})
	require.Equal(t, "out a\nout b\nout c\n", out)
	require.Equal(t, "err a\nerr b\nerr c\n", errs)
	out, errs = l.output(id, api.LogsOptions{ShowStdout: true, Tail: "1"})
	require.Equal(t, "out c\n", out)
	require.Empty(t, errs)
	out, _ = l.output(id, api.LogsOptions{Timestamps: true, ShowStdout: true, Tail: "1"})
	stamp, rest, _ := strings.Cut(out, " ")
	_, err := time.Parse(time.RFC3339Nano, stamp)
	require.NoError(t, err)
	require.Len(t, stamp, 30)
	require.Equal(t, "out c\n", rest)
	out, _ = l.output(id, api.LogsOptions{Since: time.Now().Add(time.Hour).Format(time.RFC3339)})
	require.Empty(t, out)

	waiting := l.run("waiting", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	stream, err := l.docker.ContainerLogs(t.Context(), waiting, api.LogsOptions{ShowStdout: true, Follow: true})
	require.NoError(t, err)
	defer stream.Close()
	l.says(waiting, "waiting")
	require.NoError(t, l.docker.ContainerStop(t.Context(), waiting, api.StopOptions{}))
	var followed bytes.Buffer
	_, err = stdcopy.StdCopy(&followed, io.Discard, stream)
	require.NoError(t, err, "the following ends with the container")
	require.Equal(t, "waiting\nbye\n", followed.String())
}

func TestFilesAreCopiedInAndOutAndMountsAreSeen(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	made, err := l.docker.ContainerCreate(ctx, &api.Config{Image: ref, Cmd: []string{"get", "/run/secrets/key"}},
		&api.HostConfig{Binds: []string{"data:/data"}}, nil, nil, "secret")
	require.NoError(t, err)
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for name, text := range map[string]string{"run/secrets/key": "hush", "data/file": "in the volume"} {
		require.NoError(t, writer.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o400, Size: int64(len(text))}))
		_, err := writer.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	require.NoError(t, l.docker.CopyToContainer(ctx, made.ID, "/", bytes.NewReader(archive.Bytes()), api.CopyToContainerOptions{}))
	require.NoError(t, l.docker.ContainerStart(ctx, made.ID, api.StartOptions{}))
	l.says(made.ID, "hush")
	text, err := os.ReadFile(filepath.Join(l.options.Dir, "volumes/data/_data/file"))
	require.NoError(t, err)
	require.Equal(t, "in the volume", string(text))
	back, stat, err := l.docker.CopyFromContainer(ctx, made.ID, "/data/file")
	require.NoError(t, err)
	defer back.Close()
	require.Equal(t, "file", stat.Name)
	reader := tar.NewReader(back)
	_, err = reader.Next()
	require.NoError(t, err)
	text, err = io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, "in the volume", string(text))

	archive.Reset()
	writer = tar.NewWriter(&archive)
	require.NoError(t, writer.WriteHeader(&tar.Header{Name: "../../evil", Typeflag: tar.TypeReg}))
	require.NoError(t, writer.Close())
	err = l.docker.CopyToContainer(ctx, made.ID, "/", bytes.NewReader(archive.Bytes()), api.CopyToContainerOptions{})
	require.ErrorContains(t, err, "leads out of the folder")
}

func TestAnImageMayBeRunAfterItsBinaryWasReplacedInTheContainerOnly(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	made, err := l.docker.ContainerCreate(t.Context(), &api.Config{Image: ref}, nil, nil, nil, "")
	require.NoError(t, err)
	program := filepath.Join(l.inspect(made.ID).GraphDriver.Data["Root"], "app")
	require.NoError(t, os.Remove(program))
	require.NoError(t, os.WriteFile(program, []byte("\x7fELF other"), 0o755))
	err = l.docker.ContainerStart(t.Context(), made.ID, api.StartOptions{})
	require.ErrorContains(t, err, "digest does not match")
	l.run("fresh", api.Config{Image: ref}, api.HostConfig{})
}

func TestContainersStopInParallelAndComeBackByPolicy(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	grace := 1
	ids := map[string]string{}
	for name, policy := range map[string]api.RestartPolicyMode{"always": "always", "unless": "unless-stopped", "user": "unless-stopped", "no": "no"} {
		ids[name] = l.run(name, api.Config{Image: ref, Cmd: []string{"stubborn"}, StopTimeout: &grace},
			api.HostConfig{RestartPolicy: api.RestartPolicy{Name: policy}})
		l.says(ids[name], "staying")
	}
	before := address(l.inspect(ids["always"]))
	require.NoError(t, l.docker.ContainerStop(t.Context(), ids["user"], api.StopOptions{}))
	begun := time.Now()
	l.stop()
	require.Less(t, time.Since(begun), 2500*time.Millisecond, "three graces of 1 s in parallel")
	l.start()
	for name, want := range map[string]string{"always": "running", "unless": "running", "user": "exited", "no": "exited"} {
		require.Equal(t, want, l.inspect(ids[name]).State.Status, name)
	}
	require.Equal(t, before, address(l.inspect(ids["always"])))
	require.Equal(t, 137, l.inspect(ids["no"]).State.ExitCode)
}

// The test runs a box in another process (this test binary again), kills that with SIGKILL, and looks
// what the next one makes of it.
func TestAKilledBoxLeavesNothingBehindForTheNext(t *testing.T) {
	if dir := os.Getenv("BOX_TEST_DIR"); dir != "" {
		hostBox(t, dir)
		return
	}
	l := newLab(t)
	ref := l.ready()
	grace := 0
	id := l.run("stubborn", api.Config{Image: ref, Cmd: []string{"parent"}, StopTimeout: &grace, ExposedPorts: nat.PortSet{"7000/tcp": {}}},
		api.HostConfig{RestartPolicy: api.RestartPolicy{Name: "unless-stopped"}})
	l.says(id, "child")
	l.stop()
	host := exec.Command(os.Args[0], "-test.run=^TestAKilledBoxLeavesNothingBehindForTheNext$", "-test.count=1")
	host.Env = append(os.Environ(), "BOX_TEST_DIR="+l.options.Dir)
	require.NoError(t, host.Start())
	killed := false
	t.Cleanup(func() {
		if killed {
			return
		}
		_ = host.Process.Kill()
		_ = host.Wait()
		for _, left := range l.processes() {
			_ = syscall.Kill(left.PID, syscall.SIGKILL)
		}
	})
	l.eventually(func() bool { return len(l.processes()) == 2 }, "the container and its child run")
	l.eventually(func() bool {
		log, err := os.ReadFile(filepath.Join(l.options.Dir, "containers", id, id+"-json.log"))
		return err == nil && bytes.Count(log, []byte("child")) == 2
	}, "it ignores SIGTERM by now")
	before := l.processes()
	require.NoError(t, host.Process.Kill())
	_ = host.Wait()
	killed = true
	require.Len(t, l.processes(), 2, "they ignore SIGTERM and stay")
	l.start()
	for _, old := range before {
		for _, now := range l.processes() {
			require.False(t, old.PID == now.PID && old.Start == now.Start, "leftover %d was ended", old.PID)
		}
	}
	full := l.inspect(id)
	require.Equal(t, "running", full.State.Status)
	require.NotEqual(t, before[0].PID, full.State.Pid)
}

// hostBox runs a box until the process is killed.
func hostBox(t *testing.T, dir string) {
	b, err := box.New(box.Options{Name: "lab", Dir: dir, ListenAddr: "127.0.0.1:0", Index: 198})
	require.NoError(t, err)
	require.NoError(t, b.Start(context.Background()))
	time.Sleep(patience)
	t.Fatal("nobody killed it")
}

func TestEventsAndStats(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, _ := l.docker.Events(ctx, events.ListOptions{Since: "1"})
	id := l.run("watched", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	seen := map[events.Action]bool{}
	for !seen[events.ActionStart] {
		select {
		case message := <-messages:
			seen[message.Action] = true
		case <-time.After(patience):
			t.Fatalf("only saw %v", seen)
		}
	}
	require.True(t, seen[events.ActionPull] && seen[events.ActionCreate])
	l.says(id, "waiting")
	reader, err := l.docker.ContainerStatsOneShot(ctx, id)
	require.NoError(t, err)
	defer reader.Body.Close()
	var stats api.StatsResponse
	require.NoError(t, json.NewDecoder(reader.Body).Decode(&stats))
	require.Greater(t, stats.MemoryStats.Usage, uint64(100<<10))
	require.Positive(t, stats.CPUStats.SystemUsage)
	top, err := l.docker.ContainerTop(ctx, id, nil)
	require.NoError(t, err)
	require.Len(t, top.Processes, 1)
}

func TestNoGoroutineStays(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	settle := func() int {
		count := runtime.NumGoroutine()
		for range 50 {
			time.Sleep(10 * time.Millisecond)
			count = min(count, runtime.NumGoroutine())
		}
		return count
	}
	cycle := func() {
		id := l.run("", api.Config{Image: ref, Cmd: []string{"echo", "7000"}, Healthcheck: &api.HealthConfig{Test: []string{"CMD", "/app", "exit", "0"}, Interval: 20 * time.Millisecond}},
			api.HostConfig{PortBindings: nat.PortMap{"7000/tcp": {{}}}})
		l.says(id, "listening")
		port := l.inspect(id).NetworkSettings.Ports["7000/tcp"][0].HostPort
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		defer conn.Close() // open while the container is removed
		_, err = conn.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, l.docker.ContainerRemove(t.Context(), id, api.RemoveOptions{Force: true}))
	}
	cycle()
	before := settle()
	for range 5 {
		cycle()
	}
	require.LessOrEqual(t, settle(), before+2)
}
