package server

import (
	"context"
	"sync"
	"time"
)

// shared keeps answers for a while, and lets those who ask for the same at the same time wait for one answer.
type shared[T any] struct {
	mu      sync.Mutex
	answers map[string]*sharedAnswer[T]
}

type sharedAnswer[T any] struct {
	done  chan struct{} // closed when the rest is there
	at    time.Time
	value T
	err   error
}

const (
	// sharedPatience bounds one question: whoever asked may be gone.
	sharedPatience = 45 * time.Second
	// failureAge is how long a failure is told to others: long enough that many who retry are one question.
	failureAge = 2 * time.Second
)

func newShared[T any]() *shared[T] { return &shared[T]{answers: map[string]*sharedAnswer[T]{}} }

// get is the answer for a key, asked for anew when it is older than age, and when it was given. The question goes on when
// ctx ends: others may wait for it.
func (s *shared[T]) get(ctx context.Context, key string, age time.Duration, now func() time.Time, ask func(context.Context) (T, error)) (T, time.Time, error) {
	s.mu.Lock()
	answer := s.answers[key]
	if answer == nil || answer.old(age, now()) {
		answer = &sharedAnswer[T]{done: make(chan struct{})}
		s.answers[key] = answer
		lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
		go func() {
			defer cancel()
			defer close(answer.done)
			answer.value, answer.err = ask(lasting)
			answer.at = now()
		}()
	}
	s.mu.Unlock()
	select {
	case <-answer.done:
		return answer.value, answer.at, answer.err
	case <-ctx.Done():
		var none T
		return none, time.Time{}, ctx.Err()
	}
}

// old says that an answer is there and does not hold any more.
func (a *sharedAnswer[T]) old(age time.Duration, now time.Time) bool {
	select {
	case <-a.done:
	default:
		return false
	}
	if a.err != nil {
		age = min(age, failureAge)
	}
	return now.Sub(a.at) >= age
}
