package box_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"
)

func TestAContainerGetsItsOwnEnvironmentAndNothingOfTheBoxs(t *testing.T) {
	t.Setenv("OF_THE_BOX", "secret")
	l := newLab(t)
	ref := l.ready()
	id := l.run("env", api.Config{Image: ref, Cmd: []string{"env"}, Env: []string{"BOTH=mine", "MINE=1"}, WorkingDir: "/var/lib/app"}, api.HostConfig{})
	full := l.inspect(id)
	root := full.GraphDriver.Data["Root"]
	out := l.says(id, "cwd=")
	for _, line := range []string{
		"FROM_IMAGE=1", "BOTH=mine", "MINE=1", "OVERCLOUD_ROOT=" + root, "OVERCLOUD_LISTEN_HOST=" + address(full),
		"HOME=" + root, "cwd=" + root + "/var/lib/app",
	} {
		require.Contains(t, out, line+"\n")
	}
	require.NotContains(t, out, "OF_THE_BOX")
	require.NotContains(t, out, "BOTH=image")
	require.True(t, strings.HasPrefix(address(full), "127.77."), address(full))
	require.Equal(t, "here", full.Config.Labels["made"])
}

func TestNamesAndRefusals(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	create := func(name string, config api.Config, host api.HostConfig) error {
		config.Image = ref
		_, err := l.docker.ContainerCreate(ctx, &config, &host, nil, nil, name)
		return err
	}
	require.NoError(t, create("one", api.Config{}, api.HostConfig{}))
	err := create("one", api.Config{}, api.HostConfig{})
	require.True(t, errdefs.IsConflict(err), "%v", err)
	require.ErrorContains(t, err, `The container name "/one" is already in use`)
	for what, err := range map[string]error{
		"privileged mode":         create("", api.Config{}, api.HostConfig{Privileged: true}),
		"devices":                 create("", api.Config{}, api.HostConfig{Resources: api.Resources{Devices: []api.DeviceMapping{{PathOnHost: "/dev/lirc0"}}}}),
		"pid mode host":           create("", api.Config{}, api.HostConfig{PidMode: "host"}),
		"without network":         create("", api.Config{}, api.HostConfig{NetworkMode: "none"}),
		"needs /bin/sh":           create("", api.Config{Healthcheck: &api.HealthConfig{Test: []string{"CMD-SHELL", "true"}}}, api.HostConfig{}),
		"loopback addresses only": create("", api.Config{}, api.HostConfig{PortBindings: nat.PortMap{"1/tcp": {{HostIP: "0.0.0.0"}}}}),
		"overlap":                 create("", api.Config{}, api.HostConfig{Binds: []string{"one:/data", "two:/data/b"}}),
		"Invalid container name":  create("no/slash", api.Config{}, api.HostConfig{}),
		"range of CPUs":           create("", api.Config{}, api.HostConfig{Resources: api.Resources{NanoCPUs: 1e15}}),
	} {
		require.ErrorContains(t, err, what)
		require.True(t, errdefs.IsInvalidArgument(err), "%v", err)
	}
	err = create("", api.Config{}, api.HostConfig{NetworkMode: "nowhere"})
	require.True(t, errdefs.IsNotFound(err), "%v", err)
	list, err := l.docker.ContainerList(ctx, api.ListOptions{All: true})
	require.NoError(t, err)
	require.Len(t, list, 1, "what was refused left nothing")
}

func TestOnlyBinariesOfTheImageRun(t *testing.T) {
	l := newLab(t)
	ref, _ := l.push("overcloud/script",
		layerOf(t, file{name: "script", text: "#!/bin/sh\necho hello\n", mode: 0o755}))
	_, err := l.pull(ref)
	require.NoError(t, err)
	for entrypoint, want := range map[string]string{
		"/bin/sh": `exec: "/bin/sh": stat /bin/sh: no such file or directory`,
		"sh":      `exec: "sh": executable file not found in $PATH`,
		"/script": "it is a script",
	} {
		made, err := l.docker.ContainerCreate(t.Context(), &api.Config{Image: ref, Entrypoint: []string{entrypoint}}, nil, nil, nil, "")
		require.NoError(t, err)
		err = l.docker.ContainerStart(t.Context(), made.ID, api.StartOptions{})
		require.ErrorContains(t, err, want)
		require.True(t, errdefs.IsInvalidArgument(err), "%v", err)
		state := l.inspect(made.ID).State
		require.Equal(t, 127, state.ExitCode)
		require.Equal(t, "created", state.Status)
		require.Contains(t, state.Error, want)
	}
	id := l.run("", api.Config{Image: ref, Entrypoint: []string{"app", "exit", "3"}}, api.HostConfig{})
	l.eventually(func() bool { return l.inspect(id).State.Status == "exited" }, "it ends")
	require.Equal(t, 3, l.inspect(id).State.ExitCode)
}

func TestStopKillWaitAndExitCodes(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	id := l.run("polite", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	l.says(id, "waiting")
	results, faults := l.docker.ContainerWait(ctx, id, api.WaitConditionNextExit)
	require.NoError(t, l.docker.ContainerStop(ctx, id, api.StopOptions{}))
	select {
	case result := <-results:
		require.Equal(t, int64(0), result.StatusCode)
	case err := <-faults:
		t.Fatal(err)
	}
	require.Contains(t, l.says(id, "bye"), "waiting")
	require.NoError(t, l.docker.ContainerStop(ctx, id, api.StopOptions{}), "304: stopped already")

	id = l.run("stubborn", api.Config{Image: ref, Cmd: []string{"stubborn"}}, api.HostConfig{})
	l.says(id, "staying")
	grace := 1
	begun := time.Now()
	require.NoError(t, l.docker.ContainerStop(ctx, id, api.StopOptions{Timeout: &grace}))
	require.GreaterOrEqual(t, time.Since(begun), time.Second)
	require.Equal(t, 137, l.inspect(id).State.ExitCode)
	require.NoError(t, l.docker.ContainerRestart(ctx, id, api.StopOptions{}))
	l.says(id, "staying")
	require.NoError(t, l.docker.ContainerKill(ctx, id, "KILL"))
	l.eventually(func() bool { return !l.inspect(id).State.Running }, "it ends")
	require.True(t, errdefs.IsConflict(l.docker.ContainerKill(ctx, id, "KILL")))

	id = l.run("term", api.Config{Image: ref, Entrypoint: []string{"/app", "echo", "7000"}}, api.HostConfig{})
	l.says(id, "listening")
	require.NoError(t, l.docker.ContainerStop(ctx, id, api.StopOptions{}))
	require.Equal(t, 143, l.inspect(id).State.ExitCode)
	err := l.docker.ContainerKill(ctx, id, "NONSENSE")
	require.ErrorContains(t, err, "invalid signal")
}

func TestRemoveOnlyByForceWhileRunningAndAutoRemove(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	id := l.run("busy", api.Config{Image: ref, Cmd: []string{"stubborn"}}, api.HostConfig{})
	err := l.docker.ContainerRemove(ctx, id, api.RemoveOptions{})
	require.True(t, errdefs.IsConflict(err), "%v", err)
	require.NoError(t, l.docker.ContainerRemove(ctx, "busy", api.RemoveOptions{Force: true}))
	require.NoDirExists(t, filepath.Join(l.options.Dir, "containers", id))
	_, err = l.docker.ContainerInspect(ctx, id)
	require.True(t, errdefs.IsNotFound(err))
	require.ErrorContains(t, err, "No such container: "+id)

	made, err := l.docker.ContainerCreate(ctx, &api.Config{Image: ref, Cmd: []string{"exit", "4"}, Volumes: map[string]struct{}{"/data": {}}},
		&api.HostConfig{AutoRemove: true}, nil, nil, "")
	require.NoError(t, err)
	results, faults := l.docker.ContainerWait(ctx, made.ID, api.WaitConditionRemoved)
	require.NoError(t, l.docker.ContainerStart(ctx, made.ID, api.StartOptions{}))
	select {
	case result := <-results:
		require.Equal(t, int64(4), result.StatusCode)
	case err := <-faults:
		t.Fatal(err)
	}
	volumes, err := l.docker.VolumeList(ctx, volume.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, volumes.Volumes, "its anonymous volume went with it")
}

func TestNothingOutlivesTheFirstProcess(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	id := l.run("parent", api.Config{Image: ref, Cmd: []string{"parent"}}, api.HostConfig{})
	l.says(id, "child")
	l.eventually(func() bool { return len(l.processes()) == 2 }, "parent and child run")
	require.NoError(t, l.docker.ContainerKill(t.Context(), id, "KILL"))
	l.eventually(func() bool { return !l.inspect(id).State.Running }, "it ends")
	require.Empty(t, l.processes())
}

func TestRestartPolicies(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	failing := l.run("failing", api.Config{Image: ref, Cmd: []string{"exit", "5"}},
		api.HostConfig{RestartPolicy: api.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}})
	l.eventually(func() bool {
		state := l.inspect(failing)
		return state.State.Status == "exited" && state.RestartCount == 2
	}, "it gives up after two restarts")
	out, _ := l.output(failing, api.LogsOptions{ShowStdout: true})
	require.Equal(t, "run\nrun\nrun\n", out)

	well := l.run("well", api.Config{Image: ref, Cmd: []string{"exit", "0"}}, api.HostConfig{RestartPolicy: api.RestartPolicy{Name: "on-failure"}})
	l.eventually(func() bool { return l.inspect(well).State.Status == "exited" }, "exit 0 is no failure")
	require.Zero(t, l.inspect(well).RestartCount)

	always := l.run("always", api.Config{Image: ref, Cmd: []string{"exit", "0"}}, api.HostConfig{RestartPolicy: api.RestartPolicy{Name: "always"}})
	l.eventually(func() bool { return l.inspect(always).RestartCount >= 2 }, "it is restarted")
	l.eventually(func() bool { return l.inspect(always).State.Status == "restarting" }, "it waits")
	require.NoError(t, l.docker.ContainerStop(t.Context(), always, api.StopOptions{}))
	state := l.inspect(always)
	require.Equal(t, "exited", state.State.Status)
	time.Sleep(3 * 400 * time.Millisecond) // longer than the pause that was cancelled
	require.Equal(t, state.RestartCount, l.inspect(always).RestartCount)
}

func TestHealthFollowsTheCheck(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	check := &api.HealthConfig{Test: []string{"CMD", "/app", "has", "ok"}, Interval: 50 * time.Millisecond, Timeout: 5 * time.Second, Retries: 2}
	id := l.run("checked", api.Config{Image: ref, Cmd: []string{"wait"}, Healthcheck: check}, api.HostConfig{})
	require.NotNil(t, l.inspect(id).State.Health)
	l.eventually(func() bool { return l.inspect(id).State.Health.Status == api.Unhealthy }, "unhealthy")
	health := l.inspect(id).State.Health
	require.GreaterOrEqual(t, health.FailingStreak, 2)
	require.Equal(t, 1, health.Log[len(health.Log)-1].ExitCode)
	require.Equal(t, "no ok\n", health.Log[len(health.Log)-1].Output)
	root := l.inspect(id).GraphDriver.Data["Root"]
	require.NoError(t, os.WriteFile(filepath.Join(root, "ok"), nil, 0o644))
	l.eventually(func() bool { return l.inspect(id).State.Health.Status == api.Healthy }, "healthy")
	list, err := l.docker.ContainerList(t.Context(), api.ListOptions{Filters: filters.NewArgs(filters.Arg("health", "healthy"))})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Contains(t, list[0].Status, "(healthy)")
}

func TestPublishedPortsForwardWithHalfClose(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	config := api.Config{Image: ref, Cmd: []string{"echo", "7000"}, ExposedPorts: nat.PortSet{"7000/tcp": {}}}
	id := l.run("echo", config, api.HostConfig{PortBindings: nat.PortMap{"7000/tcp": {{}}}})
	l.says(id, "listening")
	full := l.inspect(id)
	binding := full.NetworkSettings.Ports["7000/tcp"][0]
	require.Equal(t, "127.0.0.1", binding.HostIP)
	conn, err := net.Dial("tcp", "127.0.0.1:"+binding.HostPort)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "hello from "+address(full)+":7000", string(answer))

	made, err := l.docker.ContainerCreate(t.Context(), &config, &api.HostConfig{PortBindings: nat.PortMap{"7000/tcp": {{HostPort: binding.HostPort}}}}, nil, nil, "second")
	require.NoError(t, err)
	err = l.docker.ContainerStart(t.Context(), made.ID, api.StartOptions{})
	require.ErrorContains(t, err, "Bind for 127.0.0.1:"+binding.HostPort+" failed: port is already allocated")
	require.Len(t, l.processes(), 1)

	require.NoError(t, l.docker.ContainerStop(t.Context(), id, api.StopOptions{}))
	_, err = net.Dial("tcp", "127.0.0.1:"+binding.HostPort)
	require.Error(t, err, "no longer published")
	require.NoError(t, l.docker.ContainerStart(t.Context(), made.ID, api.StartOptions{}))
}

func TestAContainerMayShareAnothersAddress(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	id := l.run("first", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	sharing := l.run("sharing", api.Config{Image: ref, Cmd: []string{"env"}}, api.HostConfig{NetworkMode: "container:first"})
	l.says(sharing, "OVERCLOUD_LISTEN_HOST="+address(l.inspect(id))+"\n")
	require.NoError(t, l.docker.ContainerStop(t.Context(), id, api.StopOptions{}))
	err := l.docker.ContainerStart(t.Context(), sharing, api.StartOptions{})
	require.ErrorContains(t, err, "cannot join network of a non running container")
}

func TestVolumesOutliveContainersAndAreKeptWhileUsed(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	_, err := l.docker.VolumeCreate(ctx, volume.CreateOptions{Name: "data", Labels: map[string]string{"of": "us"}})
	require.NoError(t, err)
	host := t.TempDir()
	mounts := []mount.Mount{{Type: mount.TypeVolume, Source: "data", Target: "/var/lib/app"}, {Type: mount.TypeBind, Source: host, Target: "/host"}}
	put := l.run("put", api.Config{Image: ref, Cmd: []string{"put", "/var/lib/app/note", "kept"}}, api.HostConfig{Mounts: mounts})
	l.eventually(func() bool { return l.inspect(put).State.Status == "exited" }, "it ends")
	require.Zero(t, l.inspect(put).State.ExitCode)
	require.True(t, errdefs.IsConflict(l.docker.VolumeRemove(ctx, "data", false)))
	require.NoError(t, l.docker.ContainerRemove(ctx, put, api.RemoveOptions{RemoveVolumes: true}))
	require.NoError(t, os.WriteFile(filepath.Join(host, "note"), []byte("host"), 0o644))

	get := l.run("get", api.Config{Image: ref, Cmd: []string{"get", "/var/lib/app/note"}}, api.HostConfig{Binds: []string{"data:/var/lib/app"}})
	l.says(get, "kept")
	bound := l.run("bound", api.Config{Image: ref, Cmd: []string{"get", "/host/note"}}, api.HostConfig{Mounts: mounts[1:]})
	l.says(bound, "host")
	list, err := l.docker.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "of=us"))})
	require.NoError(t, err)
	require.Len(t, list.Volumes, 1)
	require.NoError(t, l.docker.ContainerRemove(ctx, get, api.RemoveOptions{Force: true}))
	require.NoError(t, l.docker.VolumeRemove(ctx, "data", false))
	_, err = l.docker.VolumeInspect(ctx, "data")
	require.True(t, errdefs.IsNotFound(err))
}

func TestNetworksAreRecorded(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	made, err := l.docker.NetworkCreate(ctx, "chain", network.CreateOptions{Driver: "bridge", Labels: map[string]string{"of": "us"}})
	require.NoError(t, err)
	_, err = l.docker.NetworkCreate(ctx, "chain", network.CreateOptions{})
	require.True(t, errdefs.IsConflict(err), "%v", err)
	id := l.run("member", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{NetworkMode: "chain"})
	endpoint := l.inspect(id).NetworkSettings.Networks["chain"]
	require.Equal(t, made.ID, endpoint.NetworkID)
	require.Equal(t, address(l.inspect(id)), endpoint.IPAddress)
	require.True(t, errdefs.IsPermissionDenied(l.docker.NetworkRemove(ctx, "chain")))
	require.NoError(t, l.docker.NetworkConnect(ctx, "bridge", id, nil))
	require.Len(t, l.inspect(id).NetworkSettings.Networks, 2)
	require.NoError(t, l.docker.NetworkDisconnect(ctx, "chain", id, false))
	list, err := l.docker.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "of=us"))})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, l.docker.NetworkRemove(ctx, "chain"))
}

func TestExecRunsBesideAndEndsWithTheContainer(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	id := l.run("host", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	exec := func(options api.ExecOptions, input string) (string, string, api.ExecInspect) {
		t.Helper()
		options.AttachStdout, options.AttachStderr = true, true
		made, err := l.docker.ContainerExecCreate(ctx, id, options)
		require.NoError(t, err)
		stream, err := l.docker.ContainerExecAttach(ctx, made.ID, api.ExecAttachOptions{})
		require.NoError(t, err)
		defer stream.Close()
		if input != "" {
			_, err = stream.Conn.Write([]byte(input))
			require.NoError(t, err)
			require.NoError(t, stream.CloseWrite())
		}
		var out, errs bytes.Buffer
		_, err = stdcopy.StdCopy(&out, &errs, stream.Reader)
		require.NoError(t, err)
		inspected, err := l.docker.ContainerExecInspect(ctx, made.ID)
		require.NoError(t, err)
		return out.String(), errs.String(), inspected
	}
	out, errs, inspected := exec(api.ExecOptions{Cmd: []string{"/app", "say", "hi"}}, "")
	require.Equal(t, "out hi\n", out)
	require.Equal(t, "err hi\n", errs)
	require.Zero(t, inspected.ExitCode)
	_, _, inspected = exec(api.ExecOptions{Cmd: []string{"/app", "exit", "9"}}, "")
	require.Equal(t, 9, inspected.ExitCode)
	out, _, _ = exec(api.ExecOptions{Cmd: []string{"/app", "upper"}, AttachStdin: true}, "loud\n")
	require.Equal(t, "LOUD\n", out)
	out, _, inspected = exec(api.ExecOptions{Cmd: []string{"sh"}}, "")
	require.Contains(t, out, `exec: "sh": executable file not found`)
	require.Equal(t, 127, inspected.ExitCode)

	made, err := l.docker.ContainerExecCreate(ctx, id, api.ExecOptions{Cmd: []string{"/app", "stubborn"}})
	require.NoError(t, err)
	require.NoError(t, l.docker.ContainerExecStart(ctx, made.ID, api.ExecStartOptions{Detach: true}))
	require.Len(t, l.processes(), 2)
	require.NoError(t, l.docker.ContainerStop(ctx, id, api.StopOptions{}))
	require.Empty(t, l.processes())
	_, err = l.docker.ContainerExecCreate(ctx, id, api.ExecOptions{Cmd: []string{"/app"}})
	require.True(t, errdefs.IsConflict(err))
}

func TestConcurrentCallersOfOneContainerLeaveItWhole(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	ctx := t.Context()
	id := l.run("crowd", api.Config{Image: ref, Cmd: []string{"exit", "1"}}, api.HostConfig{RestartPolicy: api.RestartPolicy{Name: "always"}})
	other := l.run("calm", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	var all sync.WaitGroup
	for range 6 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 5 {
				for _, name := range []string{id, other} {
					// Each may be refused (304, 409), none may hang or leave two processes.
					_ = l.docker.ContainerStart(ctx, name, api.StartOptions{})
					_ = l.docker.ContainerKill(ctx, name, "KILL")
					_ = l.docker.ContainerRestart(ctx, name, api.StopOptions{})
					_ = l.docker.ContainerStop(ctx, name, api.StopOptions{})
				}
			}
		}()
	}
	all.Wait()
	for _, name := range []string{id, other} {
		require.NoError(t, l.docker.ContainerStop(ctx, name, api.StopOptions{}))
		require.Equal(t, "exited", l.inspect(name).State.Status)
	}
	require.Empty(t, l.processes())
	require.NoError(t, l.docker.ContainerStart(ctx, other, api.StartOptions{}))
	require.Len(t, l.processes(), 1)
	var removals sync.WaitGroup
	removed := make(chan error, 6)
	for range 6 {
		removals.Add(1)
		go func() {
			defer removals.Done()
			removed <- l.docker.ContainerRemove(ctx, other, api.RemoveOptions{Force: true})
		}()
	}
	removals.Wait()
	close(removed)
	succeeded := 0
	for err := range removed {
		if err == nil {
			succeeded++
		}
	}
	require.Equal(t, 1, succeeded, "one removes it, the others are told")
}
