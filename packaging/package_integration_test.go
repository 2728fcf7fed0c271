//go:build integration

// Package packaging has no code: it is the Debian package of the edge daemon, and its tests.
package packaging

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// packages builds all three and returns them by Debian's names of the machines.
func packages(t *testing.T) map[string]string {
	t.Helper()
	dist := t.TempDir()
	out, err := run(t, "make", "-C", "..", "--no-print-directory", "debs", "DIST="+dist, "VERSION=v1.2.3")
	require.NoError(t, err, out)
	found := map[string]string{}
	for _, arch := range []string{"amd64", "arm64", "armhf"} {
		found[arch] = filepath.Join(dist, "overcloud-edge_1.2.3_"+arch+".deb")
		require.FileExists(t, found[arch])
	}
	return found
}

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestEachPackageHoldsWhatItsMachineNeeds(t *testing.T) {
	all := packages(t)
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "armhf": elf.EM_ARM}
	for arch, file := range all {
		info, err := run(t, "dpkg-deb", "-I", file)
		require.NoError(t, err, info)
		for _, line := range []string{"Package: overcloud-edge", "Version: 1.2.3", "Architecture: " + arch, "Depends: adduser", "conffiles", "postinst", "prerm", "postrm"} {
			require.Contains(t, info, line)
		}
		contents, err := run(t, "dpkg-deb", "-c", file)
		require.NoError(t, err, contents)
		for _, line := range []string{
			`-rwxr-xr-x root/root +\d+ .* \./usr/bin/overcloud-edge\n`, `\./usr/bin/edge -> overcloud-edge\n`,
			`-rw-r----- root/root .* \./etc/overcloud/edge\.yaml\n`, `\./usr/lib/systemd/system/overcloud-edge\.service\n`,
			`\./usr/lib/udev/rules\.d/60-overcloud-edge\.rules\n`, `\./usr/share/doc/overcloud-edge/edge\.md\n`,
		} {
			require.Regexp(t, regexp.MustCompile(line), contents)
		}
		conffiles, err := run(t, "dpkg-deb", "-I", file, "conffiles")
		require.NoError(t, err)
		require.Equal(t, "/etc/overcloud/edge.yaml\n", conffiles)

		dir := t.TempDir()
		out, err := run(t, "dpkg-deb", "-x", file, dir)
		require.NoError(t, err, out)
		binary, err := elf.Open(filepath.Join(dir, "usr/bin/overcloud-edge"))
		require.NoError(t, err)
		require.Equal(t, machines[arch], binary.Machine)
		require.Empty(t, binary.Section(".interp"), "static")
		require.NoError(t, binary.Close())
		size, err := os.Stat(filepath.Join(dir, "usr/bin/overcloud-edge"))
		require.NoError(t, err)
		t.Logf("%s: %.1f MB", arch, float64(size.Size())/1e6)
		if arch == "arm64" {
			require.Less(t, size.Size(), int64(15_000_000), "the budget of the daemon on a Pi")
		}
	}
	amd64 := all["amd64"]
	t.Run("installs, refuses, runs and goes", func(t *testing.T) { install(t, amd64) })
}

// install goes through the package's life on this machine's own Debian, under an overlay that is thrown away.
func install(t *testing.T, file string) {
	root := overlay(t)
	require.NoError(t, os.Mkdir(filepath.Join(root, "deb"), 0o755))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "deb/edge.deb"), data, 0o644))
	in := func(args ...string) (string, error) { return run(t, "chroot", append([]string{root}, args...)...) }
	must := func(args ...string) string {
		out, err := in(args...)
		require.NoError(t, err, "%v: %s", args, out)
		return out
	}

	out := must("dpkg", "-i", "/deb/edge.deb")
	require.Contains(t, out, "write box, kafka.brokers and rooms into /etc/overcloud/edge.yaml")
	require.Contains(t, must("id", "overcloud-edge"), "(video)")
	require.Equal(t, "640 root overcloud-edge\n", must("stat", "-c", "%a %U %G", "/etc/overcloud/edge.yaml"))
	require.Equal(t, "700 overcloud-edge overcloud-edge\n", must("stat", "-c", "%a %U %G", "/var/lib/overcloud-edge"))
	must("test", "-L", "/etc/systemd/system/multi-user.target.wants/overcloud-edge.service") // enabled
	require.Contains(t, must("edge", "version"), "linux/amd64")
	verified, err := in("systemd-analyze", "verify", "/usr/lib/systemd/system/overcloud-edge.service")
	require.NoError(t, err, verified)
	require.NotContains(t, verified, "overcloud-edge", "nothing to complain about")

	refused, err := in("runuser", "-u", "overcloud-edge", "--", "edge", "run", "--config", "/etc/overcloud/edge.yaml")
	require.Error(t, err)
	require.Contains(t, refused, "/etc/overcloud/edge.yaml:")
	require.Contains(t, refused, "box is not set")
	require.Contains(t, refused, "brokers are not set")

	runs(t, root)

	// An upgrade keeps what a person wrote; a purge takes all but the user.
	must("dpkg", "-i", "/deb/edge.deb")
	require.Contains(t, must("cat", "/etc/overcloud/edge.yaml"), "box: pi-1")
	require.Equal(t, "640 root overcloud-edge\n", must("stat", "-c", "%a %U %G", "/etc/overcloud/edge.yaml"))
	must("dpkg", "--purge", "overcloud-edge")
	for _, gone := range []string{"/usr/bin/overcloud-edge", "/usr/bin/edge", "/etc/overcloud/edge.yaml", "/var/lib/overcloud-edge", "/etc/systemd/system/multi-user.target.wants/overcloud-edge.service"} {
		_, err := os.Lstat(filepath.Join(root, gone))
		require.ErrorIs(t, err, os.ErrNotExist, gone)
	}
	must("id", "overcloud-edge")
}

// runs starts the installed daemon as its user, with settings as a person writes them, and stops it.
func runs(t *testing.T, root string) {
	file := filepath.Join(root, "etc/overcloud/edge.yaml")
	settings, err := os.ReadFile(file)
	require.NoError(t, err)
	edited := strings.NewReplacer(`box: ""`, "box: pi-1", "brokers: []", `brokers: ["127.0.0.1:1"]`, "127.0.0.1:8096", "127.0.0.1:0").Replace(string(settings))
	require.NoError(t, os.WriteFile(file, []byte(edited), 0o640))
	state := filepath.Join(root, "var/lib/overcloud-edge") // the package made it
	cmd := exec.CommandContext(t.Context(), "chroot", "--userspec=overcloud-edge:overcloud-edge", root, "/usr/bin/overcloud-edge", "run", "--config", "/etc/overcloud/edge.yaml")
	var log bytes.Buffer
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(state, "spool", "temp"))
		return err == nil
	}, 20*time.Second, 50*time.Millisecond, "%s", &log)
	time.Sleep(time.Second) // so that it is stopped while it runs, not while it starts
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), log.String())
}

// overlay is this machine's file system with a layer of memory over it: what happens there leaves no trace. The devices
// and /proc are the machine's.
func overlay(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test installs a package in a file system of its own and needs root")
	}
	// Not t.TempDir: its name has commas, which part the options of a mount.
	dir, err := os.MkdirTemp("", "overcloud-package-")
	require.NoError(t, err)
	var mounted []string
	mount := func(source, target, kind string, flags uintptr, data string) {
		require.NoError(t, syscall.Mount(source, target, kind, flags, data), "mount %s on %s", kind, target)
		mounted = append(mounted, target)
	}
	t.Cleanup(func() {
		for i := len(mounted) - 1; i >= 0; i-- {
			require.NoError(t, syscall.Unmount(mounted[i], syscall.MNT_DETACH), mounted[i])
		}
		require.NoError(t, os.Remove(dir))
	})
	mount("tmpfs", dir, "tmpfs", 0, "size=512m")
	root := filepath.Join(dir, "root")
	for _, one := range []string{"upper", "work", "root"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, one), 0o755))
	}
	mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", filepath.Join(dir, "upper"), filepath.Join(dir, "work")))
	mount("proc", filepath.Join(root, "proc"), "proc", syscall.MS_RDONLY, "")
	mount("/dev", filepath.Join(root, "dev"), "", syscall.MS_BIND|syscall.MS_REC, "")
	mount("tmpfs", filepath.Join(root, "run"), "tmpfs", 0, "") // no systemd of this machine is spoken to
	mount("tmpfs", filepath.Join(root, "tmp"), "tmpfs", 0, "")
	// A left-over of an earlier installation by hand would make the test tell nothing.
	for _, name := range []string{"usr/bin/overcloud-edge", "etc/overcloud/edge.yaml", "var/lib/overcloud-edge"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Fatalf("/%s is on this machine: the package is installed here", strings.TrimPrefix(name, "/"))
		}
	}
	return root
}
