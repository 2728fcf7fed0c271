//go:build integration

package sshtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Bare is a box with Debian's smallest system and an sshd, and no engine: a root folder, and namespaces for network,
// processes and mounts of its own. It reaches this machine, and Debian's packages through a proxy here.
type Bare struct {
	*Server // User has sudo without a password
	Address string

	root    string
	process *exec.Cmd
}

// bareUser is who logs in, as on a Raspberry Pi.
const bareUser = "pi"

// NewBare makes a bare box, which goes with the test. It needs root, debootstrap and openssh-server; the first run
// on a machine fetches Debian's packages (half a minute), and later ones use the copy in the user's cache folder.
func NewBare(t testing.TB) *Bare {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a bare box needs root")
	}
	b := &Bare{root: t.TempDir()}
	tree := debian(t)
	for _, folder := range []string{"upper", "work", "merged", "docker", "share"} {
		require.NoError(t, os.Mkdir(filepath.Join(b.root, folder), 0o755))
	}
	ready := filepath.Join(b.root, "share", "ready")
	b.process = exec.CommandContext(context.Background(), "unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-ec", `
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged"
cd "$2/merged"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/sshd var/lib/docker
mount --bind "$2/docker" var/lib/docker
mkdir -p "./$2/share"
mount --bind "$2/share" "./$2/share"
hostname bare
ip link set lo up
chroot . useradd -m -s /bin/sh -p '*' pi
echo 'pi ALL=(ALL) NOPASSWD:ALL' >etc/sudoers.d/pi
exec chroot . sh -c ': >"$1"; exec sleep infinity' up "$2/share/ready"`, "bare", tree, b.root)
	b.process.Stderr = os.Stderr
	require.NoError(t, b.process.Start())
	t.Cleanup(func() {
		_ = b.process.Process.Kill() // and with it, by --kill-child, all that runs in the box
		_ = b.process.Wait()
	})
	require.Eventually(t, func() bool { _, err := os.Stat(ready); return err == nil }, 20*time.Second, 20*time.Millisecond, "the box does not come up")
	here := b.connect(t)
	proxy := packageProxy(t, here)
	b.write(t, "etc/apt/apt.conf.d/99proxy", fmt.Sprintf("Acquire::http::Proxy \"http://%s\";\n", proxy))
	b.Server = &Server{Host: b.Address, Port: 22, User: bareUser, t: t, folder: filepath.Join(b.root, "share"), start: b.inside}
	b.begin([]string{"PermitRootLogin no"})
	return b
}

// inside makes a command that runs argv in the box.
func (b *Bare) inside(ctx context.Context, argv ...string) *exec.Cmd {
	// The box's first process, whose root is the box's, is the child of unshare's.
	args := []string{"-t", strconv.Itoa(b.first()), "--mount", "--net", "--pid", "--ipc", "--uts", "--root", "--wd=/", "--"}
	return exec.CommandContext(ctx, "nsenter", append(args, argv...)...)
}

func (b *Bare) first() int {
	for _, pid := range children(b.process.Process.Pid) {
		return pid
	}
	return 0
}

// Run runs a command in the box and gives what it says.
func (b *Bare) Run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := b.inside(context.Background(), argv...).CombinedOutput()
	require.NoError(t, err, "%s: %s", strings.Join(argv, " "), out)
	return strings.TrimSpace(string(out))
}

func (b *Bare) write(t testing.TB, path, text string) {
	t.Helper()
	command := b.inside(context.Background(), "sh", "-c", "cat >/"+path)
	command.Stdin = strings.NewReader(text)
	require.NoError(t, command.Run())
}

// connect gives the box a cable to this machine and returns this end's address. The cable goes with the box.
func (b *Bare) connect(t testing.TB) (here string) {
	t.Helper()
	name := "ocb" + strconv.Itoa(os.Getpid())
	for n := 1; n < 255; n++ {
		here, b.Address = fmt.Sprintf("10.78.%d.1", n), fmt.Sprintf("10.78.%d.2", n)
		if free(here) {
			break
		}
	}
	pid := strconv.Itoa(b.first())
	for _, line := range []string{
		"ip link add " + name + " type veth peer name eth0 netns " + pid,
		"ip address add " + here + "/30 dev " + name,
		"ip link set " + name + " up",
		"nsenter -t " + pid + " --net ip address add " + b.Address + "/30 dev eth0",
		"nsenter -t " + pid + " --net ip link set eth0 up",
	} {
		words := strings.Fields(line)
		said, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
		require.NoError(t, err, "%s: %s", line, said)
	}
	return here
}

// free says whether no interface of this machine has an address.
func free(address string) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, one := range all {
		if network, ok := one.(*net.IPNet); ok && network.IP.String() == address {
			return false
		}
	}
	return true
}

// cache is a folder of this user's for what tests fetch.
func cache(t testing.TB) string {
	t.Helper()
	folder, err := os.UserCacheDir()
	require.NoError(t, err)
	folder = filepath.Join(folder, "overcloud")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return folder
}

// debian is the root folder of a smallest Debian with what a box has when a person has set it up. Only one process
// makes it.
func debian(t testing.TB) string {
	t.Helper()
	tree := filepath.Join(cache(t), "bookworm")
	lock, err := os.Create(tree + ".lock")
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	if _, err := os.Stat(tree); err == nil {
		return tree
	}
	require.NoError(t, os.RemoveAll(tree+".part"))
	said, err := exec.CommandContext(t.Context(), "debootstrap", "--variant=minbase", "--include=openssh-server,iproute2,sudo", "bookworm", tree+".part").CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.NoError(t, os.Rename(tree+".part", tree))
	return tree
}

// packageProxy passes requests for packages on and keeps the packages, so that a test fetches each once a machine.
func packageProxy(t testing.TB, host string) (address string) {
	t.Helper()
	folder := filepath.Join(cache(t), "packages")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	var mu sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := filepath.Join(folder, filepath.Base(r.URL.Path))
		packed := strings.HasSuffix(r.URL.Path, ".deb")
		if packed {
			mu.Lock()
			defer mu.Unlock()
			if _, err := os.Stat(kept); err == nil {
				http.ServeFile(w, r, kept)
				return
			}
		}
		request := r.Clone(r.Context())
		request.RequestURI = ""
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.StatusCode)
		if !packed || answer.StatusCode != http.StatusOK {
			_, _ = io.Copy(w, answer.Body)
			return
		}
		if file, err := os.Create(kept + ".part"); err == nil {
			_, err = io.Copy(io.MultiWriter(w, file), answer.Body)
			file.Close()
			if err == nil {
				_ = os.Rename(kept+".part", kept)
			}
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}
