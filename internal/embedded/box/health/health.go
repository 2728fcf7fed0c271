// Package health decides from probes whether a container is healthy, with dockerd's rules: failures within
// the start period do not count, Retries failures in a row make it unhealthy, one success makes it healthy.
package health

import (
	"cmp"
	"context"
	"time"

	"github.com/docker/docker/api/types/container"
)

// dockerd's defaults.
const (
	defaultInterval      = 30 * time.Second
	defaultTimeout       = 30 * time.Second
	defaultStartInterval = 5 * time.Second
	defaultRetries       = 3
	// MaxOutput is how much of a probe's output is kept, in bytes.
	MaxOutput = 4096
	maxLog    = 5
)

// Probe runs the check once. An error means that it could not run; its sentence becomes the output.
type Probe func(ctx context.Context) (exitCode int, output string, err error)

// Run probes until ctx ends and reports the health after each probe; the reported value is not written
// again.
func Run(ctx context.Context, config container.HealthConfig, probe Probe, report func(container.Health)) {
	monitor := monitor{config: config, started: time.Now(), health: container.Health{Status: container.Starting}}
	timer := time.NewTimer(monitor.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		result := run(ctx, cmp.Or(config.Timeout, defaultTimeout), probe)
		if ctx.Err() != nil {
			return // the container ended under the probe: says nothing
		}
		report(monitor.add(result))
		timer.Reset(monitor.pause())
	}
}

func run(ctx context.Context, timeout time.Duration, probe Probe) *container.HealthcheckResult {
	result := &container.HealthcheckResult{Start: time.Now()}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	code, output, err := probe(limited)
	result.End, result.ExitCode, result.Output = time.Now(), code, output
	switch {
	case limited.Err() != nil:
		result.ExitCode, result.Output = -1, "Health check exceeded timeout ("+timeout.String()+"): "+output
	case err != nil:
		result.ExitCode, result.Output = -1, err.Error()
	}
	if len(result.Output) > MaxOutput {
		result.Output = result.Output[:MaxOutput]
	}
	return result
}

type monitor struct {
	config  container.HealthConfig
	started time.Time
	health  container.Health
}

// pause is how long to wait for the next probe.
func (m *monitor) pause() time.Duration {
	if m.inStartPeriod(time.Now()) {
		return cmp.Or(m.config.StartInterval, defaultStartInterval)
	}
	return cmp.Or(m.config.Interval, defaultInterval)
}

func (m *monitor) inStartPeriod(now time.Time) bool {
	return m.health.Status == container.Starting && now.Sub(m.started) < m.config.StartPeriod
}

func (m *monitor) add(result *container.HealthcheckResult) container.Health {
	log := append([]*container.HealthcheckResult{}, m.health.Log...)
	log = append(log, result)
	m.health.Log = log[max(0, len(log)-maxLog):]
	switch {
	case result.ExitCode == 0:
		m.health.Status, m.health.FailingStreak = container.Healthy, 0
	case m.inStartPeriod(result.Start):
	default:
		m.health.FailingStreak++
		if m.health.FailingStreak >= cmp.Or(m.config.Retries, defaultRetries) {
			m.health.Status = container.Unhealthy
		}
	}
	return m.health
}
