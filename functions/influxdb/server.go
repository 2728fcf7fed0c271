package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// writeConfiguration writes the server's configuration into the data folder and says where.
func writeConfiguration(cfg config) (string, error) {
	if err := os.MkdirAll(cfg.data, 0o750); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	// Its own statistics would write more than small rooms do; TSI keeps the index on disk, not in memory.
	text := fmt.Sprintf(`reporting-disabled = true
bind-address = %q

[meta]
dir = %q

[data]
dir = %q
wal-dir = %q
index-version = "tsi1"
query-log-enabled = false
cache-max-memory-size = 268435456

[monitor]
store-enabled = false

[http]
bind-address = %q
flux-enabled = true
log-enabled = false
pprof-enabled = false

[logging]
format = "json"
level = "warn"
suppress-logo = true
`, cfg.backup, filepath.Join(cfg.data, "meta"), filepath.Join(cfg.data, "data"), filepath.Join(cfg.data, "wal"), cfg.listen)
	path := filepath.Join(cfg.data, "influxd.conf")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		return "", fmt.Errorf("write the server's configuration: %w", err)
	}
	return path, nil
}

// stopGrace is how long the server may take to write out its caches, less than the 10 s of a container's stop.
const stopGrace = 8 * time.Second

// runServer runs influxd in our process group until ctx ends, then asks it to stop. It ends by itself only
// by a fault. Should we be killed, the kernel asks it to stop.
func runServer(ctx context.Context, binary, configuration string) error {
	ended := make(chan error, 1)
	go func() {
		// The kernel signals the child when the thread that started it ends, so that thread has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.CommandContext(ctx, binary, "-config", configuration)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = stopGrace
		ended <- cmd.Run()
	}()
	err := <-ended
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		return fmt.Errorf("influxd: %w by itself", fault.ErrExited)
	}
	return fmt.Errorf("influxd: %w: %w", fault.ErrExited, err)
}

// client asks the server over HTTP.
type client struct {
	base     string
	database string
	http     *http.Client
	prepared atomic.Bool
}

func newClient(cfg config) *client {
	host, port, err := net.SplitHostPort(cfg.listen)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return &client{
		base: "http://" + net.JoinHostPort(host, port), database: cfg.database,
		http: &http.Client{Timeout: 5 * time.Second},
	}
}

// prepare waits for the server and makes the database.
func (c *client) prepare(ctx context.Context) error {
	const every = 100 * time.Millisecond
	for {
		err := c.ping(ctx)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", err)
		case <-time.After(every):
		}
	}
	query := url.Values{"q": {`CREATE DATABASE "` + c.database + `"`}}
	if err := c.do(ctx, http.MethodPost, "/query", strings.NewReader(query.Encode())); err != nil {
		return fmt.Errorf("make the database %s: %w", c.database, err)
	}
	c.prepared.Store(true)
	return nil
}

func (c *client) check() (any, error) {
	if !c.prepared.Load() {
		return nil, fmt.Errorf("%w: the server is opening its data", fault.ErrUnhealthy)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return map[string]string{"database": c.database, "address": c.base}, c.ping(ctx)
}

func (c *client) ping(ctx context.Context) error { return c.do(ctx, http.MethodGet, "/ping", nil) }

func (c *client) do(ctx context.Context, method, path string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	// A failed statement is told in the body of a 200.
	if answer.StatusCode/100 != 2 || strings.Contains(string(text), `"error"`) {
		return fmt.Errorf("%w: %s %s", fault.ErrRejected, answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
