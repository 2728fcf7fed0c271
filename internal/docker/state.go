package docker

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

// State implements activities.Engine.
func (e *Engine) State(ctx context.Context, name string) (activities.ContainerState, error) {
	full, err := e.api.ContainerInspect(ctx, name)
	if err != nil {
		return activities.ContainerState{}, classify(ctx, err)
	}
	if full.ContainerJSONBase == nil || full.State == nil {
		return activities.ContainerState{}, fmt.Errorf("engine said nothing of the state of %s: %w", name, fault.ErrRejected)
	}
	state := activities.ContainerState{
		ID: full.ID, Status: full.State.Status, ExitCode: full.State.ExitCode, Restarts: full.RestartCount,
	}
	if started, err := time.Parse(time.RFC3339Nano, full.State.StartedAt); err == nil {
		state.Started = started
	}
	if check := full.State.Health; check != nil && check.Status != container.NoHealthcheck {
		state.Health = check.Status
		if len(check.Log) > 0 {
			state.HealthLog = strings.TrimSpace(check.Log[len(check.Log)-1].Output)
		}
	}
	if full.NetworkSettings != nil {
		for _, name := range slices.Sorted(maps.Keys(full.NetworkSettings.Networks)) {
			if joined := full.NetworkSettings.Networks[name]; joined != nil && state.Address == "" {
				state.Address = joined.IPAddress
			}
		}
	}
	return state, nil
}

// Logs implements activities.Engine.
func (e *Engine) Logs(ctx context.Context, name string, lines int) (string, error) {
	var both bytes.Buffer
	if err := e.logs(ctx, name, strconv.Itoa(lines), &both, &both); err != nil {
		return "", err
	}
	return strings.TrimRight(both.String(), "\n"), nil
}

// logs copies a container's output so far, the last lines or "all".
func (e *Engine) logs(ctx context.Context, name, lines string, out, faults *bytes.Buffer) error {
	stream, err := e.api.ContainerLogs(ctx, name, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: lines})
	if err != nil {
		return classify(ctx, err)
	}
	defer stream.Close()
	if _, err := stdcopy.StdCopy(out, faults, stream); err != nil {
		return fmt.Errorf("read the log of %s: %w", name, classify(ctx, err))
	}
	return nil
}
