//go:build integration

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// execute runs a command in a container and gives its output and exit code.
func execute(t *testing.T, api *client.Client, name string, command ...string) (string, int) {
	t.Helper()
	made, err := api.ContainerExecCreate(t.Context(), name, container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	require.NoError(t, err)
	attached, err := api.ContainerExecAttach(t.Context(), made.ID, container.ExecStartOptions{})
	require.NoError(t, err)
	defer attached.Close()
	var out strings.Builder
	_, err = attached.Reader.WriteTo(&out)
	require.NoError(t, err)
	ended, err := api.ContainerExecInspect(t.Context(), made.ID)
	require.NoError(t, err)
	return out.String(), ended.ExitCode
}

// hears waits until a container hears a provider say its name.
func hears(t *testing.T, api *client.Client, name, address, words string, within time.Duration) {
	t.Helper()
	deadline, said := time.Now().Add(within), ""
	for {
		code := 0
		if said, code = execute(t, api, name, "/app", "dial", address); code == 0 && strings.Contains(said, words) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not hear %s from %s within %s, but: %s", name, words, address, within, said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A consumer reaches its provider by the name and port that it knows, although the provider is on another box and
// published under another port; and still does after its own restart, and after its box has booted.
func TestProviderIsReachedByNameAndPortAcrossBoxes(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "forwarded", Bytes: 100 << 10})
	db, web := on("box1", s.app("db", image)), on("box2", s.app("web", image))
	db.Ports = []spec.Port{{Container: 7000, Host: 17000, Protocol: "tcp"}}
	web.Consumes = []spec.Edge{{Function: "db", Port: 7000}}
	db.Networks, web.Networks = []string{"forwarded_default"}, []string{"forwarded_default"}
	service := s.service("forwarded", db, web)
	service.Schedule = spec.Duration(10 * time.Second)
	s.runs(service)
	box := s.lab.Boxes()[1]
	api := labtest.Client(t, box)
	hears(t, api, "forwarded-web-1", "db:7000", "db@", time.Second)
	require.Equal(t, map[string]string{"forwarded-web-1": "running", "forwarded-web-1-forward-db": "running"}, s.containers(box, "forwarded"))

	began := time.Now()
	require.NoError(t, api.ContainerKill(t.Context(), "forwarded-web-1", "KILL"))
	require.NoError(t, api.ContainerStart(t.Context(), "forwarded-web-1", container.StartOptions{}))
	hears(t, api, "forwarded-web-1", "db:7000", "db@", 30*time.Second)
	t.Logf("heard again %s after the consumer was killed", time.Since(began).Round(10*time.Millisecond))

	require.NoError(t, s.lab.Kill(t.Context(), box.Name))
	began = time.Now()
	require.NoError(t, s.lab.Restart(t.Context(), box.Name))
	api = labtest.Client(t, box)
	require.Eventually(t, func() bool { return s.containers(box, "forwarded")["forwarded-web-1"] == "running" }, time.Minute, 100*time.Millisecond)
	hears(t, api, "forwarded-web-1", "db:7000", "db@", time.Minute)
	t.Logf("heard again %s after the box was switched on", time.Since(began).Round(10*time.Millisecond))
	require.Empty(t, s.down("forwarded", true).Stayed)
	require.Empty(t, s.containers(box, "forwarded"), "helpers go, too")
}

// After a reboot, what waits for health is not started by its engine in any order, but in its turn.
func TestOrderIsKeptAfterABoxHasBooted(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "ordered", Bytes: 100 << 10})
	functions := []spec.Function{s.app("a", image), s.app("b", image), s.app("c", image)}
	for i := range functions[1:] {
		functions[i+1].DependsOn = []spec.Dependency{{Function: functions[i].Name, Condition: "service_healthy"}}
		functions[i+1].Consumes = []spec.Edge{{Function: functions[i].Name, Port: 7000}}
	}
	service := s.service("ordered", functions...)
	service.Schedule = spec.Duration(10 * time.Second)
	s.runs(service)
	box := s.lab.Boxes()[0]
	require.NoError(t, s.lab.Kill(t.Context(), box.Name))
	booted := time.Now()
	require.NoError(t, s.lab.Restart(t.Context(), box.Name))
	api := labtest.Client(t, box)
	names := []string{"ordered-a-1", "ordered-b-1", "ordered-c-1"}
	require.Eventually(t, func() bool {
		running := s.containers(box, "ordered")
		return running[names[0]] == "running" && running[names[1]] == "running" && running[names[2]] == "running"
	}, 90*time.Second, 100*time.Millisecond)
	t.Logf("all run %s after the box was switched on", time.Since(booted).Round(10*time.Millisecond))
	var started, healthy []time.Time
	for _, name := range names {
		require.Eventually(t, func() bool {
			full, err := api.ContainerInspect(t.Context(), name)
			require.NoError(t, err)
			return full.State.Health.Status == "healthy"
		}, 30*time.Second, 100*time.Millisecond)
		full, err := api.ContainerInspect(t.Context(), name)
		require.NoError(t, err)
		at, err := time.Parse(time.RFC3339Nano, full.State.StartedAt)
		require.NoError(t, err)
		started = append(started, at)
		first := time.Now()
		for _, check := range full.State.Health.Log {
			if check.ExitCode == 0 && check.Start.After(at) && check.End.Before(first) {
				first = check.End
			}
		}
		healthy = append(healthy, first)
		require.Equal(t, 0, full.RestartCount, "%s did not have to try", name)
	}
	require.True(t, started[1].After(healthy[0]), "b began at %s, a was healthy at %s", started[1], healthy[0])
	require.True(t, started[2].After(healthy[1]), "c began at %s, b was healthy at %s", started[2], healthy[1])
	require.Empty(t, s.down("ordered", true).Stayed)
}

func TestPortTaken(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "taken", Bytes: 100 << 10})
	first := s.app("first", image)
	first.Ports = []spec.Port{{Container: 7000, Host: 18080, Protocol: "tcp"}}
	s.runs(s.service("holder", first))
	listening, err := s.lab.Command(t.Context(), "box1", filepath.Join(s.bin, "probe"), "forward", "0.0.0.0:18081=127.0.0.1:1")
	require.NoError(t, err)
	require.NoError(t, listening.Start())
	defer func() { _ = listening.Process.Kill(); _ = listening.Wait() }()
	second := s.app("second", image)
	second.Ports = []spec.Port{{Container: 7000, Host: 18081, Protocol: "tcp"}}
	status := s.fails(s.service("wants", second))
	require.Equal(t, activities.TypePortTaken, status.FaultType, status.Fault)
	require.Contains(t, status.Fault, "start wants-second-1 on box1: ")
	require.Contains(t, status.Fault, "a program of the box itself has it")
	require.Empty(t, s.containers(s.lab.Boxes()[0], "wants"), "nothing stays of it")
	require.Equal(t, map[string]string{"holder-first-1": "running"}, s.containers(s.lab.Boxes()[0], "holder"))
}

// What fails says so in one sentence, with what the container said, and without its secrets.
func TestLastLogLinesAreInTheSentence(t *testing.T) {
	t.Setenv("CANARY", "hush-hush-canary")
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "failing", Bytes: 100 << 10})
	failing := s.app("failing", image)
	failing.Command, failing.Restart, failing.Healthcheck = []string{"exit", "3", "no such table: hush-hush-canary"}, "no", nil
	failing.Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
	service := s.service("failing", failing)
	service.Secrets = []spec.Secret{{Name: "token", From: "env:CANARY"}}
	status := s.fails(service)
	require.Equal(t, activities.TypeExited, status.FaultType)
	require.Equal(t, "await failing-failing-1 on box1: exited with code 3; its last lines:\nno such table: [secret token]", status.Fault)
	require.Empty(t, s.containers(s.lab.Boxes()[0], "failing"))
}

// An update whose container falls over while it is watched brings back what ran before.
func TestCrashInMonitorReverts(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "watched", Bytes: 100 << 10})
	app := s.app("app", image)
	app.Restart = "no"
	s.runs(s.service("watched", app))
	box := s.lab.Boxes()[0]
	api := labtest.Client(t, box)
	before, err := api.ContainerInspect(t.Context(), "watched-app-1")
	require.NoError(t, err)

	app.Environment = append(app.Environment, spec.Variable{Name: "VERSION", Value: "2"})
	app.Update = &spec.Update{Monitor: spec.Duration(20 * time.Second)}
	revision := s.apply(s.service("watched", app))
	require.Eventually(t, func() bool {
		full, err := api.ContainerInspect(t.Context(), "watched-app-1")
		return err == nil && full.ID != before.ID && full.State.Health != nil && full.State.Health.Status == "healthy"
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, api.ContainerKill(t.Context(), "watched-app-1", "KILL"))
	status := s.until("watched", time.Minute, "the update fails", settled(revision))
	require.Equal(t, workflows.PhaseFailed, status.Phase)
	require.Contains(t, status.Fault, "await watched-app-1 on box1: exited with code 137")
	after, err := api.ContainerInspect(t.Context(), "watched-app-1")
	require.NoError(t, err)
	require.Equal(t, before.Config.Labels["overcloud.spec-hash"], after.Config.Labels["overcloud.spec-hash"], "what ran before runs again")
	require.Equal(t, "running", after.State.Status)
	require.Equal(t, "1", after.Config.Labels["overcloud.revision"])
}

// between stands between the worker and an engine and can lose its answers.
type between struct {
	*httptest.Server
	mu   sync.Mutex
	lose func(*http.Request) bool // the answer, once the engine has acted
	hold func(*http.Request)      // ahead of the engine
}

func newBetween(t *testing.T, box spec.Box) (*between, spec.Box) {
	t.Helper()
	options, err := tlsconfig.Client(tlsconfig.Options{
		CAFile: box.TLS + "/ca.pem", CertFile: box.TLS + "/cert.pem", KeyFile: box.TLS + "/key.pem",
	})
	require.NoError(t, err)
	engine, err := url.Parse(box.Engine)
	require.NoError(t, err)
	b := &between{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: engine.Host})
	proxy.Transport = &http.Transport{TLSClientConfig: (*tls.Config)(options)}
	proxy.FlushInterval = -1
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		lose, hold := b.lose, b.hold
		b.mu.Unlock()
		if hold != nil {
			hold(r)
		}
		if lose == nil || !lose(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		if connection, _, err := w.(http.Hijacker).Hijack(); err == nil {
			connection.Close()
		}
	}))
	t.Cleanup(b.Close)
	box.Engine, box.TLS = "tcp://"+b.Listener.Addr().(*net.TCPAddr).String(), ""
	return b, box
}

func (b *between) set(lose func(*http.Request) bool, hold func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose, b.hold = lose, hold
}

func isCreate(r *http.Request, name string) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/containers/create") && r.URL.Query().Get("name") == name
}

func isStart(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/start")
}

func TestReplyLostAfterCreate(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "lost", Bytes: 100 << 10})
	middle, box := newBetween(t, s.lab.Boxes()[0])
	service := s.service("lost", s.app("app", image))
	service.Boxes = []spec.Box{box}
	var mu sync.Mutex
	lost := map[string]int{}
	middle.set(func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		kind := ""
		switch {
		case isCreate(r, "lost-app-1"):
			kind = "create"
		case isStart(r):
			kind = "start"
		}
		lost[kind]++
		return kind != "" && lost[kind] == 1
	}, nil)
	s.runs(service)
	mu.Lock()
	require.Equal(t, 1, lost["create"], "one container was made, though nobody heard of it")
	require.GreaterOrEqual(t, lost["start"], 1)
	mu.Unlock()
	require.Equal(t, map[string]string{"lost-app-1": "running"}, s.containers(s.lab.Boxes()[0], "lost"))
}

func TestWorkerKilledBetweenCreateAndStart(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 1})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "between", Bytes: 100 << 10})
	middle, box := newBetween(t, s.lab.Boxes()[0])
	service := s.service("between", s.app("app", image))
	service.Boxes = []spec.Box{box}
	reached, release := make(chan struct{}, 8), make(chan struct{})
	middle.set(nil, func(r *http.Request) {
		if isStart(r) {
			reached <- struct{}{}
			<-release
			panic(http.ErrAbortHandler) // its caller is dead; the engine hears nothing
		}
	})
	revision := s.apply(service)
	<-reached
	s.killWorker()
	require.Equal(t, map[string]string{"between-app-1": "created"}, s.containers(s.lab.Boxes()[0], "between"))
	middle.set(nil, nil)
	close(release)
	began := time.Now()
	s.startWorker()
	status := s.until("between", 2*time.Minute, "it runs", settled(revision))
	require.Equal(t, workflows.PhaseTuning, status.Phase, status.Fault)
	t.Logf("correct %s after the new worker came", time.Since(began).Round(10*time.Millisecond))
	require.Equal(t, map[string]string{"between-app-1": "running"}, s.containers(s.lab.Boxes()[0], "between"))
	require.Len(t, status.Functions, 1, fmt.Sprint(status.Functions))
}
