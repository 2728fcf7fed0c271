// Package ports publishes a container's TCP port on a loopback address of the host, as docker-proxy does.
package ports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// ErrTaken says that somebody listens on the address already.
var ErrTaken = errors.New("port is already allocated")

// dialTime bounds connecting to the container; on loopback it answers at once or not at all.
const dialTime = 5 * time.Second

// Proxy forwards connections from a host address to a container's address.
type Proxy struct {
	listener net.Listener
	target   string
	logger   *slog.Logger
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Listen begins to forward from address to target, both host:port. Port 0 of address chooses a free one. A
// taken one is ErrTaken.
func Listen(ctx context.Context, address, target string, logger *slog.Logger) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: %w", address, ErrTaken)
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	p := &Proxy{listener: listener, target: target, logger: logger, conns: map[net.Conn]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.running.Add(1)
	go p.accept()
	return p, nil
}

// Address is the host address listened on.
func (p *Proxy) Address() *net.TCPAddr { return p.listener.Addr().(*net.TCPAddr) }

// Close stops listening, cuts the connections and waits until nothing is left of them.
func (p *Proxy) Close() {
	p.cancel()
	p.listener.Close()
	p.mu.Lock()
	for conn := range p.conns {
		conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	defer p.running.Done()
	for {
		conn, err := p.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of file descriptors, say: wait a moment instead of spinning.
			p.logger.Warn("accept on a published port", "address", p.listener.Addr(), "error", err)
			select {
			case <-p.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		default:
			p.running.Add(1)
			go p.forward(conn)
		}
	}
}

// keep registers a connection for Close; false when it is too late.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *Proxy) forward(client net.Conn) {
	defer p.running.Done()
	if !p.keep(client) {
		return
	}
	defer p.drop(client)
	dialer := net.Dialer{Timeout: dialTime}
	server, err := dialer.DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		return // the client sees a closed connection, as from docker-proxy
	}
	if !p.keep(server) {
		return
	}
	defer p.drop(server)
	var both sync.WaitGroup
	both.Add(2)
	go pipe(&both, server, client)
	go pipe(&both, client, server)
	both.Wait()
}

// pipe copies one direction and passes its end on, so that the other direction can still finish.
func pipe(done *sync.WaitGroup, to, from net.Conn) {
	defer done.Done()
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		// A broken direction cannot be told to the other side but by closing both.
		to.Close()
		from.Close()
	}
}
