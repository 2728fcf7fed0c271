package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/fault"
)

// Tail follows all partitions of its topics, new ones too, without a group: every Tail sees every record.
// Poll is for one goroutine.
type Tail struct {
	config Config
	topics []string
	start  kgo.Offset

	mu     sync.Mutex
	client *kgo.Client
	closed bool
}

// NewTail starts at the first record whose time is at or after since, zero being the beginning. It does not
// dial. Errors are ErrInvalid.
func NewTail(cfg Config, since time.Time, topics ...string) (*Tail, error) {
	if len(topics) == 0 {
		return nil, fmt.Errorf("%w: a tail needs topics", fault.ErrInvalid)
	}
	start := kgo.NewOffset().AtStart()
	if !since.IsZero() {
		start = kgo.NewOffset().AfterMilli(since.UnixMilli())
	}
	t := &Tail{config: cfg, topics: topics, start: start}
	client, err := t.open()
	if err != nil {
		return nil, err
	}
	t.client = client
	return t, nil
}

func (t *Tail) open() (*kgo.Client, error) {
	return t.config.client(kgo.ConsumeTopics(t.topics...), kgo.ConsumeStartOffset(t.start),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

// reopen begins anew with topics that were made anew.
func (t *Tail) reopen() error {
	fresh, err := t.open()
	if err != nil {
		return err
	}
	t.mu.Lock()
	old := t.client
	if t.closed {
		old = fresh
	} else {
		t.client = fresh
	}
	t.mu.Unlock()
	old.Close()
	return nil
}

func (t *Tail) current() *kgo.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client
}

// Poll blocks until there are records, at most 5,000, or ctx ends (its error is returned bare). A broker that
// is away is waited for; topics that were made anew are read from since again. Errors: ctx's, ErrUnauthorised, the
// closed client's.
func (t *Tail) Poll(ctx context.Context) ([]Record, error) {
	records, err := poll(ctx, t.current(), t.config.log(), func() {})
	for errors.Is(err, errRebuilt) {
		if err = t.reopen(); err == nil {
			records, err = poll(ctx, t.current(), t.config.log(), func() {})
		}
	}
	if err != nil {
		return nil, err
	}
	out := make([]Record, len(records))
	for i, record := range records {
		out[i] = incoming(record)
	}
	return out, nil
}

// Close ends the tail; a Poll that waits returns.
func (t *Tail) Close() {
	t.mu.Lock()
	t.closed = true
	client := t.client
	t.mu.Unlock()
	client.Close()
}
