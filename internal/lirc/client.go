package lirc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Client talks to one lircd over one connection, which it makes when it is needed, makes anew after lircd was
// restarted, and drops when nobody used it for a while. Its methods can be called by several goroutines; one command
// is under way at a time, as lircd works one at a time.
type Client struct {
	address Address
	turn    chan struct{} // holds one token: whoever has it may talk

	mu       sync.Mutex
	link     *link
	redialAt time.Time // not before, for those who only listen
	away     error     // why the last dialling was in vain
	heard    memory
	reloads  int64
}

// How long things may take. A command's own deadline, if earlier, holds.
const (
	dialWithin   = 2 * time.Second
	answerWithin = 10 * time.Second // lircd sends for others too, one after the other
	redialEvery  = 3 * time.Second
	idleFor      = 3 * time.Minute
	longestAsk   = 255 // bytes of a command with its newline; lircd drops clients that say more
)

// NewClient makes a client; it dials nothing yet.
func NewClient(address Address) *Client {
	c := &Client{address: address, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// Address is where the client's lircd is.
func (c *Client) Address() Address { return c.address }

// Send asks lircd to send a key of a remote once. nil means that lircd's driver took the pulses, not that a machine
// heard them. Errors are ErrUnknownRemote and ErrUnknownKey (both also fault.ErrInvalid), ErrCannotSend, ErrBusy and
// ErrTransmission (also fault.ErrRejected), or fault.ErrUnreachable. When lircd goes away between taking the command
// and its answer, the key may or may not have been sent, and the error says so.
func (c *Client) Send(ctx context.Context, remote, key string) error {
	_, err := c.ask(ctx, "SEND_ONCE", remote, key)
	return err
}

// Remotes lists lircd's remotes. Errors are as those of Send.
func (c *Client) Remotes(ctx context.Context) ([]string, error) { return c.ask(ctx, "LIST") }

// Keys lists the keys of a remote. Errors are as those of Send.
func (c *Client) Keys(ctx context.Context, remote string) ([]string, error) {
	lines, err := c.ask(ctx, "LIST", remote)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(lines))
	for _, line := range lines {
		_, key, ok := strings.Cut(line, " ") // code, key
		if !ok {
			return nil, fmt.Errorf("list the keys of %s at %s: %w: %q", remote, c.address, errNotLircd, line)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Version is what lircd says its version is. Errors are as those of Send.
func (c *Client) Version(ctx context.Context) (string, error) {
	lines, err := c.ask(ctx, "VERSION")
	return strings.Join(lines, " "), err
}

// Connect makes sure that there is a connection, so that broadcasts are heard. After a dialling in vain it answers with
// the same error for a while instead of dialling again. Errors are fault.ErrUnreachable.
func (c *Client) Connect(ctx context.Context) error {
	c.mu.Lock()
	connected, away, wait := c.link.alive(), c.away, time.Now().Before(c.redialAt)
	if connected {
		c.link.touch()
	}
	c.mu.Unlock()
	switch {
	case connected:
		return nil
	case away != nil && wait:
		return fmt.Errorf("listen at %s: %w", c.address, away)
	}
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	_, _, err := c.connected(ctx)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", c.address, err)
	}
	return nil
}

// Heard returns the broadcasts after the cursor, oldest first, and the new cursor; -1 asks for none of the past. The
// newest 64 are remembered. It reads what came; Connect keeps it coming.
func (c *Client) Heard(cursor int64) ([]Broadcast, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.since(cursor)
}

// Close drops the connection. The client can be used again.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		c.link.drop()
		c.link = nil
	}
	return nil
}

func (c *Client) take(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn at %s: %w: %w", c.address, fault.ErrUnreachable, ctx.Err())
	case <-c.turn:
		return nil
	}
}

func (c *Client) give() { c.turn <- struct{}{} }

// ask gives one command and waits for its reply.
func (c *Client) ask(ctx context.Context, words ...string) ([]string, error) {
	command, err := commandLine(words)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.give()
	r, err := c.exchange(ctx, command)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", command, c.address, err)
	}
	if !r.ok {
		return nil, fmt.Errorf("%s: %w", c.address, refusal(r))
	}
	return r.data, nil
}

// commandLine joins the words of a command. lircd splits at spaces, so no word may hold one.
func commandLine(words []string) (string, error) {
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return "", fmt.Errorf("%s: %q cannot be said to lircd: no name there is empty or has spaces: %w", words[0], w, fault.ErrInvalid)
		}
	}
	line := strings.Join(words, " ")
	if len(line)+1 > longestAsk {
		return "", fmt.Errorf("%s: the command has %d bytes, lircd takes %d: %w", words[0], len(line)+1, longestAsk, fault.ErrInvalid)
	}
	return line, nil
}

// exchange sends the command on the connection there is. One that broke while nobody talked took nothing of the
// command, so then another is made.
func (c *Client) exchange(ctx context.Context, command string) (reply, error) {
	for {
		l, fresh, err := c.connected(ctx)
		if err != nil {
			return reply{}, err
		}
		answer := l.await(command)
		if err := l.say(ctx, command); err != nil {
			l.drop()
			if fresh || ctx.Err() != nil {
				return reply{}, fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
			}
			continue
		}
		select {
		case r := <-answer:
			return r, nil
		case <-l.done:
			// The answer and the end may have come together.
			select {
			case r := <-answer:
				return r, nil
			default:
			}
			return reply{}, fmt.Errorf("%w: the connection ended before the answer, so it may or may not have been done: %w", fault.ErrUnreachable, l.err)
		case <-ctx.Done():
			l.drop() // so that a late answer is never taken for the next one
			return reply{}, fmt.Errorf("%w: no answer, so it may or may not have been done: %w", fault.ErrUnreachable, ctx.Err())
		}
	}
}

// connected gives the connection there is, or a fresh one. The caller has the turn.
func (c *Client) connected(ctx context.Context) (l *link, fresh bool, err error) {
	c.mu.Lock()
	l = c.link
	c.mu.Unlock()
	if l.alive() {
		l.touch()
		return l, false, nil
	}
	conn, err := (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, c.address.Network, c.address.Host)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.away = fmt.Errorf("%w: %w", fault.ErrUnreachable, plain(err))
		c.redialAt = time.Now().Add(redialEvery)
		return nil, true, c.away
	}
	c.away = nil
	c.link = newLink(conn, c.remember, c.reloaded)
	return c.link, true, nil
}

// plain takes the wrapping off that repeats the address.
func plain(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (c *Client) remember(b Broadcast) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard.add(b)
}

func (c *Client) reloaded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloads++
}
