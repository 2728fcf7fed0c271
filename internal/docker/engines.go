// Package docker drives the Docker engines of boxes through their API. It owns the labels by which our
// things are found again, the translation of placements into containers, and the translation of engines'
// errors into the project's few; what is to run where it leaves to its callers.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/docker/docker/client"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// observeTimeout bounds Observe: a box that takes longer to describe itself is no place for a function.
const observeTimeout = 10 * time.Second

// Options are what all engines share.
type Options struct {
	// ProbeImage proves connections when a service names no image of its own. A box that lacks it pulls it.
	ProbeImage string
	// DialSSH connects to the socket of a box's ssh:// engine; nil refuses such engines.
	DialSSH func(ctx context.Context, box spec.Box) (net.Conn, error)
}

// Engines keeps one client for each engine address. It is safe for many goroutines.
type Engines struct {
	options Options

	mu      sync.Mutex
	clients map[address]*client.Client
	disks   disks
}

// address is what makes two boxes share a client.
type address struct{ engine, tls string }

var (
	_ activities.Engines = (*Engines)(nil)
	_ activities.Engine  = (*Engine)(nil)
)

// NewEngines makes the opener of engines; it connects to nothing.
func NewEngines(options Options) *Engines {
	return &Engines{options: options, clients: map[address]*client.Client{}}
}

// Open gives a box's engine. It connects to nothing; its errors are ErrInvalid ones: an address of a kind
// that is not supported, or TLS files that cannot be read.
func (e *Engines) Open(box spec.Box) (activities.Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := address{engine: box.Engine, tls: box.TLS}
	api, found := e.clients[key]
	if !found {
		made, err := e.dialer(box)
		if err != nil {
			return nil, fmt.Errorf("engine %q of box %s: %w", box.Engine, box.Name, err)
		}
		api = made
		e.clients[key] = api
	}
	return &Engine{api: api, box: box, options: e.options, disks: &e.disks}, nil
}

// Close ends all connections.
func (e *Engines) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for key, api := range e.clients {
		faults = append(faults, api.Close())
		delete(e.clients, key)
	}
	return errors.Join(faults...)
}

func (e *Engines) dialer(box spec.Box) (*client.Client, error) {
	where, err := url.Parse(box.Engine)
	if err != nil {
		return nil, fmt.Errorf("is no address: %w", fault.ErrInvalid)
	}
	options := []client.Opt{client.WithHost(box.Engine), client.WithAPIVersionNegotiation()}
	switch where.Scheme {
	case "unix":
		if where.Path == "" {
			return nil, fmt.Errorf("names no socket, write unix:///var/run/docker.sock: %w", fault.ErrInvalid)
		}
	case "tcp":
		if where.Port() == "" {
			return nil, fmt.Errorf("names no port, write tcp://HOST:2376: %w", fault.ErrInvalid)
		}
		if box.TLS != "" {
			options = append(options, client.WithTLSClientConfig(
				filepath.Join(box.TLS, "ca.pem"), filepath.Join(box.TLS, "cert.pem"), filepath.Join(box.TLS, "key.pem")))
		}
	case "ssh":
		if options, err = e.throughSSH(box); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("is neither unix:// nor tcp:// nor ssh://: %w", fault.ErrInvalid)
	}
	api, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	return api, nil
}

// throughSSH are the options of a client whose connections go through SSH. The host that it seems to have is a
// socket's, for which no proxy of the environment is asked.
func (e *Engines) throughSSH(box spec.Box) ([]client.Opt, error) {
	switch _, complete := box.EngineSSH(); {
	case e.options.DialSSH == nil:
		return nil, fmt.Errorf("ssh:// is not set up here: %w", fault.ErrInvalid)
	case !complete:
		return nil, fmt.Errorf("names no user and host, write ssh://user@host: %w", fault.ErrInvalid)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := e.options.DialSSH(ctx, box)
		if err != nil {
			return nil, &viaFault{err}
		}
		return conn, nil
	}
	return []client.Opt{
		client.WithHost("unix://" + box.EngineSocket()), client.WithDialContext(dial), client.WithAPIVersionNegotiation(),
	}, nil
}

// viaFault is an error of the way to an engine. It is a whole sentence with its sentinel, and the client's words
// around it are not for people.
type viaFault struct{ error }

func (v *viaFault) Unwrap() error { return v.error }

// Engine is one box's engine.
type Engine struct {
	api     *client.Client
	box     spec.Box
	options Options
	disks   *disks
}

// lasting is a context for tidying up after something that may have been cancelled: 30 s, whatever
// happened to ctx.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
