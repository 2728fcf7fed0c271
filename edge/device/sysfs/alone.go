package sysfs

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Alone runs one slow call at a time on a goroutine of its own. A driver that hangs cannot be interrupted: whoever
// asks waits no longer than its context, and the next one waits for the same call, so that there is never more than
// one goroutine for each Alone. The zero value is ready.
type Alone[T any] struct {
	mu   sync.Mutex
	call *call[T]
}

type call[T any] struct {
	began time.Time
	done  chan struct{}
	value T
	err   error
}

// Do gives what the call gives, or the context's error with how long the call has hung. A call that an earlier Do left
// behind and that ends while this one waits is the answer: it is as fresh as one of its own.
func (a *Alone[T]) Do(ctx context.Context, do func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	c := a.current(do)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		return none, fmt.Errorf("no answer for %s: %w", time.Since(c.began).Round(100*time.Millisecond), ctx.Err())
	}
}

func (a *Alone[T]) current(do func() (T, error)) *call[T] {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.call != nil {
		select {
		case <-a.call.done:
		default:
			return a.call
		}
	}
	c := &call[T]{began: time.Now(), done: make(chan struct{})}
	a.call = c
	go func() {
		defer close(c.done)
		c.value, c.err = do()
	}()
	return c
}
