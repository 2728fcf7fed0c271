package learn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/lirc"
)

// free refuses a file that is there already, unless it may be overwritten.
func free(path string, force bool) error {
	if _, err := os.Lstat(path); force || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s is there already; --force overwrites it: %w", path, fault.ErrInvalid)
}

// Save writes the remote as an lircd.conf: the whole file or nothing, and never over another without force. It reads
// the file back before it takes its name. Errors are fault.ErrInvalid, or those of writing.
func Save(remote lirc.Remote, path, comment string, force bool) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".learn-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.RemoveAll(temporary.Name())
	err = remote.Write(temporary, comment)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if _, err := lirc.Find(temporary.Name(), remote.Name); err != nil {
		return fmt.Errorf("write %s: it cannot be read back: %w", path, err)
	}
	if force {
		err = os.Rename(temporary.Name(), path)
	} else {
		err = os.Link(temporary.Name(), path) // unlike a renaming, this fails when something is there
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return free(path, false)
	case err != nil:
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
