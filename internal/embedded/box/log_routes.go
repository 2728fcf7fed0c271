package box

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/overcloud/overcloud/internal/embedded/box/logs"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (c *container) serveLogs(w http.ResponseWriter, r *http.Request) error {
	query, err := logQuery(r)
	if err != nil {
		return err
	}
	if flag(r, "follow") {
		ended, cancel := c.until(r.Context(), func() bool { return !c.isLive() || c.removed })
		defer cancel()
		query.Follow = ended
	}
	w.Header().Set("Content-Type", types.MediaTypeMultiplexedStream)
	flush := http.NewResponseController(w).Flush
	if err := flush(); err != nil {
		return nil // the caller is gone
	}
	writer := newLogWriter(w, flag(r, "timestamps"))
	// An error now can only be told by ending: the status is out.
	if err := c.log.Read(r.Context(), query, func(e logs.Entry) error {
		if err := writer.write(e); err != nil || query.Follow == nil {
			return err
		}
		return flush()
	}); err != nil && r.Context().Err() == nil {
		c.box.logger.Info("read a container's log", "container", c.copy().Name, "error", err)
	}
	return nil
}

func logQuery(r *http.Request) (logs.Query, error) {
	query := logs.Query{Stdout: flag(r, "stdout"), Stderr: flag(r, "stderr"), Tail: -1}
	if !query.Stdout && !query.Stderr {
		return query, status.Invalid("Bad parameters: you must choose at least one stream")
	}
	// As with dockerd, what is no number means all.
	if n, err := strconv.Atoi(r.URL.Query().Get("tail")); err == nil && n >= 0 {
		query.Tail = n
	}
	var err error
	if query.Since, err = moment(r, "since"); err != nil {
		return query, err
	}
	query.Until, err = moment(r, "until")
	return query, err
}

// until closes a channel when condition is met; cancel ends the waiting.
func (c *container) until(ctx context.Context, condition func() bool) (<-chan struct{}, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	met := make(chan struct{})
	go func() {
		defer close(met)
		_ = c.await(ctx, condition) // only ctx ends it otherwise, and then nobody listens
	}()
	return met, cancel
}

// logWriter writes entries in the multiplexed format.
type logWriter struct {
	stdout, stderr io.Writer
	timestamps     bool
}

func newLogWriter(w io.Writer, timestamps bool) *logWriter {
	return &logWriter{
		stdout: stdcopy.NewStdWriter(w, stdcopy.Stdout), stderr: stdcopy.NewStdWriter(w, stdcopy.Stderr), timestamps: timestamps,
	}
}

func (l *logWriter) write(e logs.Entry) error {
	text := e.Text
	if l.timestamps {
		text = e.Time.UTC().Format(jsonmessage.RFC3339NanoFixed) + " " + text
	}
	to := l.stdout
	if e.Stream == logs.Stderr {
		to = l.stderr
	}
	_, err := io.WriteString(to, text)
	return err
}

// serveAttach shows output from now on until the container's next end: `docker run` without -d.
func (c *container) serveAttach(w http.ResponseWriter, r *http.Request) error {
	query := logs.Query{Stdout: flag(r, "stdout"), Stderr: flag(r, "stderr"), Tail: -1}
	if !flag(r, "logs") {
		query.Since = time.Now()
	}
	c.mu.Lock()
	before := c.exits
	c.mu.Unlock()
	conn, _, err := hijack(w, r)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(c.box.ctx)
	defer cancel()
	go func() { // the docker command closes its sending side at once; only a broken connection ends the reading
		if _, err := io.Copy(io.Discard, conn); err != nil {
			cancel()
		}
	}()
	ended, stop := c.until(ctx, func() bool { return c.exits > before || c.removed })
	defer stop()
	query.Follow = ended
	writer := newLogWriter(conn, false)
	if err := c.log.Read(ctx, query, writer.write); err != nil && ctx.Err() == nil {
		c.box.logger.Info("show a container's output", "container", c.copy().Name, "error", err)
	}
	return nil
}

// hijack takes the connection over, as dockerd does for attach and exec; what the caller sent already is in
// the reader.
func hijack(w http.ResponseWriter, r *http.Request) (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, status.Failed("take the connection over: %v", err)
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
	if r.Header.Get("Upgrade") != "" {
		head = fmt.Sprintf("HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", types.MediaTypeMultiplexedStream)
	}
	if _, err := io.WriteString(conn, head); err != nil {
		conn.Close()
		return nil, nil, status.Failed("take the connection over: %v", err)
	}
	return conn, buffer, nil
}
