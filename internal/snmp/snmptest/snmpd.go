package snmptest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Daemon is a real snmpd with a configuration and a state of its own.
type Daemon struct {
	Dir  string // of snmpd.conf, and state below it
	Port int    // UDP, on 127.0.0.1

	t       testing.TB
	process *exec.Cmd
	log     bytes.Buffer
}

// StartSnmpd starts Debian's snmpd with these lines of configuration on a free port until the test ends. A machine
// without it fails the test: .ci/run installs it.
func StartSnmpd(t testing.TB, lines ...string) *Daemon {
	t.Helper()
	if _, err := exec.LookPath("snmpd"); err != nil {
		t.Fatal("this test is against the real snmpd: install Debian's package snmpd")
	}
	d := &Daemon{t: t, Dir: t.TempDir(), Port: freePort(t)}
	text := fmt.Sprintf("agentAddress udp:127.0.0.1:%d\n%s\n", d.Port, strings.Join(lines, "\n"))
	if err := os.WriteFile(filepath.Join(d.Dir, "snmpd.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Start()
	t.Cleanup(d.Stop)
	return d
}

func freePort(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	port, _ := conn.LocalAddr().(*net.UDPAddr)
	return port.Port
}

// Start starts it again after Stop, and waits until it listens.
func (d *Daemon) Start() {
	d.t.Helper()
	//nolint:noctx // Stop ends it
	d.process = exec.Command("snmpd", "-f", "-LE", "3", "-p", filepath.Join(d.Dir, "pid"))
	// Its configuration, then the users' keys and the engine's boots, which it reads again at a start only when it looks
	// for its configuration itself (no -C and -c); no MIB files.
	state := filepath.Join(d.Dir, "state")
	d.process.Env = append(os.Environ(), "SNMPCONFPATH="+d.Dir+":"+state, "SNMP_PERSISTENT_DIR="+state, "MIBS=")
	d.process.Stdout, d.process.Stderr = &d.log, &d.log
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	for range 1000 {
		if d.listens() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.Stop()
	d.t.Fatalf("snmpd does not listen on port %d: %s", d.Port, d.log.String())
}

// listens looks into the kernel's table: trying the port would take it from the daemon.
func (d *Daemon) listens() bool {
	table, err := os.ReadFile("/proc/net/udp")
	return err == nil && strings.Contains(string(table), fmt.Sprintf(": 0100007F:%04X ", d.Port))
}

// Stop ends it as systemd does, so that it writes its state.
func (d *Daemon) Stop() {
	if d.process == nil {
		return
	}
	_ = d.process.Process.Signal(syscall.SIGTERM) // it may have gone
	kill := time.AfterFunc(10*time.Second, func() { _ = d.process.Process.Kill() })
	defer kill.Stop()
	_ = d.process.Wait() // killed is stopped too
	d.process = nil
}
