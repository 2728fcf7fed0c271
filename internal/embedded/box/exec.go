package box

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
	"github.com/overcloud/overcloud/internal/embedded/child"
)

// keptExecs is how many execs of a container can be inspected; the oldest ended ones go first.
const keptExecs = 64

// execution is one `docker exec`.
type execution struct {
	id        string
	container *container
	options   api.ExecOptions
	order     int

	mu      sync.Mutex
	begun   bool
	process *child.Process // nil before
	code    int            // when it could not start
}

func (e *execution) running() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process == nil {
		return false
	}
	select {
	case <-e.process.Done():
		return false
	default:
		return true
	}
}

func (c *container) execIDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for id, e := range c.execs {
		if e.running() {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *container) serveExecCreate(w http.ResponseWriter, r *http.Request) error {
	options := api.ExecOptions{}
	if err := body(r, &options); err != nil {
		return err
	}
	switch {
	case len(options.Cmd) == 0:
		return status.Invalid("No exec command specified")
	case options.Tty:
		return status.Invalid("a process box does not support a terminal (tty); that takes a Docker engine")
	case options.Privileged:
		return status.Invalid("a process box does not support privileged mode; that takes a Docker engine")
	case options.User != "":
		return status.Invalid("a process box runs everything as its own user; it cannot exec as %s", options.User)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil {
		return status.Conflict("container %s is not running", c.record.ID)
	}
	e := &execution{id: newID(), container: c, options: options}
	oldest, room := (*execution)(nil), len(c.execs) < keptExecs
	for _, other := range c.execs {
		e.order = max(e.order, other.order+1)
		if !other.running() && (oldest == nil || other.order < oldest.order) {
			oldest = other
		}
	}
	if !room {
		if oldest == nil {
			return status.Conflict("container %s runs %d execs already", c.record.Name, keptExecs)
		}
		delete(c.execs, oldest.id)
	}
	c.execs[e.id] = e
	return reply(w, http.StatusCreated, api.ExecCreateResponse{ID: e.id})
}

func (b *Box) findExec(id string) (*execution, error) {
	b.mu.Lock()
	list := b.all()
	b.mu.Unlock()
	for _, c := range list {
		c.mu.Lock()
		e := c.execs[id]
		c.mu.Unlock()
		if e != nil {
			return e, nil
		}
	}
	return nil, status.NotFound("No such exec instance: %s", id)
}

func (b *Box) serveExecInspect(w http.ResponseWriter, r *http.Request) error {
	e, err := b.findExec(r.PathValue("id"))
	if err != nil {
		return err
	}
	running := e.running()
	e.mu.Lock()
	defer e.mu.Unlock()
	answer := struct {
		api.ExecInspect
		ExitCode *int // null while it runs or before
	}{ExecInspect: api.ExecInspect{ExecID: e.id, ContainerID: e.container.copy().ID, Running: running}}
	switch {
	case e.process != nil:
		answer.Pid = e.process.Identity().PID
		if code := e.process.ExitCode(); !running {
			answer.ExitCode = &code
		}
	case e.begun:
		answer.ExitCode = &e.code
	}
	return reply(w, http.StatusOK, answer)
}

func (b *Box) serveExecStart(w http.ResponseWriter, r *http.Request) error {
	e, err := b.findExec(r.PathValue("id"))
	if err != nil {
		return err
	}
	options := api.ExecStartOptions{}
	if err := body(r, &options); err != nil {
		return err
	}
	e.mu.Lock()
	begun := e.begun
	e.begun = true
	e.mu.Unlock()
	if begun {
		return status.Conflict("exec %s was started already", e.id)
	}
	if options.Detach {
		if _, err := e.start(nil, nil, nil); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	conn, buffer, err := hijack(w, r)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := e.attached(conn, buffer); err != nil {
		_, _ = io.WriteString(stdcopy.NewStdWriter(conn, stdcopy.Stdout), err.Error()+"\r\n") // as dockerd tells it
	}
	return nil
}

// start runs it within the container.
func (e *execution) start(stdin, stdout, stderr *os.File) (*child.Process, error) {
	process, err := e.container.helper(e.options.Cmd, e.options.WorkingDir, e.options.Env, stdin, stdout, stderr)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.process = process
	if err != nil {
		e.code = 127
		return nil, status.Invalid("exec failed: unable to start container process: %v", err)
	}
	return process, nil
}

// helper runs another program of the image beside the container's first process: it has the container's
// environment and ends with it.
func (c *container) helper(command []string, dir string, env []string, stdin, stdout, stderr *os.File) (*child.Process, error) {
	path, err := c.program(command[0])
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		return nil, status.Conflict("container %s is not running", c.copy().ID)
	}
	if err := r.verified.quickly(path, c.verify); err != nil {
		return nil, err
	}
	if dir == "" {
		dir = c.copy().Config.WorkingDir
	}
	process, err := child.Start(c.box.ctx, child.Options{
		Name: command[0] + " in container " + c.copy().Name, Path: path, Args: command[1:],
		Env: c.environment(r.listen, env), Dir: filepath.Join(c.root(), dir), Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-r.process.Done():
		// The container ended between; its sweep may have come too early for this one.
		return nil, errors.Join(status.Conflict("container %s is not running", c.copy().ID), process.Signal(syscall.SIGKILL))
	default:
		return process, nil
	}
}
