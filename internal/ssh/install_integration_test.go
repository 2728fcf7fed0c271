//go:build integration

package ssh_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/ssh"
	"github.com/overcloud/overcloud/internal/ssh/sshtest"
)

// A Debian without an engine gets Debian's own, through a user with sudo, and a second run changes nothing.
func TestABareBoxIsGivenAnEngineFromItsDistribution(t *testing.T) {
	bare := sshtest.NewBare(t)
	h := hosts(t, bare.Environ)
	engines := docker.NewEngines(docker.Options{DialSSH: h.DialEngine})
	t.Cleanup(func() { engines.Close() })
	doctor := &activities.Doctor{Engines: engines, Shells: h}
	box := spec.Box{Name: "bare", Engine: "ssh://" + bare.Access(), Address: bare.Address}

	before := examine(t, doctor, box)
	require.Equal(t, activities.CheckPass, before["ssh"].State, before)
	require.Equal(t, activities.CheckFail, before["engine"].State)
	require.Contains(t, before["engine"].Seen, "no engine listens at /var/run/docker.sock")
	require.Contains(t, before["engine"].Advice, "starter install FILE bare")

	began := time.Now()
	result := install(t, doctor, box)
	t.Logf("installed in %s: %+v", time.Since(began).Round(time.Second), result)
	require.False(t, result.Already)
	require.Equal(t, "Debian GNU/Linux 12 (bookworm)", result.Distribution)
	require.NotEmpty(t, result.Engine)
	require.Contains(t, result.Advice, "neither systemd nor OpenRC")
	require.Contains(t, bare.Run(t, "cat", "/var/log/overcloud-install.log"), "asked by tess 'o''Hara")
	require.Contains(t, strings.Fields(bare.Run(t, "id", "-Gn", bare.User)), "docker")

	after := examine(t, doctor, box)
	for _, name := range []string{"address", "ssh", "engine", "api", "disk", "clock"} {
		require.Contains(t, []string{activities.CheckPass, activities.CheckWarn}, after[name].State, after[name])
	}

	log := bare.Run(t, "cat", "/var/log/overcloud-install.log")
	again := install(t, doctor, box)
	require.True(t, again.Already)
	require.Equal(t, log, bare.Run(t, "cat", "/var/log/overcloud-install.log"), "nothing was done")
}

// A worker that dies does not interrupt the installation, and the next run waits for the same one. Killed on the box
// in the middle of unpacking, it is taken up where it stood.
func TestAnInstallationThatIsKilledIsFinished(t *testing.T) {
	bare := sshtest.NewBare(t)
	h := hosts(t, bare.Environ)
	engines := docker.NewEngines(docker.Options{DialSSH: h.DialEngine})
	t.Cleanup(func() { engines.Close() })
	doctor := &activities.Doctor{Engines: engines, Shells: h, Poll: 50 * time.Millisecond}
	box := spec.Box{Name: "bare", Engine: "ssh://" + bare.Access(), Address: bare.Address}
	log := func() string {
		return bare.Run(t, "sh", "-c", "cat /var/log/overcloud-install.log 2>/dev/null || true")
	}

	ctx, kill := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := installOnce(t, ctx, doctor, box); first <- err }()
	require.Eventually(t, func() bool { return strings.Contains(log(), "renewing the package lists") }, time.Minute, 20*time.Millisecond)
	kill() // the worker
	require.Error(t, <-first)
	second := make(chan error, 1)
	go func() { _, err := installOnce(t, t.Context(), doctor, box); second <- err }()
	require.Eventually(t, func() bool { return strings.Contains(log(), "Unpacking containerd") }, 2*time.Minute, 5*time.Millisecond)
	require.Equal(t, 1, strings.Count(log(), "asked by"), "the second run found the first one's installation")
	bare.Run(t, "sh", "-c", `for p in /proc/[0-9]*; do case "$(cat $p/comm 2>/dev/null)" in apt-get | dpkg | dpkg-deb | tar) kill -9 "${p#/proc/}" 2>/dev/null;; esac; done; true`)
	require.NoError(t, <-second)
	require.Equal(t, activities.CheckPass, examine(t, doctor, box)["engine"].State)
	require.Equal(t, 2, strings.Count(log(), "asked by"))
	require.Contains(t, log(), "finishing what an earlier installation may have left half done")
}

func install(t *testing.T, doctor *activities.Doctor, box spec.Box) activities.InstallResult {
	t.Helper()
	result, err := installOnce(t, t.Context(), doctor, box)
	require.NoError(t, err)
	return result
}

func installOnce(t *testing.T, ctx context.Context, doctor *activities.Doctor, box spec.Box) (result activities.InstallResult, err error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(10 * time.Minute)
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(doctor)
	value, err := env.ExecuteActivity(doctor.InstallEngine, activities.InstallInput{Box: box, Who: "tess 'o''Hara"})
	if err != nil {
		return result, err
	}
	return result, value.Get(&result)
}

func examine(t *testing.T, doctor *activities.Doctor, box spec.Box) map[string]activities.Check {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(doctor)
	value, err := env.ExecuteActivity(doctor.Examine, activities.ExamineInput{Box: box})
	require.NoError(t, err)
	var seen activities.Examination
	require.NoError(t, value.Get(&seen))
	t.Logf("examined in %s", seen.Took.D().Round(time.Millisecond))
	checks := map[string]activities.Check{}
	for _, check := range seen.Checks {
		t.Logf("%+v", check)
		checks[check.Name] = check
	}
	return checks
}

var _ activities.Shells = (*ssh.Hosts)(nil)
