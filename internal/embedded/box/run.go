package box

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"

	"github.com/overcloud/overcloud/internal/embedded/box/logs"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
	"github.com/overcloud/overcloud/internal/embedded/child"
)

// pipeTime is how long output may still come after the last process of a container was killed: only one
// that left the container's group and environment can hold the pipe.
const pipeTime = 2 * time.Second

// run is one life of a container's process.
type run struct {
	process  *child.Process
	listen   string // the address that it was told
	ports    []published
	pipes    []*os.File     // read ends of stdout and stderr
	helpers  sync.WaitGroup // log copiers and the health monitor
	cancel   context.CancelFunc
	done     chan struct{} // closed when its end is recorded
	verified verified
}

// start runs the container; 304 when it runs already.
func (c *container) start() error {
	c.transition.Lock()
	defer c.transition.Unlock()
	// Once transition is held: Close marks the box as closing, then takes transition to stop what runs.
	if err := c.box.accepting(); err != nil {
		return err
	}
	c.mu.Lock()
	removed, live := c.removed, c.isLive()
	c.mu.Unlock()
	if removed {
		return status.Conflict("container %s is being removed", c.copy().Name)
	}
	if live {
		return status.NotModified("container %s runs already", c.copy().Name)
	}
	return c.launch(0)
}

// launch starts the process; transition is held. restarts is what the record will count.
func (c *container) launch(restarts int) error {
	run, err := c.spawn()
	if err != nil {
		code := 128
		if status.Code(err) == http.StatusBadRequest {
			code = 127 // as runc says of a command that it cannot find
			err = status.Invalid("failed to create task for container: %v", err)
		}
		c.mu.Lock()
		saveErr := c.set(func(r *record) {
			if r.State.Status == api.StateRestarting {
				r.State.Status = api.StateExited
			}
			r.State.ExitCode, r.State.Error = code, err.Error()
		})
		c.mu.Unlock()
		if saveErr != nil {
			c.box.logger.Error("keep a container's state", "error", saveErr)
		}
		return err
	}
	c.mu.Lock()
	c.run, c.pending, c.halted = run, nil, false
	if hasCheck(c.record.Config.Healthcheck) {
		c.health = &api.Health{Status: api.Starting}
	}
	err = c.set(func(r *record) {
		r.State.Status, r.State.Process = api.StateRunning, run.process.Identity()
		r.State.Started, r.State.Error, r.State.ExitCode = time.Now().UTC(), "", 0
		r.State.Restarts, r.State.Stopped = restarts, false
	})
	c.mu.Unlock()
	if err != nil {
		// It would be forgotten with the box: better not to run. Its end is recorded as any other.
		c.box.logger.Error("keep a container's state", "error", err)
		_ = run.process.Signal(syscall.SIGKILL)
	}
	c.watch(run)
	c.tell(apievents.ActionStart, nil)
	return err
}

// spawn makes everything a run needs, or nothing.
func (c *container) spawn() (*run, error) {
	record := c.copy()
	command := append(append([]string{}, record.Config.Entrypoint...), record.Config.Cmd...)
	path, err := c.program(command[0])
	if err != nil {
		return nil, err
	}
	if err := c.verify(path); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	listen, err := c.address()
	if err != nil {
		return nil, err
	}
	if err := c.checkFree(listen); err != nil {
		return nil, err
	}
	open, err := c.publish(listen)
	if err != nil {
		return nil, err
	}
	r := &run{listen: listen, ports: open, done: make(chan struct{})}
	if err := c.exec(r, path, command[1:]); err != nil {
		closePorts(open)
		return nil, err
	}
	return r, nil
}

// exec starts the process with its output in pipes.
func (c *container) exec(r *run, path string, args []string) error {
	record := c.copy()
	var writers []*os.File
	defer func() {
		for _, w := range writers {
			w.Close()
		}
	}()
	for range 2 {
		reader, writer, err := os.Pipe()
		if err != nil {
			r.closePipes()
			return status.Failed("make the pipes of container %s: %v", record.Name, err)
		}
		r.pipes, writers = append(r.pipes, reader), append(writers, writer)
	}
	process, err := child.Start(c.box.ctx, child.Options{
		Name: "container " + record.Name, Path: path, Args: args, Env: c.environment(r.listen, nil),
		Dir: filepath.Join(c.root(), record.Config.WorkingDir), Stdout: writers[0], Stderr: writers[1],
	})
	if err != nil {
		r.closePipes()
		return status.Invalid("exec: %q: %v", record.Config.Image, err)
	}
	r.process = process
	return nil
}

func (r *run) closePipes() {
	for _, pipe := range r.pipes {
		pipe.Close()
	}
}

// watch attends to a run until its end is recorded.
func (c *container) watch(r *run) {
	ctx, cancel := context.WithCancel(c.box.ctx)
	r.cancel = cancel
	for i, stream := range []string{logs.Stdout, logs.Stderr} {
		r.helpers.Add(1)
		go func() {
			defer r.helpers.Done()
			if err := c.log.Copy(stream, r.pipes[i]); err != nil {
				c.box.logger.Error("keep a container's output", "container", c.copy().Name, "error", err)
			}
		}()
	}
	if check := c.copy().Config.Healthcheck; hasCheck(check) {
		r.helpers.Add(1)
		go func() {
			defer r.helpers.Done()
			c.monitor(ctx, r, *check)
		}()
	}
	c.box.running.Add(1)
	go func() {
		defer c.box.running.Done()
		<-r.process.Done()
		c.end(r)
	}()
}

// end clears up after a process and decides what follows.
func (c *container) end(r *run) {
	r.cancel()
	// As in a pid namespace, nothing outlives the first process: not what left its group, not execs.
	if err := child.End(context.WithoutCancel(c.box.ctx), child.Identity{}, c.marker(), 0); err != nil {
		c.box.logger.Error("end what a container left running", "container", c.copy().Name, "error", err)
	}
	closePorts(r.ports)
	for _, pipe := range r.pipes {
		_ = pipe.SetReadDeadline(time.Now().Add(pipeTime)) // a closed pipe needs none
	}
	r.helpers.Wait()
	r.closePipes()
	code := r.process.ExitCode()
	restart := c.decide(code)
	c.tell(apievents.ActionDie, map[string]string{"exitCode": itoa(code)})
	if restart != nil {
		c.box.running.Add(1)
		go func() {
			defer c.box.running.Done()
			c.restartAfter(restart)
		}()
	}
	close(r.done)
	if restart == nil && c.copy().HostConfig.AutoRemove {
		if err := c.remove(false, true); err != nil && status.Code(err) != http.StatusConflict {
			c.box.logger.Error("remove a container that ended", "container", c.copy().Name, "error", err)
		}
	}
}

// prepare makes what must be there for each run.
func (c *container) prepare() error {
	record := c.copy()
	root, err := os.OpenRoot(c.root())
	if err != nil {
		return status.Failed("open the root of container %s: %v", record.Name, err)
	}
	defer closeRoot(root)
	var faults []error
	for target := range tmpfsOf(record.HostConfig) {
		relative := relativeTo(target)
		faults = append(faults, root.RemoveAll(relative), root.MkdirAll(relative, 0o755))
	}
	for _, folder := range []string{"/tmp", lookup(record.Config.Env, "HOME", "/"), lookup(record.Config.Env, "TMPDIR", "/tmp")} {
		// A volume there is a symlink out of the root, and there already.
		if _, err := os.Stat(filepath.Join(c.root(), folder)); err != nil {
			faults = append(faults, root.MkdirAll(relativeTo(folder), 0o755))
		}
	}
	if _, err := os.Stat(filepath.Join(c.root(), record.Config.WorkingDir)); err != nil {
		faults = append(faults, root.MkdirAll(relativeTo(record.Config.WorkingDir), 0o755))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("prepare the root of container %s: %w", record.Name, err)
	}
	return nil
}

// relativeTo is an absolute path of the container as a path below its root.
func relativeTo(path string) string {
	relative, err := filepath.Rel("/", filepath.Join("/", path))
	if err != nil {
		return "."
	}
	return relative
}
