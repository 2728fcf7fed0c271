package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leftoverGrace is how long a leftover has between SIGTERM and SIGKILL: long enough to flush, short enough
// for somebody who waits for the next start.
const leftoverGrace = 5 * time.Second

// ErrOwned is a pid file whose child another living program runs.
var ErrOwned = errors.New("run by another process already")

// Reap ends the leftover of an earlier run that the pid file names, if it is still the same process, with
// its group, and removes the file. No file and no process are no errors; a child that another living
// program runs is ErrOwned and left alone.
func Reap(path string) error {
	file, err := claim(context.Background(), path)
	if err != nil {
		return err
	}
	file.release()
	return nil
}

// End ends what is left of a group: the leader, if it still is the same process, with its group; and every
// process that has marker ("NAME=value") in its environment. SIGTERM first, SIGKILL after grace or when ctx
// ends. An empty marker matches nothing.
func End(ctx context.Context, leader Identity, marker string, grace time.Duration) error {
	left, err := leftovers(leader, marker)
	if err != nil || len(left) == 0 {
		return err
	}
	signal := syscall.SIGTERM
	if grace <= 0 {
		signal = syscall.SIGKILL
	}
	deadline := time.Now().Add(grace)
	for {
		for _, process := range left {
			if err := process.Signal(signal); err != nil {
				return err
			}
		}
		if left, err = awaitGone(ctx, left, leader, marker, deadline); err != nil || len(left) == 0 {
			return err
		}
		if signal == syscall.SIGKILL && time.Now().After(deadline) {
			return fmt.Errorf("end process %d: still there %s after SIGKILL", left[0].PID, reapTime)
		}
		if signal != syscall.SIGKILL {
			signal, deadline = syscall.SIGKILL, time.Now().Add(reapTime)
			ctx = context.WithoutCancel(ctx)
		}
	}
}

// awaitGone polls until all are gone or the deadline is past, then looks again for what they left.
func awaitGone(ctx context.Context, left []Identity, leader Identity, marker string, deadline time.Time) ([]Identity, error) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil && time.Now().Before(deadline) {
		alive := false
		for _, process := range left {
			alive = alive || process.Alive()
		}
		if !alive {
			break
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	found, err := leftovers(leader, marker)
	if err != nil {
		return nil, err
	}
	for _, process := range left { // the group of a dead leader is no longer found through it
		if process.Alive() && !contains(found, process) {
			found = append(found, process)
		}
	}
	return found, nil
}

func contains(list []Identity, wanted Identity) bool {
	for _, process := range list {
		if process == wanted {
			return true
		}
	}
	return false
}

func leftovers(leader Identity, marker string) ([]Identity, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	withGroup := leader.Alive()
	if !withGroup && marker == "" {
		return nil, nil
	}
	stats, err := List()
	if err != nil {
		return nil, err
	}
	var found []Identity
	for _, stat := range stats {
		if stat.State == 'Z' || stat.State == 'X' || stat.PID == os.Getpid() {
			continue
		}
		if (withGroup && stat.Group == leader.PID) || (marker != "" && hasEnv(stat.PID, marker)) {
			found = append(found, Identity{PID: stat.PID, Start: stat.Start, Boot: boot})
		}
	}
	return found, nil
}

// hasEnv looks into the environment with which a process was started; another user's cannot be read.
func hasEnv(pid int, entry string) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for variable := range bytes.SplitSeq(text, []byte{0}) {
		if string(variable) == entry {
			return true
		}
	}
	return false
}

// pidFile is locked as long as its child runs, so that a second program cannot take the child for a
// leftover. nil does nothing.
type pidFile struct{ file *os.File }

// claim opens and locks the file and ends the leftover that it names.
func claim(ctx context.Context, path string) (*pidFile, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the pid file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock pid file %s: %w", path, errors.Join(ErrOwned, err))
	}
	claimed := &pidFile{file: file}
	text, err := io.ReadAll(io.LimitReader(file, 1024))
	if err != nil {
		claimed.release()
		return nil, fmt.Errorf("read pid file: %w", err)
	}
	var id Identity
	// An empty or torn file names nobody: it was being written when its writer died, before the child ran on.
	if n, err := fmt.Sscan(string(text), &id.PID, &id.Start, &id.Boot); err == nil && n == 3 {
		if err := End(ctx, id, "", leftoverGrace); err != nil {
			file.Close() // and keep the name of what is left
			return nil, fmt.Errorf("end the leftover of %s: %w", path, err)
		}
	}
	return claimed, nil
}

func (f *pidFile) write(id Identity) error {
	if f == nil {
		return nil
	}
	if err := f.file.Truncate(0); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	if _, err := f.file.WriteAt([]byte(fmt.Sprintf("%d %d %s\n", id.PID, id.Start, id.Boot)), 0); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}

func (f *pidFile) release() {
	if f == nil {
		return
	}
	// Removed before it is unlocked; a file that cannot be removed names a dead process, which is harmless.
	_ = os.Remove(f.file.Name())
	f.file.Close()
}
