package control

import (
	"context"
	"slices"
	"sync"
)

// queue holds the newest item of each key until it is taken: what is superseded is never sent, and its size is
// bounded by the number of keys.
type queue[T any] struct {
	mu    sync.Mutex
	keys  []string
	items map[string]T
	more  chan struct{}
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{items: make(map[string]T), more: make(chan struct{}, 1)}
}

// put replaces what waits under the key. Urgent ones go first.
func (q *queue[T]) put(key string, item T, urgent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waits := q.items[key]; !waits {
		if urgent {
			q.keys = slices.Insert(q.keys, 0, key)
		} else {
			q.keys = append(q.keys, key)
		}
	}
	q.items[key] = item
	q.wake()
}

// restore puts back what could not be sent, unless something newer waits.
func (q *queue[T]) restore(key string, item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waits := q.items[key]; !waits {
		q.keys = append(q.keys, key)
		q.items[key] = item
	}
	q.wake()
}

// drop forgets what waits under the key.
func (q *queue[T]) drop(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.items, key)
	q.keys = slices.DeleteFunc(q.keys, func(k string) bool { return k == key })
}

// take waits for an item. Errors: ctx's.
func (q *queue[T]) take(ctx context.Context) (string, T, error) {
	for {
		if key, item, found := q.pop(); found {
			return key, item, nil
		}
		select {
		case <-ctx.Done():
			var none T
			return "", none, ctx.Err()
		case <-q.more:
		}
	}
}

func (q *queue[T]) pop() (key string, item T, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.keys) == 0 {
		return "", item, false
	}
	key, q.keys = q.keys[0], q.keys[1:]
	item = q.items[key]
	delete(q.items, key)
	return key, item, true
}

func (q *queue[T]) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.keys)
}

func (q *queue[T]) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}
