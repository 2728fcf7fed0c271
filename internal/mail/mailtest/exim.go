// Package mailtest starts a real mail server, Debian's exim, for tests: on loopback, with a configuration, a spool
// and mail folders of its own, in the test's folder.
package mailtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Its users and the password of each that authenticates.
const (
	User     = "watch"
	Password = "s3cret, with a % and a ü"
)

// Server is a mail server of the domain example.org. It takes mail for kim and lee; for grey it answers 451 until
// Open, and for secret only from who has authenticated; nobody is refused with 550.
type Server struct {
	Address  string // STARTTLS is offered
	Implicit string // TLS from the first byte
	Trust    *tls.Config
	CAFile   string

	t      testing.TB
	folder string
	ports  [2]int
	stop   func()
}

const config = `
primary_hostname = mail.example.org
spool_directory = FOLDER/spool
log_file_path = FOLDER/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT1 : PORT2
tls_on_connect_ports = PORT2
tls_advertise_hosts = *
tls_certificate = FOLDER/cert.pem
tls_privatekey = FOLDER/key.pem
auth_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
queue_only = false
deliver_drop_privilege = true
keep_environment =
acl_smtp_rcpt = recipients

begin acl
recipients:
  deny local_parts = nobody
       message = nobody lives here
  defer local_parts = grey
       condition = ${if exists{FOLDER/open}{no}{yes}}
       message = greylisted, come back later
  deny local_parts = secret
       !authenticated = *
       message = authenticate first
  accept domains = example.org
         local_parts = kim : lee : grey : secret
  deny message = not ours

begin routers
all:
  driver = accept
  local_parts = kim : lee : grey : secret
  transport = folder

begin transports
folder:
  driver = appendfile
  directory = FOLDER/mail/$local_part_data
  maildir_format
  create_directory
  delivery_date_add
  envelope_to_add
  user = USER

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = ${if and{{eq{$auth2}{watch}}{eq{$auth3}{PASSWORD}}}}
  server_set_id = $auth2
`

// exims is the user that Debian's exim runs as: it delivers to nobody as root.
const exims = "Debian-exim"

// Start starts a server, or skips the test where there is no exim or no root to start it.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("exim4"); err != nil {
		t.Skip("exim4 is not installed (Debian's package exim4-daemon-light): this test needs a real mail server")
	}
	if os.Getuid() != 0 {
		t.Skip("exim takes a configuration of ours from root only")
	}
	s := &Server{t: t, folder: t.TempDir()}
	for i := range s.ports {
		s.ports[i] = freePort(t)
	}
	s.Address, s.Implicit = fmt.Sprintf("127.0.0.1:%d", s.ports[0]), fmt.Sprintf("127.0.0.1:%d", s.ports[1])
	for _, folder := range []string{"spool", "log", "mail"} {
		s.must(os.Mkdir(filepath.Join(s.folder, folder), 0o755))
	}
	s.certificate()
	text := strings.NewReplacer("FOLDER", s.folder, "PORT1", strconv.Itoa(s.ports[0]), "PORT2", strconv.Itoa(s.ports[1]),
		"USER", exims, "PASSWORD", Password).Replace(config)
	s.must(os.WriteFile(filepath.Join(s.folder, "exim.conf"), []byte(text), 0o600))
	s.own()
	s.must(os.Chown(filepath.Join(s.folder, "exim.conf"), 0, 0)) // exim reads no configuration that others could write
	s.Up()
	t.Cleanup(func() { s.Down() })
	return s
}

// Up starts it, also after Down.
func (s *Server) Up() {
	s.t.Helper()
	command := exec.CommandContext(context.WithoutCancel(s.t.Context()), "exim4", "-C", filepath.Join(s.folder, "exim.conf"), "-bdf")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var said strings.Builder
	command.Stderr = &said
	s.must(command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is of no interest
		close(ended)
	}()
	s.stop = func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // it and its deliveries: the group is its own
		<-ended
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(s.t.Context(), "tcp", s.Implicit)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			s.t.Fatalf("exim ended: %s", said.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("exim does not listen: %v", err)
		}
	}
}

// Down kills it.
func (s *Server) Down() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// Open ends the greylisting.
func (s *Server) Open() { s.must(os.WriteFile(filepath.Join(s.folder, "open"), nil, 0o644)) } //nolint:gosec // exim reads it

// Mail are the messages that were delivered to somebody, in no order.
func (s *Server) Mail(to string) []string {
	s.t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(s.folder, "mail", to, "new"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // no mail yet
		}
		text, err := os.ReadFile(path) //nolint:gosec // the test's own folder
		out = append(out, string(text))
		return err
	})
	s.must(err)
	return out
}

// Await waits until somebody has at least n messages.
func (s *Server) Await(to string, n int) []string {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		mail := s.Mail(to)
		if len(mail) >= n {
			return mail
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s has %d messages and not %d; the server's log:\n%s", to, len(mail), n, s.Log())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Log is what the server logged.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log", "mainlog"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// own gives everything to exim's user.
func (s *Server) own() {
	account, err := user.Lookup(exims)
	s.must(err)
	uid, err := strconv.Atoi(account.Uid)
	s.must(err)
	gid, err := strconv.Atoi(account.Gid)
	s.must(err)
	s.must(filepath.WalkDir(s.folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	}))
	// The test's folders are closed to others.
	for folder := filepath.Dir(s.folder); folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		s.must(os.Chmod(folder, 0o755)) //nolint:gosec // the test's own folder
	}
}

// certificate makes one for 127.0.0.1 that signs itself.
func (s *Server) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	s.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	s.must(err)
	s.CAFile = filepath.Join(s.folder, "cert.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.must(os.WriteFile(s.CAFile, text, 0o600))
	s.must(os.WriteFile(filepath.Join(s.folder, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	s.Trust = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
