package people

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// readJSON reads a file of this package; a file that is not there leaves into as it is. Errors: a file that is
// damaged, in a sentence for the person who starts the process.
func readJSON(path string, into any) error {
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s is damaged (%w): put a copy back, or move it away to begin without users", path, err)
	}
	return nil
}

// writeJSON replaces a file whole: readers see the old one or the new one, also after a power cut.
func writeJSON(path string, value any) (err error) {
	body, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(append(body, '\n'))
	if err == nil {
		err = temporary.Sync()
	}
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename outlast a power cut.
func syncFolder(folder string) error {
	open, err := os.Open(folder)
	if err != nil {
		return nil //nolint:nilerr // the file is in its place; a folder that cannot be opened cannot be synced
	}
	defer open.Close()
	if err := open.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// locked runs f while no other process changes the folder's files.
func locked(folder string, f func() error) error {
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", folder, err)
	}
	defer lock.Close() // which unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", folder, err)
	}
	return f()
}
