// Package docker drives the Docker engines of boxes through their API. It owns the labels by which our
// things are found again, the translation of placements into containers, and the translation of engines'
// errors into the project's few; what is to run where it leaves to its callers.
package docker

import (
	"context"
	"errors"
	"fmt"
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
}

// Engines keeps one client for each engine address. It is safe for many goroutines.
type Engines struct {
	options Options

	mu      sync.Mutex
	clients map[address]*client.Client
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
		made, err := dialer(box)
		if err != nil {
			return nil, fmt.Errorf("engine %q of box %s: %w", box.Engine, box.Name, err)
		}
		api = made
		e.clients[key] = api
	}
	return &Engine{api: api, box: box, options: e.options}, nil
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

func dialer(box spec.Box) (*client.Client, error) {
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
		return nil, fmt.Errorf("ssh:// is not supported yet, use tcp:// with TLS: %w", fault.ErrInvalid)
	default:
		return nil, fmt.Errorf("is neither unix:// nor tcp://: %w", fault.ErrInvalid)
	}
	api, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	return api, nil
}

// Engine is one box's engine.
type Engine struct {
	api     *client.Client
	box     spec.Box
	options Options
}

// lasting is a context for tidying up after something that may have been cancelled: 30 s, whatever
// happened to ctx.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
