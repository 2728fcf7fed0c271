// Package temporal runs the real Temporal dev server (server, SQLite store and Web UI) as a child process.
// The binary is the stock `temporal` command line, built from tools/temporal.
package temporal

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/child"
)

// Options says where the server lives and listens.
type Options struct {
	Binary string // path of the temporal command
	Dir    string // holds the database, the log and the pid file
	Port   int    // gRPC, 127.0.0.1
	UIPort int    // Web UI, 127.0.0.1
}

// Server is a running Temporal.
type Server struct {
	process *child.Process
	address string
}

// ready is how long the server may take to answer; it needs under 1 s on 2 cores, and a cold disk may be slow.
const ready = 60 * time.Second

// Start starts the server and waits until its port answers. A server left behind by a run that was killed is
// ended first, so that two never share one database.
func Start(ctx context.Context, options Options) (*Server, error) {
	if _, err := os.Stat(options.Binary); err != nil {
		return nil, fmt.Errorf("the temporal command is not at %s: run make tools", options.Binary)
	}
	if err := os.MkdirAll(options.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", options.Dir, err)
	}
	process, err := child.Start(ctx, child.Options{
		Name:    "temporal",
		Path:    options.Binary,
		Args:    arguments(options),
		Env:     []string{"HOME=" + options.Dir, "PATH=" + os.Getenv("PATH")},
		Dir:     options.Dir,
		LogFile: filepath.Join(options.Dir, "temporal.log"),
		PidFile: PidFile(options.Dir),
		Grace:   10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("start temporal: %w", err)
	}
	server := &Server{process: process, address: net.JoinHostPort("127.0.0.1", fmt.Sprint(options.Port))}
	if err := server.await(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if stopErr := process.Stop(stop); stopErr != nil {
			return nil, fmt.Errorf("%w (and it did not stop: %w)", err, stopErr)
		}
		return nil, fmt.Errorf("%w; its log is %s%s", err, filepath.Join(options.Dir, "temporal.log"), lastLine(options.Dir))
	}
	return server, nil
}

// PidFile names the server of an earlier run.
func PidFile(dir string) string { return filepath.Join(dir, "temporal.pid") }

func arguments(options Options) []string {
	return []string{
		"server", "start-dev",
		"--ip", "127.0.0.1", "--port", fmt.Sprint(options.Port),
		"--ui-ip", "127.0.0.1", "--ui-port", fmt.Sprint(options.UIPort),
		"--db-filename", filepath.Join(options.Dir, "temporal.db"),
		"--log-level", "error",
		// Operators look back over weeks of deploys and overrides; the default of the dev server is one day.
		"--dynamic-config-value", `system.namespaceDefaultRetention="720h"`,
	}
}

// Address is host:port of its gRPC service.
func (s *Server) Address() string { return s.address }

// Done is closed when the server ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Err is why the server ended; nil while it runs and after exit code 0.
func (s *Server) Err() error { return s.process.Err() }

// Stop ends the server in order.
func (s *Server) Stop(ctx context.Context) error { return s.process.Stop(ctx) }

func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ready)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.process.Done():
			return fmt.Errorf("temporal ended at once: %w", s.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("temporal does not answer on %s: %w", s.address, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lastLine is the end of the log, for the person who reads the error.
func lastLine(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "temporal.log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || lines[len(lines)-1] == "" {
		return ""
	}
	return ": " + lines[len(lines)-1]
}
