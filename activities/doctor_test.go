package activities_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// ward is a Doctor over fakes.
type ward struct {
	t      *testing.T
	checks *fakes.Checks
	shells *fakes.Shells
	doctor *activities.Doctor
}

func newWard(t *testing.T) *ward {
	w := &ward{t: t, checks: fakes.NewChecks(), shells: &fakes.Shells{}}
	w.doctor = &activities.Doctor{Engines: w.checks, Shells: w.shells, Poll: time.Millisecond}
	return w
}

// examine gives the checks as one line each: name, state and the beginning of what was seen.
func (w *ward) examine(in activities.ExamineInput) string {
	w.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.doctor)
	value, err := env.ExecuteActivity(w.doctor.Examine, in)
	require.NoError(w.t, err)
	var seen activities.Examination
	require.NoError(w.t, value.Get(&seen))
	var lines []string
	for _, check := range seen.Checks {
		lines = append(lines, fmt.Sprintf("%s %s: %s", check.Name, check.State, check.Seen))
	}
	return strings.Join(lines, "\n")
}

func (w *ward) install(in activities.InstallInput) (activities.InstallResult, error) {
	w.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.doctor)
	value, err := env.ExecuteActivity(w.doctor.InstallEngine, in)
	var result activities.InstallResult
	if err == nil {
		require.NoError(w.t, value.Get(&result))
	}
	return result, err
}

// listening is a port that answers, and silent one that does not.
func listening(t *testing.T) (answers, silent string) {
	t.Helper()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { open.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Close()
	return open.Addr().String(), closed.Addr().String()
}

func healthy() activities.EngineAnswer {
	now := time.Now()
	return activities.EngineAnswer{
		Version: "20.10.24", API: "1.41", OurAPI: "1.51", OS: "linux", Arch: "amd64", Root: "/var/lib/docker", MemoryLimit: true,
		Clock: now, Asked: now, Answered: now,
	}
}

func TestAHealthyBoxPassesEveryCheck(t *testing.T) {
	answers, _ := listening(t)
	w := newWard(t)
	w.checks.Answer("rack-1", healthy())
	w.shells.Say("id -un", activities.Ran{Out: "root"})
	w.shells.Say("df -Pk", activities.Ran{Out: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 1 52428800 1% /"})
	seen := w.examine(activities.ExamineInput{
		Box:    spec.Box{Name: "rack-1", Engine: "tcp://" + answers, SSH: "root@10.0.0.7"},
		Images: []string{"registry.lan/app:1"},
	})
	require.Equal(t, `address pass: `+answers+` answers
ssh pass: logged in as root on 10.0.0.7:22
engine pass: Docker 20.10.24, linux/amd64
api pass: 1.41 (needed: 1.41)
tls skip: none, and none needed on loopback
disk pass: 50.0 GiB free on /var/lib/docker
clock pass: agrees with the worker's within 0s
registry registry.lan pass: the box reaches it; registry.lan/app:1 is there`, seen)
}

func TestWhatDependsOnAFailedCheckIsSkipped(t *testing.T) {
	answers, silent := listening(t)
	t.Run("nothing listens", func(t *testing.T) {
		w := newWard(t)
		require.Equal(t, `address fail: nothing listens on `+silent+`
ssh skip: the box has no `+"`ssh`"+`
engine skip: the address does not answer
api skip: the engine was not asked
tls skip: none, and none needed on loopback
disk skip: the engine was not asked
clock skip: the engine was not asked
registry docker.io skip: the engine was not asked`,
			w.examine(activities.ExamineInput{Box: spec.Box{Name: "rack-1", Engine: "tcp://" + silent}, Images: []string{"app:1"}}))
		require.Empty(t, w.checks.Lines(), "nobody was asked")
	})
	t.Run("SSH lets nobody in", func(t *testing.T) {
		w := newWard(t)
		w.shells.Fail(fakes.Call{Method: "Run"}, 0, fmt.Errorf("SSH to pi@pi-1: it takes none of k; add the key: %w", fault.ErrUnauthorised))
		seen := w.examine(activities.ExamineInput{Box: spec.Box{Name: "pi-1", Engine: "ssh://pi@" + answers}})
		require.Contains(t, seen, "ssh fail: SSH to pi@pi-1: it takes none of k\nengine skip: SSH does not work")
		require.Empty(t, w.checks.Lines())
	})
	t.Run("the engine is away but SSH works", func(t *testing.T) {
		w := newWard(t)
		w.shells.Say("df -Pk", activities.Ran{Out: "h\n/dev/sda1 100 1 1024 1% /"})
		seen := w.examine(activities.ExamineInput{Box: spec.Box{Name: "pi-1", Engine: "tcp://" + silent, SSH: "pi@pi-1"}})
		require.Contains(t, seen, "disk fail: 1 MiB free on /var/lib/docker", "the disk can be looked at all the same")
		require.Contains(t, seen, "clock skip")
	})
}

func TestACancelledExaminationIsNoFinding(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWard(t)
	answers, _ := listening(t)
	w.checks.Before(fakes.Call{Method: "Ask"}, func(context.Context, fakes.Call) error {
		cancel()
		return nil
	})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(w.doctor)
	_, err := env.ExecuteActivity(w.doctor.Examine, activities.ExamineInput{Box: spec.Box{Name: "a", Engine: "tcp://" + answers}})
	require.ErrorContains(t, err, "context canceled")
}

const debian = "id=debian\npretty=Debian GNU/Linux 12\nuser=pi\nroot=sudo\ninit=systemd"

func TestAnEngineIsInstalledAndAskedThroughALoginOfItsOwn(t *testing.T) {
	w := newWard(t)
	box := spec.Box{Name: "pi-1", Engine: "ssh://pi@pi-1"}
	w.shells.Say("os-release", activities.Ran{Out: debian})
	w.shells.Say("setsid", activities.Ran{})
	w.shells.Say("tail -n 8", activities.Ran{Out: "running\novercloud: installing docker.io"}, activities.Ran{Out: "running\nUnpacking"}, activities.Ran{Out: "ended 0\novercloud: done"})
	w.shells.Before(fakes.Call{Method: "Run"}, func(context.Context, fakes.Call) error {
		if w.shells.Count("run pi-1 sudo -n sh -c 'if [ -f /run/overcloud-install.status ]") == 2 {
			w.checks.Answer("pi-1", healthy()) // it is there by the time of the third look
		}
		return nil
	})
	result, err := w.install(activities.InstallInput{Box: box, Who: "tess"})
	require.NoError(t, err)
	require.Equal(t, activities.InstallResult{Box: "pi-1", Distribution: "Debian GNU/Linux 12", Engine: "20.10.24"}, result)
	require.Equal(t, 1, w.shells.Count("run pi-1 sudo -n sh -c 'umask 022; exec 9>/run/overcloud-install.lock"))
	require.Equal(t, 1, w.shells.Count("forget pi-1"))

	before := len(w.shells.Lines())
	result, err = w.install(activities.InstallInput{Box: box})
	require.NoError(t, err)
	require.True(t, result.Already)
	require.Len(t, w.shells.Lines(), before, "nothing was run on the box")
}

func TestAnInstallationThatFailsSaysWhyInTheBoxsWords(t *testing.T) {
	for want, say := range map[string]func(w *ward){
		"REJECTED install an engine on pi-1: pi@pi-1 may not become root on the box without a password": func(w *ward) {
			w.shells.Say("os-release", activities.Ran{Out: strings.Replace(debian, "root=sudo", "root=none", 1)})
		},
		"REJECTED install an engine on pi-1: the installation failed twice (all of it is in /var/log/overcloud-install.log on the box): E: Unable to fetch": func(w *ward) {
			w.shells.Say("os-release", activities.Ran{Out: debian})
			w.shells.Say("tail -n 8", activities.Ran{Out: "ended 100\nE: Unable to fetch"})
		},
		"UNREACHABLE install an engine on pi-1: the installation was interrupted twice": func(w *ward) {
			w.shells.Say("os-release", activities.Ran{Out: debian})
			w.shells.Say("tail -n 8", activities.Ran{Out: "interrupted\novercloud: installing docker.io"})
		},
		"REJECTED install an engine on pi-1: the installation did not begin: sudo: no tty": func(w *ward) {
			w.shells.Say("os-release", activities.Ran{Out: debian})
			w.shells.Say("setsid", activities.Ran{Exit: 1, Err: "sudo: no tty\nmore"})
		},
		"AUTH install an engine on pi-1: no key fits": func(w *ward) {
			w.shells.Fail(fakes.Call{Method: "Run"}, 0, fmt.Errorf("no key fits: %w", fault.ErrUnauthorised))
		},
	} {
		w := newWard(t)
		say(w)
		_, err := w.install(activities.InstallInput{Box: spec.Box{Name: "pi-1", Engine: "ssh://pi@pi-1"}})
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		require.True(t, strings.HasPrefix(application.Type()+" "+application.Message(), want), "%s %s", application.Type(), application.Message())
	}
	_, err := newWard(t).install(activities.InstallInput{Box: spec.Box{Name: "rack-1", Engine: "tcp://127.0.0.1:1"}})
	require.ErrorContains(t, err, "the box has no SSH access, write `ssh: user@host`")
}

func TestAnEngineThatIsNotWhereTheSpecificationSaysIsReported(t *testing.T) {
	w := newWard(t)
	w.shells.Say("os-release", activities.Ran{Out: debian})
	w.checks.Answer("rack-1", healthy())
	// Asked at its port first, which fails, then through SSH, which answers, then at its port again.
	asked := 0
	w.checks.Before(fakes.Call{Method: "Ask"}, func(context.Context, fakes.Call) error {
		asked++
		if asked != 2 {
			return fmt.Errorf("no answer on 2376: %w", fault.ErrUnreachable)
		}
		return nil
	})
	result, err := w.install(activities.InstallInput{Box: spec.Box{Name: "rack-1", Engine: "tcp://rack-1:2376", TLS: "/tls", SSH: "root@rack-1"}})
	require.NoError(t, err)
	require.True(t, result.Already)
	require.Equal(t, "the engine runs but does not answer at tcp://rack-1:2376: write `engine: ssh://root@rack-1`, or give dockerd TLS and that port as docs/boxes.md says", result.Advice)
}
