package up

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lock holds the state folder for one process: two runs over one database would corrupt it. The kernel
// releases it when the process dies, however it dies.
func lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		who := "another process"
		if holder, err := os.ReadFile(file.Name()); err == nil {
			who = "process " + strings.TrimSpace(string(holder))
		}
		return nil, fmt.Errorf("OverCloud already runs here (%s, state in %s): stop it, or use another --state-dir", who, dir)
	}
	if err := file.Truncate(0); err == nil {
		fmt.Fprintln(file, os.Getpid())
	}
	return func() { file.Close() }, nil
}
