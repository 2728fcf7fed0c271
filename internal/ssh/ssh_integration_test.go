//go:build integration

package ssh_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/ssh"
	"github.com/overcloud/overcloud/internal/ssh/sshtest"
)

// socket is an engine's stand-in on a unix socket: it says "OK" to a ping.
func socket(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "oc") // t.TempDir() is too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, "engine.sock")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "OK") })}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return path
}

func hosts(t *testing.T, getenv func(string) string) *ssh.Hosts {
	h := ssh.New(ssh.Options{Getenv: getenv})
	t.Cleanup(func() { h.Close() })
	return h
}

// ping asks through a connection of its own.
func ping(ctx context.Context, h *ssh.Hosts, box spec.Box) error {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return h.DialEngine(ctx, box)
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", answer.Status)
	}
	return nil
}

func within(t *testing.T, patience time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestTheEngineIsReachedThroughOneConnection(t *testing.T) {
	server := sshtest.New(t)
	box := spec.Box{Name: "far", Engine: server.Engine(socket(t))}
	h := hosts(t, server.Environ)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := ping(within(t, 10*time.Second), h, box); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, server.Connections(), 2, "one connection, of a monitor and its child")
}

func TestABrokenConnectionIsMadeAnew(t *testing.T) {
	server := sshtest.New(t)
	box := spec.Box{Name: "far", Engine: server.Engine(socket(t))}
	h := hosts(t, server.Environ)
	require.NoError(t, ping(within(t, 5*time.Second), h, box))
	server.Stop()
	err := ping(within(t, 5*time.Second), h, box)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "nothing listens there")
	server.Start()
	require.NoError(t, ping(within(t, 5*time.Second), h, box))
}

func TestABoxMustShowTheKnownHostKey(t *testing.T) {
	server := sshtest.New(t)
	box := spec.Box{Name: "far", Engine: server.Engine(socket(t)), SSH: fmt.Sprintf("root@127.0.0.1:%d", server.Port)}

	require.NoError(t, os.WriteFile(server.KnownHosts, []byte("other.example ssh-ed25519 "+strings.Fields(publicKey(t, server))[1]+"\n"), 0o600))
	err := ping(within(t, 5*time.Second), hosts(t, server.Environ), box)
	require.ErrorIs(t, err, fault.ErrRejected)
	require.ErrorContains(t, err, "is not known; check that fingerprint on the box, then run: ssh-keyscan -p")
	require.ErrorContains(t, err, ">> "+server.KnownHosts)

	// The command that it names mends it.
	scan := exec.Command("sh", "-c", fmt.Sprintf("ssh-keyscan -p %d 127.0.0.1 >> %s", server.Port, server.KnownHosts))
	require.NoError(t, scan.Run())
	h := hosts(t, server.Environ)
	require.NoError(t, ping(within(t, 5*time.Second), h, box))

	// Somebody else takes the box's place.
	server.Stop()
	server.NewKey("host")
	server.Start()
	for _, h := range []*ssh.Hosts{h, hosts(t, server.Environ)} {
		_, err = h.Run(within(t, 5*time.Second), box, "id")
		require.ErrorIs(t, err, fault.ErrRejected)
		require.ErrorContains(t, err, "REFUSED: its host key has CHANGED")
		require.ErrorContains(t, err, "ssh-keygen -R")
	}
}

// A box has keys of several kinds, and one is known: it is asked for that one.
func TestTheKnownKindOfHostKeyIsAskedFor(t *testing.T) {
	folder := t.TempDir()
	rsa := filepath.Join(folder, "rsa")
	require.NoError(t, exec.Command("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa).Run())
	server := sshtest.New(t, "HostKey "+rsa)
	public, err := os.ReadFile(rsa + ".pub")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(server.KnownHosts, fmt.Appendf(nil, "[127.0.0.1]:%d %s", server.Port, public), 0o600))
	require.NoError(t, ping(within(t, 5*time.Second), hosts(t, server.Environ), spec.Box{Name: "far", Engine: server.Engine(socket(t))}))
}

func TestAKeyThatTheBoxDoesNotTakeIsNamed(t *testing.T) {
	server := sshtest.New(t)
	wrong := server.NewKey("wrong")
	box := spec.Box{Name: "far", SSH: fmt.Sprintf("root@127.0.0.1:%d", server.Port)}
	getenv := func(name string) string {
		if name == ssh.EnvKey {
			return wrong
		}
		return server.Environ(name)
	}
	_, err := hosts(t, getenv).Run(within(t, 5*time.Second), box, "id")
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.ErrorContains(t, err, "it takes none of "+wrong+"; add the public key to ~root/.ssh/authorized_keys")

	// Without OVERCLOUD_SSH_KEY the usual files are tried, and a locked one is named.
	locked := filepath.Join(server.Environ("HOME"), ".ssh", "id_ed25519")
	require.NoError(t, os.MkdirAll(filepath.Dir(locked), 0o700))
	require.NoError(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked).Run())
	usual := func(name string) string {
		if name == ssh.EnvKey {
			return ""
		}
		return server.Environ(name)
	}
	_, err = hosts(t, usual).Run(within(t, 5*time.Second), box, "id")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, locked+" has a passphrase: add it to an ssh-agent")

	text, err := os.ReadFile(server.Key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(locked), "id_rsa"), text, 0o600))
	ran, err := hosts(t, usual).Run(within(t, 5*time.Second), box, "echo $0; exit 3")
	require.NoError(t, err)
	require.Equal(t, 3, ran.Exit)
}

func TestAnAgentSigns(t *testing.T) {
	server := sshtest.New(t)
	agent := filepath.Join(filepath.Dir(socket(t)), "agent.sock")
	process := exec.Command("ssh-agent", "-D", "-a", agent)
	require.NoError(t, process.Start())
	t.Cleanup(func() { process.Process.Kill(); process.Wait() })
	require.Eventually(t, func() bool { _, err := os.Stat(agent); return err == nil }, 5*time.Second, 10*time.Millisecond)
	add := exec.Command("ssh-add", "-q", server.Key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+agent)
	said, err := add.CombinedOutput()
	require.NoError(t, err, "%s", said)
	getenv := func(name string) string {
		return map[string]string{"SSH_AUTH_SOCK": agent, ssh.EnvKnownHosts: server.KnownHosts}[name]
	}
	ran, err := hosts(t, getenv).Run(within(t, 5*time.Second), spec.Box{SSH: fmt.Sprintf("root@127.0.0.1:%d", server.Port)}, "id -un")
	require.NoError(t, err)
	require.Equal(t, "root", ran.Out)
}

func TestWhereForwardingIsForbiddenTheDockerCommandCarries(t *testing.T) {
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("this needs the docker command")
	}
	server := sshtest.New(t, "AllowStreamLocalForwarding no", "MaxSessions 2")
	box := spec.Box{Name: "far", Engine: server.Engine(socket(t))}
	h := hosts(t, server.Environ)
	require.NoError(t, ping(within(t, 10*time.Second), h, box))

	// More connections at once than one SSH connection has sessions.
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := ping(within(t, 20*time.Second), h, box); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	box.Engine = server.Engine("/nowhere/docker.sock")
	err := ping(within(t, 10*time.Second), h, box)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "no engine listens at /nowhere/docker.sock")
}

func TestACallerThatLeavesIsNotHeldUp(t *testing.T) {
	server := sshtest.New(t)
	box := spec.Box{SSH: fmt.Sprintf("root@127.0.0.1:%d", server.Port)}
	h := hosts(t, server.Environ)
	marker := filepath.Join(t.TempDir(), "marker")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.Run(ctx, box, "touch "+marker+"; exec sleep 5")
		ended <- err
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(marker); return err == nil }, 5*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	before := server.Connections()
	_, err := h.Run(within(t, 5*time.Second), box, "true")
	require.NoError(t, err)
	require.LessOrEqual(t, server.Connections(), before, "the same connection goes on")
}

func publicKey(t *testing.T, server *sshtest.Server) string {
	t.Helper()
	text, err := os.ReadFile(server.Key + ".pub")
	require.NoError(t, err)
	return string(text)
}
