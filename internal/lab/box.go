package lab

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/child"
	"github.com/overcloud/overcloud/internal/spec"
)

const (
	// enginePort is where an engine listens in its box, with TLS or without.
	enginePort = "2376"
	// startTime bounds the start of an engine: 0.3 s, 1.3 s without TLS, more when many start on two cores.
	startTime = 90 * time.Second
	// stopTime is what an engine has to stop its containers, before the plug is pulled.
	stopTime = 30 * time.Second
	// pingTime bounds one question to an engine, pingPause is between two.
	pingTime  = 2 * time.Second
	pingPause = 25 * time.Millisecond
	// logTail is how much of an engine's log goes into an error, bytes.
	logTail = 2000
)

//go:embed box.sh
var initScript string

// box is one engine with its namespaces.
type box struct {
	spec   spec.Box
	number int
	port   string // of the bridge, and the network namespace's name
	folder string

	mu      sync.Mutex // held over starting and stopping
	running *process
}

// process is a box's first process.
type process struct {
	identity child.Identity
	done     chan struct{} // closed when it is reaped, and so all of its namespace is
}

// makeBox prepares a box's files; nothing runs yet.
func (l *Lab) makeBox(ctx context.Context, number int, name string) (*box, error) {
	address := l.number.address(firstHost + number - 1)
	b := &box{
		number: number, port: l.number.port(number), folder: filepath.Join(l.folder, name),
		spec: spec.Box{Name: name, Engine: "tcp://" + address + ":" + enginePort, Address: address},
	}
	if !l.options.Plain {
		b.spec.TLS = filepath.Join(l.folder, "tls")
	}
	if err := os.MkdirAll(b.data(), 0o710); err != nil {
		return nil, err
	}
	if size := l.options.Disk[name]; size > 0 {
		if err := run(ctx, "mount", "-t", "tmpfs", "-o", "mode=710,size="+strconv.FormatInt(size, 10), "overcloud-lab", b.data()); err != nil {
			return nil, fmt.Errorf("make its disk: %w", err)
		}
	}
	server, err := l.ca.issue(name, address, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	if err := l.ca.write(filepath.Join(b.folder, "tls"), server); err != nil {
		return nil, err
	}
	for name, content := range l.files() {
		path := filepath.Join(b.folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// files of every box, by their path in its folder; etc becomes /etc/docker.
func (l *Lab) files() map[string]string {
	hosts := "127.0.0.1 localhost\n"
	for name, address := range l.hosts() {
		hosts += address + " " + name + "\n"
	}
	files := map[string]string{"box.sh": initScript, "hosts": hosts, "resolv.conf": "nameserver " + l.Address() + "\n"}
	for _, one := range l.registries {
		if one.secure {
			_, port, _ := strings.Cut(one.Host(), ":")
			files["etc/certs.d/"+one.Host()+"/ca.crt"] = string(l.ca.pem)
			files["etc/certs.d/"+registryName+":"+port+"/ca.crt"] = string(l.ca.pem)
		}
	}
	return files
}

func (b *box) data() string { return filepath.Join(b.folder, "data") }
func (b *box) log() string  { return filepath.Join(b.folder, "dockerd.log") }

// arguments of dockerd. /run is the box's own tmpfs, empty after a reboot as on any machine.
func (l *Lab) arguments(b *box) []string {
	args := []string{
		"--data-root", b.data(), "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid",
		"-H", "unix:///run/docker.sock", "-H", b.spec.Engine,
		"--cgroup-parent", "/" + l.number.cgroup() + "/" + b.spec.Name, "--exec-opt", "native.cgroupdriver=cgroupfs",
		"--insecure-registry", l.PlainRegistry().Host(),
	}
	if l.options.StorageDriver != "" {
		args = append(args, "--storage-driver", l.options.StorageDriver)
	}
	if l.options.Plain {
		return append(args, "--tls=false")
	}
	folder := filepath.Join(b.folder, "tls")
	return append(args, "--tlsverify", "--tlscacert", filepath.Join(folder, "ca.pem"),
		"--tlscert", filepath.Join(folder, "cert.pem"), "--tlskey", filepath.Join(folder, "key.pem"))
}

// startBox plugs a box in, starts its engine and waits until it answers.
func (l *Lab) startBox(ctx context.Context, b *box) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running != nil {
		return fmt.Errorf("start %s: it runs", b.spec.Name)
	}
	if err := l.plug(ctx, b); err != nil {
		return err
	}
	running, err := l.launch(b)
	if err != nil {
		return fmt.Errorf("start %s: %w", b.spec.Name, err)
	}
	b.running = running
	if err := l.note(b, running.identity); err != nil {
		return err
	}
	if err := l.awaitEngine(ctx, b); err != nil {
		return fmt.Errorf("start the engine of %s: %w\n%s", b.spec.Name, err, tail(b.log()))
	}
	return nil
}

// note writes a box's first process down, for those who sweep.
func (l *Lab) note(b *box, init child.Identity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	status := BoxStatus{Name: b.spec.Name, Engine: b.spec.Engine, Address: b.spec.Address, TLS: b.spec.TLS, Init: init}
	boxes := slices.DeleteFunc(slices.Clone(l.state.Boxes), func(one BoxStatus) bool { return one.Name == status.Name })
	boxes = append(boxes, status)
	slices.SortFunc(boxes, func(a, b BoxStatus) int { return bytes.Compare(net.ParseIP(a.Address), net.ParseIP(b.Address)) })
	l.state.Boxes = boxes
	return l.state.write()
}

// launch starts the first process of a box's namespaces. It dies with this process: a lab without an owner must
// not run on. The kernel watches the thread that forked for that, so the thread stays until the end.
func (l *Lab) launch(b *box) (*process, error) {
	dockerd, err := lookPath("dockerd")
	if err != nil {
		return nil, err
	}
	nsenter, err := lookPath("nsenter")
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{nsenter, "--net=/run/netns/" + b.port, "--", "/bin/sh", filepath.Join(b.folder, "box.sh"), b.folder, b.spec.Name, dockerd}
	command := &exec.Cmd{
		Path: nsenter, Args: append(args, l.arguments(b)...), Dir: "/", Stdout: log, Stderr: log,
		// HOME keeps dockerd and its children from looking into root's.
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + b.folder},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
			Setsid:     true, Pdeathsig: syscall.SIGKILL,
		},
	}
	p := &process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		if err := command.Start(); err != nil {
			started <- err
			return
		}
		identity, err := child.IdentityOf(command.Process.Pid)
		p.identity = identity
		started <- err
		command.Wait() //nolint:errcheck // how it ended is in its log
	}()
	return p, <-started
}

// awaitEngine waits until the engine answers over its own address, or its process ends.
func (l *Lab) awaitEngine(ctx context.Context, b *box) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := l.ping(ctx, b)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-b.running.done:
			return errors.New("dockerd ended")
		case <-time.After(pingPause):
		}
	}
}

func (l *Lab) ping(ctx context.Context, b *box) error {
	scheme := "https://"
	if l.options.Plain {
		scheme = "http://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+b.spec.Address+":"+enginePort+"/_ping", nil)
	if err != nil {
		return err
	}
	answer, err := l.pinger.Do(req)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the engine answered %s", answer.Status)
	}
	return nil
}

// pull pulls the plug: everything in the box ends at once, nothing is told.
func (b *box) pull() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(syscall.SIGKILL)
}

// end signals the first process and waits, for stopTime and then by force; the lock is held.
func (b *box) end(signal syscall.Signal) {
	if b.running == nil {
		return
	}
	// A process that is gone is what was wanted.
	b.running.identity.Signal(signal) //nolint:errcheck // see above
	if signal != syscall.SIGKILL {
		select {
		case <-b.running.done:
		case <-time.After(stopTime):
			b.running.identity.Signal(syscall.SIGKILL) //nolint:errcheck // as above
		}
	}
	<-b.running.done
	b.running = nil
}
