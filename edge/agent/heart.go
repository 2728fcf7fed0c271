package agent

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// heart is the pulse of one loop: when it last went round, and how long it may take to the next time. What a
// watchdog asks is whether any loop hangs; nothing else of a process that is alive can tell.
type heart struct {
	epoch time.Time    // with its monotonic clock
	by    atomic.Int64 // nanoseconds after epoch by which it beats again
	beats atomic.Int64 // how often it did
}

// firstBeat is how long a loop may take until it first says how it goes; forever is for one that waits for people.
const (
	firstBeat = time.Minute
	forever   = 100 * 365 * 24 * time.Hour
)

func newHeart() *heart {
	h := &heart{epoch: time.Now()}
	h.by.Store(int64(firstBeat))
	return h
}

func (h *heart) beat(within time.Duration) {
	h.by.Store(int64(time.Since(h.epoch) + within))
	h.beats.Add(1)
}

// late is how long the heart has been silent beyond what it said; zero while it is well.
func (h *heart) late(now time.Time) time.Duration {
	return max(0, now.Sub(h.epoch)-time.Duration(h.by.Load()))
}

type heartKey struct{}

func withHeart(ctx context.Context, h *heart) context.Context {
	return context.WithValue(ctx, heartKey{}, h)
}

// beat says that the loop of ctx goes on, and that it will say so again within that time. Every loop of the agent
// calls it each time round; one that misses it by more than grace is taken for hung, and systemd's watchdog ends the
// process. Without a heart in ctx, in tests, it does nothing.
func beat(ctx context.Context, within time.Duration) {
	if h, ok := ctx.Value(heartKey{}).(*heart); ok {
		h.beat(within)
	}
}

// grace is what a loop may be late on a busy machine before it is taken for hung.
const grace = 15 * time.Second

// hung is the error of a loop that does not go round any more.
func hung(name string, h *heart, now time.Time) error {
	if late := h.late(now); late > grace {
		return fmt.Errorf("%s hangs: it is %s late", name, late.Round(time.Second))
	}
	return nil
}
