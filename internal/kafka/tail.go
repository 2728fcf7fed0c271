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
	since  time.Time
	last   int64

	begin *beginning // of the client; nil for the start of everything. Poll's

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
	t := &Tail{config: cfg, topics: topics, since: since}
	client, err := t.open()
	if err != nil {
		return nil, err
	}
	t.client = client
	return t, nil
}

// NewTailOfLast starts so many records before the end of each partition: where each key is written again now and then,
// that finds the newest record of all keys, however long nobody has written. It does not dial. Errors are ErrInvalid.
func NewTailOfLast(cfg Config, records int64, topics ...string) (*Tail, error) {
	if len(topics) == 0 || records <= 0 {
		return nil, fmt.Errorf("%w: a tail of the last records needs topics and a number", fault.ErrInvalid)
	}
	t := &Tail{config: cfg, topics: topics, last: records}
	client, err := t.open()
	if err != nil {
		return nil, err
	}
	t.client = client
	return t, nil
}

// Begin finds where the tail begins, as the first Poll does. A broker that is away is waited for. Errors are Poll's.
func (t *Tail) Begin(ctx context.Context) error { return t.find(ctx, t.current()) }

// Caught says that Poll has returned everything that was there when the tail found its beginning. It is for the
// goroutine of Poll. A tail of everything never says so.
func (t *Tail) Caught() bool { return t.begin != nil && t.begin.known && len(t.begin.left) == 0 }

// open makes a client that stands at the start of everything. One that shall begin later fetches nothing until its
// beginning is known.
func (t *Tail) open() (*kgo.Client, error) {
	client, err := t.config.client(kgo.ConsumeTopics(t.config.names(t.topics)...), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err == nil && (!t.since.IsZero() || t.last > 0) {
		t.begin = newBeginning(t.since)
		t.begin.last = t.last
		client.PauseFetchTopics(t.config.names(t.topics)...)
	}
	return client, err
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

func (t *Tail) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
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
	for {
		client := t.current()
		if err := t.find(ctx, client); err != nil {
			return nil, err
		}
		records, err := poll(ctx, client, t.config.log(), func() {})
		if errors.Is(err, errRebuilt) {
			if err = t.reopen(); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		var out []Record
		for _, record := range records {
			if t.begin.reached(record) {
				out = append(out, t.config.incoming(record))
			}
		}
		t.begin.jump(client)
		if len(out) > 0 {
			return out, nil
		}
	}
}

// find looks once where the client begins, and lets it fetch. A broker that is away is waited for.
func (t *Tail) find(ctx context.Context, client *kgo.Client) error {
	for tries := 0; t.begin != nil && !t.begin.known; tries++ {
		err := t.begin.find(ctx, client, t.config.names(t.topics))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			t.begin.known = true
			t.begin.skip(client)
			client.ResumeFetchTopics(t.config.names(t.topics)...)
		case t.ended():
			return explain(ctx, kgo.ErrClientClosed, "poll")
		case isDenied(err):
			return explain(ctx, err, "poll")
		case !pause(ctx, backoff(tries)):
			return ctx.Err()
		}
	}
	return nil
}

// Close ends the tail; a Poll that waits returns.
func (t *Tail) Close() {
	t.mu.Lock()
	t.closed = true
	client := t.client
	t.mu.Unlock()
	client.Close()
}
