package docker_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

const (
	echo    = "github.com/overcloud/overcloud/internal/docker/testdata/echo"
	probe   = "github.com/overcloud/overcloud/functions/probe"
	service = "promises"
	grace   = 2 * time.Second
)

// world is one engine under test: a real one, or a process box.
type world struct {
	t      *testing.T
	ctx    context.Context
	lab    *lab
	engine activities.Engine
	api    *client.Client // to look behind the adapter's back
	box    spec.Box
	echo   plan.Pull
	probe  plan.Pull
}

// loopback is where the registry of an engine on this machine listens.
const loopback = "127.0.0.1:0"

// keepsPromises holds an engine to everything that activities.Engine says. The registry listens where the engine
// takes plain HTTP.
func keepsPromises(t *testing.T, box spec.Box, registryAt string) {
	w := newWorld(t, box, registryAt)
	for _, one := range []struct {
		name string
		test func(*world)
	}{
		{"pulls", pulls},
		{"says why a pull failed", pullFaults},
		{"observes", observes},
		{"ensures one container", ensures},
		{"refuses what cannot run", refuses},
		{"shows state and logs", shows},
		{"gives secrets as files only", secrets},
		{"proves connections", proves},
		{"replaces what has old secrets", renewsSecrets},
		{"starts a replacement first", startsFirst},
		{"forwards ports", forwards},
		{"forwards ports by name", forwardsByName},
		{"finishes what a dead worker began", finishes},
		{"counts what containers use", countsUsage},
		{"shows itself", looks},
		{"follows logs", followsLogs},
		{"sweeps", sweeps},
		{"forgets images", forgets},
	} {
		if !t.Run(one.name, func(t *testing.T) {
			inner := *w
			inner.t = t
			one.test(&inner)
		}) {
			return
		}
	}
}

// newWorld opens an engine, with nothing of ours on it before and after the test.
func newWorld(t *testing.T, box spec.Box, registryAt string) *world {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	l := newLab(t, registryAt)
	helper := l.publish("probe", probe, here, elsewhere())
	engines := docker.NewEngines(docker.Options{ProbeImage: helper.Image})
	t.Cleanup(func() { engines.Close() })
	engine, err := engines.Open(box)
	require.NoError(t, err)
	options := []client.Opt{client.WithHost(box.Engine), client.WithAPIVersionNegotiation()}
	if box.TLS != "" {
		options = append(options, client.WithTLSClientConfig(box.TLS+"/ca.pem", box.TLS+"/cert.pem", box.TLS+"/key.pem"))
	}
	api, err := client.NewClientWithOpts(options...)
	require.NoError(t, err)
	w := &world{t: t, ctx: ctx, lab: l, engine: engine, api: api, box: box, echo: l.publish("echo", echo, here, elsewhere()), probe: helper}
	sweep := func() {
		_, stayed := engine.Sweep(context.Background(), service, true)
		require.Empty(t, stayed)
	}
	sweep() // what a run that was killed has left
	t.Cleanup(sweep)
	return w
}

// placement is an echo on a free port.
func (w *world) placement(function string) plan.Placement {
	return plan.Placement{
		Function: function, Replica: 1, Container: service + "-" + function + "-1", Image: w.echo.Image,
		Digest: w.echo.Digest, Manifest: w.echo.Manifest, SpecHash: "h1", Command: []string{"serve"},
		Environment: []spec.Variable{{Name: "GREETING", Value: "hello"}}, StopGrace: spec.Duration(grace), Restart: "no", Revision: 7,
		Ports:     []spec.Port{{Container: 7000, Host: freePort(w.t), HostIP: w.address(), Protocol: "tcp"}},
		Resources: spec.Resources{CPUs: 0.5, MemoryBytes: 16 << 20},
	}
}

// address is where published ports are: a real box's own, or this machine's loopback.
func (w *world) address() string { return cmp.Or(w.box.Address, "127.0.0.1") }

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (w *world) start(p plan.Placement, secrets ...activities.SecretFile) string {
	w.t.Helper()
	id, _, err := w.engine.EnsureContainer(w.ctx, service, p, secrets)
	require.NoError(w.t, err)
	return id
}

func (w *world) until(id, status string) activities.ContainerState {
	w.t.Helper()
	var state activities.ContainerState
	require.Eventually(w.t, func() bool {
		var err error
		state, err = w.engine.State(w.ctx, id)
		require.NoError(w.t, err)
		return state.Status == status
	}, 10*time.Second, 20*time.Millisecond, "becomes %s, is %+v", status, state)
	return state
}

func (w *world) ours() []plan.Container {
	w.t.Helper()
	var ours []plan.Container
	for _, one := range w.engine.Observe(w.ctx).Containers {
		if one.Service == service {
			ours = append(ours, one)
		}
	}
	return ours
}

func pulls(w *world) {
	require.ErrorIs(w.t, w.engine.Verify(w.ctx, w.echo), fault.ErrNotFound)
	var seen []activities.PullProgress
	watch := func(p activities.PullProgress) { seen = append(seen, p) }
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, watch))
	require.NoError(w.t, w.engine.Verify(w.ctx, w.echo))
	require.NotEmpty(w.t, seen)
	last := seen[len(seen)-1]
	require.Equal(w.t, 1, last.Layers)
	require.Equal(w.t, 1, last.LayersDone)
	require.Greater(w.t, last.Bytes, int64(100_000))
	require.Equal(w.t, last.TotalBytes, last.Bytes)
	require.Contains(w.t, w.engine.Observe(w.ctx).Images, w.echo.Digest)

	seen = nil
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, watch), "again")
	require.Empty(w.t, seen, "it was there already")

	other := w.echo
	other.Arch = "riscv64"
	require.ErrorIs(w.t, w.engine.Verify(w.ctx, other), fault.ErrNoPlatform)
	other = w.echo
	other.Digest, other.Manifest = "sha256:"+strings.Repeat("0", 64), ""
	require.ErrorIs(w.t, w.engine.Verify(w.ctx, other), fault.ErrDigestMismatch)
}

func pullFaults(w *world) {
	pull := func(p plan.Pull, from activities.Source) error {
		err := w.engine.Pull(w.ctx, p, from, nil)
		if err != nil {
			w.t.Log(err)
		}
		return err
	}
	corrupt := w.lab.publish("corrupt", echo, here)
	w.lab.corrupt.Store(true)
	require.ErrorIs(w.t, pull(corrupt, activities.Source{}), fault.ErrDigestMismatch)
	w.lab.corrupt.Store(false)
	require.ErrorIs(w.t, w.engine.Verify(w.ctx, corrupt), fault.ErrNotFound, "nothing of it stays")

	held := w.engine.Inquire(w.ctx, w.echo, activities.Source{})
	require.True(w.t, held.Asked)
	require.NoError(w.t, errors.Join(held.Dial, held.Ping, held.Registry), "every link holds")

	gone := w.echo
	gone.Digest = "sha256:" + strings.Repeat("1", 64)
	gone.Manifest = ""
	require.ErrorIs(w.t, pull(gone, activities.Source{}), fault.ErrNotFound)
	require.ErrorIs(w.t, w.engine.Inquire(w.ctx, gone, activities.Source{}).Registry, fault.ErrNotFound)

	foreign := w.lab.publish("other", echo, elsewhere())
	require.ErrorIs(w.t, pull(foreign, activities.Source{}), fault.ErrNoPlatform)

	away := foreign
	require.ErrorIs(w.t, pull(away, activities.Source{Repository: fmt.Sprintf("127.0.0.1:%d/test/echo", freePort(w.t))}), fault.ErrNetwork)

	locked := w.lab.publish("locked", echo, here)
	w.lab.locked.Store(true)
	require.ErrorIs(w.t, pull(locked, activities.Source{}), fault.ErrUnauthorised)
	require.ErrorIs(w.t, w.engine.Inquire(w.ctx, locked, activities.Source{}).Registry, fault.ErrUnauthorised)
	require.NoError(w.t, w.engine.Inquire(w.ctx, locked, activities.Source{User: "u", Password: "p"}).Registry)
	require.NoError(w.t, pull(locked, activities.Source{User: "u", Password: "p"}))
	w.lab.locked.Store(false)

	mirrored := w.lab.publish("mirrored", echo, here, elsewhere())
	mirrored.Image = "registry.invalid/test/mirrored:dev" // as the specification says it
	require.NoError(w.t, pull(mirrored, activities.Source{Repository: w.lab.host + "/test/mirrored"}))
	require.NoError(w.t, w.engine.Verify(w.ctx, mirrored))
	p := w.placement("mirrored")
	p.Image, p.Digest, p.Manifest, p.Entrypoint = mirrored.Image, mirrored.Digest, mirrored.Manifest, []string{"/mirrored"}
	require.NoError(w.t, w.engine.Remove(w.ctx, w.start(p), grace), "it runs under its own name")
}

func observes(w *world) {
	seen := w.engine.Observe(w.ctx)
	require.True(w.t, seen.Reachable, seen.Fault)
	require.Equal(w.t, w.box.Name, seen.Name)
	require.Equal(w.t, "linux", seen.OS)
	require.Equal(w.t, w.echo.Arch, seen.Arch)
	require.Equal(w.t, w.box.Name == "process", seen.Process)
	require.NotEmpty(w.t, seen.EngineVersion)
	require.NotEmpty(w.t, seen.APIVersion)
	require.Positive(w.t, seen.CPUs)
	require.Greater(w.t, seen.MemoryBytes, int64(64<<20))
	w.freeDisk(seen)

	away, err := docker.NewEngines(docker.Options{}).Open(spec.Box{Name: "away", Engine: fmt.Sprintf("tcp://127.0.0.1:%d", freePort(w.t))})
	require.NoError(w.t, err)
	seen = away.Observe(w.ctx)
	require.False(w.t, seen.Reachable)
	require.Equal(w.t, "away", seen.Name)
	require.Contains(w.t, seen.Fault, "Cannot connect")
}

// freeDisk is told by Observe where the data root is on this machine; elsewhere the probe image looks.
func (w *world) freeDisk(seen plan.Box) {
	free := seen.FreeDisk
	if free < 0 {
		require.Negative(w.t, w.engine.FreeDisk(w.ctx, ""), "a box without the probe image does not know")
		require.NoError(w.t, w.engine.Pull(w.ctx, w.probe, activities.Source{}, nil))
		begun := time.Now()
		require.Eventually(w.t, func() bool {
			asked := time.Now()
			free = w.engine.FreeDisk(w.ctx, "")
			require.Less(w.t, time.Since(asked), time.Second, "whoever asks does not wait for a slow box")
			return free >= 0
		}, 30*time.Second, 10*time.Millisecond)
		w.t.Logf("a first look at the disk took %s", time.Since(begun))
		begun = time.Now()
		require.Equal(w.t, free, w.engine.FreeDisk(w.ctx, ""))
		w.t.Logf("the next %s", time.Since(begun))
		require.Equal(w.t, seen.Containers, w.engine.Observe(w.ctx).Containers, "nothing of it is seen")
	}
	require.Greater(w.t, free, int64(1<<20))
}

func ensures(w *world) {
	p := w.placement("one")
	var same sync.Map
	var all sync.WaitGroup
	for range 4 { // as when an activity is tried again while its lost first try still runs
		all.Go(func() {
			id, created, err := w.engine.EnsureContainer(w.ctx, service, p, nil)
			if err != nil {
				w.t.Errorf("ensure: %v", err)
			}
			same.Store(id, true)
			if created {
				same.Store("created by "+id, true)
			}
		})
	}
	all.Wait()
	count := 0
	same.Range(func(_, _ any) bool { count++; return true })
	require.Equal(w.t, 2, count, "one ID, made once")
	ours := w.ours()
	require.Len(w.t, ours, 1)
	one := ours[0]
	require.Equal(w.t, plan.Container{
		ID: one.ID, Name: "promises-one-1", Service: service, Function: "one", Replica: 1, SpecHash: "h1", Image: p.Image,
		State: "running", CPUs: 0.5, MemoryBytes: 16 << 20, Ports: p.Ports,
		Created: one.Created, Started: one.Started, Revision: 7,
	}, one)
	require.WithinDuration(w.t, time.Now(), time.Unix(one.Created, 0), time.Minute)
	require.GreaterOrEqual(w.t, one.Started, one.Created)
	require.Eventually(w.t, func() bool {
		connection, err := net.Dial("tcp", net.JoinHostPort(w.address(), fmt.Sprint(p.Ports[0].Host)))
		if err == nil {
			connection.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "the published port answers")

	require.NoError(w.t, w.api.ContainerStop(w.ctx, one.ID, container.StopOptions{}))
	id, created, err := w.engine.EnsureContainer(w.ctx, service, p, nil)
	require.NoError(w.t, err)
	require.Equal(w.t, one.ID, id, "a stopped one is started")
	require.False(w.t, created)
	w.until(id, "running")

	p.SpecHash = "h2"
	id, created, err = w.engine.EnsureContainer(w.ctx, service, p, nil)
	require.NoError(w.t, err)
	require.True(w.t, created)
	require.NotEqual(w.t, one.ID, id, "another hash is another container")
	require.Len(w.t, w.ours(), 1)

	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace), "gone is well")
	require.Empty(w.t, w.ours())
}

func refuses(w *world) {
	first := w.placement("first")
	w.start(first)
	second := w.placement("second")
	second.Ports = first.Ports
	_, _, err := w.engine.EnsureContainer(w.ctx, service, second, nil)
	w.t.Log(err)
	require.ErrorIs(w.t, err, fault.ErrPortTaken)
	require.ErrorContains(w.t, err, fmt.Sprintf("port %d of %s is held by container promises-first-1 of service promises", first.Ports[0].Host, w.box.Name))
	require.Len(w.t, w.ours(), 1, "what could not start is gone")

	missing := w.placement("missing")
	missing.Image, missing.Digest, missing.Manifest = w.lab.host+"/test/none:dev", "sha256:"+strings.Repeat("2", 64), ""
	_, _, err = w.engine.EnsureContainer(w.ctx, service, missing, nil)
	require.ErrorIs(w.t, err, fault.ErrNotFound)

	stranger, err := w.api.ContainerCreate(w.ctx, &container.Config{Image: w.echo.Image, Cmd: []string{"serve"}}, nil, nil, nil, service+"-named-1")
	require.NoError(w.t, err)
	defer func() {
		require.NoError(w.t, w.api.ContainerRemove(w.ctx, stranger.ID, container.RemoveOptions{Force: true}))
	}()
	_, _, err = w.engine.EnsureContainer(w.ctx, service, w.placement("named"), nil)
	require.ErrorIs(w.t, err, fault.ErrRejected)
	require.ErrorContains(w.t, err, "is taken by a container that is not of service promises")

	broken := w.placement("broken")
	broken.Entrypoint = []string{"/nothing"}
	_, _, err = w.engine.EnsureContainer(w.ctx, service, broken, nil)
	w.t.Log(err)
	require.ErrorIs(w.t, err, fault.ErrRejected)
	require.Len(w.t, w.ours(), 1)
	require.NoError(w.t, w.engine.Remove(w.ctx, "promises-first-1", grace))
}

func shows(w *world) {
	p := w.placement("shown")
	p.Healthcheck = &spec.Healthcheck{
		Test: []string{"CMD", "/echo", "health"}, Interval: spec.Duration(100 * time.Millisecond), Timeout: spec.Duration(5 * time.Second), Retries: 3,
	}
	id := w.start(p)
	require.Eventually(w.t, func() bool {
		state, err := w.engine.State(w.ctx, id)
		require.NoError(w.t, err)
		return state.Health == "healthy"
	}, 20*time.Second, 50*time.Millisecond)
	state := w.until(p.Container, "running")
	require.Equal(w.t, id, state.ID)
	require.WithinDuration(w.t, time.Now(), state.Started, time.Minute)
	require.NotEmpty(w.t, state.Address)
	require.Equal(w.t, "healthy", w.ours()[0].Health)
	text, err := w.engine.Logs(w.ctx, id, 5)
	require.NoError(w.t, err)
	require.Equal(w.t, "serving hello", text)
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))

	ends := w.placement("ends")
	ends.Command = []string{"exit"}
	id = w.start(ends)
	require.Equal(w.t, 3, w.until(id, "exited").ExitCode)
	text, err = w.engine.Logs(w.ctx, id, 5)
	require.NoError(w.t, err)
	require.Equal(w.t, "no such topic", text)
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))

	_, err = w.engine.State(w.ctx, id)
	require.ErrorIs(w.t, err, fault.ErrNotFound)
	_, err = w.engine.Logs(w.ctx, id, 5)
	require.ErrorIs(w.t, err, fault.ErrNotFound)
}

func secrets(w *world) {
	p := w.placement("secretive")
	id := w.start(p, activities.SecretFile{Target: "/run/secrets/token", Value: []byte("hush-hush")})
	require.Eventually(w.t, func() bool {
		text, err := w.engine.Logs(w.ctx, id, 5)
		require.NoError(w.t, err)
		return strings.Contains(text, "secret of 9 bytes, mode -r--------")
	}, 10*time.Second, 20*time.Millisecond)
	_, raw, err := w.api.ContainerInspectWithRaw(w.ctx, id, false)
	require.NoError(w.t, err)
	require.NotContains(w.t, string(raw), "hush")
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))
}

func proves(w *world) {
	p, consumer := w.placement("provider"), w.placement("consumer")
	address := fmt.Sprintf("127.0.0.1:%d", p.Ports[0].Host)
	if !w.engine.Observe(w.ctx).Process { // there, loopback is the container's own and names are the network's
		for _, network := range []string{"promises-a", "promises-b"} {
			require.NoError(w.t, w.engine.EnsureNetwork(w.ctx, service, network))
		}
		p.Networks, consumer.Networks = []string{"promises-b"}, []string{"promises-a", "promises-b"}
		address = "provider:7000"
	}
	w.start(p)
	w.start(consumer)
	dial := activities.Dial{Service: service, Container: consumer.Container, Addresses: []string{address, "127.0.0.1:9"}, Timeout: 2 * time.Second}
	w.until(p.Container, "running")
	var all []activities.Connection
	require.Eventually(w.t, func() bool {
		var err error
		all, err = w.engine.Dial(w.ctx, dial)
		require.NoError(w.t, err)
		require.Len(w.t, all, 2)
		return all[0].Connected
	}, 20*time.Second, 100*time.Millisecond)
	require.Equal(w.t, address, all[0].Address)
	require.Positive(w.t, all[0].Millis)
	require.Less(w.t, all[0].Millis, 2000.0)
	require.False(w.t, all[1].Connected)
	require.Equal(w.t, "127.0.0.1:9 refused the connection", all[1].Fault)

	require.Len(w.t, w.ours(), 2)
	require.Empty(w.t, w.helpers(), "no helper stays")
	require.NoError(w.t, w.api.ContainerStop(w.ctx, consumer.Container, container.StopOptions{}))
	_, err := w.engine.Dial(w.ctx, dial)
	w.t.Log(err)
	require.ErrorIs(w.t, err, fault.ErrNotConnected)
	for _, name := range []string{p.Container, consumer.Container} {
		require.NoError(w.t, w.engine.Remove(w.ctx, name, grace))
	}
}

// helpers are the names of our helper containers.
func (w *world) helpers() []string {
	w.t.Helper()
	all, err := w.api.ContainerList(w.ctx, container.ListOptions{All: true})
	require.NoError(w.t, err)
	var names []string
	for _, one := range all {
		if one.Labels[docker.LabelHelper] != "" {
			names = append(names, strings.Join(one.Names, " "))
		}
	}
	return names
}

func sweeps(w *world) {
	for range 2 {
		require.NoError(w.t, w.engine.EnsureNetwork(w.ctx, service, "promises-net"))
		require.NoError(w.t, w.engine.EnsureVolume(w.ctx, service, "promises-data"))
	}
	p := w.placement("swept")
	p.Networks = []string{"promises-net"}
	p.Mounts = []spec.Mount{{Kind: "volume", Source: "promises-data", Target: "/var/lib/data"}}
	w.start(p)
	name := w.box.Name
	removed, stayed := w.engine.Sweep(w.ctx, service, false)
	require.Empty(w.t, stayed)
	require.Subset(w.t, removed, []string{"container promises-swept-1 on " + name, "network promises-net on " + name})
	require.Empty(w.t, w.ours())
	removed, stayed = w.engine.Sweep(w.ctx, service, true)
	require.Equal(w.t, []string{"volume promises-data on " + name}, removed)
	require.Empty(w.t, stayed)
	removed, stayed = w.engine.Sweep(w.ctx, service, true)
	require.Empty(w.t, removed)
	require.Empty(w.t, stayed)
}
