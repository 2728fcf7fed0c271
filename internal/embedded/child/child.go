// Package child runs a program as a supervised child process (Linux): in a process group of its own, ended
// in order or by force, never outliving its parent unnoticed. It also finds and ends what an earlier, killed
// run left behind. It knows nothing about containers; package box builds them on it.
package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	defaultGrace = 10 * time.Second
	// reapTime is how long the kernel may take to end a process after SIGKILL; only one that hangs in
	// disk I/O takes longer.
	reapTime = 5 * time.Second
	// maxLog is where the log of a child is set aside as <LogFile>.1 before the next start, in bytes.
	maxLog = 10 << 20
	// busyTries and busyPause bound the waiting for a program that is still open for writing, 0.5 s in all.
	busyTries = 50
	busyPause = 10 * time.Millisecond
)

// Options says what to run and how to end it.
type Options struct {
	// Name appears in errors.
	Name string
	// Path is the executable. It is not searched for.
	Path string
	// Args are the arguments without the program's own name.
	Args []string
	// Env is the whole environment; nothing of the parent's is added.
	Env []string
	// Dir is the working directory; empty is the parent's.
	Dir string
	// LogFile takes stdout and stderr, appended. Empty: Stdout and Stderr are used.
	LogFile string
	// Stdin, Stdout and Stderr are handed to the child; nil is /dev/null. The caller closes its own copies.
	Stdin, Stdout, Stderr *os.File
	// PidFile keeps pid and start time, so that a later run can end a leftover. It is removed with the child.
	// Empty: none.
	PidFile string
	// StopSignal is sent by Stop; zero is SIGTERM.
	StopSignal syscall.Signal
	// Grace is how long Stop waits before SIGKILL; zero is 10 s.
	Grace time.Duration
}

// Process is a started child.
type Process struct {
	name     string
	signal   syscall.Signal
	grace    time.Duration
	identity Identity
	done     chan struct{}

	mu     sync.Mutex // held while signalling and while reaping, so that a recycled pid is never hit
	reaped bool
	state  *os.ProcessState
	err    error
}

// Start ends a leftover named by the pid file and starts the program. ctx bounds the starting only: the
// child lives until it ends by itself or Stop ends it. Its whole process group goes with its first process.
func Start(ctx context.Context, options Options) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	pidFile, err := claim(ctx, options.PidFile)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	closeLog, err := options.openLog()
	if err != nil {
		pidFile.release()
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	defer closeLog()
	p := &Process{
		name: options.Name, signal: options.StopSignal, grace: options.Grace,
		done: make(chan struct{}),
	}
	if p.signal == 0 {
		p.signal = syscall.SIGTERM
	}
	if p.grace <= 0 {
		p.grace = defaultGrace
	}
	started := make(chan error, 1)
	go p.supervise(options, pidFile, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	return p, nil
}

// openLog puts the log file in the place of Stdout and Stderr.
func (o *Options) openLog() (shut func(), err error) {
	if o.LogFile == "" {
		return func() {}, nil
	}
	if info, err := os.Stat(o.LogFile); err == nil && info.Size() > maxLog {
		if err := os.Rename(o.LogFile, o.LogFile+".1"); err != nil {
			return nil, fmt.Errorf("set the old log aside: %w", err)
		}
	}
	log, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	o.Stdout, o.Stderr = log, log
	return func() { log.Close() }, nil
}

func (o Options) command() *exec.Cmd {
	cmd := &exec.Cmd{
		Path: o.Path,
		Args: append([]string{o.Path}, o.Args...),
		Env:  o.Env,
		Dir:  o.Dir,
		// The signal on the parent's death is the polite one: a child with children of its own passes it on.
		// One that ignores it is found through the pid file by the next run.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM},
	}
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	// A nil *os.File in an io.Reader or io.Writer is not a nil interface.
	if o.Stdin != nil {
		cmd.Stdin = o.Stdin
	}
	if o.Stdout != nil {
		cmd.Stdout = o.Stdout
	}
	if o.Stderr != nil {
		cmd.Stderr = o.Stderr
	}
	return cmd
}

// launch starts the program. One that was written a moment ago may be "busy": another child, forked while
// the file was open for writing, holds it until its own exec.
func (o Options) launch() (*exec.Cmd, error) {
	for try := 0; ; try++ {
		cmd := o.command()
		err := cmd.Start()
		if !errors.Is(err, syscall.ETXTBSY) || try == busyTries {
			return cmd, err
		}
		time.Sleep(busyPause)
	}
}

// supervise starts the child and waits for it on one thread. The kernel sends the parent-death signal when
// the *thread* that forked ends, so the thread is kept; it would be blocked waiting anyway.
func (p *Process) supervise(options Options, pidFile *pidFile, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := options.launch()
	if err != nil {
		pidFile.release()
		started <- err
		return
	}
	identity, err := IdentityOf(cmd.Process.Pid) // of a zombie too: it is not reaped yet
	if err == nil {
		err = pidFile.write(identity)
	}
	p.identity = identity
	if err != nil {
		killErr := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		waitErr := cmd.Wait()
		pidFile.release()
		started <- errors.Join(err, killErr, ignoreExit(waitErr))
		return
	}
	started <- nil
	waitExit(cmd.Process.Pid)
	p.reap(cmd)
	pidFile.release()
	close(p.done)
}

// waitExit blocks until the process has ended and leaves it a zombie, whose pid cannot be recycled.
func waitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return // ECHILD is told by the Wait that follows
		}
	}
}

func (p *Process) reap(cmd *exec.Cmd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// What the child left in its group goes with it, as in a pid namespace.
	if err := syscall.Kill(-p.identity.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EPERM) {
		p.err = fmt.Errorf("end the group of %s: %w", p.name, err)
	}
	if err := cmd.Wait(); err != nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
	p.state, p.reaped = cmd.ProcessState, true
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// Done is closed when the child has ended, whoever ended it.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is why the child ended: nil while it runs and after exit code 0.
func (p *Process) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// ExitCode is the exit code, 128 + signal number if a signal ended it, -1 while it runs.
func (p *Process) ExitCode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		return -1
	}
	if status, ok := p.state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.state.ExitCode()
}

// Identity names the process beyond the recycling of its pid.
func (p *Process) Identity() Identity { return p.identity }

// Signal goes to the whole process group. One that has ended already is no error.
func (p *Process) Signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	if err := syscall.Kill(-p.identity.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to %s: %w", signal, p.name, err)
	}
	return nil
}

// Stop sends the stop signal and waits; after the grace, or when ctx ends, it sends SIGKILL. It returns nil
// when the child is gone, whatever its exit code.
func (p *Process) Stop(ctx context.Context) error {
	return p.StopWith(ctx, p.signal, p.grace)
}

// StopWith is Stop with another signal and grace; a negative grace waits without end.
func (p *Process) StopWith(ctx context.Context, signal syscall.Signal, grace time.Duration) error {
	if grace != 0 {
		if err := p.Signal(signal); err != nil {
			return err
		}
		var after <-chan time.Time
		if grace > 0 {
			timer := time.NewTimer(grace)
			defer timer.Stop()
			after = timer.C
		}
		select {
		case <-p.done:
			return nil
		case <-after:
		case <-ctx.Done():
		}
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	timer := time.NewTimer(reapTime)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("end %s (pid %d): still there %s after SIGKILL", p.name, p.identity.PID, reapTime)
	}
}
