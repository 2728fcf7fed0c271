package health

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"
)

// step is what a probe found, when.
type step struct {
	at     time.Duration
	status string
	streak int
}

func watch(t *testing.T, config container.HealthConfig, length time.Duration, exit func(at time.Duration) int) []step {
	t.Helper()
	var steps []step
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		Run(ctx, config, func(context.Context) (int, string, error) {
			return exit(time.Since(begun)), "", nil
		}, func(h container.Health) {
			steps = append(steps, step{time.Since(begun), h.Status, h.FailingStreak})
		})
	})
	return steps
}

func TestFailuresCountAfterTheStartPeriodOnly(t *testing.T) {
	config := container.HealthConfig{Interval: 10 * time.Second, StartPeriod: 5 * time.Second, StartInterval: 2 * time.Second, Retries: 2}
	got := watch(t, config, 30*time.Second, func(time.Duration) int { return 1 })
	require.Equal(t, []step{
		{2 * time.Second, "starting", 0}, {4 * time.Second, "starting", 0}, {6 * time.Second, "starting", 1}, {16 * time.Second, "unhealthy", 2}, {26 * time.Second, "unhealthy", 3},
	}, got)
}

func TestASuccessEndsTheStartPeriod(t *testing.T) {
	config := container.HealthConfig{Interval: 10 * time.Second, StartPeriod: time.Hour, StartInterval: time.Second, Retries: 1}
	got := watch(t, config, 25*time.Second, func(at time.Duration) int {
		if at < 3*time.Second || at > 12*time.Second {
			return 1
		}
		return 0
	})
	require.Equal(t, []step{
		{time.Second, "starting", 0}, {2 * time.Second, "starting", 0}, {3 * time.Second, "healthy", 0}, {13 * time.Second, "unhealthy", 1}, {23 * time.Second, "unhealthy", 2},
	}, got)
}

func TestDefaultsAreDockerds(t *testing.T) {
	got := watch(t, container.HealthConfig{}, 100*time.Second, func(time.Duration) int { return 1 })
	require.Equal(t, []step{{30 * time.Second, "starting", 1}, {60 * time.Second, "starting", 2}, {90 * time.Second, "unhealthy", 3}}, got)
}

func TestAProbeThatHangsOrCannotRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7500*time.Millisecond)
		defer cancel()
		var last container.Health
		count := 0
		Run(ctx, container.HealthConfig{Interval: time.Second, Timeout: 2 * time.Second}, func(ctx context.Context) (int, string, error) {
			if count++; count == 1 {
				<-ctx.Done()
				return 137, "half a word", nil
			}
			return 0, "", errors.New(strings.Repeat("no such program ", 1000))
		}, func(h container.Health) { last = h })
		require.Len(t, last.Log, 5, "the last five are kept")
		require.Equal(t, -1, last.Log[0].ExitCode)
		require.Contains(t, last.Log[0].Output, "exceeded timeout (2s): half a word")
		require.Len(t, last.Log[4].Output, MaxOutput)
		require.Equal(t, "unhealthy", last.Status)
	})
}
