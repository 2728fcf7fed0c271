package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// stage is a server, a worker, and who talks to them.
type stage struct {
	server, worker *exec.Cmd
	address        string
	client         *temporal.Client
	commands       chan wire.Command
	reading        sync.WaitGroup
}

// pipe are streams that write commands as lines of JSON. Everything else is taken and forgotten.
type pipe struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (p *pipe) Command(_ context.Context, c wire.Command) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Encode(c)
}
func (*pipe) Intent(context.Context, wire.Intent) error { return nil }
func (*pipe) Alert(context.Context, wire.Alert) error   { return nil }
func (*pipe) Answer(context.Context, wire.Answer) error { return nil }

// work is the worker process; it ends with its standard input.
func work(address string) error {
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet})
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, workflows.TaskQueue, workflows.WorkerOptions())
	w.RegisterWorkflow(workflows.TuneWorkflow)
	w.RegisterActivity(&activities.Cooling{Streams: &pipe{out: json.NewEncoder(os.Stdout)}})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
		continue // nothing is said, until the end
	}
	return nil
}

// start starts the server and the worker.
func start(ctx context.Context, o options, database string) (*stage, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &stage{address: "127.0.0.1:" + strconv.Itoa(port), commands: make(chan wire.Command, 10000)}
	args := []string{"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", strconv.Itoa(port), "--db-filename", database, "--log-level", "never"}
	if o.sync != "" {
		args = append(args, "--sqlite-pragma", "synchronous="+o.sync)
	}
	s.server = exec.Command(filepath.Join(o.bin, "temporal"), args...) //nolint:noctx // stop ends it, after the worker
	if err := s.server.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	if s.client, err = temporal.Dial(temporal.Options{Address: s.address}); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err = s.client.Ping(ctx); err == nil {
			break
		}
		if time.Since(began) > 30*time.Second || ctx.Err() != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	if err := s.client.EnsureAttributes(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, s.startWorker()
}

func (s *stage) startWorker() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.worker = exec.Command(self, "worker", s.address) //nolint:noctx // stop ends it by its standard input
	s.worker.Stderr = os.Stderr
	out, err := s.worker.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := s.worker.StdinPipe(); err != nil {
		return err
	}
	if err := s.worker.Start(); err != nil {
		return err
	}
	s.reading.Go(func() {
		decoder := json.NewDecoder(out)
		for {
			var c wire.Command
			if decoder.Decode(&c) != nil {
				close(s.commands)
				return
			}
			s.commands <- c
		}
	})
	return nil
}

// stop ends the worker, then the server.
func (s *stage) stop() error {
	var faults []error
	for _, cmd := range []*exec.Cmd{s.worker, s.server} {
		if cmd != nil && cmd.Process != nil {
			faults = append(faults, cmd.Process.Kill())
			if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "killed") {
				faults = append(faults, err)
			}
		}
	}
	if s.client != nil {
		s.client.Close()
	}
	return errors.Join(faults...)
}
