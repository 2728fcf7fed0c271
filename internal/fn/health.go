package fn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Health is the JSON of GET /healthz.
type Health struct {
	OK     bool   `json:"ok"`
	Fault  string `json:"fault,omitempty"`
	Detail any    `json:"detail,omitempty"`
}

// Check says how a function is: what it counts, and an error when it does not do its work. It is called
// for each request and must answer within a second from what it already knows.
type Check func() (detail any, err error)

// ServeHealth serves GET /healthz on addr until ctx ends: 200 with the detail, or 503 with the fault.
// Errors: an address that cannot be listened on (ErrPortTaken).
func ServeHealth(ctx context.Context, addr string, check Check) error {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", HealthHandler(check))
	return Serve(ctx, addr, mux)
}

// HealthHandler is /healthz for a function that has a server of its own.
func HealthHandler(check Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var health Health
		var err error
		if health.Detail, err = check(); err != nil {
			health.Fault = err.Error()
		}
		health.OK = err == nil
		body, err := json.Marshal(health)
		if err != nil {
			http.Error(w, "the detail is no JSON: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if !health.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if _, err := w.Write(append(body, '\n')); err != nil {
			return // the asker is gone
		}
	})
}

// Serve serves HTTP on addr until ctx ends, then lets requests finish for up to 3 s.
func Serve(ctx context.Context, addr string, handler http.Handler) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w: %w", addr, fault.ErrPortTaken, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if err != nil {
			err = server.Close() // somebody still streams
		}
		stopped <- err
	})
	err = server.Serve(listener)
	if stop() { // it failed by itself
		return fmt.Errorf("serve on %s: %w", addr, err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop serving on %s: %w", addr, err)
	}
	return nil
}

// ProbeHealth asks GET /healthz at addr, 0.0.0.0 standing for this machine. Errors: ErrUnreachable, and
// ErrUnhealthy with what the function says of itself.
func ProbeHealth(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%w: health address %q is not host:port", fault.ErrInvalid, addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, port) + "/healthz"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w: %w", url, fault.ErrInvalid, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for health: %w: %w", fault.ErrUnreachable, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the health at %s: %w: %w", url, fault.ErrUnreachable, err)
	}
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var health Health
	if json.Unmarshal(body, &health) != nil || health.Fault == "" {
		health.Fault = strings.TrimSpace(answer.Status)
	}
	return fmt.Errorf("%s: %w: %s", url, fault.ErrUnhealthy, health.Fault)
}
