// Package influxtest finds and runs the real InfluxDB server for tests.
package influxtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/overcloud/overcloud/internal/testbin"
)

// Binary is the influxd to test with: OVERCLOUD_INFLUXD, or what `make tools` built. Without one the test
// is skipped, or fails under make test.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("OVERCLOUD_INFLUXD"); path != "" {
		return path
	}
	return testbin.Path(t, "influxd")
}

// Server is an influxd on a loopback port that keeps its data over Stop and Start.
type Server struct {
	// URL is where it answers.
	URL string
	// Org, Token and Version are those of a 2.x server; empty, empty and 1 for 1.8.
	Org, Token string
	Version    int

	t      testing.TB
	binary string
	args   []string
	cmd    *exec.Cmd
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, binary: Binary(t), Version: 1}
	dir := t.TempDir()
	listen := freeAddress(t)
	s.URL = "http://" + listen
	config := filepath.Join(dir, "influxd.conf")
	s.args = []string{"-config", config}
	text := fmt.Sprintf("reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n"+
		"query-log-enabled = false\n[monitor]\nstore-enabled = false\n[http]\nbind-address = %q\nflux-enabled = true\nlog-enabled = false\n[logging]\nlevel = \"error\"\n",
		freeAddress(t), filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), listen)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	s.Start()
	return s
}

// NewTwo starts an InfluxDB 2.x, with the organisation overcloud, that ends with the test: OVERCLOUD_INFLUXD2, or what
// tools/influxd2 has built. Without one, which needs Rust, the test is skipped.
func NewTwo(t testing.TB) *Server {
	t.Helper()
	binary := os.Getenv("OVERCLOUD_INFLUXD2")
	if binary == "" {
		binary = filepath.Join(testbin.Root(t), ".overcloud", "bin", "influxd2")
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skipf("there is no InfluxDB 2.x to test with (tools/influxd2/build.sh makes one): %v", err)
	}
	dir, listen := t.TempDir(), freeAddress(t)
	s := &Server{t: t, binary: binary, URL: "http://" + listen, Org: "overcloud", Token: "of-a-test", Version: 2}
	s.args = []string{
		"--bolt-path", filepath.Join(dir, "bolt"), "--sqlite-path", filepath.Join(dir, "sqlite"), "--engine-path", filepath.Join(dir, "engine"),
		"--http-bind-address", listen, "--reporting-disabled", "--log-level", "error",
	}
	t.Cleanup(s.Stop)
	s.Start()
	setup := `{"username":"test","password":"of-a-test","org":"overcloud","bucket":"first","token":"of-a-test"}`
	if _, err := s.send("/api/v2/setup", setup); err != nil {
		t.Fatal(err)
	}
	return s
}

// Start starts a stopped server and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.CommandContext(context.Background(), s.binary, s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute) // it takes 1 s on a quiet machine
	for time.Now().Before(deadline) {
		if _, err := s.ask("/ping"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatal("influxd did not answer within a minute")
}

// Stop kills the server; what it accepted is in its write-ahead log.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("kill influxd: %v", err)
	}
	if _, err := s.cmd.Process.Wait(); err != nil {
		s.t.Errorf("wait for influxd: %v", err)
	}
	s.cmd = nil
}

// Database makes a database; of 2.x, its bucket name/autogen.
func (s *Server) Database(name string) {
	s.t.Helper()
	if s.Version == 2 {
		var found struct {
			Orgs []struct{ ID string }
		}
		text, err := s.ask("/api/v2/orgs")
		if err == nil {
			err = json.Unmarshal(text, &found)
		}
		if err == nil && len(found.Orgs) > 0 {
			_, err = s.send("/api/v2/buckets", fmt.Sprintf(`{"orgID":%q,"name":%q,"retentionRules":[]}`, found.Orgs[0].ID, name+"/autogen"))
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return
	}
	if _, err := s.ask("/query?q=" + url.QueryEscape(`CREATE DATABASE "`+name+`"`)); err != nil {
		s.t.Fatal(err)
	}
}

// Count counts the points of a field in a database; -1 while the server does not answer.
func (s *Server) Count(database, measurement, field string) int {
	query := url.Values{"db": {database}, "q": {fmt.Sprintf(`SELECT count(%q) FROM %q`, field, measurement)}}
	text, err := s.ask("/query?" + query.Encode())
	if err != nil {
		return -1
	}
	var answer struct {
		Results []struct {
			Series []struct{ Values [][]any }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) == 0 {
		return -1
	}
	if len(answer.Results[0].Series) == 0 {
		return 0
	}
	count, ok := answer.Results[0].Series[0].Values[0][1].(float64)
	if !ok {
		return -1
	}
	return int(count)
}

func (s *Server) ask(path string) ([]byte, error) {
	method := http.MethodGet
	if strings.HasPrefix(path, "/query") {
		method = http.MethodPost
	}
	return s.request(method, path, "")
}

func (s *Server) send(path, body string) ([]byte, error) {
	return s.request(http.MethodPost, path, body)
}

func (s *Server) request(method, path, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if s.Token != "" {
		request.Header.Set("Authorization", "Token "+s.Token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func freeAddress(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
