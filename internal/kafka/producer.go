package kafka

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Producer writes records. It is safe for concurrent use.
type Producer struct {
	config Config

	mu     sync.Mutex
	client *kgo.Client
	closed bool
}

// NewProducer makes a producer; it does not dial. Errors are ErrInvalid.
func NewProducer(cfg Config) (*Producer, error) {
	p := &Producer{config: cfg}
	client, err := p.open()
	if err != nil {
		return nil, err
	}
	p.client = client
	return p, nil
}

func (p *Producer) open() (*kgo.Client, error) {
	return p.config.client(
		// A broker may die with a request on its way. Without this, Produce would wait past its context for
		// an answer that never comes. The price is that a record may arrive twice, which every reader of
		// ours allows for.
		kgo.AllowIdempotentProduceCancellation(),
	)
}

// attemptMost is how long one attempt waits before it is made again by a fresh client.
const attemptMost = 15 * time.Second

// reopen replaces a client that gets nowhere: one whose topics were made anew holds on to the old ones for ever, and
// says so or only waits. Others that produce by it go on by the fresh one.
func (p *Producer) reopen(stale *kgo.Client) {
	fresh, err := p.open()
	if err != nil {
		return // it could be made before; the next failure tries again
	}
	p.mu.Lock()
	unused := fresh
	if p.client == stale && !p.closed {
		p.client, unused = fresh, stale
	}
	p.mu.Unlock()
	unused.Close()
}

func (p *Producer) current() (client *kgo.Client, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.client, p.closed
}

// youngMost is how long a topic that nobody knows is taken for one that has just been made: brokers learn of it one
// after the other.
const youngMost = 5 * time.Second

// Produce writes the records and returns when every in-sync replica has all of them. Records with the same
// key keep their order. It tries again until ctx ends; then some of them may have been written.
// Errors: ErrUnreachable, ErrNotFound (topic), ErrUnauthorised, ErrRejected (too large).
func (p *Producer) Produce(ctx context.Context, records ...Record) error {
	left := make([]*kgo.Record, len(records))
	for i, record := range records {
		left[i] = p.config.outgoing(record)
	}
	began := time.Now()
	for tries := 0; len(left) > 0; tries++ {
		client, closed := p.current()
		once, cancel := context.WithTimeout(ctx, attemptMost)
		results := client.ProduceSync(once, left...)
		late := errors.Is(once.Err(), context.DeadlineExceeded)
		cancel()
		var failed []*kgo.Record
		var cause error
		for _, result := range results {
			if result.Err != nil {
				failed = append(failed, result.Record)
				cause = result.Err
			}
		}
		if len(failed) == 0 {
			return nil
		}
		if isUnknown(cause) || late {
			p.reopen(client)
		}
		replaced := errors.Is(cause, kgo.ErrClientClosed) && !closed
		young := isUnknown(cause) && time.Since(began) < youngMost
		if ctx.Err() != nil || !again(cause) && !replaced && !young {
			return explain(ctx, cause, "produce to %s at %s", failed[0].Topic, p.config.where())
		}
		left = inOrder(left, failed)
		pause(ctx, backoff(tries))
	}
	return nil
}

// Close drops what is still buffered: a Produce that has not returned fails.
func (p *Producer) Close() {
	p.mu.Lock()
	p.closed = true
	client := p.client
	p.mu.Unlock()
	client.Close()
}

// again says whether records failed for a reason that passes: the broker, or another caller whose context
// ended while its records stood before ours in one partition.
func again(err error) bool {
	var answer *kerr.Error
	if errors.As(err, &answer) {
		return answer.Retriable && !errors.Is(err, kerr.UnknownTopicOrPartition) && !errors.Is(err, kerr.UnknownTopicID)
	}
	return !errors.Is(err, kgo.ErrClientClosed)
}

// inOrder keeps of records those that failed, as fresh records (a client must not be given one twice).
func inOrder(records, failed []*kgo.Record) []*kgo.Record {
	again := make(map[*kgo.Record]bool, len(failed))
	for _, record := range failed {
		again[record] = true
	}
	left := make([]*kgo.Record, 0, len(failed))
	for _, record := range records {
		if again[record] {
			left = append(left, &kgo.Record{
				Topic: record.Topic, Key: record.Key, Value: record.Value, Headers: record.Headers, Timestamp: record.Timestamp,
			})
		}
	}
	return left
}

func (c Config) outgoing(record Record) *kgo.Record {
	out := &kgo.Record{Topic: c.Name(record.Topic), Key: record.Key, Value: record.Value, Timestamp: record.Time}
	for name, value := range record.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return out
}

func (c Config) incoming(record *kgo.Record) Record {
	in := Record{
		Topic: strings.TrimPrefix(record.Topic, c.Prefix), Key: record.Key, Value: record.Value, Time: record.Timestamp,
		Partition: record.Partition, Offset: record.Offset,
	}
	if len(record.Headers) > 0 {
		in.Headers = make(map[string]string, len(record.Headers))
		for _, header := range record.Headers {
			in.Headers[header.Key] = string(header.Value)
		}
	}
	return in
}
