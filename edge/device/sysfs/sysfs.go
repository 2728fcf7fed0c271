// Package sysfs owns how the kernel's small files are read and written: in one system call each, since a driver answers
// a whole read or none, and since os.ReadFile would wait for ever for a driver that answers EAGAIN. It is the seam at
// which tests put recorded trees (package recorded). What the files mean is for the packages of each kind of sensor.
package sysfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Tree is the kernel's files, by slash-separated names below its root: "bus/iio/devices". Its errors unwrap to the
// kernel's number (unix.EIO) and to fs.ErrNotExist. Read and Write block for as long as the driver does.
type Tree interface {
	// Read gives a file's whole text without the blanks around it; at the most 4 KiB.
	Read(name string) (string, error)
	// Write gives the text to the driver in one piece.
	Write(name, text string) error
	// List names what a folder holds, sorted; none for a folder that is not there.
	List(dir string) ([]string, error)
	// Real is the name that a name leads to when every link is followed.
	Real(name string) (string, error)
}

// ReadMost bounds what is read of a file; a file of the kernel's has a page at the most.
const ReadMost = 4 << 10

// Dir is the tree under a folder, /sys.
type Dir string

// Read reads a file.
func (d Dir) Read(name string) (string, error) {
	data, _, err := ReadFile(d.path(name))
	return strings.TrimSpace(string(data)), err
}

// Write writes a file that is there.
func (d Dir) Write(name, text string) error {
	path := d.path(name)
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) //nolint:errcheck // what a driver refuses, it refuses in write
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// List names a folder's entries.
func (d Dir) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(d.path(dir))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, nil
}

// Real follows links.
func (d Dir) Real(name string) (string, error) {
	root, err := filepath.EvalSymlinks(string(d))
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(d.path(name))
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(root, real)
	if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
		return "", fmt.Errorf("%s leads out of %s", name, d)
	}
	return filepath.ToSlash(inside), nil
}

func (d Dir) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// State is what is known of a file when it was read.
type State struct {
	Size    int64
	ModTime unix.Timespec
	Regular bool
}

// ReadFile reads the first 4 KiB of a file, a regular one of a disk or one of the kernel's, in one call, and says what
// it was at that time. It never waits for the other end of a pipe. Errors are *fs.PathError with the kernel's number.
func ReadFile(path string) ([]byte, State, error) {
	fd, err := retried(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, State{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) //nolint:errcheck // it was only read
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, State{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	state := State{Size: stat.Size, ModTime: stat.Mtim, Regular: stat.Mode&unix.S_IFMT == unix.S_IFREG}
	if !state.Regular {
		return nil, state, &fs.PathError{Op: "read", Path: path, Err: unix.EINVAL}
	}
	data := make([]byte, ReadMost)
	n, err := retried(func() (int, error) { return unix.Read(fd, data) })
	if err != nil {
		return nil, state, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data[:n], state, nil
}

// retried makes a call again that a signal interrupted.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR { //nolint:errorlint // a bare number of the kernel's
			return n, err
		}
	}
}
