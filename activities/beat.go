package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is the pace of heartbeats. The SDK sends fewer: one each 0.8 x HeartbeatTimeout.
const beatEvery = time.Second

// beat heartbeats once a second until the function that it returns is called. details may be nil; else it is
// asked each time and must be safe to call from another goroutine.
func beat(ctx context.Context, details func() any) (stop func()) {
	say := func() {
		if details == nil {
			activity.RecordHeartbeat(ctx)
			return
		}
		activity.RecordHeartbeat(ctx, details())
	}
	say()
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticks := time.NewTicker(beatEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				say()
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// newest is the last value of something, shared with its heartbeat.
type newest[T any] struct {
	mu   sync.Mutex
	last T
}

func (n *newest[T]) set(value T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = value
}

func (n *newest[T]) now() T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}
