package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is the pace of heartbeats. The SDK sends fewer: one each 0.8 x HeartbeatTimeout. The first waits for
// beatFirst: each is a write of Temporal's, and most activities have ended by then.
const (
	beatEvery = time.Second
	beatFirst = 250 * time.Millisecond
)

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
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		next := time.NewTimer(beatFirst)
		defer next.Stop()
		for {
			select {
			case <-next.C:
				say()
				next.Reset(beatEvery)
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
