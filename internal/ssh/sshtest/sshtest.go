//go:build integration

// Package sshtest runs real sshds for tests, on free ports of loopback or in a box of a lab, with keys of their own.
// Its build tag keeps it, and whatever
// uses it, out of the hermetic tests. It needs root and Debian's openssh-server; bare boxes need debootstrap too.
package sshtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Server is an sshd that lets root in with one key.
type Server struct {
	Host string
	Port int
	// User logs in: root, unless the server is another's.
	User string
	// Key is the path of the private key that it takes, KnownHosts that of a file with its host key.
	Key, KnownHosts string

	t       testing.TB
	folder  string
	start   func(ctx context.Context, argv ...string) *exec.Cmd
	ownRun  bool // it gets a /run of its own, so that it leaves no trace in that of its host
	process *exec.Cmd
	log     bytes.Buffer
}

// SharedRun is a setting for In that is none of the sshd's: it works in the /run of the place where it is started, so
// that its users see the engine's socket there. Without it the sshd has one of its own, and leaves no trace.
const SharedRun = "# shared /run"

// New starts an sshd on a free port of loopback; settings are lines of its sshd_config. It ends with the test.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	return In(t, "127.0.0.1", port, func(ctx context.Context, argv ...string) *exec.Cmd {
		return exec.CommandContext(ctx, argv[0], argv[1:]...)
	}, settings...)
}

// In starts an sshd by start, which makes the command that runs argv where the sshd shall be, reached at host:port.
func In(t testing.TB, host string, port int, start func(ctx context.Context, argv ...string) *exec.Cmd, settings ...string) *Server {
	t.Helper()
	s := &Server{Host: host, Port: port, User: "root", t: t, folder: t.TempDir(), start: start, ownRun: !slices.Contains(settings, SharedRun)}
	s.begin(settings)
	return s
}

// begin writes keys and configuration, and starts the sshd for the first time.
func (s *Server) begin(settings []string) {
	t := s.t
	t.Helper()
	s.Key, s.KnownHosts = s.NewKey("client"), filepath.Join(s.folder, "known_hosts")
	s.NewKey("host")
	authorised, err := os.ReadFile(s.Key + ".pub")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "authorized_keys"), authorised, 0o644))
	config := append([]string{
		"ListenAddress " + net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), "HostKey " + filepath.Join(s.folder, "host"),
		"AuthorizedKeysFile " + filepath.Join(s.folder, "authorized_keys"), "PidFile none", "StrictModes no", "UsePAM no",
		"PermitRootLogin prohibit-password", "PasswordAuthentication no", "LogLevel VERBOSE",
	}, settings...)
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "sshd_config"), []byte(strings.Join(config, "\n")+"\n"), 0o600))
	s.Know()
	s.Start()
	t.Cleanup(s.Stop)
}

// NewKey makes a key pair NAME and NAME.pub, and replaces one that is there.
func (s *Server) NewKey(name string) (path string) {
	s.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(s.t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(s.t, err)
	path = filepath.Join(s.folder, name)
	require.NoError(s.t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(key), 0o600))
	return path
}

// Know writes the host key, as it is now, into KnownHosts.
func (s *Server) Know() {
	s.t.Helper()
	public, err := os.ReadFile(filepath.Join(s.folder, "host.pub"))
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.KnownHosts, fmt.Appendf(nil, "%s %s", knownhosts.Normalize(net.JoinHostPort(s.Host, strconv.Itoa(s.Port))), public), 0o600))
}

// Start runs the sshd, and waits until its port answers.
func (s *Server) Start() {
	s.t.Helper()
	run := []string{"sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f " + filepath.Join(s.folder, "sshd_config")}
	if s.ownRun {
		run = append([]string{"unshare", "--mount"}, run...)
		run[len(run)-1] = "mount -t tmpfs tmpfs /run && " + run[len(run)-1]
	}
	s.process = s.start(context.Background(), run...)
	s.process.Stderr = &s.log
	if s.process.SysProcAttr == nil {
		s.process.SysProcAttr = &syscall.SysProcAttr{}
	}
	s.process.SysProcAttr.Setpgid = true
	require.NoError(s.t, s.process.Start())
	address, dialer := net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), net.Dialer{Timeout: time.Second}
	require.Eventually(s.t, func() bool {
		conn, err := dialer.DialContext(s.t.Context(), "tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}, 10*time.Second, 20*time.Millisecond, "sshd does not answer on %s", address)
}

// Stop ends the sshd and every connection, as a box does whose plug is pulled.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	for _, child := range children(s.process.Process.Pid) {
		_ = syscall.Kill(child, syscall.SIGKILL) // one for each connection; it may have ended
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	_ = s.process.Wait() // killed
	if s.t.Failed() {
		s.t.Logf("sshd said:\n%s", s.log.String())
	}
	s.process = nil
}

// Environ is what a client needs to reach this sshd and no other.
func (s *Server) Environ(name string) string {
	return map[string]string{"OVERCLOUD_SSH_KEY": s.Key, "OVERCLOUD_SSH_KNOWN_HOSTS": s.KnownHosts, "HOME": s.folder}[name]
}

// Engine is the address of an engine behind this sshd.
func (s *Server) Engine(socket string) string {
	return "ssh://" + s.Access() + socket
}

// Access is user@host:port.
func (s *Server) Access() string {
	return s.User + "@" + net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
}

// Connections counts the SSH connections that the sshd has now.
func (s *Server) Connections() int { return len(children(s.process.Process.Pid)) }

// children are the descendants of a process.
func children(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), children(child)...)
			}
		}
	}
	return all
}
