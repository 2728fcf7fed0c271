package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func (l *Lab) box(name string) (*box, error) {
	for _, one := range l.boxes {
		if one.spec.Name == name {
			return one, nil
		}
	}
	return nil, fmt.Errorf("lab %s has no box %q; it has %s", l.options.Name, name, strings.Join(boxNames(len(l.boxes)), ", "))
}

// Kill pulls a box's plug: kill -9 of its engine, its containers and everything else in it. Its disk stays as
// it was. A box that is dead stays dead.
func (l *Lab) Kill(_ context.Context, boxName string) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	b.pull()
	return nil
}

// Stop shuts a box down in order: the engine stops its containers, then ends.
func (l *Lab) Stop(_ context.Context, boxName string) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(syscall.SIGTERM)
	return nil
}

// Restart boots a box: a killed or stopped one, or, after an orderly stop, one that runs. It comes back with its
// old disk, address and hardware address and a fresh /run; the engine starts what its restart policies say. It
// returns when the engine answers.
func (l *Lab) Restart(ctx context.Context, boxName string) error {
	if err := l.Stop(ctx, boxName); err != nil {
		return err
	}
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	return l.startBox(ctx, b)
}

// Command prepares a program that runs inside a box, in all of its namespaces: it sees the box's network, /run,
// /etc/docker and processes, and ends with the box. The files are otherwise this machine's.
func (l *Lab) Command(ctx context.Context, boxName string, argv ...string) (*exec.Cmd, error) {
	b, err := l.box(boxName)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		return nil, fmt.Errorf("run %s in %s: the box is off", argv[0], boxName)
	}
	args := []string{"-t", strconv.Itoa(b.running.identity.PID), "--mount", "--uts", "--ipc", "--net", "--pid", "--"}
	return exec.CommandContext(ctx, "nsenter", append(args, argv...)...), nil
}

// Exec runs a program inside a box and gives what it wrote to stdout; what it wrote to stderr is in the error.
func (l *Lab) Exec(ctx context.Context, boxName string, argv ...string) (string, error) {
	command, err := l.Command(ctx, boxName, argv...)
	if err != nil {
		return "", err
	}
	var out, fault bytes.Buffer
	command.Stdout, command.Stderr = &out, &fault
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("run %s in %s: %w: %s", strings.Join(argv, " "), boxName, err, strings.TrimSpace(fault.String()))
	}
	return out.String(), nil
}

// FillDisk fills a box's data root until about leave bytes are free. It is for boxes with a disk of their own
// (Options.Disk) only; the file goes by EmptyDisk.
func (l *Lab) FillDisk(_ context.Context, boxName string, leave int64) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	if l.options.Disk[boxName] == 0 {
		return fmt.Errorf("fill the disk of %s: it has none of its own (Options.Disk)", boxName)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.data(), &disk); err != nil {
		return fmt.Errorf("fill the disk of %s: %w", boxName, err)
	}
	file, err := os.Create(filepath.Join(b.data(), "filler"))
	if err != nil {
		return fmt.Errorf("fill the disk of %s: %w", boxName, err)
	}
	defer file.Close()
	size := int64(disk.Bavail)*disk.Bsize - leave
	if size <= 0 {
		return nil
	}
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		return fmt.Errorf("fill the disk of %s with %d bytes: %w", boxName, size, err)
	}
	return nil
}

// EmptyDisk takes back what FillDisk took.
func (l *Lab) EmptyDisk(_ context.Context, boxName string) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.data(), "filler")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("empty the disk of %s: %w", boxName, err)
	}
	return nil
}

// EngineLog is the end of what a box's dockerd wrote.
func (l *Lab) EngineLog(boxName string) string {
	b, err := l.box(boxName)
	if err != nil {
		return err.Error()
	}
	return tail(b.log())
}

func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-logTail):])
}
