package box_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheStockDockerCommandWorks drives the docker command as a user would.
func TestTheStockDockerCommandWorks(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("no docker command on PATH")
	}
	l := newLab(t)
	ref, _ := l.push("overcloud/app")
	config := t.TempDir()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), docker, append([]string{"-H", "tcp://" + l.box.Addr()}, args...)...)
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+config, "HOME="+config)
		return cmd
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		require.NoError(t, err, "docker %s: %s", strings.Join(args, " "), out)
		return strings.TrimSpace(string(out))
	}
	refused := func(want string, args ...string) {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		require.Error(t, err, "docker %s: %s", strings.Join(args, " "), out)
		require.Contains(t, string(out), want)
	}
	require.Contains(t, run("version"), "process-box/dev")
	require.Contains(t, run("info"), "Operating System: OverCloud process box")
	require.Contains(t, run("pull", ref), "Downloaded newer image")
	require.Contains(t, run("images"), "overcloud/app")
	require.Contains(t, run("image", "inspect", ref), "RepoDigests")

	require.ElementsMatch(t, []string{"out hello", "err hello"}, strings.Split(run("run", "--rm", ref, "say", "hello"), "\n"), "attached")
	refused("No such image", "create", "--pull=never", l.registry+"/overcloud/none:dev")
	run("volume", "create", "data")
	id := last(run("run", "-d", "--name", "web", "-p", "7000", "-v", "data:/data", "--restart", "unless-stopped", "--label", "a=b", ref, "echo", "7000"))
	l.says(id, "listening")
	require.Regexp(t, `127\.0\.0\.1:\d+->7000/tcp\s+web`, run("ps", "-a"))
	require.Contains(t, run("port", "web"), "7000/tcp -> 127.0.0.1:")
	require.Equal(t, "running unless-stopped", run("inspect", "-f", "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}", "web"))
	require.Contains(t, run("stats", "--no-stream"), "web")
	require.Contains(t, run("top", "web"), "echo 7000")
	require.Contains(t, run("exec", "web", "/app", "say", "inside"), "out inside")
	refused("is already in use by container", "create", "--name", "web", ref)
	refused("container is running", "rm", "web")
	refused("port is already allocated", "run", "-d", "--name", "clash", "-p", strings.TrimPrefix(last(run("port", "web")), "127.0.0.1:")+":7000", ref, "echo", "7000")
	run("rm", "clash")
	require.Contains(t, run("volume", "ls"), "data")
	require.Contains(t, run("network", "ls"), "bridge")
	follow := command("logs", "-f", "web")
	var out strings.Builder
	follow.Stdout = &out
	require.NoError(t, follow.Start())
	require.Equal(t, "web", run("stop", "web"))
	require.NoError(t, follow.Wait())
	require.Equal(t, "listening\n", out.String())
	require.Equal(t, "143", run("wait", "web"))
	run("start", "web")
	run("restart", "-t", "1", "web")
	run("kill", "web")
	l.eventually(func() bool { return run("inspect", "-f", "{{.State.ExitCode}}", "web") == "137" }, "it was killed")
	run("cp", "web:/app", config+"/app")
	run("rm", "-f", "web")
	run("volume", "rm", "data")
	run("network", "create", "chain")
	run("network", "rm", "chain")
	require.Contains(t, run("events", "--since", "10m", "--until", "0s"), "container die")
	run("rmi", ref)
	refused("does not serve POST /build", "build", "-q", "-")
}

func last(lines string) string {
	fields := strings.Fields(lines)
	return fields[len(fields)-1]
}
