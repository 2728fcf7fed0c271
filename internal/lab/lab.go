// Package lab runs real Docker engines as boxes on one Linux machine, as root, for integration tests and CI.
//
// Each box is a dockerd of its own in a network, mount, process and host-name namespace of its own, with its own
// address on a bridge, reached over TCP with mutual TLS; killing the namespaces' first process is pulling the
// plug. Beside the boxes the lab serves the project's own registry on the bridge, in variants (open, with a
// password, plain HTTP, pull-through mirror) that can be told to misbehave. Everything is named after the lab's
// number (ovl7, ovl7b1, overcloud-lab-7), lives under Root and goes with Close; what a killed process left
// behind is swept by the next New or by Down.
//
// It owns no test: packages that test against engines use package labtest, the command is e2e/lab. Production
// code never imports it.
package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/spec"
)

// closeTime bounds what Close waits for processes, mounts and devices to go.
const closeTime = 30 * time.Second

// Options say what lab to make. The zero value is one box over mutual TLS with a free name.
type Options struct {
	// Name of the lab: at most 40 letters, digits and hyphens; empty picks a random one.
	Name string
	// Boxes is how many there are, box1 to boxN; zero means one, at most MostBoxes.
	Boxes int
	// Plain makes the engines listen without TLS, for anybody in the lab. It costs a second at each start; without
	// --tls=false on its command line dockerd would wait 15 s.
	Plain bool
	// Disk gives boxes, by name, a data root of so many bytes of their own (a tmpfs, so they are memory);
	// others share the disk under Root.
	Disk map[string]int64
	// StorageDriver of the engines; empty lets dockerd choose: overlay2, and vfs where Root is itself an overlay.
	StorageDriver string
	// User and Password of LockedRegistry; empty means "lab" and "secret".
	User, Password string
}

// MostBoxes is how many boxes fit between .11 and the end of a lab's /24.
const MostBoxes = 200

// firstHost is box1's number in the lab's /24.
const firstHost = 11

// Lab is a running lab. Its methods are safe for many goroutines.
type Lab struct {
	options Options
	number  number
	folder  string
	ca      *authority
	pinger  *http.Client // as a client of the engines

	names      *nameServer
	backend    *registry.Registry
	registries []*Registry

	plugging, building sync.Mutex

	mu     sync.Mutex
	state  state
	boxes  []*box
	closed bool
}

// New brings a lab up: the boxes in parallel, each until its engine answers. It first sweeps what dead labs have
// left. It needs root, and dockerd, ip, iptables, nsenter and mount on the machine; without them it says so
// and changes nothing.
func New(ctx context.Context, o Options) (*Lab, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := Check(); err != nil {
		return nil, err
	}
	claimed, err := claim(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start lab %s: %w", o.Name, err)
	}
	l := &Lab{options: o, number: claimed.Number, folder: claimed.Number.folder(), state: claimed}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start lab %s: %w", o.Name, err), l.Close())
	}
	return l, nil
}

func (o *Options) complete() error {
	if o.Boxes == 0 {
		o.Boxes = 1
	}
	if o.Name == "" {
		o.Name = "lab-" + strings.ToLower(rand.Text()[:8])
	}
	if o.User == "" {
		o.User, o.Password = "lab", "secret"
	}
	if o.Boxes < 1 || o.Boxes > MostBoxes {
		return fmt.Errorf("a lab has 1 to %d boxes, not %d", MostBoxes, o.Boxes)
	}
	const most = 40
	if len(o.Name) > most || strings.Trim(strings.ToLower(o.Name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || o.Name[0] == '-' {
		return fmt.Errorf("a lab's name has at most %d letters, digits and hyphens, unlike %q", most, o.Name)
	}
	for name, size := range o.Disk {
		if !slices.Contains(boxNames(o.Boxes), name) {
			return fmt.Errorf("a disk is wanted for %s, and there is no such box", name)
		}
		if size < 1<<20 {
			return fmt.Errorf("a disk of %d bytes for %s is too small for an engine to start", size, name)
		}
	}
	return nil
}

// Check says in one sentence what this machine or user lacks for a lab, or nil.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab of Docker engines needs root: it makes network namespaces and runs dockerd in them")
	}
	var missing []string
	for _, program := range []string{"dockerd", "ip", "tc", "iptables", "nsenter", "mount", "sh"} {
		if _, err := lookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the lab of Docker engines needs %s (Debian: apt-get install docker.io iproute2 iptables util-linux)", strings.Join(missing, ", "))
	}
	return nil
}

// lookPath finds a program also where daemons live, which a user's PATH may leave out.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, folder := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

func (l *Lab) start(ctx context.Context) error {
	if err := l.makeNetwork(ctx); err != nil {
		return err
	}
	if err := l.makeAuthority(); err != nil {
		return err
	}
	if err := l.startNames(ctx); err != nil {
		return err
	}
	if err := l.startRegistries(ctx); err != nil {
		return err
	}
	for i, name := range boxNames(l.options.Boxes) {
		made, err := l.makeBox(ctx, i+1, name)
		if err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
		l.boxes = append(l.boxes, made)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range l.boxes {
		group.Go(func() error { return l.startBox(ctx, one) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Ready = true
	return l.state.write()
}

func boxNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("box%d", i+1)
	}
	return names
}

// Name is the lab's own.
func (l *Lab) Name() string { return l.options.Name }

// Folder is where all of the lab's files are; it goes with Close.
func (l *Lab) Folder() string { return l.folder }

// Boxes are ready for a specification: name, engine address, address and TLS folder, box1 first.
func (l *Lab) Boxes() []spec.Box {
	boxes := make([]spec.Box, 0, len(l.boxes))
	for _, one := range l.boxes {
		boxes = append(boxes, one.spec)
	}
	return boxes
}

// Address is this machine's own on the bridge, where boxes reach what a test serves.
func (l *Lab) Address() string { return l.number.address(1) }

// Registry serves what was pushed to the lab, over TLS and without a password, to engines that know its CA.
func (l *Lab) Registry() *Registry { return l.registries[0] }

// LockedRegistry has the same images as Registry, for those who know the user and the password.
func (l *Lab) LockedRegistry() *Registry { return l.registries[1] }

// PlainRegistry has the same images over plain HTTP; the engines have it as an insecure registry.
func (l *Lab) PlainRegistry() *Registry { return l.registries[2] }

// Mirror is a pull-through cache of Registry over TLS: it fetches what it lacks and keeps it.
func (l *Lab) Mirror() *Registry { return l.registries[3] }

// CAFile is the certificate that signed everything in the lab, for clients of its registries (SSL_CERT_FILE).
func (l *Lab) CAFile() string { return filepath.Join(l.folder, "tls", "ca.pem") }

// Close ends the lab and removes every trace of it: processes, namespaces, devices, firewall rules, mounts,
// cgroups, files. It works at any moment, and a second time does nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var faults []error
	for _, one := range l.registries {
		one.Stop()
	}
	if l.names != nil {
		faults = append(faults, l.names.conn.Close())
	}
	if l.backend != nil {
		faults = append(faults, l.backend.Close(ctx))
	}
	for _, one := range l.boxes {
		one.pull()
	}
	l.mu.Lock()
	last := l.state
	l.mu.Unlock()
	faults = append(faults, teardownAlone(ctx, last))
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("close lab %s: %w", l.options.Name, err)
	}
	return nil
}
