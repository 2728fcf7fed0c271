package box

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"

	"github.com/overcloud/overcloud/internal/embedded/box/health"
)

func hasCheck(check *api.HealthConfig) bool {
	return check != nil && len(check.Test) > 0 && check.Test[0] != "NONE"
}

// monitor probes a run's health until ctx ends with the run.
func (c *container) monitor(ctx context.Context, r *run, check api.HealthConfig) {
	health.Run(ctx, check, func(ctx context.Context) (int, string, error) {
		return c.probe(ctx, check.Test)
	}, func(now api.Health) {
		c.mu.Lock()
		if c.run != r {
			c.mu.Unlock()
			return
		}
		changed := c.health == nil || c.health.Status != now.Status
		c.health = &now
		if changed {
			c.wake()
		}
		c.mu.Unlock()
		if changed {
			c.tell(apievents.Action("health_status: "+now.Status), nil)
		}
	})
}

// probe runs the check once; its output is bounded.
func (c *container) probe(ctx context.Context, test []string) (int, string, error) {
	command := test[1:]
	if test[0] == "CMD-SHELL" {
		command = append([]string{"/bin/sh", "-c"}, command...)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer reader.Close()
	process, err := c.helper(command, "", nil, nil, writer, writer)
	writer.Close()
	if err != nil {
		return 0, "", err
	}
	var output bytes.Buffer
	var reading sync.WaitGroup
	reading.Add(1)
	go func() {
		defer reading.Done()
		_, _ = io.CopyN(&output, reader, health.MaxOutput) // what ends early is kept as it is
		_, _ = io.Copy(io.Discard, reader)
	}()
	select {
	case <-process.Done():
	case <-ctx.Done():
		err = process.StopWith(ctx, 0, 0) // SIGKILL
	}
	_ = reader.SetReadDeadline(time.Now().Add(pipeTime)) // a grandchild may still hold the pipe
	reading.Wait()
	return process.ExitCode(), output.String(), err
}
