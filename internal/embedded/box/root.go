package box

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// makeRoot fills the container's root with the image's files. Programs are hard links to the image's, since
// they are large and nobody writes to a running one; what is no program is copied, so that a container that
// writes to it does not change the image.
func (c *container) makeRoot(image *images.Image) error {
	from, to := image.Root(), c.root()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return place(path, filepath.Join(to, relative), entry)
	})
	if err != nil {
		return fmt.Errorf("make the root of container %s: %w", c.record.Name, err)
	}
	return os.MkdirAll(filepath.Join(to, "tmp"), 0o755)
}

func place(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return os.MkdirAll(to, info.Mode().Perm()|0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.Mode().Perm()&0o111 != 0:
		if os.Link(from, to) == nil {
			return nil
		}
	}
	return copyFile(from, to, info.Mode().Perm())
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Chmod(mode), target.Close())
}

// closeRoot lets go of a folder; nothing is written by closing it.
func closeRoot(root *os.Root) { _ = root.Close() }

// locate finds where a path of the container really is below its root, following its symlinks; one that
// leads out of the root is an error.
func locate(root, path string) (string, error) {
	real, err := filepath.EvalSymlinks(filepath.Join(root, path))
	if err != nil {
		return "", err
	}
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(top, real)
	if err != nil || !filepath.IsLocal(relative) {
		return "", fmt.Errorf("%s leads out of the container's root", path)
	}
	return real, nil
}

// program finds a command's binary in the container's root, the way runc does, and in its words.
func (c *container) program(command string) (string, error) {
	record := c.copy()
	if strings.Contains(command, "/") {
		path := command
		if !filepath.IsAbs(path) {
			path = filepath.Join("/", record.Config.WorkingDir, path)
		}
		found, err := locate(c.root(), path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", status.Invalid("exec: %q: stat %s: no such file or directory", command, command)
		case err != nil:
			return "", status.Invalid("exec: %q: a process box runs binaries of the image only: %v", command, err)
		}
		return found, runnable(command, found)
	}
	for _, folder := range append(strings.Split(pathOf(record.Config.Env), ":"), "/") {
		found, err := locate(c.root(), filepath.Join(folder, command))
		if err == nil && runnable(command, found) == nil {
			return found, nil
		}
	}
	return "", status.Invalid("exec: %q: executable file not found in $PATH", command)
}

func runnable(command, path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return status.Invalid("exec: %q: permission denied", command)
	}
	file, err := os.Open(path)
	if err != nil {
		return status.Invalid("exec: %q: permission denied", command)
	}
	defer file.Close()
	start := make([]byte, 2)
	if n, err := io.ReadFull(file, start); err == nil && string(start[:n]) == "#!" {
		return status.Invalid("exec: %q: it is a script, and a process box runs binaries only: its interpreter would be the machine's", command)
	}
	return nil
}
