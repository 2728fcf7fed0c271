package docker_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// process says whether the engine is a process box, which has no namespaces.
func (w *world) process() bool { return w.box.Name == "process" }

// of are the containers of one function.
func (w *world) of(function string) []plan.Container {
	w.t.Helper()
	return slices.DeleteFunc(w.ours(), func(c plan.Container) bool { return c.Function != function })
}

// logged waits until a container has said something.
func (w *world) logged(id, words string) {
	w.t.Helper()
	var text string
	require.Eventually(w.t, func() bool {
		var err error
		text, err = w.engine.Logs(w.ctx, id, 5)
		require.NoError(w.t, err)
		return strings.Contains(text, words)
	}, 10*time.Second, 20*time.Millisecond, "it says %q: %s", words, text)
}

func renewsSecrets(w *world) {
	p := w.placement("secretive")
	p.Reconciled = true
	p.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}, {Name: "pass", Target: "/etc/app/pass"}}
	files := func(token, pass string) []activities.SecretFile {
		return []activities.SecretFile{{Target: "/run/secrets/token", Value: []byte(token)}, {Target: "/etc/app/pass", Value: []byte(pass)}}
	}
	first := w.start(p, files("hush-hush", "one")...)
	w.logged(first, "secret of 9 bytes, mode -r--------")
	if !w.process() { // which exports nothing
		require.False(w.t, w.onDisk(first, "hush-hush"), "it lies in memory")
	}
	require.Equal(w.t, first, w.start(p, files("hush-hush", "one")...), "the same values change nothing")
	second := w.start(p, files("hush", "one")...)
	require.NotEqual(w.t, first, second, "another value is another container")
	w.logged(second, "secret of 4 bytes")
	third := w.start(p, files("hush", "two")...)
	require.NotEqual(w.t, second, third)
	require.Len(w.t, w.of(p.Function), 1)
	require.NoError(w.t, w.api.ContainerStop(w.ctx, third, container.StopOptions{}))
	require.Equal(w.t, third, w.start(p, files("hush-hush-hush", "two")...), "one that does not run just gets them")
	w.logged(third, "secret of 14 bytes")
	require.Empty(w.t, w.helpers(), "none stays")
	require.NoError(w.t, w.engine.Remove(w.ctx, third, grace))
}

func startsFirst(w *world) {
	p := w.placement("rolled")
	p.Ports = nil
	old := w.start(p)
	p.SpecHash, p.Order = "h2", spec.OrderStartFirst
	young := w.start(p)
	require.NotEqual(w.t, old, young)
	require.Equal(w.t, young, w.start(p), "again, as after a lost answer")
	require.Len(w.t, w.of(p.Function), 2, "the old one still runs")
	w.until(old, "running")
	left := young
	p.SpecHash = "h3"
	young = w.start(p)
	require.NotContains(w.t, []string{old, left}, young)
	require.Len(w.t, w.of(p.Function), 2, "what an earlier try left beside the old one makes room")
	w.until(old, "running")
	p.Order = ""
	require.Equal(w.t, young, w.start(p))
	ours := w.of(p.Function)
	require.Len(w.t, ours, 1)
	require.Equal(w.t, p.Container, ours[0].Name, "it has its name")
	require.Equal(w.t, young, w.start(p))

	fixed := w.placement("fixed")
	old = w.start(fixed)
	fixed.SpecHash, fixed.Order = "h2", spec.OrderStartFirst
	young = w.start(fixed)
	require.NotEqual(w.t, old, young)
	require.Len(w.t, w.of(fixed.Function), 1, "both need one port, so the old one stops first")
	for _, name := range []string{p.Container, fixed.Container} {
		require.NoError(w.t, w.engine.Remove(w.ctx, name, grace))
	}
}

func forwards(w *world) {
	if w.process() {
		return // there, every function has an address of its own and its own ports
	}
	provider, consumer := w.placement("source"), w.placement("consumer")
	provider.Networks, consumer.Networks, consumer.Ports = nil, nil, nil
	consumer.Restart = "always"
	id := w.start(provider)
	full, err := w.api.ContainerInspect(w.ctx, id)
	require.NoError(w.t, err)
	consumer.Forwards = []plan.Forward{{Listen: "127.77.3.4:5432", To: full.NetworkSettings.Networks["bridge"].IPAddress + ":7000"}}
	consumer.ExtraHosts = []string{"db:127.77.3.4"}
	id = w.start(consumer)
	ensure := func() { w.t.Helper(); require.NoError(w.t, w.engine.EnsureForwards(w.ctx, service, id, consumer, "")) }
	dial := activities.Dial{Service: service, Container: consumer.Container, Addresses: []string{"db:5432"}, Timeout: 2 * time.Second}
	reaches := func() bool {
		all, err := w.engine.Dial(w.ctx, dial)
		return err == nil && all[0].Connected
	}
	require.False(w.t, reaches(), "without a helper nobody listens")
	ensure()
	require.Eventually(w.t, reaches, 10*time.Second, 50*time.Millisecond)
	helper := w.helperID()
	ensure()
	require.Equal(w.t, helper, w.helperID(), "a second run changes nothing")
	require.Len(w.t, w.of(consumer.Function), 1, "a helper is no function")

	begun := time.Now()
	require.NoError(w.t, w.api.ContainerRestart(w.ctx, id, container.StopOptions{}))
	require.Eventually(w.t, reaches, 20*time.Second, 50*time.Millisecond, "the helper follows by itself into the new namespace")
	w.t.Logf("forwarding again %s after the consumer's restart", time.Since(begun).Round(10*time.Millisecond))
	require.NoError(w.t, w.api.ContainerStop(w.ctx, id, container.StopOptions{}))
	time.Sleep(1500 * time.Millisecond) // so that the helper finds its namespace dead, and no container to follow
	require.NoError(w.t, w.api.ContainerStart(w.ctx, id, container.StartOptions{}))
	ensure()
	require.Eventually(w.t, reaches, 10*time.Second, 50*time.Millisecond, "the next look starts it again")
	require.Equal(w.t, helper, w.helperID())

	consumer.SpecHash, consumer.Order = "h2", spec.OrderStartFirst
	id = w.start(consumer)
	ensure()
	require.Len(w.t, w.helpers(), 2)
	consumer.Order = ""
	require.Equal(w.t, id, w.start(consumer))
	ensure()
	require.Equal(w.t, []string{"/promises-consumer-1-forward"}, w.helpers())
	require.Eventually(w.t, reaches, 10*time.Second, 50*time.Millisecond)

	consumer.Forwards = nil
	ensure()
	require.Empty(w.t, w.helpers(), "nothing to forward")
	consumer.Forwards = []plan.Forward{{Listen: "127.77.3.4:7000", To: "10.255.255.1:1"}}
	err = w.engine.EnsureForwards(w.ctx, service, id, consumer, "")
	require.ErrorIs(w.t, err, fault.ErrRejected, "the consumer listens there itself, and would be taken for its provider")
	require.ErrorContains(w.t, err, "address already in use")
	require.Empty(w.t, w.helpers())
	consumer.Forwards = []plan.Forward{{Listen: "127.77.3.4:5432", To: "10.255.255.1:1"}}
	ensure()
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))
	require.Empty(w.t, w.helpers(), "it goes with its consumer")
	require.NoError(w.t, w.engine.Remove(w.ctx, provider.Container, grace))
}

// forwardsByName holds a consumer that listens on the very port of its provider, on two networks.
func forwardsByName(w *world) {
	if w.process() {
		return
	}
	for _, network := range []string{"promises-a", "promises-b"} {
		require.NoError(w.t, w.engine.EnsureNetwork(w.ctx, service, network))
	}
	provider, consumer := w.placement("source"), w.placement("consumer")
	provider.Networks, provider.Ports[0].HostIP = nil, ""
	full, err := w.api.ContainerInspect(w.ctx, w.start(provider))
	require.NoError(w.t, err)
	to := fmt.Sprintf("%s:%d", full.NetworkSettings.Networks["bridge"].Gateway, provider.Ports[0].Host)
	consumer.Networks, consumer.Ports = []string{"promises-a", "promises-b"}, nil
	consumer.Forwards = []plan.Forward{{Listen: "127.77.3.4:7000", To: to}, {Listen: "127.77.3.5:7000", To: to}, {Listen: "127.77.3.4:7001", To: to}}
	consumer.ExtraHosts = []string{"db:127.77.3.4", "cache:127.77.3.5", "printer:10.9.8.7"}
	id := w.start(consumer)
	ensure := func() { w.t.Helper(); require.NoError(w.t, w.engine.EnsureForwards(w.ctx, service, id, consumer, "")) }
	dial := activities.Dial{Service: service, Container: consumer.Container, Addresses: []string{"db:7000", "cache:7000", "db:7001"}, Timeout: 2 * time.Second}
	reaches := func() bool {
		all, err := w.engine.Dial(w.ctx, dial)
		return err == nil && all[0].Connected && all[1].Connected && all[2].Connected
	}
	require.False(w.t, reaches(), "not itself, though it listens on 7000")
	ensure()
	helpers := []string{"/promises-consumer-1-forward-cache", "/promises-consumer-1-forward-db"}
	sorted := func() []string { names := w.helpers(); slices.Sort(names); return names }
	require.Equal(w.t, helpers, sorted())
	require.Eventually(w.t, reaches, 10*time.Second, 50*time.Millisecond)
	require.NoError(w.t, w.api.ContainerRestart(w.ctx, id, container.StopOptions{}))
	require.Eventually(w.t, reaches, 5*time.Second, 50*time.Millisecond, "a restart of the consumer changes nothing")
	require.NoError(w.t, w.api.ContainerStop(w.ctx, "promises-consumer-1-forward-db", container.StopOptions{}))
	ensure()
	require.Eventually(w.t, reaches, 10*time.Second, 50*time.Millisecond)
	full, err = w.api.ContainerInspect(w.ctx, id)
	require.NoError(w.t, err)
	require.Equal(w.t, []string{"printer:10.9.8.7"}, full.HostConfig.ExtraHosts)

	consumer.SpecHash, consumer.Forwards = "h2", consumer.Forwards[:2]
	id = w.start(consumer)
	ensure()
	require.Equal(w.t, helpers, sorted())
	require.NoError(w.t, w.engine.Remove(w.ctx, id, grace))
	require.Empty(w.t, w.helpers(), "they go with their consumer")
	require.NoError(w.t, w.engine.Remove(w.ctx, provider.Container, grace))
}

// helperID is the one helper's.
func (w *world) helperID() string {
	w.t.Helper()
	full, err := w.api.ContainerInspect(w.ctx, "promises-consumer-1-forward")
	require.NoError(w.t, err)
	return full.ID
}

// finishes leaves the box as a worker does that was killed between creating and starting, with a container that has
// joined one network of two and has none of its secrets.
func finishes(w *world) {
	p := w.placement("half")
	p.Reconciled = true
	p.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	secret := activities.SecretFile{Target: "/run/secrets/token", Value: []byte("hush-hush")}
	if !w.process() {
		for _, network := range []string{"promises-a", "promises-b"} {
			require.NoError(w.t, w.engine.EnsureNetwork(w.ctx, service, network))
		}
		p.Networks = []string{"promises-a", "promises-b"}
	}
	id := w.start(p, secret)
	full, err := w.api.ContainerInspect(w.ctx, id)
	require.NoError(w.t, err)
	require.NoError(w.t, w.api.ContainerRemove(w.ctx, id, container.RemoveOptions{Force: true}))
	made, err := w.api.ContainerCreate(w.ctx, full.Config, full.HostConfig, nil, nil, p.Container)
	require.NoError(w.t, err)

	again, created, err := w.engine.EnsureContainer(w.ctx, service, p, []activities.SecretFile{secret})
	require.NoError(w.t, err)
	require.Equal(w.t, made.ID, again)
	require.False(w.t, created)
	w.logged(again, "secret of 9 bytes")
	full, err = w.api.ContainerInspect(w.ctx, again)
	require.NoError(w.t, err)
	for _, network := range p.Networks {
		require.Contains(w.t, full.NetworkSettings.Networks, network)
	}
	require.Len(w.t, w.of(p.Function), 1)
	require.NoError(w.t, w.engine.Remove(w.ctx, again, grace))
}

// onDisk says whether a value lies in a container as its engine would export it.
func (w *world) onDisk(id, value string) bool {
	w.t.Helper()
	export, err := w.api.ContainerExport(w.ctx, id)
	require.NoError(w.t, err)
	defer export.Close()
	file, err := os.CreateTemp(w.t.TempDir(), "export")
	require.NoError(w.t, err)
	_, err = file.ReadFrom(export)
	require.NoError(w.t, err)
	require.NoError(w.t, file.Close())
	whole, err := os.ReadFile(file.Name())
	require.NoError(w.t, err)
	return strings.Contains(string(whole), value)
}
