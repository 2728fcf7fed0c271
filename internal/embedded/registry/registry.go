// Package registry is the embedded image registry: the OCI distribution protocol of go-containerregistry in
// this process, with blobs and manifests on disk, so that everything that was pushed outlives a restart. It has
// neither users nor TLS and is meant for loopback.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/overcloud/overcloud/internal/fault"
)

// DefaultAddress is where `starter up` has it.
const DefaultAddress = "127.0.0.1:5000"

// Options say where the registry listens and keeps its data.
type Options struct {
	Address string // host:port; port 0 picks a free one; empty is DefaultAddress
	Dir     string // made when absent
	// Log gets one line for each request at debug level; nil means none.
	Log *slog.Logger
}

// Registry is a running registry.
type Registry struct {
	listener net.Listener
	server   *http.Server
	served   chan error
	silent   silent
}

// silent are the connections on which nobody has asked anything yet. Clients open some in reserve, and a
// graceful stop would wait five seconds for each to say something.
type silent struct {
	sync.Mutex
	conns map[net.Conn]bool
}

func (s *silent) note(c net.Conn, state http.ConnState) {
	s.Lock()
	defer s.Unlock()
	if state == http.StateNew {
		s.conns[c] = true
		return
	}
	delete(s.conns, c)
}

func (s *silent) close() {
	s.Lock()
	defer s.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Start brings what is stored back into memory and serves; it returns once requests are answered.
// Errors: ErrPortTaken, naming the port; others tell what is wrong with the folder.
func Start(ctx context.Context, o Options) (*Registry, error) {
	if o.Address == "" {
		o.Address = DefaultAddress
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("start the registry on %s: %w", o.Address, fault.ErrPortTaken)
	}
	if err != nil {
		return nil, fmt.Errorf("start the registry on %s: %w", o.Address, err)
	}
	handler, err := open(ctx, o.Dir)
	if err != nil {
		listener.Close()
		return nil, err
	}
	r := &Registry{
		listener: listener, served: make(chan error, 1), silent: silent{conns: map[net.Conn]bool{}},
		server: &http.Server{
			Handler: logged(o.Log, handler), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		},
	}
	r.server.ConnState = r.silent.note
	r.server.RegisterOnShutdown(r.silent.close)
	go func() {
		r.served <- r.server.Serve(listener)
		close(r.served)
	}()
	return r, nil
}

// open makes the handler over a folder. The port is held already, so that no second registry shares the folder.
func open(ctx context.Context, dir string) (http.Handler, error) {
	blobs, err := newBlobStore(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, fmt.Errorf("open the registry's folder %s: %w", dir, err)
	}
	manifests := &manifestStore{dir: filepath.Join(dir, "manifests")}
	protocol := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(blobs))
	stored, err := manifests.sweep(blobs)
	if err == nil {
		err = replay(ctx, stored, protocol)
	}
	if err != nil {
		return nil, fmt.Errorf("read the registry's manifests in %s: %w", manifests.dir, err)
	}
	return &uploads{next: manifests.keep(protocol), blobs: blobs}, nil
}

// Address is host:port, as images of this registry are named.
func (r *Registry) Address() string { return r.listener.Addr().String() }

// Close lets requests that are under way end until ctx does, then cuts them. A second call does nothing.
func (r *Registry) Close(ctx context.Context) error {
	err := r.server.Shutdown(ctx)
	if err != nil {
		r.server.Close() //nolint:errcheck // the shutdown's error is the one that says what happened
	}
	if served, first := <-r.served; err == nil && first && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	if err != nil {
		return fmt.Errorf("stop the registry: %w", err)
	}
	return nil
}

// logged writes one debug line for each request.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		log.DebugContext(req.Context(), "registry request", "method", req.Method, "path", req.URL.Path)
		next.ServeHTTP(w, req)
	})
}

// writeFile leaves a whole file or none, also after a power cut between the two.
func writeFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone already when all went well
	if _, err := temporary.Write(content); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
