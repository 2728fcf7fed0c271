// Package box is a process box: it serves the part of the Docker Engine API that OverCloud uses on a
// loopback port, and runs a "container" as a process of the binary unpacked from an image's layers, checked
// against the digests that the registry promised. There is no isolation: no namespaces, no cgroups, no
// other user. What an engine would isolate is refused or said, never silently ignored.
//
// A container's root is a folder (OVERCLOUD_ROOT), its mounts are symlinks in it, its network is a loopback
// address of its own (OVERCLOUD_LISTEN_HOST), its published ports are TCP proxies. Everything is kept below
// one folder and survives kill -9. Linux only.
package box

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
)

// Options describe one box.
type Options struct {
	// Name is what `docker info` calls it.
	Name string
	// Dir holds images, containers, volumes and logs. One box at a time uses it.
	Dir string
	// ListenAddr is host:port of the Engine API; loopback only, port 0 takes a free one.
	ListenAddr string
	// Labels are shown by `docker info`, beside overcloud.box=process.
	Labels map[string]string
	// Index gives containers their addresses 127.77.<Index>.<n>; 0 to 255, different for each box that
	// runs on this machine.
	Index int
	// Logger defaults to none.
	Logger *slog.Logger
	// CPUs and MemoryBytes are what the box says it has; zero is what the machine has.
	CPUs        int
	MemoryBytes int64
	// Images bounds an image's unpacked size, and what is copied into a container at a time.
	Images images.Limits
}

func (o Options) archiveLimit() int64 { return cmp.Or(o.Images.Bytes, 8<<30) }

// Box is one process box.
type Box struct {
	options  Options
	logger   *slog.Logger
	id       string
	images   *images.Store
	events   *events
	listener net.Listener
	server   *http.Server
	lock     *os.File
	ctx      context.Context // of everything that runs in the box; ends when Close has stopped the containers
	cancel   context.CancelFunc
	running  sync.WaitGroup // supervisors

	mu         sync.Mutex
	closing    bool
	containers map[string]*container // by id
	names      map[string]string     // container name -> id; a name is reserved while its container is made
	addresses  addresses
	networks   map[string]*networkRecord // by id
	volumesMu  sync.Mutex
}

// New checks the options. It touches nothing yet.
func New(options Options) (*Box, error) {
	if options.Name == "" || options.Dir == "" {
		return nil, errors.New("a process box needs a name and a folder")
	}
	host, _, err := net.SplitHostPort(options.ListenAddr)
	if err != nil {
		return nil, fmt.Errorf("address of process box %s: %w", options.Name, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("address of process box %s: %s is not a loopback address, and whoever reaches the Engine API owns the machine", options.Name, options.ListenAddr)
	}
	if options.Index < 0 || options.Index > 255 {
		return nil, fmt.Errorf("index of process box %s: %d is not between 0 and 255", options.Name, options.Index)
	}
	if options.CPUs < 0 || options.MemoryBytes < 0 {
		return nil, fmt.Errorf("size of process box %s: less than nothing", options.Name)
	}
	if options.CPUs == 0 {
		options.CPUs = runtime.NumCPU()
	}
	if options.MemoryBytes == 0 {
		if options.MemoryBytes, err = machineMemory(); err != nil {
			return nil, err
		}
	}
	if options.Dir, err = filepath.Abs(options.Dir); err != nil {
		return nil, fmt.Errorf("folder of process box %s: %w", options.Name, err)
	}
	b := &Box{
		options: options, logger: options.Logger, events: newEvents(),
		containers: map[string]*container{}, names: map[string]string{}, networks: map[string]*networkRecord{},
		addresses: addresses{index: options.Index, used: map[int]bool{}},
	}
	if b.logger == nil {
		b.logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return b, nil
}

// Start takes the folder and the port, ends what an earlier run left behind, serves, and starts the
// containers whose restart policy says so. Nothing is left running when it fails.
func (b *Box) Start(ctx context.Context) error {
	if err := b.open(ctx); err != nil {
		b.release()
		return fmt.Errorf("start process box %s: %w", b.options.Name, err)
	}
	b.server = &http.Server{
		Handler:           b.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return b.ctx },
		ErrorLog:          slog.NewLogLogger(b.logger.Handler(), slog.LevelWarn),
	}
	b.running.Add(1)
	go func() {
		defer b.running.Done()
		if err := b.server.Serve(b.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			b.logger.Error("serve the Engine API", "error", err)
		}
	}()
	b.boot(ctx)
	b.logger.Info("process box serves", "address", b.Addr())
	return nil
}

func (b *Box) open(ctx context.Context) error {
	dir := b.options.Dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("open its folder: %w", err)
	}
	b.options.Dir = real
	if b.lock, err = os.OpenFile(filepath.Join(real, "lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return fmt.Errorf("open its lock: %w", err)
	}
	if err := unix.Flock(int(b.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another process box uses %s: %w", real, err)
	}
	var config net.ListenConfig
	b.listener, err = config.Listen(ctx, "tcp", b.options.ListenAddr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s is taken by another program: %w", b.options.ListenAddr, err)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", b.options.ListenAddr, err)
	}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if b.images, err = images.Open(filepath.Join(real, "images"), b.options.Images, b.logger); err != nil {
		return err
	}
	if b.id, err = b.loadID(); err != nil {
		return err
	}
	if err := b.loadNetworks(); err != nil {
		return err
	}
	return b.load(ctx)
}

// Addr is host:port of the Engine API, once started.
func (b *Box) Addr() string { return b.listener.Addr().String() }

// Close stops every container, all at once, each within its own grace and until ctx ends, then by SIGKILL;
// and stops serving. Nothing is left running. It does not count as a user's stop: containers whose restart
// policy says so run again with the next Start.
func (b *Box) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closing || b.server == nil {
		b.mu.Unlock()
		return nil
	}
	b.closing = true
	list := b.all()
	b.mu.Unlock()
	faults := make([]error, len(list))
	var all sync.WaitGroup
	for i, c := range list {
		all.Add(1)
		go func() {
			defer all.Done()
			faults[i] = c.shutdown(ctx)
		}()
	}
	all.Wait()
	b.cancel() // ends what follows logs and events
	polite, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := b.server.Shutdown(polite); err != nil {
		faults = append(faults, b.server.Close())
	}
	b.running.Wait()
	for _, c := range list {
		faults = append(faults, c.log.Close())
	}
	b.release()
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("close process box %s: %w", b.options.Name, err)
	}
	return nil
}

// release gives up what open took; the lock last.
func (b *Box) release() {
	if b.cancel != nil {
		b.cancel()
	}
	if b.listener != nil {
		b.listener.Close()
	}
	if b.lock != nil {
		b.lock.Close()
	}
}

// all is every container; b.mu is held.
func (b *Box) all() []*container {
	list := make([]*container, 0, len(b.containers))
	for _, c := range b.containers {
		list = append(list, c)
	}
	return list
}

func (b *Box) path(parts ...string) string {
	return filepath.Join(append([]string{b.options.Dir}, parts...)...)
}
