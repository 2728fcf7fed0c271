package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// DialEngine opens a connection to the engine's socket on a box with an ssh:// engine. It goes through the box's one
// SSH connection (direct-streamlocal@openssh.com); where the sshd forbids that, through `docker system dial-stdio`.
// Errors, beside those of a login: ErrUnreachable when there is no engine, ErrUnauthorised when the user may not use
// its socket, ErrInvalid for an engine that is not ssh://.
func (h *Hosts) DialEngine(ctx context.Context, box spec.Box) (net.Conn, error) {
	access, ok := box.EngineSSH()
	if !ok {
		return nil, fmt.Errorf("engine %q is no ssh://user@host: %w", box.Engine, fault.ErrInvalid)
	}
	o, socket := h.host(access), box.EngineSocket()
	conn, err := h.forward(ctx, o, socket)
	var refused *ssh.OpenChannelError
	if err == nil || !errors.As(err, &refused) {
		return conn, err
	}
	// An sshd gives the same answer for a socket that is not there and for one that it will not forward.
	if err := h.explainSocket(ctx, o, socket); err != nil {
		return nil, err
	}
	return h.dialStdio(ctx, o, socket)
}

// forward opens a channel to the socket. A connection that turns out to have ended is made anew, once.
func (h *Hosts) forward(ctx context.Context, o *host, socket string) (net.Conn, error) {
	for again := false; ; again = true {
		l, err := h.line(ctx, o)
		if err != nil {
			return nil, err
		}
		conn, err := l.client.DialContext(ctx, "unix", socket)
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			go l.probe() // a connection that no longer answers must not hold up the next caller
			return nil, ctx.Err()
		case errors.As(err, &refused):
			return nil, err
		case again:
			return nil, fmt.Errorf("SSH to %s: %w: %w", o.access, err, fault.ErrUnreachable)
		}
		_ = l.client.Close() // it has ended already
		<-l.gone
	}
}

// The words with which the look at a socket answers.
const (
	socketAbsent = "absent"
	socketDenied = "denied"
	socketNoTool = "notool"
)

// explainSocket says why the socket cannot be used at all; nil when `docker system dial-stdio` may do it.
func (h *Hosts) explainSocket(ctx context.Context, o *host, socket string) error {
	path := quote(socket)
	script := fmt.Sprintf("if [ ! -S %s ]; then echo %s; elif [ ! -w %s ]; then echo %s; elif ! command -v docker >/dev/null 2>&1; then echo %s; fi",
		path, socketAbsent, path, socketDenied, socketNoTool)
	ran, err := h.run(ctx, o, script)
	if err != nil {
		return err
	}
	switch strings.TrimSpace(ran.Out) {
	case socketAbsent:
		return fmt.Errorf("SSH to %s works, but no engine listens at %s: %w", o.access, socket, fault.ErrUnreachable)
	case socketDenied:
		return fmt.Errorf("SSH to %s works, but %s may not use %s: add the user to the group docker: %w", o.access, o.access.User, socket, fault.ErrUnauthorised)
	case socketNoTool:
		return fmt.Errorf("SSH to %s works, but %s gives no connection: either the engine is not running, or the sshd forbids AllowStreamLocalForwarding and the box has no docker command to go through: %w",
			o.access, socket, fault.ErrUnreachable)
	}
	return nil
}

// stdioConn is an engine's connection through a session of `docker system dial-stdio`.
type stdioConn struct {
	session *ssh.Session
	in      interface {
		Write([]byte) (int, error)
		Close() error
	}
	out    interface{ Read([]byte) (int, error) }
	words  *tail // what the command complained of
	access spec.SSHAccess
	heard  bool // anything at all; only Read uses it
}

func (h *Hosts) dialStdio(ctx context.Context, o *host, socket string) (net.Conn, error) {
	session, err := h.session(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &stdioConn{session: session, words: &tail{}, access: o.access}
	session.Stderr = c.words
	if c.in, err = session.StdinPipe(); err == nil {
		if c.out, err = session.StdoutPipe(); err == nil {
			err = session.Start("docker -H " + quote("unix://"+socket) + " system dial-stdio")
		}
	}
	if err != nil {
		_ = session.Close() // it has not begun
		return nil, fmt.Errorf("SSH to %s: docker system dial-stdio: %w: %w", o.access, err, fault.ErrUnreachable)
	}
	return c, nil
}

// Read passes on what the engine says. An end before the first byte is the command's own failure, in its words.
func (c *stdioConn) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if n == 0 && err != nil && !c.heard {
		if words := c.words.String(); words != "" {
			return 0, fmt.Errorf("SSH to %s: docker system dial-stdio: %s: %w", c.access, words, fault.ErrUnreachable)
		}
	}
	c.heard = c.heard || n > 0
	return n, err
}

func (c *stdioConn) Write(p []byte) (int, error) { return c.in.Write(p) }

// CloseWrite ends what is written, so that the engine sees an end of input.
func (c *stdioConn) CloseWrite() error { return c.in.Close() }

// Close ends the session; the command ends with its input.
func (c *stdioConn) Close() error {
	_ = c.in.Close()      // CloseWrite may have done it
	_ = c.session.Close() // the command may have ended by itself
	return nil
}

func (c *stdioConn) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "dial-stdio", Net: "unix"} }
func (c *stdioConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: c.access.String(), Net: "unix"} }

// Deadlines are not kept, as on every connection through SSH: callers end one by closing it.
func (c *stdioConn) SetDeadline(time.Time) error      { return nil }
func (c *stdioConn) SetReadDeadline(time.Time) error  { return nil }
func (c *stdioConn) SetWriteDeadline(time.Time) error { return nil }

// quote makes one word of a text for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
