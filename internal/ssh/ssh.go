// Package ssh reaches boxes over SSH: it carries the Docker API of ssh:// engines, and runs commands on boxes.
// It keeps one connection for each box, finds a dead one by keepalives and makes it anew. It trusts only host keys
// that somebody has put into a known_hosts file. What to run it leaves to its callers.
package ssh

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/overcloud/overcloud/internal/spec"
)

// The environment variables that it reads, besides HOME and SSH_AUTH_SOCK.
const (
	EnvKey        = "OVERCLOUD_SSH_KEY"         // path of the private key; then no other is tried
	EnvKnownHosts = "OVERCLOUD_SSH_KNOWN_HOSTS" // paths of known_hosts files, with colons between; then no other is read
)

// Bounds of a connection. A login takes some 100 ms on a LAN, a second on a small Pi. A connection that has carried
// nothing for keepaliveEvery is asked for a sign of life; one that gives none in keepaliveWait is dead, so a cut
// cable shows after 15 s at the latest.
const (
	connectTimeout = 5 * time.Second
	loginTimeout   = 10 * time.Second
	keepaliveEvery = 10 * time.Second
	keepaliveWait  = 5 * time.Second
	// mostLines bounds the connections to one box: an sshd allows 10 sessions on each (MaxSessions), which only
	// matters where the Docker API has to go through sessions.
	mostLines = 8
)

// Options say where keys and known hosts are.
type Options struct {
	// Getenv is os.Getenv, or a test's. Files are read anew for each connection.
	Getenv func(string) string
	// Log hears of lost connections; nil is silence.
	Log *slog.Logger
}

// Hosts are the boxes that are reached over SSH. It is safe for many goroutines.
type Hosts struct {
	options Options

	mu    sync.Mutex
	hosts map[spec.SSHAccess]*host
}

// host is one box as one user, with its connections.
type host struct {
	access spec.SSHAccess
	turn   chan struct{} // holds one token: who has it may connect
	mu     sync.Mutex
	lines  []*line
}

// line is one connection.
type line struct {
	client *ssh.Client
	gone   chan struct{} // closed when the connection has ended
}

// New makes the opener of connections; it connects to nothing.
func New(options Options) *Hosts {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Hosts{options: options, hosts: map[spec.SSHAccess]*host{}}
}

// Close ends all connections.
func (h *Hosts) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for access, one := range h.hosts {
		one.hangUp()
		delete(h.hosts, access)
	}
	return nil
}

// Forget ends the connections to a box, so that the next use logs in anew: what a user may do (its groups) is fixed
// at the login.
func (h *Hosts) Forget(box spec.Box) {
	commands, hasCommands := box.SSHAccess()
	engine, hasEngine := box.EngineSSH()
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.hosts[commands]; hasCommands && one != nil {
		one.hangUp()
	}
	if one := h.hosts[engine]; hasEngine && one != nil {
		one.hangUp()
	}
}

func (h *Hosts) host(access spec.SSHAccess) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.hosts[access]
	if one == nil {
		one = &host{access: access, turn: make(chan struct{}, 1)}
		h.hosts[access] = one
	}
	return one
}

// alive are the connections that have not ended.
func (o *host) alive() []*line {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = slices.DeleteFunc(o.lines, func(l *line) bool {
		select {
		case <-l.gone:
			return true
		default:
			return false
		}
	})
	return slices.Clone(o.lines)
}

func (o *host) add(l *line) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, l)
}

func (o *host) hangUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.lines {
		_ = l.client.Close() // it may have ended already
	}
	o.lines = nil
}

// line gives the box's connection, and makes it when there is none: one at a time, so that ten callers make one.
func (h *Hosts) line(ctx context.Context, o *host) (*line, error) {
	if lines := o.alive(); len(lines) > 0 {
		return lines[0], nil
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if lines := o.alive(); len(lines) > 0 {
		return lines[0], nil
	}
	return h.connect(ctx, o)
}

// connect makes a connection more.
func (h *Hosts) connect(ctx context.Context, o *host) (*line, error) {
	client, err := h.login(ctx, o.access)
	if err != nil {
		return nil, err
	}
	l := &line{client: client, gone: make(chan struct{})}
	go l.watch(h.options.Log, o.access)
	o.add(l)
	return l, nil
}

// watch asks for signs of life until the connection has ended, and ends it when none comes.
func (l *line) watch(log *slog.Logger, access spec.SSHAccess) {
	var ended error
	waited := make(chan struct{})
	go func() {
		ended = l.client.Wait()
		close(waited)
	}()
	ticks := time.NewTicker(keepaliveEvery)
	defer ticks.Stop()
	for {
		select {
		case <-waited:
			close(l.gone)
			log.Info("SSH connection ended", "to", access.String(), "reason", ended)
			return
		case <-ticks.C:
			l.probe()
		}
	}
}

// probe ends the connection unless it answers in keepaliveWait.
func (l *line) probe() {
	timer := time.AfterFunc(keepaliveWait, func() { _ = l.client.Close() })
	defer timer.Stop()
	if _, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		_ = l.client.Close()
	}
}

// home are the paths of files in ~/.ssh; none without a HOME.
func (h *Hosts) home(names ...string) []string {
	home := h.options.Getenv("HOME")
	if home == "" {
		return nil
	}
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(home, ".ssh", name))
	}
	return paths
}
