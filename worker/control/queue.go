package control

import (
	"context"
	"sync"
)

// queue holds the newest item of each key until it has been sent: what is superseded is never sent, of one key only one
// item is on its way at a time, and its size is bounded by the number of keys.
type queue[T any] struct {
	mu     sync.Mutex
	urgent []string // keys in the order of their coming; one whose item is gone, or comes twice, is passed over
	rest   []string
	items  map[string]T
	busy   map[string]bool // on their way
	more   chan struct{}
}

// entry is an item on its way.
type entry[T any] struct {
	key  string
	item T
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{items: make(map[string]T), busy: make(map[string]bool), more: make(chan struct{}, 1)}
}

// put replaces what waits under the key. Urgent ones go first.
func (q *queue[T]) put(key string, item T, urgent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, waits := q.items[key]
	q.items[key] = item
	switch {
	case q.busy[key]: // done finds it
	case urgent:
		q.urgent = append(q.urgent, key)
	case !waits:
		q.rest = append(q.rest, key)
	}
	q.wake()
}

// drop forgets what waits under the key.
func (q *queue[T]) drop(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.items, key)
}

// take waits for items, and takes at most so many on their way. Errors: ctx's.
func (q *queue[T]) take(ctx context.Context, most int) ([]entry[T], error) {
	for {
		if taken := q.pop(most); len(taken) > 0 {
			return taken, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.more:
		}
	}
}

func (q *queue[T]) pop(most int) (taken []entry[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, keys := range []*[]string{&q.urgent, &q.rest} {
		for len(*keys) > 0 && len(taken) < most {
			key := (*keys)[0]
			*keys = (*keys)[1:]
			if item, waits := q.items[key]; waits && !q.busy[key] {
				taken = append(taken, entry[T]{key, item})
				delete(q.items, key)
				q.busy[key] = true
			}
		}
	}
	if len(q.urgent)+len(q.rest) > 0 {
		q.wake() // others take too
	}
	return taken
}

// done says what came of items that were taken. What could not be sent waits again, behind the others, unless something
// newer does.
func (q *queue[T]) done(taken []entry[T], sent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range taken {
		delete(q.busy, e.key)
		_, newer := q.items[e.key]
		if !sent && !newer {
			q.items[e.key] = e.item
		}
		if !sent || newer {
			q.rest = append(q.rest, e.key)
		}
	}
	q.wake()
}

// size counts what waits and what is on its way.
func (q *queue[T]) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) + len(q.busy)
}

func (q *queue[T]) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}
