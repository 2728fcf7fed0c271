package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/internal/fault"
)

// Bounds of a program.
const (
	outputMost = 4 << 10
	wordsMost  = 200 // of what it says of its failure
	runMost    = 10 * time.Second
	pipesMost  = time.Second // until what it left behind lets go of its output
)

// Exec is a program that says a measurement each time it is started. It is a thermometer and a meter.
type Exec struct {
	path  string
	args  []string
	scale float64
	alone sysfs.Alone[string]
}

// NewExec opens a source exec:/usr/local/bin/probe?arg=--room&arg=hall&scale=0.1: nothing is started yet. The program is
// started without a shell, with nothing in its environment but PATH and LC_ALL=C. Errors are ErrInvalid.
func NewExec(address string) (*Exec, error) {
	name, query, err := split("exec", address, "/usr/local/bin/probe", "arg", "scale")
	if err != nil {
		return nil, err
	}
	by, err := scale("exec", address, query)
	if err != nil {
		return nil, err
	}
	for _, arg := range query["arg"] {
		if strings.ContainsRune(arg, 0) {
			return nil, fmt.Errorf("source exec:%s: an argument holds a zero byte: %w", address, fault.ErrInvalid)
		}
	}
	return &Exec{path: name, args: query["arg"], scale: by}, nil
}

// Tries is one: a program can try again by itself.
func (e *Exec) Tries() (int, time.Duration) { return 1, 0 }

// Describe is the command line.
func (e *Exec) Describe() string { return strings.Join(append([]string{e.path}, e.args...), " ") }

// Read gives the first number of the output, °C, and the second, % humidity, if there is one. Errors: ErrNotFound,
// ErrRejected for a failure and for what is no measurement, ErrUnreachable for a program that does not come to its end.
func (e *Exec) Read(ctx context.Context) (device.Measurement, error) {
	text, err := e.say(ctx)
	if err != nil {
		return device.Measurement{}, err
	}
	m, err := measurement(text, e.scale)
	if err != nil {
		return m, fmt.Errorf("run %s: %w", e.path, err)
	}
	return m, nil
}

// Watts gives the first number of the output, W.
func (e *Exec) Watts(ctx context.Context) (float64, error) {
	text, err := e.say(ctx)
	if err != nil {
		return 0, err
	}
	w, err := watts(text, e.scale)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", e.path, err)
	}
	return w, nil
}

func (e *Exec) say(ctx context.Context) (string, error) {
	text, err := e.alone.Do(ctx, func() (string, error) { return e.run(ctx) })
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", e.path, err)
	}
	return text, nil
}

func (e *Exec) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runMost)
	defer cancel()
	began := time.Now()
	command := exec.CommandContext(ctx, e.path, e.args...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	command.Dir = "/"
	out, words := &bounded{most: outputMost, strict: true}, &bounded{most: wordsMost}
	command.Stdout, command.Stderr = out, words
	// A group of its own, so that what the program has started ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = pipesMost
	err := command.Run()
	if command.Process != nil {
		// Whatever stayed behind in the group; the error is that nobody did.
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
	return out.text.String(), e.words(ctx, err, began, out, words)
}

// words says in one sentence how a program failed.
func (e *Exec) words(ctx context.Context, err error, began time.Time, out, words *bounded) error {
	var exit *exec.ExitError
	switch {
	case out.over:
		return refused("it says more than %d bytes", outputMost)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: it was ended after %s", fault.ErrUnreachable, time.Since(began).Round(100*time.Millisecond))
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrWaitDelay):
		return refused("it ended, and something that it started kept its output open")
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no such program", fault.ErrNotFound)
	case errors.Is(err, fs.ErrPermission):
		return refused("it may not be run by the edge's user")
	case errors.Is(err, syscall.ENOEXEC):
		return refused("it is no program of this machine, or a script without a first line #!/bin/sh")
	case errors.As(err, &exit):
		said := strings.TrimSpace(words.text.String())
		if said, _, _ = strings.Cut(said, "\n"); said == "" {
			said = "it gives no reason"
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return refused("it was ended by signal %d, %s", status.Signal(), status.Signal())
		}
		return refused("it ended with %d: %s", exit.ExitCode(), strings.ToValidUTF8(said, "?"))
	}
	return err
}

// bounded keeps the first bytes of an output. A strict one takes no more, so that the program ends by SIGPIPE.
type bounded struct {
	text   bytes.Buffer
	most   int
	strict bool
	over   bool
}

// Write keeps what there is room for.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - b.text.Len()
	if len(p) > room {
		b.over = true
		b.text.Write(p[:room])
		if b.strict {
			return room, errors.New("too much output")
		}
		return len(p), nil
	}
	return b.text.Write(p)
}
