//go:build integration

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	embedded "github.com/overcloud/overcloud/internal/embedded/temporal"
	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/workflows"
)

// stage is what a deploy needs, all of it real: engines (a lab), a Temporal server, and a worker that is a process
// of its own and can be killed.
type stage struct {
	t       *testing.T
	lab     *lab.Lab
	client  *temporal.Client
	address string // of Temporal
	probe   string // image that proves connections

	bin    string // folder of the binaries built for this test
	worker *exec.Cmd
	out    *lines
	extra  []string // of the worker's environment
}

// newStage brings everything up; it goes with the test.
func newStage(t *testing.T, options lab.Options, environment ...string) *stage {
	t.Helper()
	s := &stage{t: t, lab: labtest.New(t, options), out: &lines{}, extra: environment}
	s.bin = binaries(t, "worker", "starter", "functions/probe")
	port := freePorts(t, 2)
	server, err := embedded.Start(t.Context(), embedded.Options{
		Binary: testbin.Path(t, "temporal"), Dir: t.TempDir(), Port: port, UIPort: port + 1,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s.address = server.Address()
	s.client, err = temporal.Dial(temporal.Options{Address: s.address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	pushed, err := s.lab.PublishOne(t.Context(), "dev", "probe", filepath.Join(s.bin, "probe"))
	require.NoError(t, err)
	s.probe = s.lab.Registry().Ref(pushed)
	s.startWorker()
	t.Cleanup(func() {
		s.killWorker()
		if t.Failed() {
			t.Logf("the worker wrote:\n%s", tailOf(s.out.String(), 40))
		}
	})
	return s
}

// binaries builds commands of this module, once while nothing changes, and gives their folder.
func binaries(t *testing.T, commands ...string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	folder := filepath.Join(cache, "overcloud-lab", "bin")
	for _, command := range commands {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, filepath.Base(command)), "./"+command)
		build.Dir = testbin.Root(t)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return folder
}

// environment is that of our processes: where Temporal is, and whom to trust as a registry.
func (s *stage) environment() []string {
	return append(append(os.Environ(), "TEMPORAL_ADDRESS="+s.address, "SSL_CERT_FILE="+s.lab.CAFile(), "LOG_LEVEL=warn",
		"KAFKA_BROKERS=127.0.0.1:1", fmt.Sprintf("HEALTH_PORT=%d", freePorts(s.t, 1)), "PROBE_IMAGE="+s.probe), s.extra...)
}

// startWorker starts the worker and returns when it polls.
func (s *stage) startWorker() {
	s.t.Helper()
	s.worker = exec.Command(filepath.Join(s.bin, "worker"), "workflows")
	s.worker.Env = s.environment()
	s.worker.Stdout, s.worker.Stderr = s.out, s.out
	s.worker.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.worker.Start())
	require.Eventually(s.t, func() bool {
		n, err := s.client.Workers(s.t.Context())
		return err == nil && n > 0
	}, 30*time.Second, 50*time.Millisecond, "the worker polls")
}

// killWorker is kill -9.
func (s *stage) killWorker() {
	if s.worker == nil {
		return
	}
	_ = s.worker.Process.Kill() // it may have ended
	_ = s.worker.Wait()
	s.worker = nil
}

// starter runs the operator's command and gives its output and exit code.
func (s *stage) starter(args ...string) (string, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(s.bin, "starter"), args...)
	command.Env, command.Dir = s.environment(), testbin.Root(s.t)
	out, err := command.CombinedOutput()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		s.t.Fatalf("starter %s: %v", strings.Join(args, " "), err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// service is a specification on the lab's boxes with the registry's authority known. As in Compose, a function that
// names no network joins the default one.
func (s *stage) service(name string, functions ...spec.Function) spec.Service {
	for i := range functions {
		if len(functions[i].Networks) == 0 {
			functions[i].Networks = []string{name + "_default"}
		}
	}
	return spec.Service{
		Name: name, Orchestrator: spec.OrchestratorEngine, Boxes: s.lab.Boxes(), Networks: []string{name + "_default"},
		ProbeImage: s.probe, Functions: functions,
		Registries: []spec.Registry{{Host: s.lab.Registry().Host(), CA: s.lab.CAFile()}},
	}.Normalise()
}

// app is a function of a test image that listens on port 7000 and answers its health check.
func (s *stage) app(name string, image lab.Image) spec.Function {
	return spec.Function{
		Name: name, Image: s.lab.Registry().Ref(image), Command: []string{"serve"}, Replicas: 1, Restart: "unless-stopped",
		Environment: []spec.Variable{{Name: "NAME", Value: name}}, Expose: []int{7000},
		Healthcheck: &spec.Healthcheck{
			Test: []string{"CMD", "/app", "health"}, Interval: spec.Duration(time.Second), Timeout: spec.Duration(3 * time.Second), Retries: 3,
		},
	}
}

// on pins a function to a box.
func on(box string, f spec.Function) spec.Function {
	f.Constraints = append(f.Constraints, spec.Constraint{Key: "node.hostname", Op: "==", Value: box})
	return f
}

// apply gives the service its specification and returns the revision at once.
func (s *stage) apply(service spec.Service) int {
	s.t.Helper()
	accepted, err := s.client.Apply(s.t.Context(), workflows.ApplyRequest{Service: service, Who: "e2e"})
	require.NoError(s.t, err)
	return accepted.Revision
}

// until waits for a status, or fails with the last one.
func (s *stage) until(service string, within time.Duration, what string, want func(workflows.Status) bool) workflows.Status {
	s.t.Helper()
	deadline := time.Now().Add(within)
	for {
		status, err := s.client.Status(s.t.Context(), service)
		if err == nil && want(status) {
			return status
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %s; the service says: %+v %v", what, within, status, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// runs applies a service and waits until it runs.
func (s *stage) runs(service spec.Service) workflows.Status {
	s.t.Helper()
	revision := s.apply(service)
	status := s.until(service.Name, 2*time.Minute, "the service runs", settled(revision))
	require.Equal(s.t, workflows.PhaseTuning, status.Phase, status.Fault)
	return status
}

// fails applies a service and waits until it has failed.
func (s *stage) fails(service spec.Service) workflows.Status {
	s.t.Helper()
	revision := s.apply(service)
	status := s.until(service.Name, 3*time.Minute, "the service fails", settled(revision))
	require.Equal(s.t, workflows.PhaseFailed, status.Phase)
	return status
}

func settled(revision int) func(workflows.Status) bool {
	return func(status workflows.Status) bool {
		return status.Revision >= revision && (status.Phase == workflows.PhaseTuning || status.Phase == workflows.PhaseFailed)
	}
}

// down takes the service down and returns what stayed.
func (s *stage) down(service string, volumes bool) workflows.DownReport {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	report, err := s.client.Down(ctx, service, workflows.DownRequest{Volumes: volumes, Who: "e2e"})
	require.NoError(s.t, err)
	return report
}

// containers are those of a service on a box as its engine lists them, helpers too: name and state.
func (s *stage) containers(box spec.Box, service string) map[string]string {
	s.t.Helper()
	return s.listed(labtest.Client(s.t, box), service)
}

// changes says what an apply would do.
func (s *stage) changes(service spec.Service) plan.Plan {
	s.t.Helper()
	preview, err := s.client.Preview(s.t.Context(), service)
	require.NoError(s.t, err)
	return preview.Plan
}

func tailOf(text string, n int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
