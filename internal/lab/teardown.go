package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/child"
)

// teardownAlone is teardown under the lock of Root.
func teardownAlone(ctx context.Context, s state) error {
	unlock, err := lockRoot(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return teardown(ctx, s)
}

// teardown removes all that a lab of this number may have made, whether it is there or not. The folder goes
// last: whoever is killed here, leaves it for the next sweep. It finds things by the lab's number, not by what
// its state says, since the state may be older than what was made.
func teardown(ctx context.Context, s state) error {
	for _, one := range s.Boxes {
		if err := one.Init.Signal(syscall.SIGKILL); err != nil {
			return err
		}
		if err := awaitGone(ctx, one.Init); err != nil {
			return err
		}
	}
	steps := []func(context.Context, number) error{
		killStrays, removeNetwork, closeFirewall, unmountAll, removeCgroups, removeFolder,
	}
	for _, step := range steps {
		if err := step(ctx, s.Number); err != nil {
			return err
		}
	}
	return nil
}

// killStrays ends what still runs in the lab's network namespaces: a box that was started a moment before its
// owner was killed, and so was not written down.
func killStrays(ctx context.Context, n number) error {
	ports, err := n.namespaces()
	if err != nil {
		return err
	}
	for _, port := range ports {
		pids, err := output(ctx, "ip", "netns", "pids", port)
		if err != nil {
			continue // a name without a namespace: killed between the two
		}
		for _, word := range strings.Fields(pids) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("list the processes of %s: %w", port, err)
			}
			stray, err := child.IdentityOf(pid)
			if err != nil {
				continue // gone meanwhile
			}
			if err := errors.Join(stray.Signal(syscall.SIGKILL), awaitGone(ctx, stray)); err != nil {
				return err
			}
		}
	}
	return nil
}

// isPort says whether a name is that of a box's cable or namespace: ovl7b12, but not ovl71b2.
func (n number) isPort(name string) bool {
	box, ok := strings.CutPrefix(name, n.bridge()+"b")
	if !ok {
		return false
	}
	_, err := strconv.Atoi(box)
	return err == nil
}

func (n number) namespaces() ([]string, error) { return n.named(netnsFolder) }

func (n number) named(folder string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		if n.isPort(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// deviceExists asks for a network device of this machine.
func deviceExists(name string) (bool, error) {
	_, err := os.Lstat("/sys/class/net/" + name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func removeNetwork(ctx context.Context, n number) error {
	devices, err := n.named("/sys/class/net")
	if err != nil {
		return err
	}
	if has, err := deviceExists(n.bridge()); err != nil {
		return err
	} else if has {
		devices = append(devices, n.bridge())
	}
	for _, device := range devices {
		if err := run(ctx, "ip", "link", "delete", device); err != nil {
			return err
		}
	}
	ports, err := n.namespaces()
	if err != nil {
		return err
	}
	for _, port := range ports {
		if err := run(ctx, "ip", "netns", "delete", port); err != nil {
			return err
		}
	}
	return nil
}

// closeFirewall deletes the rules that name the bridge.
func closeFirewall(ctx context.Context, n number) error {
	rules, err := output(ctx, "iptables", "-w", "-S")
	if err != nil {
		return err
	}
	for rule := range strings.Lines(rules) {
		fields := strings.Fields(rule)
		if len(fields) < 2 || fields[0] != "-A" || !slices.Contains(fields, n.bridge()) {
			continue
		}
		if err := run(ctx, "iptables", append([]string{"-w", "-D"}, fields[1:]...)...); err != nil {
			return err
		}
	}
	return nil
}

// unmountAll unmounts what is mounted under the lab's folder, the last first.
func unmountAll(_ context.Context, n number) error {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], n.folder()+"/") {
			points = append(points, fields[1])
		}
	}
	slices.Reverse(points)
	for _, point := range points {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

// removeCgroups removes the folders that the engines made for containers: in every hierarchy of version 1, or in
// the one of version 2. The kernel lets one go when its last process is reaped.
func removeCgroups(ctx context.Context, n number) error {
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		tops, err := filepath.Glob(pattern + n.cgroup())
		if err != nil {
			return err
		}
		for _, top := range tops {
			if err := retry(ctx, func() error { return removeTree(top) }); err != nil {
				return fmt.Errorf("remove the control groups %s: %w", top, err)
			}
		}
	}
	return nil
}

// removeTree removes folders from the deepest up, and leaves alone the files that a cgroup's folder shows.
func removeTree(top string) error {
	var folders []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Reverse(folders)
	for _, folder := range folders {
		if err := os.Remove(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeFolder(ctx context.Context, n number) error {
	if err := retry(ctx, func() error { return os.RemoveAll(n.folder()) }); err != nil {
		return fmt.Errorf("remove %s: %w", n.folder(), err)
	}
	return forgetNetns()
}

const (
	netnsFolder = "/run/netns"
	// netnsNote says that a lab made the folder of named network namespaces, which "ip netns add" also mounts.
	netnsNote = Root + "/.netns"
)

// noteNetns remembers that this machine had no named network namespaces before there was a lab.
func noteNetns() error {
	if _, err := os.Stat(netnsFolder); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(netnsNote, nil, 0o644)
}

// forgetNetns removes the folder of named network namespaces with the last lab, when a lab made it.
func forgetNetns() error {
	if _, err := os.Stat(netnsNote); err != nil {
		return nil //nolint:nilerr // no note: not ours
	}
	labs, err := readAll()
	if err != nil || len(labs) > 0 {
		return err
	}
	names, err := os.ReadDir(netnsFolder)
	if err == nil && len(names) == 0 {
		if err := unix.Unmount(netnsFolder, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("unmount %s: %w", netnsFolder, err)
		}
		err = os.Remove(netnsFolder)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Remove(netnsNote)
}

// retry tries for what the kernel still takes down in the background, 5 s at the most.
func retry(ctx context.Context, do func() error) error {
	const most, pause = 5 * time.Second, 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
