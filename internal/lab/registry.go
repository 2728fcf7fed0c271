package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/registry"
)

// The ports of the registries on the lab's address.
const (
	openPort   = "5000"
	lockedPort = "5001"
	plainPort  = "5002"
	mirrorPort = "5003"
)

// Registry is one variant of the lab's registry, as engines see it.
type Registry struct {
	variant        string
	address        string // host:port
	user, password string
	secure         bool
	pair           *tls.Certificate
	caFile         string
	faults         *faults

	mu     sync.Mutex
	server *http.Server // nil while it is down
}

// startRegistries starts the project's own registry on loopback, and before it the variants on the bridge.
func (l *Lab) startRegistries(ctx context.Context) error {
	backend, err := registry.Start(ctx, registry.Options{Address: "127.0.0.1:0", Dir: filepath.Join(l.folder, "registry")})
	if err != nil {
		return err
	}
	l.backend = backend
	served, err := l.ca.issue(l.Address(), registryName, "127.0.0.1")
	if err != nil {
		return fmt.Errorf("make the registry's certificate: %w", err)
	}
	certificate, err := tls.X509KeyPair(served.certificate, served.key)
	if err != nil {
		return fmt.Errorf("read the registry's certificate: %w", err)
	}
	store := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: backend.Address()})
	store.FlushInterval = -1 // bytes go on as they come
	store.ErrorLog = log.New(io.Discard, "", 0)
	host := l.Address() + ":"
	open := &Registry{variant: "open", address: host + openPort, secure: true, faults: &faults{next: store}}
	locked := &Registry{
		variant: "locked", address: host + lockedPort, secure: true, user: l.options.User, password: l.options.Password,
		faults: &faults{next: store, user: l.options.User, password: l.options.Password},
	}
	plain := &Registry{variant: "plain", address: host + plainPort, faults: &faults{next: store}}
	cache, err := newMirror(filepath.Join(l.folder, "mirror"), open.URL(), l.ca.pool())
	if err != nil {
		return err
	}
	mirror := &Registry{variant: "mirror", address: host + mirrorPort, secure: true, faults: &faults{next: cache}}
	for _, one := range []*Registry{open, locked, plain, mirror} {
		one.pair, one.caFile = &certificate, l.CAFile()
		if err := one.Start(ctx); err != nil {
			return err
		}
		l.registries = append(l.registries, one)
		l.state.Registries = append(l.state.Registries, RegistryStatus{Variant: one.variant, URL: one.URL()})
	}
	return nil
}

// Host is host:port, the first part of image references.
func (r *Registry) Host() string { return r.address }

// URL is where its protocol is spoken, without /v2/.
func (r *Registry) URL() string {
	if r.secure {
		return "https://" + r.address
	}
	return "http://" + r.address
}

// CAFile signed its certificate; empty for the plain one.
func (r *Registry) CAFile() string {
	if !r.secure {
		return ""
	}
	return r.caFile
}

// Credentials are "user:password", as a specification's secret wants them; empty when everybody may pull.
func (r *Registry) Credentials() string {
	if r.user == "" {
		return ""
	}
	return r.user + ":" + r.password
}

// Ref is an image's name at this registry: host:port/repository:tag.
func (r *Registry) Ref(image Image) string {
	return r.address + "/" + image.Repository + ":" + image.Tag
}

// Fault makes it misbehave, beside what it does already; the first fault that fits a request hits it.
func (r *Registry) Fault(f Fault) { r.faults.add(f) }

// Heal ends all its faults at once. Answers that were stalled go on.
func (r *Registry) Heal() { r.faults.heal() }

// Requests are all that it was asked since the start or Forget, the oldest first.
func (r *Registry) Requests() []Request { return r.faults.log() }

// Count is how many requests of this method had a path that contains part.
func (r *Registry) Count(method, part string) int {
	n := 0
	for _, one := range r.Requests() {
		if one.Method == method && strings.Contains(one.Path, part) {
			n++
		}
	}
	return n
}

// Forget starts Requests and Count anew.
func (r *Registry) Forget() { r.faults.forget() }

// Start serves on the same address as before; one that runs stays so.
func (r *Registry) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		return nil
	}
	listener, err := listen(ctx, r.address)
	if err != nil {
		return fmt.Errorf("start the %s registry on %s: %w", r.variant, r.address, err)
	}
	if r.secure {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*r.pair}, NextProtos: []string{"http/1.1"}})
	}
	server := &http.Server{Handler: r.faults, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	r.server = server
	go server.Serve(listener) //nolint:errcheck // it ends by Stop
	return nil
}

// listen waits a moment for an address that connections of the last life still hold.
func listen(ctx context.Context, address string) (net.Listener, error) {
	const tries, pause = 50, 20 * time.Millisecond
	for try := 1; ; try++ {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if !errors.Is(err, syscall.EADDRINUSE) || try == tries {
			return listener, err
		}
		time.Sleep(pause)
	}
}

// Stop drops every connection and listens no more: connecting is refused. What was pushed stays, and one that is
// down stays so.
func (r *Registry) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		return
	}
	r.server.Close() //nolint:errcheck // what does not close in order is closed anyway
	r.server = nil
}
