package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// mostOutput is how much of a command's output is kept, in bytes, of its end.
const mostOutput = 64 << 10

var _ activities.Shells = (*Hosts)(nil)

// Run implements activities.Shells: it runs one command line by the user's shell on the box and waits for its end. A
// command that ends with another exit code than 0 is a result. When ctx ends, the command is told to end too, which
// sshds pass on for every user but root: give root only commands that end by themselves.
// Errors, beside those of a login: ErrUnreachable when the connection is lost before the end (whether the command
// goes on then, nobody knows), ErrInvalid for a box without SSH access.
func (h *Hosts) Run(ctx context.Context, box spec.Box, command string) (activities.Ran, error) {
	access, ok := box.SSHAccess()
	if !ok {
		return activities.Ran{}, fmt.Errorf("box %s has no SSH access: write `ssh: user@host`: %w", box.Name, fault.ErrInvalid)
	}
	return h.run(ctx, h.host(access), command)
}

func (h *Hosts) run(ctx context.Context, o *host, command string) (activities.Ran, error) {
	session, err := h.session(ctx, o)
	if err != nil {
		return activities.Ran{}, err
	}
	defer func() { _ = session.Close() }() // it has ended by itself, or nobody waits for it
	var out, words tail
	session.Stdout, session.Stderr = &out, &words
	if err := session.Start(command); err != nil {
		return activities.Ran{}, fmt.Errorf("SSH to %s: begin a command: %w: %w", o.access, err, fault.ErrUnreachable)
	}
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		_ = session.Signal(ssh.SIGTERM) // best effort: the connection may be gone
		return activities.Ran{}, ctx.Err()
	}
	ran := activities.Ran{Out: out.String(), Err: words.String()}
	var exit *ssh.ExitError
	switch {
	case errors.As(err, &exit):
		ran.Exit = exit.ExitStatus()
	case err != nil:
		return ran, fmt.Errorf("SSH to %s: the connection was lost while a command ran: %w", o.access, fault.ErrUnreachable)
	}
	return ran, nil
}

// session opens one on the first connection that has room for it, and makes a connection more when none has.
func (h *Hosts) session(ctx context.Context, o *host) (*ssh.Session, error) {
	first, err := h.line(ctx, o)
	if err != nil {
		return nil, err
	}
	lines := o.alive()
	if len(lines) == 0 {
		lines = []*line{first}
	}
	for _, l := range lines {
		session, err := l.session(ctx)
		if err == nil {
			return session, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if len(lines) >= mostLines {
		return nil, fmt.Errorf("SSH to %s: %d connections have no room for a session more (MaxSessions of its sshd): %w", o.access, len(lines), fault.ErrUnreachable)
	}
	more, err := h.connect(ctx, o)
	if err != nil {
		return nil, err
	}
	session, err := more.session(ctx)
	if err != nil {
		return nil, fmt.Errorf("SSH to %s: open a session: %w: %w", o.access, err, fault.ErrUnreachable)
	}
	return session, nil
}

// session opens one, or gives up when ctx ends.
func (l *line) session(ctx context.Context) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	done := make(chan opened, 1)
	go func() {
		session, err := l.client.NewSession()
		done <- opened{session, err}
	}()
	select {
	case one := <-done:
		return one.session, one.err
	case <-ctx.Done():
		go func() {
			l.probe() // ends a connection that no longer answers, and with it the waiting above
			if late := <-done; late.session != nil {
				_ = late.session.Close() // nobody wants it any more
			}
		}()
		return nil, ctx.Err()
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*mostOutput { // now and then, so that each byte is moved once
		t.text = append(t.text[:0], t.text[len(t.text)-mostOutput:]...)
	}
	return len(p), nil
}

// String is what is kept, without white space around it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text[max(0, len(t.text)-mostOutput):]
	return strings.TrimSpace(strings.ToValidUTF8(string(text), ""))
}
